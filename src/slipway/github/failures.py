"""Refusals of GitHub: the fix for each, and the ones to retry."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from slipway.errors import SlipwayError
from slipway.network import repeat

if TYPE_CHECKING:
    from github import GithubException

T = TypeVar("T")

PAUSE = 1.0
"""Seconds before the second try. The pause doubles before each further try."""

_PATIENCE = 60.0  # longest wait in seconds that GitHub may ask for
_LONGEST = 500

_UNREACHABLE = (
    "see that the address of the API is right (GITHUB_API_URL) and can be reached from here (proxy, certificates)"
)
_APP = "GitHub → Settings → Developer settings → GitHub Apps → the bot's App → Permissions & events"


class Action(NamedTuple):
    """Hold the description of a call, for messages, and the permission that it needs."""

    what: str
    """Text after "cannot" in messages: `open a pull request for promote/prod/iris`."""
    permission: str
    """Permission in the form of a workflow: `pull-requests: write`. Permissions of Apps have the same form."""
    repository: str


class Refused(SlipwayError):  # noqa: N818 - the word for GitHub's answer
    """Say that GitHub refused a call. `status` is the HTTP status, or 0 without an answer."""

    def __init__(self, problem: str, *, fix: str, status: int, limit: bool = False) -> None:
        super().__init__(problem, fix=fix)
        self.status = status
        self.limit = limit
        """True if too much has been asked, and no wait that is worth it helps."""


def attempt(action: Action, call: Callable[[], T]) -> T:
    """Return the result of `call`. Repeat it after a fault of the server or a rate limit.

    A second call must be harmless. Raise `Refused` with GitHub's message and the fix.
    """
    import requests
    from github import GithubException

    try:
        return repeat(call, _wait)
    except GithubException as error:
        said = _message(error)
        problem = f"cannot {action.what} on {action.repository}: GitHub says: {said} ({error.status})"
        limit = _is_limit(error)
        raise Refused(problem, fix=_fix(action, error, said), status=error.status, limit=limit) from error
    except (requests.RequestException, RuntimeError, AssertionError, ValueError) as error:
        # PyGithub raises these for a redirect to another host and for an answer that is not an API's.
        problem = f"cannot {action.what} on {action.repository}: {str(error)[:_LONGEST] or type(error).__name__}"
        raise Refused(problem, fix=_UNREACHABLE, status=0) from error


def _wait(error: Exception, factor: int) -> float | None:
    """Return the seconds before the next try, or None when another try cannot help."""
    import requests
    from github import GithubException

    if isinstance(error, GithubException):
        return _pause(error, PAUSE * factor)
    return PAUSE * factor if isinstance(error, requests.ConnectionError | requests.Timeout) else None


def _pause(error: GithubException, usual: float) -> float | None:
    headers = error.headers or {}
    if headers.get("x-ratelimit-remaining") == "0" and "retry-after" not in headers:
        return None  # the limit of this hour is used up
    limited = error.status == 429 or (error.status == 403 and "secondary rate limit" in _message(error).lower())
    if limited or (error.status == 403 and "retry-after" in headers):
        asked = re.fullmatch(r"\d{1,6}", headers.get("retry-after", ""))
        seconds = float(asked[0]) if asked else usual
        return seconds if seconds <= _PATIENCE else None
    return usual if error.status in (500, 502, 503, 504) else None


def _is_limit(error: GithubException) -> bool:
    """Return True if too much was asked. GitHub refuses a missing right with the same status."""
    if error.status not in (403, 429):
        return False
    headers = error.headers or {}
    said = error.status == 429 or "rate limit" in _message(error).lower()
    return said or "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"


def _message(error: GithubException) -> str:
    """Return GitHub's message with the details of each error in it."""
    data: Any = error.data
    if not isinstance(data, dict):
        return str(data or error.message or "")[:_LONGEST]
    errors = data.get("errors")
    listed: Iterable[Any] = errors if isinstance(errors, list) else [errors]
    details = [_detail(each) for each in listed if each]
    return ": ".join([str(data.get("message") or "no reason given"), *[", ".join(details)] * bool(details)])[:_LONGEST]


def _detail(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return str(error.get("message") or f"{error.get('field', '?')} {error.get('code', '?')}")


def _fix(action: Action, error: GithubException, said: str) -> str:
    headers = error.headers or {}
    if error.status == 401:
        return (
            "the token is wrong, expired or revoked. In a workflow: check the variable SLIPWAY_APP_ID and the secret"
            " SLIPWAY_APP_PRIVATE_KEY (repository Settings → Secrets and variables → Actions). Here: gh auth login"
        )
    if error.status == 429 or "rate limit" in said.lower():
        reset = headers.get("x-ratelimit-reset", "")
        until = time.strftime(" after %H:%M UTC", time.gmtime(int(reset))) if reset.isdecimal() else " in some minutes"
        return f"nothing is wrong but the haste: run it again{until}"
    if "not permitted to create or approve pull requests" in said:
        return "open it with the token of the bot's App: the pull requests of GITHUB_TOKEN start no checks anyway"
    if error.status in (403, 404):
        return _permission_fix(action, headers.get("x-accepted-github-permissions", ""), error.status)
    if error.status == 410 or "disabled" in said.lower():
        return "switch it on: repository Settings → General → Features"
    if error.status >= 500:
        return "the fault is GitHub's (https://www.githubstatus.com): run it again later"
    return "mend what it names, and run it again"


def _permission_fix(action: Action, accepted: str, status: int) -> str:
    wanted = accepted.replace("=", ": ").replace("_", "-").partition(";")[0] or action.permission
    unseen = "either it is not there, or the token may not see it. " if status == 404 else ""
    return (
        f"{unseen}It takes the permission `{wanted}`. For the bot: {_APP}, then accept it where the App is installed"
        f" (repository Settings → GitHub Apps), and see that {action.repository} is among its repositories. For"
        " GITHUB_TOKEN: `permissions` of the job. For a token of your own: its scopes, and your role here"
    )
