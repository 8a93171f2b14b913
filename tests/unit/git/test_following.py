"""The branch that is checked out follows the remote's, and a kill at any moment is healed by the next command."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.git import GitError, Head, Repository, worktree
from tests.unit.git.conftest import git

pytestmark = pytest.mark.usefixtures("people")


def commit(root: Path) -> Head:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "Change")
    return Repository(root).head()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with files of several kinds, on its first commit."""
    folder = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", str(folder))
    for number in range(30):
        (folder / f"kept{number}").write_text(f"{number}\n")
    (folder / "gone/deep").mkdir(parents=True)
    (folder / "gone/deep/file").touch()
    (folder / "becomes-a-folder").touch()
    (folder / "mine").write_text("theirs\n")
    (folder / ".gitignore").write_text("ignored\n")
    commit(folder)
    return folder


@pytest.fixture
def ahead(root: Path) -> str:
    """Return a commit with all kinds of changes on top of the first one, which is checked out."""
    for number in range(30):
        (root / f"kept{number}").write_text(f"{number} again\n")
    git(root, "rm", "-q", "-r", "gone", "becomes-a-folder")
    (root / "becomes-a-folder").mkdir()
    (root / "becomes-a-folder/file").write_text("new\n")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("run")
    (root / ".gitattributes").write_text("*.crlf text eol=crlf\n")
    (root / "lines.crlf").write_text("one\ntwo\n")
    after = commit(root).commit
    git(root, "reset", "--quiet", "--hard", "HEAD^")
    return after


def is_there(root: Path, after: str) -> None:
    assert git(root, "rev-parse", "HEAD") == after
    assert os.readlink(root / "link") == "run" and os.access(root / "run", os.X_OK)  # noqa: PTH115
    assert (root / "lines.crlf").read_bytes() == b"one\r\ntwo\r\n"
    assert (root / "becomes-a-folder/file").read_text() == "new\n" and not (root / "gone").exists()
    assert (root / "kept29").read_text() == "29 again\n"
    assert [path.name for path in (root / ".git/slipway").iterdir()] == ["lock"]


def test_files_of_all_kinds_follow(root: Path, ahead: str) -> None:
    """Links, executables, files that become folders and line ends of new attributes are written."""
    repository = Repository(root)
    repository.forward(repository.head(), ahead)
    is_there(root, ahead)
    assert git(root, "status", "--porcelain") == ""


def test_filters_of_attributes_apply(root: Path) -> None:
    """A file is written through its filter, as with Git LFS, and does not count as changed."""
    git(root, "config", "filter.case.smudge", "tr a-z A-Z")
    git(root, "config", "filter.case.clean", "tr A-Z a-z")
    (root / ".gitattributes").write_text("*.large filter=case\n")
    (root / "model.large").write_text("ONE\n")
    first = commit(root)
    (root / "model.large").write_text("TWO\n")
    after = commit(root).commit
    git(root, "reset", "--quiet", "--hard", first.commit)
    repository = Repository(root)
    repository.forward(first, after)
    assert git(root, "show", f"{after}:model.large") == "two"
    assert (root / "model.large").read_text() == "TWO\n" and git(root, "status", "--porcelain") == ""
    (root / "model.large").write_text("MINE\n")
    with pytest.raises(GitError, match=r"model\.large would be overwritten"):
        repository.forward(repository.head(), first.commit)


def test_unrelated_work_in_progress_stays(root: Path, ahead: str) -> None:
    """Changed, staged and ignored files stay as they are."""
    (root / "mine").write_text("mine\n")
    (root / "staged").write_text("mine\n")
    (root / "ignored").write_text("mine\n")
    git(root, "add", "staged")
    repository = Repository(root)
    repository.forward(repository.head(), ahead)
    is_there(root, ahead)
    assert git(root, "status", "--porcelain").split("\n") == ["M mine", "A  staged"]
    assert (root / "ignored").exists()


@pytest.mark.parametrize("name", ["kept3", "run"], ids=["changed", "new"])
def test_a_file_in_the_way(root: Path, ahead: str, name: str) -> None:
    """The error names a changed or new file that would be overwritten, and nothing changes."""
    repository = Repository(root)
    head = repository.head()
    (root / name).write_text("mine\n")
    with pytest.raises(GitError, match=f"{name} would be overwritten"):
        repository.forward(head, ahead)
    assert repository.head() == head and (root / name).read_text() == "mine\n"
    assert not (root / "link").is_symlink() and not (root / ".git/index.lock").exists()


def test_a_branch_that_moved_meanwhile(root: Path, ahead: str) -> None:
    """A branch that has the commit already stays. A branch with other commits is refused."""
    repository = Repository(root)
    head = repository.head()
    repository.forward(head, ahead)
    repository.forward(head, ahead)
    is_there(root, ahead)
    git(root, "reset", "--quiet", "--hard", head.commit)
    own = commit(root)
    with pytest.raises(GitError, match="main has moved"):
        repository.forward(head, ahead)
    assert repository.head() == own


@pytest.mark.parametrize("files", [0, 1, 20, 100], ids=["no-file", "the-attributes", "half", "all"])
def test_killed_between_two_files(root: Path, ahead: str, files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the branch and some files have moved, the next command moves the others and keeps work in progress."""
    written = 0

    def put(*arguments: Path) -> None:
        nonlocal written
        if written == files:
            os._exit(9)
        written += 1
        original(*arguments)

    (root / "mine").write_text("mine\n")
    original = worktree._put
    with monkeypatch.context() as patch:
        patch.setattr(worktree, "_put", put)
        if (child := os.fork()) == 0:
            try:
                repository = Repository(root)
                repository.forward(repository.head(), ahead)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    Repository(root).settle("kept0")
    is_there(root, ahead)
    assert git(root, "status", "--porcelain") == "M mine"


FOLLOWER = """
import sys
from pathlib import Path
from slipway.git import Repository
for commit in sys.argv[2:]:
    repository = Repository(Path(sys.argv[1]))
    repository.forward(repository.ready(), commit)
"""


@pytest.mark.long(3)
@pytest.mark.parametrize("times", [2, pytest.param(30, marks=pytest.mark.long(60))])
@pytest.mark.parametrize("whole_group", [False, True], ids=["only-ours", "git-too"])
def test_killed_at_any_moment(root: Path, whole_group: bool, times: int) -> None:
    """After kill -9 the next run finds a whole commit and a clean work tree, even if git commands were killed too."""
    generator = random.Random(7)  # noqa: S311
    first = Repository(root).latest()
    for number in range(40):
        for file in range(30):
            (root / f"kept{file}").write_text(f"{number} {file}\n" * 1000)
        (root / f"new{number}").touch()
        (root / f"new{number - 1}").unlink(missing_ok=True)
        commit(root)
    chain = git(root, "rev-list", "--reverse", f"{first}..HEAD").split()
    for _ in range(times):
        git(root, "reset", "--quiet", "--hard", first)
        command = [sys.executable, "-c", FOLLOWER, str(root), *chain]
        process = subprocess.Popen(command, start_new_session=True)
        time.sleep(0.3 + generator.random())
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.communicate()
        assert Repository(root).ready().commit in [first, *chain]
        assert git(root, "status", "--porcelain") == ""
        assert [path.name for path in (root / ".git/slipway").iterdir()] in ([], ["lock"])
        assert not (root / ".git/index.lock").exists()
