"""The parts of GitHub's API that releases need: pull requests, comments and events."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar
from urllib.parse import quote

from slipway.errors import SlipwayError
from slipway.git import GitError, Repository
from slipway.github.failures import Action, Refused, attempt
from slipway.github.markdown import fit

if TYPE_CHECKING:
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest
    from github.Repository import Repository as Remote

T = TypeVar("T")

_SECONDS = 20  # for one answer
_LONGEST_TITLE = 256
_NEXT = re.compile(r'<([^>]+)>; *rel="next"')
_MARKER = re.compile(r"<!-- [^\n<>]+ -->")
_READ, _WRITE = "pull-requests: read", "pull-requests: write"

PUBLIC_API = "https://api.github.com"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]{1,100}")
_API = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._/-]*)?")
_REMOTE = re.compile(
    r"(?:[a-z+]+://(?:[^@/]*@)?(?P<host>[^/@:]+)(?::\d+)?/|(?:[^@/:]+@)?(?P<place>[^/@:]+):/?)(?P<path>[^:]+?)(?:\.git)?/?"
)


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


def address(repository: Repository | None = None) -> tuple[str, str]:
    """Return the address of the API, without a slash at its end, and `owner/repository`.

    The repository is the one that `GITHUB_REPOSITORY` names, or else the one of the remote `origin`. The API is the
    one of `GITHUB_API_URL`, or else of github.com. Raise `SlipwayError` when no repository is named.
    """
    api = os.environ.get("GITHUB_API_URL", "").rstrip("/")
    if api and not _API.fullmatch(api):
        fix = f"set it to {PUBLIC_API}, or for GitHub Enterprise to https://HOST/api/v3"
        raise SlipwayError(f"GITHUB_API_URL is {api!r}, which is no address of an API", fix=fix)
    name = os.environ.get("GITHUB_REPOSITORY", "")
    if name:
        if not _NAME.fullmatch(name):
            raise SlipwayError(f"GITHUB_REPOSITORY is {name!r}", fix="set it to owner/repository: team/models")
        return api or PUBLIC_API, name
    if repository is None:
        raise SlipwayError("no repository on GitHub is named", fix="set GITHUB_REPOSITORY to owner/repository")
    host, name = _of_remote(repository)
    if not api and host != "github.com":
        # Never send a token to a host that only a remote names.
        fix = f"if it is a GitHub Enterprise server: export GITHUB_API_URL=https://{host}/api/v3"
        raise SlipwayError(f"the remote origin is on {host}, which is not github.com", fix=fix)
    return api or PUBLIC_API, name


def token() -> str:
    """Return the token of `GITHUB_TOKEN` or `GH_TOKEN`. Raise `SlipwayError` when both are empty."""
    found = os.environ.get("GITHUB_TOKEN", "").strip() or os.environ.get("GH_TOKEN", "").strip()
    if found:
        return found
    if os.environ.get("GITHUB_ACTIONS") == "true":
        fix = (
            "in the workflow, make one of the GitHub App by actions/create-github-app-token, from the variable"
            " SLIPWAY_APP_ID and the secret SLIPWAY_APP_PRIVATE_KEY (repository Settings → Secrets and variables →"
            " Actions), and give it to the step as env: GITHUB_TOKEN"
        )
    else:
        fix = 'export GH_TOKEN="$(gh auth token)", or make one: GitHub → Settings → Developer settings'
    raise SlipwayError("neither GITHUB_TOKEN nor GH_TOKEN is set, and GitHub wants to know who asks", fix=fix)


def connect(repository: Repository | None = None) -> GitHub:
    """Return a client for the repository of `GITHUB_REPOSITORY` (or else of the remote `origin`).

    Send no request yet. Raise `SlipwayError` when no token is set, or when no repository is named.
    """
    api, name = address(repository)
    return GitHub(name, token(), api)


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
        self._limit: Refused | None = None
        """The refusal after which nothing more is asked."""
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
        return self._do(what, _READ, lambda: self._open(branch) or self._first(branch, state="all"))

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

        return self._do(f"open a pull request of {branch} for {base}", _WRITE, call)

    def open(self) -> list[Pull]:
        """Return all open pull requests of this repository's branches, the newest first."""
        what = "look for open pull requests"
        return self._do(what, _READ, lambda: list(self._ours(self._remote.get_pulls(state="open"))))

    def close(self, number: int) -> None:
        """Close a pull request without merging it."""
        self._do(f"close pull request {number}", _WRITE, lambda: self._remote.get_pull(number).edit(state="closed"))

    def update(self, number: int, head: str) -> None:
        """Merge the base branch into the branch of a pull request that still stands at `head`; checks run again."""
        call, where = self._api.requester.requestJsonAndCheck, f"/repos/{self.name}/pulls/{number}/update-branch"
        what = f"bring pull request {number} up to date"
        self._do(what, _WRITE, lambda: call("PUT", where, input={"expected_head_sha": head}))

    def comment(self, number: int, marker: str, body: str) -> None:
        """Write a comment below pull request `number`, or update the bot's own comment that starts with `marker`.

        `marker` is an HTML comment, which GitHub hides: `<!-- slipway: diff -->`.
        """
        text = _marked(marker, body)

        def call() -> None:
            if not self._recomment(number, marker, text):
                self._remote.get_pull(number).create_issue_comment(text)

        self._do(f"comment on pull request {number}", _WRITE, call)

    def recomment(self, number: int, marker: str, body: str) -> None:
        """Update the comment that `comment` wrote. Do nothing if there is none."""
        text = _marked(marker, body)
        self._do(f"comment on pull request {number}", _WRITE, lambda: self._recomment(number, marker, text))

    def pulls_of(self, commit: str) -> list[Pull]:
        """Return the pull requests that contain a commit. A commit that GitHub does not know has none."""

        what = f"look for the pull requests of {commit[:12]}"
        try:
            return self._do(what, _READ, lambda: list(map(_pull, self._remote.get_commit(commit).get_pulls())))
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
        call, where = self._api.requester.requestJsonAndCheck, f"/repos/{self.name}/dispatches"
        self._do(f"announce {event_type}", "contents: write", lambda: call("POST", where, input=body))

    def read(self, what: str, permission: str, path: str = "") -> Any:
        """Return the answer to GET `/repos/OWNER/REPOSITORY/path`, with all pages of a list."""
        get = self._api.requester.requestJsonAndCheck

        def call() -> Any:
            headers, found = get("GET", f"/repos/{self.name}/{path}".rstrip("/"), {"per_page": 100})
            while isinstance(found, list) and (following := _NEXT.search(headers.get("link", ""))):
                headers, more = get("GET", following[1])
                found = [*found, *more]
            return found

        return self._do(f"read {what}", permission, call)

    def items(self, what: str, permission: str, path: str, key: str) -> list[dict[str, Any]]:
        """Return the entries at `key` of all pages of an answer that counts them."""
        found: list[dict[str, Any]] = []
        for page in count(1):
            answer = self.read(what, permission, f"{path}?page={page}")
            found += answer[key]
            if not answer[key] or len(found) >= answer["total_count"]:
                break
        return found

    @property
    def _remote(self) -> Remote:
        return self._api.get_repo(self.name)

    def _do(self, what: str, permission: str, call: Callable[[], T]) -> T:
        # GitHub bars an App that goes on asking while its limit is reached.
        if self._limit is not None:
            raise self._limit
        try:
            return attempt(Action(what, permission, self.name), call)
        except Refused as error:
            self._limit = error if error.limit else None
            raise

    def _open(self, branch: str, base: str = "") -> Pull | None:
        return self._first(branch, state="open", **({"base": base} if base else {}))

    def _first(self, branch: str, **filters: str) -> Pull | None:
        """Return the newest pull request of this repository's branch. Ignore forks of the same owner."""
        head = f"{self.name.partition('/')[0]}:{branch}"
        found = self._remote.get_pulls(head=head, sort="created", direction="desc", **filters)
        return next(self._ours(found), None)

    def _ours(self, pulls: Iterable[PullRequest]) -> Iterator[Pull]:
        """Yield the pull requests whose branch is in this repository."""
        for each in pulls:
            if each.head.repo is not None and each.head.repo.full_name.lower() == self.name.lower():
                yield _pull(each)

    def _recomment(self, number: int, marker: str, text: str) -> bool:
        """Update our own comment and return True. Return False when there is none."""
        pull = self._remote.get_pull(number)
        comments = (each for each in pull.get_issue_comments() if (each.body or "").startswith(marker))
        mine = next(filter(self._is_mine, comments), None)
        if mine is not None and mine.body != text:
            mine.edit(text)
        return mine is not None

    def _is_mine(self, comment: IssueComment) -> bool:
        """Return True for a comment by a bot or by this token's user. Other people may copy the marker."""
        from github import GithubException

        try:
            return comment.user.type == "Bot" or comment.user.login == self._api.get_user().login
        except GithubException as error:
            if error.status not in (401, 403, 404):  # the token of an App has no user
                raise
        return False


def _marked(marker: str, body: str) -> str:
    if not _MARKER.fullmatch(marker):
        raise SlipwayError(f"{marker!r} is no marker of a comment", fix="write <!-- slipway: diff -->")
    return fit(body if body.startswith(marker) else f"{marker}\n{body}")


def _pull(pull: PullRequest) -> Pull:
    state: Literal["open", "closed", "merged"] = "open" if pull.state == "open" else "closed"
    state = "merged" if pull.merged_at else state
    head, base = pull.head, pull.base
    return Pull(pull.number, pull.html_url, head.ref, base.ref, head.sha, state, pull.title, pull.body or "")


def _of_remote(repository: Repository) -> tuple[str, str]:
    """Return host and `owner/repository` of the remote `origin`. Never show its address: it may hold a password."""
    fix = "git remote add origin https://github.com/OWNER/REPOSITORY.git, or set GITHUB_REPOSITORY to owner/repository"
    try:
        url = repository.run("remote", "get-url", "origin").decode().strip()
    except GitError as error:
        raise SlipwayError(f"{repository.root} has no remote called origin", fix=fix) from error
    match = _REMOTE.fullmatch(url)
    if match is None or not _NAME.fullmatch(match["path"]):
        raise SlipwayError("the remote origin is no repository on GitHub", fix=fix)
    return str(match["host"] or match["place"]).lower(), match["path"]
