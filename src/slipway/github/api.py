"""The API of GitHub, as far as releases need it: pull requests, comments and events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote

from slipway.errors import SlipwayError
from slipway.github.address import address, token
from slipway.github.failures import Action, Refused, attempt
from slipway.github.markdown import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest
    from github.Repository import Repository as Remote

    from slipway.git import Repository

    T = TypeVar("T")

__all__ = ["GitHub", "Pull", "connect"]

_SECONDS = 20  # for one answer
_LONGEST_TITLE = 256
_MARKER = re.compile(r"<!-- [^\n<>]+ -->")
_PULLS = "pull-requests: write"


class Pull(NamedTuple):
    """A pull request. What people and branches are called in it is anybody's text."""

    number: int
    url: str
    """Of its page."""
    branch: str
    """The one that it proposes."""
    base: str
    """The one that it proposes it for."""
    head: str
    """The commit that it proposes."""
    state: Literal["open", "closed", "merged"]
    title: str
    body: str


def connect(repository: Repository | None = None) -> GitHub:
    """The repository that `GITHUB_REPOSITORY` (else the remote `origin`) names, with the token of the environment.

    Raises `SlipwayError` when there is no token, or no repository is named; nothing is asked yet.
    """
    place = address(repository)
    return GitHub(place.name, token(), place.api)


class GitHub:
    """One repository on GitHub. Every method may be repeated, and raises `Refused`, a `SlipwayError`."""

    def __init__(self, name: str, token: str, api: str) -> None:
        # Imported here because PyGithub takes half a second to import, which no other verb should wait for.
        try:
            from github import Auth, Github
        except ImportError as error:
            fix = "install what releases need: pip install 'slipway[release]'"
            raise SlipwayError("GitHub's API needs the package PyGithub", fix=fix) from error

        self.name = name
        self._api = Github(
            auth=Auth.Token(token),
            base_url=api,
            timeout=_SECONDS,
            lazy=True,
            per_page=100,
            retry=None,  # `attempt` does it, and knows what may be repeated
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def pull_from(self, branch: str) -> Pull | None:
        """The open pull request that proposes `branch`, else the newest that ever did; None without one."""
        what = f"look for pull requests of {branch}"
        return self._do(what, "pull-requests: read", lambda: self._open(branch) or self._first(branch, state="all"))

    def propose(self, branch: str, base: str, title: str, body: str) -> Pull:
        """Open the pull request of `branch` for `base`, or bring title and body of the open one up to date.

        A body that is longer than GitHub takes is cut, which it says.
        """
        from github import GithubException

        title, body = " ".join(title.split())[:_LONGEST_TITLE], fit(body)

        def call() -> Pull:
            known = self._open(branch, base)
            if known is None:
                try:
                    return _pull(self._remote.create_pull(base, branch, title=title, body=body))
                except GithubException as error:
                    # Another run, or a try of ours whose answer was lost, may have opened it in between.
                    known = self._open(branch, base) if error.status == 422 else None
                    if known is None:
                        raise
            if (known.title, known.body) == (title, body):
                return known
            pull = self._remote.get_pull(known.number)
            pull.edit(title=title, body=body)
            return _pull(pull)

        return self._do(f"open a pull request of {branch} for {base}", _PULLS, call)

    def open_from(self, *prefixes: str) -> list[Pull]:
        """The open pull requests (up to 100) that propose a branch of this repository with one of these prefixes."""

        def call() -> list[Pull]:
            found = self._remote.get_pulls(state="open").get_page(0)
            ours = (each for each in found if each.head.repo is not None and self._is_here(each.head.repo.full_name))
            return [pull for pull in map(_pull, ours) if pull.branch.startswith(prefixes)]

        return self._do("look for open pull requests", "pull-requests: read", call)

    def close(self, number: int) -> None:
        """Close a pull request without merging it."""
        call = self._remote.get_pull
        self._do(f"close pull request {number}", _PULLS, lambda: call(number).edit(state="closed"))

    def comment(self, number: int, marker: str, body: str) -> None:
        """Write a comment below pull request `number`, or bring the bot's own that starts with `marker` up to date.

        `marker` is one HTML comment, which GitHub does not show: `<!-- slipway: diff -->`.
        """
        text = _marked(marker, body)

        def call() -> None:
            if not self._recomment(number, marker, text):
                self._remote.get_pull(number).create_issue_comment(text)

        self._do(f"comment on pull request {number}", _PULLS, call)

    def recomment(self, number: int, marker: str, body: str) -> None:
        """As `comment`, where there is such a comment already."""
        text = _marked(marker, body)
        self._do(f"comment on pull request {number}", _PULLS, lambda: self._recomment(number, marker, text))

    def pulls_of(self, commit: str) -> list[Pull]:
        """The pull requests that brought a commit in, or propose it; none for a commit that GitHub does not know."""

        def call() -> list[Pull]:
            return [_pull(each) for each in self._remote.get_commit(commit).get_pulls()]

        try:
            return self._do(f"look for the pull requests of {commit[:12]}", "pull-requests: read", call)
        except Refused as error:
            if error.status == 422:
                return []
            raise

    def role(self, login: str) -> str:
        """What somebody may do here: `admin`, `maintain`, `write`, `triage`, `read`, `none`, or an own role's name."""
        path = f"collaborators/{quote(login, safe='')}/permission"
        found = self.read(f"see what {login} may do", "metadata: read", path)
        return str(found.get("role_name") or found.get("permission") or "none")

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """Start the workflows that wait for `repository_dispatch` of this type."""
        body = {"event_type": event_type, "client_payload": dict(payload)}
        self._write(f"announce {event_type}", "contents: write", "dispatches", body)

    def read(self, what: str, permission: str, path: str = "") -> Any:
        """The answer to GET `/repos/OWNER/REPOSITORY/path`, for what has no method here; lists come as up to 100."""

        def call() -> Any:
            where = f"/repos/{self.name}/{path}".rstrip("/")
            return self._api.requester.requestJsonAndCheck("GET", where, {"per_page": 100})[1]

        return self._do(f"read {what}", permission, call)

    @property
    def _remote(self) -> Remote:
        return self._api.get_repo(self.name)

    def _do(self, what: str, permission: str, call: Callable[[], T]) -> T:
        return attempt(Action(what, permission, self.name), call)

    def _write(self, what: str, permission: str, path: str, body: dict[str, Any]) -> None:
        where = f"/repos/{self.name}/{path}"
        self._do(what, permission, lambda: self._api.requester.requestJsonAndCheck("POST", where, input=body))

    def _open(self, branch: str, base: str = "") -> Pull | None:
        return self._first(branch, state="open", **({"base": base} if base else {}))

    def _first(self, branch: str, **filters: str) -> Pull | None:
        """The newest that proposes the branch of this repository; one of a fork of the same owner is not ours."""
        head = f"{self.name.partition('/')[0]}:{branch}"
        found = self._remote.get_pulls(head=head, sort="created", direction="desc", **filters)
        ours = (each for each in found if each.head.repo is not None and self._is_here(each.head.repo.full_name))
        return next(map(_pull, ours), None)

    def _is_here(self, name: str) -> bool:
        return name.lower() == self.name.lower()

    def _recomment(self, number: int, marker: str, text: str) -> bool:
        """Bring our own comment up to date; False when there is none."""
        pull = self._remote.get_pull(number)
        mine = self._mine(each for each in pull.get_issue_comments() if (each.body or "").startswith(marker))
        if mine is not None and mine.body != text:
            mine.edit(text)
        return mine is not None

    def _mine(self, comments: Iterable[IssueComment]) -> IssueComment | None:
        """The first that was not written by somebody who only knows the marker."""
        from github import GithubException

        for each in comments:
            if each.user.type == "Bot":
                return each
            try:
                if each.user.login == self._api.get_user().login:
                    return each
            except GithubException as error:
                if error.status not in (401, 403, 404):  # an App is nobody's user
                    raise
        return None


def _marked(marker: str, body: str) -> str:
    if not _MARKER.fullmatch(marker):
        raise SlipwayError(f"{marker!r} is no marker of a comment", fix="write <!-- slipway: diff -->")
    return fit(body if body.startswith(marker) else f"{marker}\n{body}")


def _pull(pull: PullRequest) -> Pull:
    state: Literal["open", "closed", "merged"] = "merged" if pull.merged_at else "open"
    if pull.state == "closed" and state == "open":
        state = "closed"
    head, base = pull.head, pull.base
    return Pull(pull.number, pull.html_url, head.ref, base.ref, head.sha, state, pull.title, pull.body or "")
