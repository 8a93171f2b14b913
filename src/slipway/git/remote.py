"""The remote repository that a team shares: fetches of its branches, and pushes that lose no commit."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path, PurePosixPath

from slipway.errors import SlipwayError
from slipway.git import credentials, refusals
from slipway.git.commands import GitError
from slipway.git.repository import Moved, Repository
from slipway.network import repeat

_PAUSE = 0.5  # seconds, doubled after each try that did not reach the remote


class Remote:
    """The remote `name` of a repository.

    Git sends the token of the environment to its own host (`credentials.of`). Elsewhere it uses its own credentials.
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
        self._variables = credentials.of(self.url)

    def fetch(self, branch: str) -> str:
        """Fetch a branch of the remote and return its commit; raise `SlipwayError` when there is no such branch."""
        commit = self.find(branch)
        if commit is None:
            raise self._no_branch(branch)
        return commit

    def _no_branch(self, branch: str) -> SlipwayError:
        fix = f"git push {self.name} {branch}; or name the branch that the cluster follows in slipway.yaml"
        return SlipwayError(f"{self.name} has no branch {branch}", fix=fix)

    def find(self, branch: str) -> str | None:
        """Fetch a branch of the remote and return its commit; None when there is no such branch."""
        place = f"refs/remotes/{self.name}/{branch}"
        asked = ("fetch", "--quiet", "--no-tags", self.name, f"+refs/heads/{branch}:{place}")
        try:
            try:
                self._reach(*asked)
            except GitError as error:
                if "cannot lock ref" not in str(error) or not self._clear(place):
                    raise
                self._reach(*asked)
        except GitError as error:
            if "couldn't find remote ref" not in str(error):
                raise
            if self.repository.commit_at(place):
                self.repository.run("update-ref", "-d", place)
            return None
        return self.repository.commit_at(place)

    def _clear(self, place: str) -> bool:
        """Forget the branches that cannot be beside the one followed at `place`; return whether there were any.

        The remote has that one, so it has these no longer: `hold` gives way to `hold/prod/iris`.
        """
        above = {str(folder) for folder in PurePosixPath(place).parents}
        listed = self.repository.run("for-each-ref", "--format=%(refname)", f"refs/remotes/{self.name}/")
        stale = [ref for ref in listed.decode().split() if ref in above or ref.startswith(f"{place}/")]
        for ref in stale:
            self.repository.run("update-ref", "-d", ref)
        return bool(stale)

    def bring(self, commit: str) -> None:
        """Fetch a commit by its id, such as the head of a pull request."""
        if self.repository.commit_at(commit) is None:
            self._reach("fetch", "--quiet", "--no-tags", self.name, commit)

    def look(self, branch: str) -> str:
        """Return the commit of a branch of the remote, and fetch it. No reference and no FETCH_HEAD here moves.

        Raise `SlipwayError` when there is no such branch.
        """
        listed = self._reach("ls-remote", "--heads", self.name, f"refs/heads/{branch}").decode().splitlines()
        found = [line.split("\t")[0] for line in listed if line.endswith(f"\trefs/heads/{branch}")]
        if not found:
            raise self._no_branch(branch)
        if self.repository.commit_at(found[0]) is None:
            own = ("--no-tags", "--no-prune", "--no-write-fetch-head", "--refmap=")
            self._reach("fetch", "--quiet", *own, self.name, found[0])
        return found[0]

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
            self._reach("push", "--quiet", "--porcelain", *options, self.name, f"{commit}:refs/heads/{branch}")
        except GitError as error:
            # The answer to a push that was carried out can get lost on the way.
            if self._is_in(commit, branch):
                return
            raise self._refused(branch, error) from error
        place = f"refs/remotes/{self.name}/{branch}"
        if self.repository.commit_at(place) != commit:  # a clone may not track the branch, or something is in its way
            self._clear(place)
            self.repository.run("update-ref", place, commit)

    def _is_in(self, commit: str, branch: str) -> bool:
        try:
            tip = self.find(branch)
            return tip is not None and self.repository.contains(tip, commit)
        except SlipwayError:
            return False

    def _refused(self, branch: str, error: GitError) -> Exception:
        problem, said = f"{self.shown} refuses the push to {branch}", refusals.words(f"{error}\n{error.printed}")
        reason = refusals.of_push(error)
        if reason == "moved":
            return Moved(branch, said)
        if reason == "protected":
            return SlipwayError(
                f"{problem}, which is protected:\n  {said}",
                fix="put the GitHub App of the bot on the bypass list of the branch's ruleset, and give its token "
                "(README.md, What an administrator sets up); slipway doctor checks it",
            )
        fix = "delete the branch that is in its way there" if reason == "clash" else "see what the remote said"
        return SlipwayError(f"{problem}:\n  {said}", fix=fix)

    def _reach(self, command: str, *arguments: str) -> bytes:
        """Run a git command, again while the remote cannot be reached.

        Raise `SlipwayError` when it cannot be reached or denies access, and `GitError` for any other failure.
        """
        try:
            return repeat(lambda: self._attempt(command, *arguments), _wait)
        except GitError as error:
            said = refusals.words(str(error))
            reason = refusals.of_access(error)
            if reason == "denied":
                problem = f"{self.shown} refuses the {command}:\n  {said}"
                raise SlipwayError(problem, fix=self._rights()) from error
            if reason != "unreachable":
                raise
            fix = "see that it can be reached from here, and run the command again: nothing was changed there"
            raise SlipwayError(f"{self.shown} cannot be reached:\n  {said}", fix=fix) from error

    def _attempt(self, command: str, *arguments: str) -> bytes:
        """Run a git command once. Raise `SlipwayError` when a hook of this clone stops it."""
        with tempfile.TemporaryDirectory() as folder:
            events = Path(folder) / "events"
            variables = {**self._variables, "GIT_TRACE2_EVENT": str(events)}
            try:
                return self.repository.run(command, *arguments, variables=variables)
            except GitError as error:
                hook = refusals.failed_hook(events)
                if not hook:
                    raise
                problem = f"the hook {hook} of this clone stops the {command}:\n  {refusals.words(str(error))}"
                fix = f"do what the hook says, or change it (git rev-parse --git-path hooks/{hook}); nothing was sent"
                raise SlipwayError(problem, fix=fix) from error

    def _rights(self) -> str:
        if "GIT_CONFIG_COUNT" in self._variables:
            return (
                "the token needs the permission `contents: write` on this repository: give it to the GitHub App "
                "(its settings, Permissions), or to the job that runs this"
            )
        return (
            "log in to git with the right to push; "
            "in GitHub Actions give GITHUB_TOKEN the token of the bot's GitHub App"
        )


def _wait(error: Exception, factor: int) -> float | None:
    unreachable = isinstance(error, GitError) and refusals.of_access(error) == "unreachable"
    return _PAUSE * factor if unreachable else None
