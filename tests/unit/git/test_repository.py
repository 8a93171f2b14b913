"""Commits are made beside the work tree. None is lost, and the next run heals what a kill left."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.git import NOWHERE, Head, Moved, Repository, worktree
from tests.unit.git.conftest import git

pytestmark = pytest.mark.usefixtures("people")

OURS = Path(__file__).parents[3]
DOWNLOAD = re.compile(r"actions/download-artifact@.*\n\s+with:\n(?:\s+\S+: .*\n)*?\s+path: (\w+)\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with one commit."""
    folder = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", str(folder))
    (folder / "readme").write_text("hello\n")
    (folder / ".gitignore").write_text("ignored/\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Start")
    return folder


def commit(root: Path, changes: dict[str, bytes | None], message: str = "Change") -> str:
    repository = Repository(root)
    head = repository.head()
    return repository.commit(changes, message, branch=head.branch, parent=head.commit)


def test_work_tree_and_index_follow(root: Path) -> None:
    """A commit writes its files, removes others with their empty folders, and leaves nothing dirty."""
    commit(root, {"overlays/a/one": b"1\n", "overlays/b/two": b"2\n"})
    assert (root / "overlays/a/one").read_bytes() == b"1\n"
    commit(root, {"overlays/a/one": None, "overlays/b/two": b"3\n"})
    assert not (root / "overlays/a").exists()
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "show", "HEAD:overlays/b/two") == "3"
    assert git(root, "reflog", "-1", "--format=%gs") == "slipway: Change"


def test_work_in_progress_stays(root: Path) -> None:
    """A commit leaves out, and leaves alone, other files that a person changed or staged."""
    (root / "readme").write_text("mine\n")
    (root / "staged").write_text("mine\n")
    git(root, "add", "staged")
    commit(root, {"overlays/one": b"1\n"})
    assert git(root, "status", "--porcelain").split("\n") == ["M readme", "A  staged"]
    assert git(root, "show", "--name-only", "--format=") == "overlays/one"


def test_another_branch(root: Path) -> None:
    """A commit on a branch that is not checked out changes no file here."""
    repository = Repository(root)
    head = repository.head()
    made = repository.commit({"one": b"1\n"}, "One", branch="other", parent=head.commit, expected=NOWHERE)
    assert git(root, "rev-parse", "other") == made
    assert repository.head() == head
    assert not (root / "one").exists() and git(root, "status", "--porcelain") == ""


def test_a_branch_that_moved(root: Path) -> None:
    """A commit on an outdated head is refused, and nothing has changed."""
    repository = Repository(root)
    head = repository.head()
    commit(root, {"one": b"1\n"})
    now = repository.head()
    with pytest.raises(Moved):
        repository.commit({"two": b"2\n"}, "Two", branch="main", parent=head.commit)
    assert repository.head() == now and git(root, "status", "--porcelain") == ""


def test_reading(root: Path) -> None:
    """The files of a commit have the committed content, binary and empty ones too."""
    contents = {"overlays/a b/ü": b"\0\n\n", "overlays/empty": b"", "other": b"x"}
    sha = commit(root, contents)
    (root / "overlays/empty").write_bytes(b"not committed")
    repository = Repository(root)
    assert repository.files(sha, "overlays") == {"a b/ü": b"\0\n\n", "empty": b""}
    assert repository.files(sha, "none") == {}
    assert repository.read([f"{sha}:other", f"{sha}:none", f"{sha}:overlays/empty"]) == {
        f"{sha}:other": b"x",
        f"{sha}:none": None,
        f"{sha}:overlays/empty": b"",
    }


def test_who_commits(root: Path, tmp_path: Path) -> None:
    """Git's settings name the author. Without them the error tells how to set them."""
    assert Repository(root).identity() == "Ada <ada@example.org>"
    (tmp_path / "gitconfig").write_text("")
    with pytest.raises(SlipwayError, match="git does not know who you are") as caught:
        Repository(root).ready()
    assert "git config user.name" in caught.value.fix


def test_not_a_repository(tmp_path: Path) -> None:
    """The error for a folder without git gives the commands that make it a repository."""
    with pytest.raises(SlipwayError, match="is not a git repository") as caught:
        Repository(tmp_path)
    assert "git init" in caught.value.fix


def test_a_bare_repository(tmp_path: Path) -> None:
    """A bare repository is refused: it has no work tree."""
    git(tmp_path, "init", "--quiet", "--bare", "bare")
    with pytest.raises(SlipwayError, match="is a bare git repository"):
        Repository(tmp_path / "bare")


def test_a_folder_within_a_repository(root: Path) -> None:
    """A folder within a repository is refused: overlays are named from the top."""
    (root / "sub").mkdir()
    with pytest.raises(SlipwayError, match="is not the top of its git repository"):
        Repository(root / "sub")


def test_no_commit_yet(tmp_path: Path) -> None:
    """The error for a branch without a commit gives the command that makes one."""
    git(tmp_path, "init", "--quiet", "new")
    with pytest.raises(SlipwayError, match="has no commit yet"):
        Repository(tmp_path / "new").ready()


def test_a_detached_head(root: Path) -> None:
    """The error for a detached head says that there is no branch, and how to get back to one."""
    git(root, "checkout", "--quiet", "--detach")
    with pytest.raises(SlipwayError, match="HEAD is detached") as caught:
        Repository(root).ready()
    assert "git switch main" in caught.value.fix


def test_dirty(root: Path) -> None:
    """Changed, staged and new files are dirty, ignored ones are not. The error names the first five."""
    (root / "ignored").mkdir()
    (root / "ignored/file").touch()
    Repository(root).ready()
    for number in range(7):
        (root / f"new{number}").touch()
    with pytest.raises(SlipwayError, match=r"new0, new1, new2, new3, new4 and 2 more"):
        Repository(root).ready()
    Repository(root).ready("overlays")


@pytest.mark.parametrize("name", ["gha-creds-1a2b3c.json", "deploy/service-account-key.json", ".env", "tls.key"])
def test_a_credential_is_never_advised_to_be_committed(root: Path, name: str) -> None:
    """The error for a file that looks like a credential advises how to keep it out of git."""
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).touch()
    with pytest.raises(SlipwayError, match=f"looks like a credential: {name.split('/')[0]}") as caught:
        Repository(root).ready()
    assert "git add" not in caught.value.fix


def test_this_repository_ignores_what_actions_leave(root: Path) -> None:
    """The `.gitignore` covers the credential of Google's log-in, and all that workflows download."""
    shutil.copy(OURS / ".gitignore", root)
    git(root, "commit", "--quiet", "--all", "-m", "Ignore")
    workflows = "\n".join(path.read_text() for path in (OURS / ".github/workflows").glob("*.yaml"))
    downloads = set(DOWNLOAD.findall(workflows))
    assert {"build", "orders"} < downloads and len(downloads) > 4
    (root / "gha-creds-0123456789abcdef.json").touch()
    for folder in downloads:
        (root / folder).mkdir()
        (root / folder / "0.json").touch()
    assert Repository(root).dirty() == []


def test_variables_of_hooks_do_not_lead_away(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a git hook of another repository, git commands still work on our repository."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    made = commit(root, {"one": b"1\n"})
    monkeypatch.undo()
    assert git(root, "rev-parse", "HEAD") == made


def test_a_linked_work_tree(root: Path, tmp_path: Path) -> None:
    """In a linked work tree, its own files and index follow."""
    git(root, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    commit(tmp_path / "side", {"one": b"1\n"})
    assert (tmp_path / "side/one").exists() and not (root / "one").exists()
    assert git(tmp_path / "side", "status", "--porcelain") == ""


COMMITTER = """
import sys
from pathlib import Path
from slipway.git import Moved, Repository
root, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    while True:
        repository = Repository(root)
        head = repository.ready()
        text = repository.read([f"{head.commit}:overlays/log"])[f"{head.commit}:overlays/log"] or b""
        changes = {"overlays/log": text + f"{name}{number}\\n".encode(), f"overlays/{name}/{number}": b"x"}
        if number:
            changes[f"overlays/{name}/{number - 1}"] = None
        try:
            repository.commit(changes, f"{name} {number}", branch=head.branch, parent=head.commit)
            break
        except Moved:
            pass
"""


def start(root: Path, name: str, count: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", COMMITTER, str(root), name, str(count)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)


def test_two_at_once_both_land(root: Path) -> None:
    """Two processes in one work tree keep each other's commits and leave it clean."""
    processes = [start(root, name, 6) for name in "abc"]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    lines = git(root, "show", "HEAD:overlays/log").split("\n")
    assert sorted(lines) == sorted(f"{name}{number}" for name in "abc" for number in range(6))
    assert git(root, "status", "--porcelain") == ""
    assert (root / "overlays/log").read_text().split() == lines


@pytest.mark.parametrize("times", [2, pytest.param(40, marks=pytest.mark.long(20))])
@pytest.mark.parametrize("whole_group", [False, True], ids=["only-ours", "git-too"])
def test_killed_at_any_moment(root: Path, whole_group: bool, times: int) -> None:
    """After kill -9 the next run finds a whole commit and updates the tree, even if git commands were killed too."""
    generator = random.Random(7)  # noqa: S311
    for round_ in range(times):
        process = start(root, f"k{round_}-", 1000)
        time.sleep(0.15 + generator.random() * 0.4)
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.communicate()
        Repository(root).ready()
        assert git(root, "status", "--porcelain") == ""
        assert git(root, "fsck", "--no-dangling", "--connectivity-only") == ""
        log = (root / "overlays/log").read_text() if (root / "overlays/log").exists() else ""
        assert git(root, "rev-list", "--count", "HEAD") == str(log.count("\n") + 1)
        assert [path.name for path in (root / ".git/slipway").iterdir()] == ["lock"]
        assert not (root / ".git/index.lock").exists()


def interrupted(root: Path, changes: dict[str, bytes | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Die after the branch has moved and before any file is written."""
    with monkeypatch.context() as patch:
        patch.setattr(worktree, "_follow", lambda *_: os._exit(9))
        child = os.fork()
        if child == 0:
            commit(root, changes)
        os.waitpid(child, 0)


def test_a_tree_left_behind_is_completed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill between the branch and its files, the next run writes the files."""
    commit(root, {"overlays/gone": b"0\n"})
    interrupted(root, {"overlays/one": b"1\n", "overlays/gone": None}, monkeypatch)
    assert git(root, "show", "HEAD:overlays/one") == "1"
    assert not (root / "overlays/one").exists()
    assert (root / ".git/index.lock").exists()
    Repository(root).ready()
    assert (root / "overlays/one").read_bytes() == b"1\n" and not (root / "overlays/gone").exists()
    assert git(root, "status", "--porcelain") == ""


def test_a_lock_of_a_killed_move_is_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run removes the lock of a git command that was killed while it moved another branch."""

    def die(repository: Repository, *_: object) -> None:
        (repository.directory / "refs/heads/proposal.lock").touch()
        os._exit(9)

    def propose() -> str:
        repository = Repository(root)
        head = repository.head()
        return repository.commit({"one": b"1\n"}, "One", branch="proposal", parent=head.commit, expected=NOWHERE)

    with monkeypatch.context() as patch:
        patch.setattr(Repository, "_move", die)
        child = os.fork()
        if child == 0:
            propose()
        os.waitpid(child, 0)
    made = propose()
    assert git(root, "rev-parse", "proposal") == made
    assert git(root, "status", "--porcelain") == "" and not (root / "one").exists()


def test_healing_keeps_what_a_person_wrote(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that a person changed after the kill keeps the change, and the error names it."""
    interrupted(root, {"overlays/one": b"1\n"}, monkeypatch)
    (root / "overlays").mkdir()
    (root / "overlays/one").write_text("by hand\n")
    with pytest.raises(SlipwayError, match="overlays/one"):
        Repository(root).ready()
    assert (root / "overlays/one").read_text() == "by hand\n"


def test_healing_after_a_switch(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a switch to another branch, healing leaves the tree of that branch."""
    git(root, "branch", "other")
    interrupted(root, {"overlays/one": b"1\n"}, monkeypatch)
    (root / ".git/index.lock").unlink()
    git(root, "symbolic-ref", "HEAD", "refs/heads/other")
    assert Repository(root).ready() == Head("other", git(root, "rev-parse", "other"))
    assert git(root, "status", "--porcelain") == ""


def test_a_lock_of_somebody_else(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit waits for the index lock of another git command, then fails, names it and leaves it there."""
    monkeypatch.setattr(worktree, "_PATIENCE", 0.1)
    (root / ".git/index.lock").touch()
    head = Repository(root).head()
    with pytest.raises(SlipwayError, match="another git command") as caught:
        commit(root, {"one": b"1\n"})
    assert "index.lock" in caught.value.fix
    assert (root / ".git/index.lock").exists() and Repository(root).head() == head


def test_names_that_differ_by_case(root: Path) -> None:
    """A commit keeps such names apart, even when the file system of the clone ignores case."""
    git(root, "config", "core.ignorecase", "true")
    made = commit(root, {"overlays/README": b"1\n", "Overlays/readme": b"2\n"})
    names = git(root, "ls-tree", "-r", "--name-only", made).split("\n")
    assert {"overlays/README", "Overlays/readme"} <= set(names)
