"""Callers that the service lets in."""

import base64

import pytest

from tests.unit.training.service.conftest import NAME, PASSWORD, Asked, basic


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer token",
        basic(NAME, "wrong"),
        basic("wrong", PASSWORD),
        basic(NAME, ""),
        basic("", ""),
        basic(NAME, PASSWORD + "x"),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + "A" * 10_000,
    ],
)
def test_nobody_else(asked: Asked, header: str) -> None:
    """Is let in, on any path, whether there is one or not; the answer says how to ask."""
    for path in ("/", "/start", "/nowhere"):
        found = asked.raw("POST" if path == "/start" else "GET", path, authorization=header)
        assert (found.status, found.headers["www-authenticate"][:5]) == (401, "Basic")
    assert not asked.runs.started


def test_the_word_basic_in_any_case(asked: Asked) -> None:
    """RFC 7617 says so."""
    assert asked.ask("GET", "/", authorization=basic(NAME, PASSWORD).replace("Basic", "BASIC"))[0] == 200


def test_health_is_open(asked: Asked) -> None:
    """Kubernetes has no password."""
    assert [asked.ask("GET", f"/health/{name}", authorization="")[0] for name in ("live", "ready")] == [200, 200]


def test_a_new_password_holds_at_once(asked: Asked) -> None:
    """Without a new start; the old one does not any more. An editor's last line break is not part of it."""
    asked.let_in("eve", "new\n")
    assert asked.ask("GET", "/", authorization=basic("eve", "new"))[0] == 200
    assert asked.ask("GET", "/")[0] == 401


@pytest.mark.parametrize("missing", ["username", "password"])
def test_without_a_password_nobody_is_let_in(asked: Asked, missing: str) -> None:
    """Not even who sends an empty one."""
    (asked.access / missing).unlink()
    for header in (basic("", ""), basic(NAME, PASSWORD), basic(NAME, ""), ""):
        assert asked.refused("GET", "/", authorization=header)[:2] == (503, "no_access_set")
    (asked.access / missing).write_text("\n")
    assert asked.refused("GET", "/", authorization=basic("", ""))[:2] == (503, "no_access_set")
