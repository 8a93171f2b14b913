"""Commits that cannot be compared, and paths with control characters."""

import re
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
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
    assert "refs/remotes/origin/$BASE" in texts[folder / "workflows/ci.yaml"]
