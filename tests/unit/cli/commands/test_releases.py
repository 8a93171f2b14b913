"""`slipway release --built` and `build --event`: a plan or an event chooses the release."""

import pytest

from slipway import cli
from tests.unit.conftest import Site


@pytest.mark.parametrize("verb", [["release", "--built", "plan"], ["build", "--event", "--to", "plan"]])
@pytest.mark.parametrize(
    "words", [["iris"], ["--traffic", "10"], ["--env", "test"], ["--version", "3"], ["--where", "stage=blue"]]
)
def test_options_that_choose_are_refused(
    site: Site, capsys: pytest.CaptureFixture[str], verb: list[str], words: list[str]
) -> None:
    """Such options would have no effect."""
    assert cli.main(["-C", str(site.root), *verb, *words]) == 1
    name = words[0] if words[0].startswith("-") else "models"
    assert f"it takes no {name}\n  → leave them out" in capsys.readouterr().err
