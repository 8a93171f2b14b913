"""Pull requests that brought a commit."""

from typing import Any

import pytest

from slipway.git import Repository
from slipway.provenance.commits import Pulls, pull_in
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
def test_subjects(subject: str, pull: dict[str, Any] | None) -> None:
    """Only what GitHub writes for a merge or a squash names one."""
    assert pull_in(subject) == pull


def test_a_commit_of_a_merged_branch(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was brought by the first merge into the branch that is followed, whatever was merged before and after."""
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
