"""A name means one commit: tags and branches of the same name change nothing, or are refused."""

from pathlib import Path

import pytest

from slipway.git import GitError, Repository
from tests.unit.git.conftest import git

LONG = pytest.mark.long(30)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a clone whose branch `main`, here and on the remote, is ahead of its first commit by one."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "clone")
    folder = tmp_path / "clone"
    for name in ("first", "second"):
        git(folder, "commit", "--quiet", "--allow-empty", "-m", name)
    git(folder, "update-ref", "refs/remotes/origin/main", "main")
    return folder


@pytest.mark.parametrize("taken", ["refs/tags/{}", pytest.param("refs/{}", marks=LONG)])
@pytest.mark.parametrize("end", ["", *(pytest.param(end, marks=LONG) for end in ("~1", "^", "^{tree}^", "@{0}"))])
@pytest.mark.parametrize("name", ["origin/main", "main"])
def test_a_short_name_that_another_reference_has(root: Path, name: str, taken: str, end: str) -> None:
    """The full names of all meanings are told, and a full name works."""
    git(root, "update-ref", taken.format(name), "HEAD~1")
    repository = Repository(root)
    with pytest.raises(GitError, match=f"'{name}.*' has several meanings here: refs/.*, refs/.*{name}") as caught:
        repository.commit_at(name + end)
    assert "refs/remotes/origin/main" in caught.value.fix or "refs/heads/main" in caught.value.fix
    assert repository.commit_at("refs/remotes/origin/main") == repository.latest() == git(root, "rev-parse", "HEAD")


def test_a_tag_like_the_beginning_of_an_id(root: Path) -> None:
    """The id of a commit, cut short, does not become a tag's commit."""
    short = git(root, "rev-parse", "HEAD")[:8]
    git(root, "tag", short, "HEAD~1")
    with pytest.raises(GitError, match=f"several meanings here: the object {short}.*, refs/tags/{short}"):
        Repository(root).commit_at(short)
    git(root, "tag", "cafe", "HEAD~1")
    assert Repository(root).commit_at("cafe") == git(root, "rev-parse", "HEAD~1")


def test_a_short_name_that_means_the_same_twice(root: Path) -> None:
    """A tag on the branch's own commit is no question."""
    git(root, "tag", "main", "refs/heads/main")
    assert Repository(root).commit_at("main") == git(root, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["HEAD", "refs/heads/main", "refs/remotes/origin/main", "{commit}"])
def test_names_that_no_tag_can_take(root: Path, name: str) -> None:
    """Git looks for these first, whatever else is called like that."""
    commit = git(root, "rev-parse", "HEAD")
    for kind in ("tags", "heads", "remotes"):
        git(root, "update-ref", f"refs/{kind}/{name.format(commit=commit)}", "HEAD~1")
    assert Repository(root).commit_at(name.format(commit=commit)) == commit


def test_the_branch_that_is_checked_out(root: Path) -> None:
    """A tag of its name does not change what it is called, in no way of storing references."""
    git(root, "tag", "main", "HEAD~1")
    (root / ".git/HEAD").unlink()
    (root / ".git/HEAD").symlink_to("refs/heads/main")  # as old versions of git did
    assert Repository(root).head().branch == "main"
