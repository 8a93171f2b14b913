"""The remote repository that a team shares: fetches of its branches, and pushes that lose no commit."""

from __future__ import annotations

import base64
import os
import re

from slipway.errors import SlipwayError
from slipway.git.commands import GitError
from slipway.git.repository import Moved, Repository
from slipway.network import repeat

_PAUSE = 0.5  # seconds, doubled after each try that did not reach the remote

# The words of git and of the usual hosts; those of GitHub's own checks begin with GH and a number.
_PROTECTED = re.compile(r"GH00[16]|GH013|protected branch|rule violations|not allowed to (force-)?push", re.IGNORECASE)
# The answers to a push when another one came first.
_MOVED = re.compile(r"non-fast-forward|fetch first|stale info|failed to update ref|cannot lock ref|incorrect old value")
_CLASH = re.compile(r"exists; cannot create|directory/file conflict", re.IGNORECASE)
_DENIED = re.compile(
    r"error: 40[13]|Authentication failed|could not read (Username|Password)|Permission .* denied|access denied"
    r"|[Ww]rite access .* not granted|Permission denied"
)
_UNREACHABLE = re.compile(
    r"Could not resolve host|Couldn't connect|Connection (refused|reset|timed out)|error: 5\d\d"
    r"|early EOF|hung up|timed out|TLS|SSL"
)


class Remote:
    """The remote `name` of a repository.

    A token in `GITHUB_TOKEN` (or `GH_TOKEN`) is used where the remote is on `GITHUB_SERVER_URL` (https://github.com
    unless set). Elsewhere git uses its own credentials.
    """

    def __init__(self, repository: Repository, name: str = "origin") -> None:
        """Raise `SlipwayError` when there is no such remote."""
        self.repository, self.name = repository, name
        try:
            self.url = repository.run("remote", "get-url", name).decode().strip()
        except GitError as error:
            fix = f"git remote add {name} URL; or leave --push out and work here alone"
            raise SlipwayError(f"{repository.root} has no remote {name} to push to", fix=fix) from error
        self.shown = re.sub(r"//[^/@]*@", "//", self.url)
        """The address, without a token that may be in it."""
        self._secrets = _credentials(self.url)

    def fetch(self, branch: str) -> str:
        """Fetch a branch of the remote and return its commit; raise `SlipwayError` when there is no such branch."""
        commit = self.find(branch)
        if commit is None:
            fix = f"git push {self.name} {branch}; or name the branch that the cluster follows in slipway.yaml"
            raise SlipwayError(f"{self.name} has no branch {branch}", fix=fix)
        return commit

    def find(self, branch: str) -> str | None:
        """Fetch a branch of the remote and return its commit; None when there is no such branch."""
        place = f"refs/remotes/{self.name}/{branch}"
        try:
            self._reach("fetch", "--quiet", "--no-tags", self.name, f"+refs/heads/{branch}:{place}")
        except GitError as error:
            if "couldn't find remote ref" not in str(error):
                raise
            if self.repository.commit_at(place):
                self.repository.run("update-ref", "-d", place)
            return None
        return self.repository.commit_at(place)

    def bring(self, commit: str) -> None:
        """Fetch a commit by its id, such as the head of a pull request."""
        if self.repository.commit_at(commit) is None:
            self._reach("fetch", "--quiet", "--no-tags", self.name, commit)

    def branches(self, prefix: str) -> list[str]:
        """Return the remote's branches whose names begin with `prefix`, sorted."""
        listed = self._reach("ls-remote", "--heads", self.name, f"refs/heads/{prefix}*")
        return sorted(line.split("\t")[1].removeprefix("refs/heads/") for line in listed.decode().splitlines())

    def push(self, commit: str, branch: str) -> None:
        """Move a branch of the remote on to a commit that follows it.

        Raise `Moved` when the commit does not follow the branch, and `SlipwayError` when the remote refuses the push.
        """
        self._push(commit, branch)

    def replace(self, commit: str, branch: str, expected: str | None) -> None:
        """Set a branch of the remote to `commit` if it still stands at `expected` (None: there is no such branch)."""
        self._push(commit, branch, f"--force-with-lease=refs/heads/{branch}:{expected or ''}")

    def has(self, commit: str) -> bool:
        """Return whether a branch of the remote, as it was fetched last, contains a commit."""
        place = f"refs/remotes/{self.name}/"
        return bool(self.repository.run("for-each-ref", "--count=1", "--contains", commit, place).strip())

    def _push(self, commit: str, branch: str, *options: str) -> None:
        try:
            self._reach("push", "--quiet", *options, self.name, f"{commit}:refs/heads/{branch}")
        except GitError as error:
            # The answer to a push that was carried out can get lost on the way.
            if self._is_in(commit, branch):
                return
            raise self._refused(branch, str(error)) from error
        place = f"refs/remotes/{self.name}/{branch}"
        if self.repository.commit_at(place) != commit:  # a clone may not track the branch
            self.repository.run("update-ref", place, commit)

    def _is_in(self, commit: str, branch: str) -> bool:
        try:
            tip = self.find(branch)
            return tip is not None and self.repository.contains(tip, commit)
        except SlipwayError:
            return False

    def _refused(self, branch: str, said: str) -> Exception:
        problem = f"{self.shown} refuses the push to {branch}"
        if _PROTECTED.search(said):
            return SlipwayError(
                f"{problem}, which is protected:\n  {_words(said)}",
                fix="put the GitHub App of the bot on the bypass list of the branch's ruleset, and give its token "
                "(README.md, What an administrator sets up); slipway doctor checks it",
            )
        clash = _CLASH.search(said)
        if _MOVED.search(said) and not clash:
            return Moved(branch, _words(said))
        fix = "delete the branch that is in its way there" if clash else "see what the remote said"
        return SlipwayError(f"{problem}:\n  {_words(said)}", fix=fix)

    def _reach(self, command: str, *arguments: str) -> bytes:
        """Run a git command, again while the remote cannot be reached.

        Raise `SlipwayError` when it cannot be reached or denies access, and `GitError` for any other failure.
        """
        variables = {"GIT_TERMINAL_PROMPT": "0", **self._secrets}
        try:
            return repeat(lambda: self.repository.run(command, *arguments, variables=variables), _wait)
        except GitError as error:
            said = str(error)
            reason = _reason(said)
            if reason == "denied":
                problem = f"{self.shown} refuses the {command}:\n  {_words(said)}"
                raise SlipwayError(problem, fix=self._rights()) from error
            if reason != "unreachable":
                raise
            fix = "see that it can be reached from here, and run the command again: nothing was changed there"
            raise SlipwayError(f"{self.shown} cannot be reached:\n  {_words(said)}", fix=fix) from error

    def _rights(self) -> str:
        if self._secrets:
            return (
                "the token needs the permission `contents: write` on this repository: give it to the GitHub App "
                "(its settings, Permissions), or to the job that runs this"
            )
        return (
            "log in to git with the right to push; "
            "in GitHub Actions give GITHUB_TOKEN the token of the bot's GitHub App"
        )


def _credentials(url: str) -> dict[str, str]:
    """Return variables that send the token in git's requests to its own host; no argument and no file has it."""
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    if not token or not url.startswith(f"{server}/"):
        return {}
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {encoded}",
    }


def _reason(said: str) -> str:
    """Return why git did not get an answer: `denied`, `unreachable`, or "" for an answer of the remote."""
    if _PROTECTED.search(said) or "rejected]" in said:
        return ""
    return "denied" if _DENIED.search(said) else "unreachable" if _UNREACHABLE.search(said) else ""


def _wait(error: Exception, factor: int) -> float | None:
    unreachable = isinstance(error, GitError) and _reason(str(error)) == "unreachable"
    return _PAUSE * factor if unreachable else None


def _words(said: str) -> str:
    """Return the last lines that git said, without hints."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(("To ", "hint:"))]
    return "\n  ".join(lines[-8:])
