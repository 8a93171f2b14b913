"""An application: its routes, the checks before a body is read, and its refusals."""

import json
from pathlib import Path

import pytest

from slipway.serving.access import OPEN, Access
from slipway.serving.answers import Answer, Refusal, of
from slipway.serving.http.application import Application, parts
from slipway.serving.http.requests import LIVE, Request


def echo(request: Request) -> Answer:
    return of(200, parts(request))


PATHS = {"/": {"GET": echo}, "/items": {"POST": echo}, "/items/{item}": {"GET": echo}, LIVE: {"GET": echo}}


def asked(method: str, path: str, access: Access = OPEN, **headers: str) -> Answer:
    """Return the answer to a request as a transport gets it."""
    application = Application({"model": "iris"}, PATHS, access, 10)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method, path, application.route(path), given, "mine")
    try:
        application.admit(request)
        application.check(request)
        return application.answer(request)
    except Refusal as refusal:
        return application.refuse(refusal, request)


def test_a_name_in_a_path_stands_for_one_part() -> None:
    """A slash at the end changes nothing, and HEAD counts as GET."""
    for method, path in (("GET", "/items/7"), ("GET", "/items/7/"), ("HEAD", "/items/7")):
        assert json.loads(asked(method, path).body) == {"item": "7"}
    assert asked("GET", "/items/7/8").status == 404


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/other", {}, (404, "not_found")),
        ("DELETE", "/", {}, (405, "method_not_allowed")),
        ("POST", "/items", {"content_type": "text/csv"}, (415, "unsupported_media_type")),
        ("POST", "/items", {"content_length": "11"}, (413, "body_too_large")),
    ],
)
def test_a_refusal_names_the_application_and_the_request(
    method: str, path: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """Each has its status, and its code for the log and the caller."""
    answer = asked(method, path, **headers)
    told = json.loads(answer.body)
    assert (answer.status, answer.error) == expected
    assert (told["status"], told["error"]["code"]) == ("error", expected[1])
    assert (told["model"], told["request_id"]) == ("iris", "mine")


def test_paths_of_the_open_inference_protocol_are_refused_in_its_form() -> None:
    """`error` is a sentence, and the code is beside it."""
    told = json.loads(asked("GET", "/v2/other").body)
    assert told["error"].startswith("there is no such path") and told["code"] == "not_found"
    assert "status" not in told


def test_probes_need_no_access(tmp_path: Path) -> None:
    """Every other path needs it, unknown ones too."""
    guarded = Access("bearer", tmp_path, "iris")
    (tmp_path / "ada").write_text("key")
    assert [asked("GET", path, guarded).status for path in (LIVE, "/", "/other")] == [200, 401, 401]
    assert asked("GET", "/", guarded, authorization="Bearer key").status == 200
