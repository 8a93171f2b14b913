"""Calls from pages of other origins."""

from collections.abc import Iterator

import pytest

from slipway.errors import SlipwayError
from slipway.images import running
from slipway.serving.access import FOLDER, KIND
from slipway.serving.http import cors
from slipway.serving.process import ORIGINS
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Server

PAGE = "https://app.example.org"
ROW = b'{"weight": 2, "wrapping": "box"}'
ASKS = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization,content-type"}


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a function that needs a key, for pages of two origins."""
    root = tmp_path_factory.mktemp("cors")
    (keys := root / "keys").mkdir()
    (keys / "ada").write_text("secret")
    env = {FOLDER: str(keys), KIND: "bearer", ORIGINS: f"{PAGE} http://localhost:3000"}
    with running.start(tiny.bundled(root).folder, env=env) as started:
        yield Server(started.url, [])


@pytest.mark.parametrize("path", ["/predict", "/v2/models/tiny/infer", "/nothing"])
def test_browser_asks_without_a_key(function: Server, path: str) -> None:
    """The answer allows method, key and type, and tells nothing of paths."""
    answer = function.ask("OPTIONS", path, Origin=PAGE, **ASKS)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-request-id"} <= set(allowed)


@pytest.mark.parametrize(("key", "status"), [("secret", 200), ("wrong", 401)])
def test_page_reads_answers_and_refusals(function: Server, key: str, status: int) -> None:
    """Both name its origin, and show the request's id."""
    answer = function.ask("POST", "/predict", ROW, Origin=PAGE, Authorization=f"Bearer {key}")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, PAGE)
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "origin"


@pytest.mark.parametrize("origin", ["https://app.example.org.evil.example", "https://example.org", "null", ""])
def test_other_origins_are_not_allowed(function: Server, origin: str) -> None:
    """A question of theirs needs a key as any request, and no answer names them."""
    assert function.ask("OPTIONS", "/predict", Origin=origin, **ASKS).status == 401
    answer = function.ask("POST", "/predict", ROW, Origin=origin, Authorization="Bearer secret")
    assert (answer.status, "access-control-allow-origin" in answer.headers) == (200, False)
    assert answer.headers["vary"] == "origin"


def test_no_origin_is_allowed_without_a_setting(server: Server) -> None:
    """Nothing of it is in answers then."""
    answer = server.ask("POST", "/predict", ROW, Origin=PAGE)
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "vary"]


@pytest.mark.parametrize("given", ["*", "https://app.example.org/", "app.example.org", "https://App.example.org"])
def test_what_is_no_origin_ends_the_start(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """Browsers would never send it."""
    monkeypatch.setenv(ORIGINS, f"{PAGE} {given}")
    with pytest.raises(SlipwayError, match="is no origin"):
        cors.from_environment()
