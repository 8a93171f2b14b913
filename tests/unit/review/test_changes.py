"""Commits that cannot be compared, and paths with control characters."""

import re
from pathlib import Path
from typing import Any

import pytest

from slipway.cli import doctor
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.release.status import status
from slipway.review.check import check
from slipway.review.consequences import affected
from tests.unit.conftest import Site
from tests.unit.review.conftest import FOLDER, commit, look


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"base": None, "head": "main"}, "'refs/remotes/origin/main' is no commit of this clone"),
        ({"base": "main", "head": "nowhere"}, "'nowhere' is no commit of this clone"),
        ({"base": "main", "head": "alone"}, "have no commit in common"),
    ],
)
def test_commits_that_cannot_be_compared(site: Site, options: dict[str, Any], says: str) -> None:
    """The error says which commits to fetch."""
    site.git("checkout", "--quiet", "--orphan", "alone")
    site.git("commit", "--quiet", "--allow-empty", "-m", "Another beginning")
    with pytest.raises(SlipwayError, match=says) as caught:
        check(site.settings, **options)
    assert "git fetch" in caught.value.fix


def test_a_path_with_line_breaks(team: Site) -> None:
    """A path is shown on one line, so a runner takes no part of it for a command."""
    commit(team, {"overlays/prod/iris\n::error::x/y.yaml": b"a: 1\n"})
    wrong = look(team).violations
    assert wrong
    for violation in wrong:
        assert len(str(violation).splitlines()) == 2
        assert not any(line.lstrip().startswith("::") for line in str(violation).splitlines())


def test_a_tag_called_like_the_base(team: Site) -> None:
    """A tag `origin/main` on the change itself cannot hide what the change does."""
    commit(team, {f"{FOLDER}/route.yaml": b"hello: there\n"})
    team.git("update-ref", "refs/remotes/origin/main", "main")
    team.git("tag", "origin/main", "change")
    for base in (None, "refs/remotes/origin/main"):
        assert check(team.settings, base=base, head=team.git("rev-parse", "change")).violations
    for ask in (
        lambda: check(team.settings, base="origin/main", head="change"),
        lambda: _affected(team, "origin/main"),
    ):
        with pytest.raises(SlipwayError, match="'origin/main' has several meanings here: refs/tags/origin/main, refs/"):
            ask()


def _affected(site: Site, since: str) -> list[str]:
    return affected(site.settings, Repository(site.root), since)


def test_workflows_name_branches_in_full() -> None:
    """No tag can stand for a branch in a workflow."""
    folder = Path(__file__).parents[3] / ".github"
    texts = {path: path.read_text() for path in sorted(folder.rglob("*.yaml"))}
    short = re.compile(r"(?<![\w/])origin/|(?<=ref: )\w+$|(?<=ref: )\$\{\{ *github\.(?:base|head)_ref", re.MULTILINE)
    wrong = [f"{path.name}: {found[0]}" for path, text in texts.items() for found in short.finditer(text)]
    assert wrong == []
    assert "format('refs/remotes/origin/{0}', github.base_ref)" in texts[folder / "workflows/ci.yaml"]


def _renamed(team: Site) -> None:
    """Call the environment test by another name, on the branch `change`."""
    team.git("switch", "--quiet", "-c", "change")
    text = (team.root / "slipway.yaml").read_text()
    team.write("slipway.yaml", text.replace("  test: {", "  qa: {").replace("promotes_from: test", "promotes_from: qa"))
    team.commit("Rename test")


def test_an_environment_that_leaves_the_settings(team: Site) -> None:
    """It goes with its overlays, or later; until then check, status and doctor tell it."""
    _renamed(team)
    team.git("switch", "--quiet", "main")
    wrong = check(team.settings, base="main", head="change").violations
    assert [(each.path, each.problem) for each in wrong] == [
        ("slipway.yaml", "takes test out of slipway.yaml, where iris would run on")
    ]
    assert "git rm -r overlays/test" in wrong[0].fix
    team.git("switch", "--quiet", "change")
    assert [row[:3] for row in status(team.settings) if row.environment == "test"] == [("test", "iris", "abandoned")]
    told = [finding for finding in doctor.overlays(team.settings) if finding.state == "missing"]
    assert [finding.what for finding in told] == ["iris run in test, which is no environment of slipway.yaml"]
    team.git("rm", "-r", "--quiet", "overlays/test")
    removed = team.commit("Take test down")
    assert check(team.settings, base="main", head=removed).violations == []
    assert check(team.settings, base="change~1", head=removed).violations == []
    assert check(team.settings, base="change~1", head=removed, fork="mallory/models").violations
