"""Commits: the pull requests that brought them, and their files."""

from pathlib import Path
from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.provenance.commits import Pulls, check_out, everything, on_route, pull_in
from tests.unit.conftest import Site


@pytest.mark.parametrize(
    ("subject", "pull"),
    [
        ("Merge pull request #12 from team/change", {"number": 12, "branch": "team/change"}),
        ("Better irises (#7)", {"number": 7, "title": "Better irises"}),
        ("Mend (#3) again (#4)", {"number": 4, "title": "Mend (#3) again"}),
        ("See #7", None),
        ("(#7)", None),
        ("Merge branch 'main'", None),
        ("Ends with (#7) here", None),
        ("", None),
    ],
)
def test_a_subject_names_a_pull_request(subject: str, pull: dict[str, Any] | None) -> None:
    """Only the subjects that GitHub writes for a merge or a squash do."""
    assert pull_in(subject) == pull


def test_the_pull_request_that_brought_a_commit_is_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the first merge of the commit into the followed branch, not a merge of an inner branch or a later one."""
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    site.git("switch", "--quiet", "-c", "inner")
    site.write("file", "1")
    commit = site.commit("Change")
    site.git("switch", "--quiet", "-c", "outer", "main")
    site.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #1 from team/inner", "inner")
    site.git("switch", "--quiet", "main")
    site.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #2 from team/outer", "outer")
    merge = site.head
    site.write("file", "2")
    site.commit("Later (#3)")
    pulls = Pulls(Repository(site.root))
    assert pulls.of_commit(site.head, commit) == (
        [{"number": 2, "branch": "team/outer", "commit": merge}],
        [],
    )
    assert pulls.of_commit(commit, site.head) == ([], [])


def test_a_commit_is_checked_out(site: Site, tmp_path: Path) -> None:
    """A linked work tree and a shallow clone give the files, too. A missing commit is an error."""
    site.write("model/iris/iris.csv", "length\n1\n")
    first = site.commit("Data")
    site.write("model/iris/iris.csv", "length\n2\n")
    site.commit("Newer data")
    site.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    site.git("clone", "--quiet", "--depth=1", site.root.as_uri(), str(tmp_path / "shallow"))
    for number, (source, commit) in enumerate(
        [(site.root, first), (tmp_path / "linked", first), (tmp_path / "shallow", site.head)]
    ):
        target = check_out(Repository(source), commit, tmp_path / f"made-{number}")
        assert Site(target).head == commit
        assert (target / "model/iris/iris.csv").is_file()
        assert Site(target).git("status", "--porcelain") == ""
    with pytest.raises(SlipwayError, match="not in this clone"):
        check_out(Repository(tmp_path / "shallow"), first, tmp_path / "nothing")


def test_letters_of_control(site: Site) -> None:
    """An author and a subject may hold any of them; the release is found, with both."""
    site.released()
    who, subject = "A\x01d\x02a <ada@example.org>", "Mine\x01\x02\tA"
    site.git("commit", "--quiet", "--amend", "--author", who, "-m", subject)
    repository = Repository(site.root)
    [release] = everything(repository, [site.head])
    [(commit, share)] = on_route(repository, release)
    assert (commit.id, commit.who, commit.subject, share) == (site.head, who, subject, 100)
