"""What GitHub's refusals mean to who meets them, and which of them are worth another try."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from slipway.errors import SlipwayError
from slipway.retries import repeat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from github import GithubException

__all__ = ["Action", "Refused", "attempt"]

T = TypeVar("T")

PAUSE = 1.0
"""Seconds before the second try; doubled before each further one."""

_PATIENCE = 60.0  # seconds that GitHub may ask to wait; a run waits no longer
_LONGEST = 500

_APP = "GitHub → Settings → Developer settings → GitHub Apps → the bot's App → Permissions & events"


class Action(NamedTuple):
    """What is done, for messages, and what it takes."""

    what: str
    """After "cannot": `open a pull request for promote/prod/iris`."""
    permission: str
    """As a workflow's `permissions` has it: `pull-requests: write`; a name of the App alone is written like it."""
    repository: str


class Refused(SlipwayError):  # noqa: N818 - as GitHub's answer is called
    """GitHub does not do it; `status` is that of its answer, 0 where there was none."""

    def __init__(self, problem: str, *, fix: str, status: int) -> None:
        super().__init__(problem, fix=fix)
        self.status = status


def attempt(action: Action, call: Callable[[], T]) -> T:
    """Return what `call` returns. Faults of the server and rate limits are tried again: it must do no harm twice.

    Raise `Refused` with GitHub's own message and what to do.
    """
    import requests
    from github import GithubException

    try:
        return repeat(call, _wait)
    except GithubException as error:
        raise _refusal(action, error) from error
    except (requests.RequestException, RuntimeError, AssertionError, ValueError) as error:
        # Redirected elsewhere, or no answer of an API: what PyGithub does not turn into its own errors.
        raise _unreachable(action, error) from error


def _wait(error: Exception, factor: int) -> float | None:
    """Return the seconds after which another try makes sense; None when none does."""
    import requests
    from github import GithubException

    if isinstance(error, GithubException):
        return _pause(error, PAUSE * factor)
    return PAUSE * factor if isinstance(error, requests.ConnectionError | requests.Timeout) else None


def _pause(error: GithubException, usual: float) -> float | None:
    headers = error.headers or {}
    if headers.get("x-ratelimit-remaining") == "0" and "retry-after" not in headers:
        return None  # the hour's share is used up
    limited = error.status == 429 or (error.status == 403 and "secondary rate limit" in _message(error).lower())
    if limited or (error.status == 403 and "retry-after" in headers):
        asked = re.fullmatch(r"\d{1,6}", headers.get("retry-after", ""))
        seconds = float(asked[0]) if asked else usual
        return seconds if seconds <= _PATIENCE else None
    return usual if error.status in (500, 502, 503, 504) else None


def _message(error: GithubException) -> str:
    """GitHub's own words, with those of each error that it lists."""
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


def _refusal(action: Action, error: GithubException) -> Refused:
    said = _message(error)
    problem = f"cannot {action.what} on {action.repository}: GitHub says: {said} ({error.status})"
    return Refused(problem, fix=_fix(action, error, said), status=error.status)


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


def _unreachable(action: Action, error: Exception) -> Refused:
    reason = str(error)[:_LONGEST] or type(error).__name__
    fix = "see that the address of the API is right (GITHUB_API_URL) and can be reached from here (proxy, certificates)"
    return Refused(f"cannot {action.what} on {action.repository}: {reason}", fix=fix, status=0)
