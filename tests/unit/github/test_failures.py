"""Refusals and failures of GitHub: retries, and the errors for the user."""

import pytest

from slipway.errors import SlipwayError
from slipway.github.api import connect
from tests.forge_server import ALL, Token
from tests.forge_server.fixtures import NAME, TOKEN

MARKER = "<!-- slipway: diff -->"


def refused(call):
    with pytest.raises(SlipwayError) as caught:
        call()
    return caught.value


def test_a_missing_permission_is_named(github, clone, on_github):
    """The error has GitHub's words, the missing permission and where to give it."""
    clone.propose("change")
    lacking = {name: level for name, level in ALL.items() if name not in ("pull_requests", "contents")}
    on_github.tokens[TOKEN] = Token(permissions=lacking | {"pull_requests": "read"})
    error = refused(lambda: github.propose("change", "main", "One", ""))
    assert error.problem == (
        "cannot open a pull request of change for main on team/models:"
        " GitHub says: Resource not accessible by integration (403)"
    )
    assert (
        "`pull-requests: write`" in error.fix and "GitHub Apps" in error.fix and "`permissions` of the job" in error.fix
    )
    error = refused(lambda: github.dispatch("slipway-version", {}))
    assert "`contents: write`" in error.fix


def test_the_token_of_the_run_itself(github, clone, on_github):
    """The error says that GITHUB_TOKEN must not open pull requests, and which token may."""
    clone.propose("change")
    message = "GitHub Actions is not permitted to create or approve pull requests."
    on_github.fail(403, method="POST", message=message)
    error = refused(lambda: github.propose("change", "main", "One", ""))
    assert message in error.problem and "token of the bot's App" in error.fix


def test_a_wrong_token(github, on_github):
    """The error says that the token is wrong, and names its secret."""
    on_github.tokens["another"] = Token()
    error = refused(lambda: github.pull_from("change"))
    assert "Bad credentials (401)" in error.problem
    assert "SLIPWAY_APP_PRIVATE_KEY" in error.fix and "gh auth login" in error.fix


def test_a_missing_object(github, monkeypatch):
    """The error for a missing pull request or repository says that the token may not see it."""
    assert "either it is not there, or the token may not see it" in refused(lambda: github.comment(7, MARKER, "")).fix
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/nothing")
    error = refused(lambda: connect().pull_from("main"))
    assert "on team/nothing: GitHub says: Not Found (404)" in error.problem


def test_a_request_that_github_refuses(github, clone):
    """The error has GitHub's own words."""
    error = refused(lambda: github.propose("nothing", "main", "One", ""))
    assert "Validation Failed: head invalid (422)" in error.problem
    clone.git("push", "--quiet", "origin", "main:same")
    assert "No commits between main and same" in refused(lambda: github.propose("same", "main", "One", "")).problem


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("status", "message", "headers"),
    [
        (502, "Bad Gateway", {}),
        (503, "Unavailable", {}),
        (403, "You have exceeded a secondary rate limit.", {"Retry-After": "0"}),
        (429, "Too many requests", {"Retry-After": "0"}),
        (429, "Too many requests", {}),
    ],
)
def test_a_temporary_failure_is_retried(github, clone, on_github, status, message, headers, after):
    """A call is repeated after a temporary failure, and takes effect once, even if its answer was lost."""
    clone.propose("change")
    for method in ("POST", "PATCH", "GET"):
        on_github.fail(status, method=method, times=1, message=message, headers=headers, after=after)
    for body in ("1", "2"):
        pull = github.propose("change", "main", "One", body)
        github.comment(1, MARKER, body)
        github.comment(1, "<!-- slipway: other -->", body)
    state = on_github.states[NAME]
    assert (pull.number, pull.body, len(state.pulls)) == (1, "2", 1)
    assert [each["body"].split("\n")[1] for each in state.comments] == ["2", "2"]
    assert [each.times for each in on_github.failures] == [0, 0, 0]


def test_a_lasting_failure_is_raised(github, on_github):
    """After some tries the error is raised."""
    on_github.fail(502, times=99, message="Bad Gateway")
    before = len(on_github.requests)
    error = refused(lambda: github.dispatch("x", {}))
    assert "Bad Gateway (502)" in error.problem and "githubstatus" in error.fix
    assert len(on_github.requests) - before == 4


@pytest.mark.parametrize(
    ("status", "message", "headers"),
    [
        (403, "API rate limit exceeded for installation ID 1.", {"X-RateLimit-Reset": "1790000000"}),
        (429, "Too many requests", {"Retry-After": "3600"}),
        (429, "Too many requests", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1790000000"}),
    ],
)
def test_long_waits_are_not_waited(github, on_github, status, message, headers):
    """A long wait is not waited for: the error says when to come back."""
    on_github.fail(status, times=2, message=message, headers=headers)
    before = len(on_github.requests)
    assert "run it again" in refused(lambda: github.pull_from("change")).fix
    assert len(on_github.requests) - before == 1


@pytest.mark.usefixtures("github")
def test_nobody_answers(monkeypatch):
    """The error names the wrong address and its variable, without a traceback."""
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    error = refused(lambda: connect().pull_from("change"))
    assert "127.0.0.1" in error.problem and "GITHUB_API_URL" in error.fix


def test_an_answer_that_is_not_json(on_github, monkeypatch):
    """An answer that is not JSON is an error."""
    monkeypatch.setenv("GITHUB_API_URL", f"{on_github.url}/nowhere")
    assert "404" in refused(lambda: connect().pull_from("change")).problem


@pytest.mark.parametrize(
    ("status", "message", "headers"),
    [
        (403, "You have exceeded a secondary rate limit.", {"Retry-After": "3600"}),
        (429, "Too many requests", {"Retry-After": "61"}),
        (403, "API rate limit exceeded for installation ID 1.", {"X-RateLimit-Remaining": "0"}),
    ],
)
def test_nothing_is_asked_behind_a_limit(github, on_github, status, message, headers):
    """GitHub bars who goes on asking: with hundreds of models, the rest of them is left to the next run."""
    on_github.fail(status, message=message, headers=headers)
    before = len(on_github.requests)
    first = refused(lambda: github.pull_from("model-1"))
    for number in range(2, 340):
        assert refused(lambda at=number: github.pull_from(f"model-{at}")) is first
    assert len(on_github.requests) - before == 1
    assert "nothing is wrong but the haste" in first.fix


def test_a_missing_right_is_no_limit(github, clone, on_github):
    """Another call may be allowed."""
    clone.propose("change")
    on_github.fail(403, message="Resource not accessible by integration")
    refused(lambda: github.pull_from("change"))
    assert github.pull_from("change") is None
