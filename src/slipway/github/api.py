"""The parts of GitHub's API that releases need: pull requests, comments and events."""

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
    """Hold a pull request. Its names and texts are untrusted."""

    number: int
    url: str
    """Address of the page."""
    branch: str
    """Branch that the pull request proposes."""
    base: str
    """Branch that gets the changes."""
    head: str
    """Commit that the pull request proposes."""
    state: Literal["open", "closed", "merged"]
    title: str
    body: str


def connect(repository: Repository | None = None) -> GitHub:
    """Return a client for the repository of `GITHUB_REPOSITORY` (or else of the remote `origin`).

    Send no request yet. Raise `SlipwayError` when no token is set, or when no repository is named.
    """
    place = address(repository)
    return GitHub(place.name, token(), place.api)


class GitHub:
    """Call the API for one repository. Every method may be repeated and may raise `Refused`."""

    def __init__(self, name: str, token: str, api: str) -> None:
        # The import of PyGithub takes half a second, which no other verb should wait for.
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
            retry=None,  # `attempt` retries, because it knows which calls may be repeated
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def pull_from(self, branch: str) -> Pull | None:
        """Return the open pull request of `branch`, or else the newest one, or None."""
        what = f"look for pull requests of {branch}"
        return self._do(what, "pull-requests: read", lambda: self._open(branch) or self._first(branch, state="all"))

    def propose(self, branch: str, base: str, title: str, body: str) -> Pull:
        """Open the pull request of `branch` for `base`, or update title and body of the open one.

        Cut a body that is longer than GitHub's limit, with a note.
        """
        from github import GithubException

        title, body = " ".join(title.split())[:_LONGEST_TITLE], fit(body)

        def call() -> Pull:
            known = self._open(branch, base)
            if known is None:
                try:
                    return _pull(self._remote.create_pull(base, branch, title=title, body=body))
                except GithubException as error:
                    # Another run, or an earlier try whose answer was lost, may have opened it in between.
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
        """Return up to 100 open pull requests of this repository's branches with one of these prefixes."""

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
        """Write a comment below pull request `number`, or update the bot's own comment that starts with `marker`.

        `marker` is an HTML comment, which GitHub hides: `<!-- slipway: diff -->`.
        """
        text = _marked(marker, body)

        def call() -> None:
            if not self._recomment(number, marker, text):
                self._remote.get_pull(number).create_issue_comment(text)

        self._do(f"comment on pull request {number}", _PULLS, call)

    def recomment(self, number: int, marker: str, body: str) -> None:
        """Update the comment that `comment` wrote. Do nothing if there is none."""
        text = _marked(marker, body)
        self._do(f"comment on pull request {number}", _PULLS, lambda: self._recomment(number, marker, text))

    def pulls_of(self, commit: str) -> list[Pull]:
        """Return the pull requests that contain a commit. A commit that GitHub does not know has none."""

        def call() -> list[Pull]:
            return [_pull(each) for each in self._remote.get_commit(commit).get_pulls()]

        try:
            return self._do(f"look for the pull requests of {commit[:12]}", "pull-requests: read", call)
        except Refused as error:
            if error.status == 422:
                return []
            raise

    def role(self, login: str) -> str:
        """Return a user's role: `admin`, `maintain`, `write`, `triage`, `read`, `none` or a custom role."""
        path = f"collaborators/{quote(login, safe='')}/permission"
        found = self.read(f"see what {login} may do", "metadata: read", path)
        return str(found.get("role_name") or found.get("permission") or "none")

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """Start the workflows that wait for `repository_dispatch` of this type."""
        body = {"event_type": event_type, "client_payload": dict(payload)}
        self._write(f"announce {event_type}", "contents: write", "dispatches", body)

    def read(self, what: str, permission: str, path: str = "") -> Any:
        """Return the answer to GET `/repos/OWNER/REPOSITORY/path`. Lists have up to 100 items."""

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
        """Return the newest pull request of this repository's branch. Ignore forks of the same owner."""
        head = f"{self.name.partition('/')[0]}:{branch}"
        found = self._remote.get_pulls(head=head, sort="created", direction="desc", **filters)
        ours = (each for each in found if each.head.repo is not None and self._is_here(each.head.repo.full_name))
        return next(map(_pull, ours), None)

    def _is_here(self, name: str) -> bool:
        return name.lower() == self.name.lower()

    def _recomment(self, number: int, marker: str, text: str) -> bool:
        """Update our own comment and return True. Return False when there is none."""
        pull = self._remote.get_pull(number)
        mine = self._mine(each for each in pull.get_issue_comments() if (each.body or "").startswith(marker))
        if mine is not None and mine.body != text:
            mine.edit(text)
        return mine is not None

    def _mine(self, comments: Iterable[IssueComment]) -> IssueComment | None:
        """Return the first comment by a bot or by this token's user. Other people may copy the marker."""
        from github import GithubException

        for each in comments:
            if each.user.type == "Bot":
                return each
            try:
                if each.user.login == self._api.get_user().login:
                    return each
            except GithubException as error:
                if error.status not in (401, 403, 404):  # the token of an App has no user
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
