"""The repository: its head, what its commits hold, and commits written so that nobody else's is lost."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import credentials, worktree
from slipway.git.commands import Git, GitError, common
from slipway.text import listed

Changes = Mapping[str, bytes | None]
"""The files of a commit to make: the content by path, or None to remove the file."""

NOWHERE = "0" * 40
"""The expected place of a branch that does not exist yet."""

# Names under which tools and clouds leave credentials: Google's log-in on GitHub leaves the first.
_CREDENTIALS = re.compile(
    r"gha-creds-.*\.json|.*credentials.*\.json|.*service[-_]account.*\.json|\.env|\.netrc|.*\.(key|p12|pem)|id_.*sa"
    r"|id_ed25519|kubeconfig.*",
    re.DOTALL,
)
_DATE = re.compile(r" \d+ [+-]\d+\s*$")
_PERSON = re.compile(r"(author|committer) (.*) <([^>]*)> (\d+ [+-]\d+)")
# Never written: fast-import wants a name for the branch of a commit, and forgets it at the end.
_UNNAMED = "refs/slipway/new"


class Moved(Exception):  # noqa: N818 - not an error: the answer to it is to compute anew
    """Another commit came first, so the change has to be computed again on the new head.

    Its arguments are the branch and, if there are any, the words of the remote.
    """


class Head(NamedTuple):
    """A branch and its commit."""

    branch: str
    commit: str


class Repository(Git):
    """The git repository whose work tree is `root`."""

    def __init__(self, root: Path) -> None:
        """Raise `SlipwayError` when `root` is not the top of a work tree."""
        if shutil.which("git") is None:
            raise SlipwayError("git is not installed", fix="install git 2.38 or newer")
        super().__init__(root)
        self.directory = self._find()
        self.variables = self._promised()
        self._people: dict[str, str] = {}

    def _find(self) -> Path:
        try:
            found = self.run("rev-parse", "--absolute-git-dir", "--show-toplevel")
        except GitError as error:
            if "must be run in a work tree" in str(error):
                fix = "work in a clone of it: git clone"
                raise SlipwayError(f"{self.root} is a bare git repository", fix=fix) from error
            if "not a git repository" not in str(error):
                raise
            fix = "git init, then git add and git commit what is there"
            raise SlipwayError(f"{self.root} is not a git repository", fix=fix) from error
        directory, top = os.fsdecode(found).rstrip("\n").split("\n", 1)
        if Path(top).resolve() != self.root:
            fix = "keep slipway.yaml at the top of a repository of its own"
            raise SlipwayError(f"{self.root} is not the top of its git repository, {top} is", fix=fix)
        return Path(directory)

    def _promised(self) -> dict[str, str]:
        """Return the variables by which a partial clone fetches objects that it lacks; {} for a whole clone."""
        if not any((common(self.directory) / "objects/pack").glob("*.promisor")):
            return {}
        key = self.run("config", "--name-only", "--get-regexp", r"^remote\..*\.promisor$").decode().split("\n")[0]
        name = key.removeprefix("remote.").removesuffix(".promisor")
        return credentials.of(self.run("remote", "get-url", name).decode().strip())

    def latest(self) -> str:
        """Return the commit that is checked out; raise `SlipwayError` when there is none yet."""
        commit = self.commit_at("HEAD")
        if commit is None:
            raise SlipwayError(f"{self.root} has no commit yet", fix="git add . && git commit -m 'Start'")
        return commit

    def head(self) -> Head:
        """Return the branch that is checked out and its commit; raise `SlipwayError` without either."""
        found = self.checked_out()
        if not found.branch:
            fix = "git switch main (or git switch -c NAME to keep what is checked out)"
            raise SlipwayError(f"HEAD is detached at {found.commit[:12]}: there is no branch to commit on", fix=fix)
        return found

    def checked_out(self) -> Head:
        """Return the commit that is checked out and its branch, which is empty when HEAD is detached."""
        return Head(self._branch(), self.latest())

    def _branch(self) -> str:
        start, _, branch = (self.directory / "HEAD").read_text(encoding="utf-8").strip().partition("refs/heads/")
        if start == "ref: " and branch != ".invalid":
            return branch
        try:  # detached, or a way of storing references that has no such file
            # Not --short, which writes heads/main where a tag has the name too.
            return self.run("symbolic-ref", "--quiet", "HEAD").decode().strip().removeprefix("refs/heads/")
        except GitError:
            return ""

    def identity(self) -> str:
        """Return the author of commits, `Name <address>`; raise `SlipwayError` when git knows none."""
        return _DATE.sub("", self._idents()["AUTHOR"])

    def _idents(self) -> dict[str, str]:
        """Return author and committer as git writes them into commits: `Name <address> date`."""
        strict = ("-c", "user.useConfigOnly=true")
        try:
            for role in {"AUTHOR", "COMMITTER"} - self._people.keys():
                self._people[role] = self.run("var", f"GIT_{role}_IDENT", by=strict).decode().strip()
        except GitError as error:
            raise SlipwayError(
                "git does not know who you are, and every change of a release names who made it",
                fix="git config user.name 'Your Name' && git config user.email you@example.org",
            ) from error
        return self._people

    def ready(self, *paths: str) -> Head:
        """Return the head, when a commit can be made on it: see `settle`."""
        head = self.head()
        self.settle(*paths)
        return head

    def settle(self, *paths: str) -> None:
        """Complete the commit of a killed run, and check that everything below `paths` (else anywhere) is committed.

        Raise `SlipwayError` with the files that are not, and when git knows no author.
        """
        self.identity()
        with worktree.locked(self):
            dirty = self.dirty(*paths)
        if secret := [path for path in dirty if _CREDENTIALS.fullmatch(path.rpartition("/")[2].lower())]:
            fix = "move it out of the repository, or name it in .gitignore; never commit it"
            raise SlipwayError(f"not ignored, and looks like a credential: {listed(secret, 5)}", fix=fix)
        if dirty:
            fix = "git add and git commit it, or git stash --include-untracked; a release is made from a commit"
            raise SlipwayError(f"not everything is committed: {listed(dirty, 5)}", fix=fix)

    def commit(self, changes: Changes, message: str, *, branch: str, parent: str, expected: str | None = None) -> str:
        """Commit `changes` on top of `parent` and move `branch` there.

        Where the branch is checked out here, the work tree and the index follow, for just these paths; a kill at any
        moment is healed by the next run. `expected` is where the branch has to stand (`parent` unless given).
        Raise `Moved` when it stands elsewhere: then nothing has changed.
        """
        expected = expected or parent
        with worktree.locked(self):
            if (self.commit_at(f"refs/heads/{branch}") or NOWHERE) != expected:
                raise Moved(branch)
            new = self._write(changes, message, parent)
            paths = sorted(changes) if self._branch() == branch else []
            with worktree.following(self, branch, expected, new, paths):
                self._move(branch, new, expected, message)
        return new

    def forward(self, head: Head, commit: str) -> None:
        """Bring the branch that is checked out, the work tree and the index to a commit that follows `head`.

        Unrelated work in progress stays; a kill at any moment is healed by the next run. Raise `GitError` when a
        changed file is in the way, or the branch has moved elsewhere: then nothing has changed.
        """
        with worktree.locked(self):
            now = self.checked_out()
            if now != head:
                if now.branch == head.branch and self.contains(now.commit, commit):
                    return
                raise GitError(f"{head.branch} has moved from {head.commit[:12]}", fix="run the command again")
            paths = self.changed(now.commit, commit)
            with worktree.following(self, now.branch, now.commit, commit, paths, strict=True):
                self._move(now.branch, commit, now.commit, "Follow the remote")

    def record(self, changes: Changes, message: str, parent: str) -> str:
        """Return a commit of `changes` on top of `parent` that is on no branch."""
        with worktree.locked(self):
            return self._write(changes, message, parent)

    def _write(self, changes: Changes, message: str, parent: str) -> str:
        """Write the objects of a commit with one git process; no branch and no index changes."""
        people = [f"{role.lower()} {self._ident(role)}".encode() for role in ("AUTHOR", "COMMITTER")]
        text = (message if message.endswith("\n") else f"{message}\n").encode()
        # What is removed comes first: a file may give way to a folder of the same name, and the other way about.
        removed = [b"D " + _quoted(path) for path, content in changes.items() if content is None]
        kept = {path: content for path, content in changes.items() if content is not None}
        written = [b"M 100644 inline %b\n%b" % (_quoted(path), _data(content)) for path, content in kept.items()]
        start = [f"commit {_UNNAMED}".encode(), b"mark :1", *people, _data(text), f"from {parent}".encode()]
        end = [b"", b"get-mark :1", f"reset {_UNNAMED}".encode(), b"", b"done", b""]
        stream = b"\n".join([*start, *removed, *written, *end])
        # With core.ignorecase, as on macOS, it would take two names for one that differ by case.
        exact = ("-c", "core.ignorecase=false")
        new = self.run("fast-import", "--quiet", "--done", by=exact, given=stream).decode().strip()
        return self._signed(new, text, parent, people) if self._signs() else new

    def _signs(self) -> bool:
        """Return True if the person signs commits: fast-import does not."""
        return self.run("config", "--type=bool", "--default=false", "--get", "commit.gpgSign").strip() == b"true"

    def _signed(self, commit: str, text: bytes, parent: str, people: list[bytes]) -> str:
        """Return a signed commit like `commit`, by the person's own key and program."""
        found = [match.groups() for each in people if (match := _PERSON.fullmatch(each.decode()))]
        variables = {
            f"GIT_{role.upper()}_{part}": value
            for role, *values in found
            for part, value in zip(("NAME", "EMAIL", "DATE"), values, strict=True)
        }
        words = ("commit-tree", "-S", "-p", parent, "-F", "-", f"{commit}^{{tree}}")
        try:
            signed = self.run(*words, by=("-c", "i18n.commitEncoding=UTF-8"), given=text, variables=variables)
        except GitError as error:
            problem = f"git cannot sign the commit, as commit.gpgSign says:\n  {error.problem}"
            fix = "make git commit -S work here (user.signingKey, gpg.format); or git config commit.gpgSign false here"
            raise SlipwayError(problem, fix=fix) from error
        return signed.decode().strip()

    def _ident(self, role: str) -> str:
        """Return author or committer with the present time, or with the time of git's own variable."""
        ident, now = self._idents()[role], f" {int(time.time())} {time.strftime('%z')}"
        return ident if os.environ.get(f"GIT_{role}_DATE") else _DATE.sub(now, ident)

    def _move(self, branch: str, new: str, old: str, message: str) -> None:
        try:
            self.run("update-ref", "-m", f"slipway: {message.splitlines()[0]}", f"refs/heads/{branch}", new, old)
        except GitError as error:
            if self.commit_at(f"refs/heads/{branch}") != (None if old == NOWHERE else old):
                raise Moved(branch) from error
            if "cannot create" in str(error):
                problem = f"no branch can be called {branch} beside the branches that there are:\n  {error}"
                raise GitError(problem, fix="rename the branch that is in its way: git branch --move") from error
            raise


def _quoted(path: str) -> bytes:
    """Return a path as git quotes it, which keeps a line feed in it from ending a command."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return b'"' + os.fsencode(escaped) + b'"'


def _data(content: bytes) -> bytes:
    return b"data %d\n%b" % (len(content), content)
