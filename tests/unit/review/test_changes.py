"""Commits that cannot be compared, and paths with control characters."""

from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.review.check import check
from tests.unit.conftest import Site
from tests.unit.review.conftest import commit, look


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"base": None, "head": "main"}, "'origin/main' is no commit of this clone"),
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
