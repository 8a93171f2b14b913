"""What a run is about, before its first step."""

import pytest

from slipway.cli import main
from slipway.errors import SlipwayError
from slipway.training import run

PROD = "  prod: {store: store/prod, namespace: slipway-prod, promotes_from: test}\n"


def test_nothing_is_trained_for_an_environment_that_takes_promotions(team):
    """Whoever asks for it, whether by `slipway train` or as a step in a cluster; the message says the way there."""
    team.configure(PROD)
    with pytest.raises(SlipwayError, match="prod takes only what test has verified") as caught:
        run.begin(team.settings, "fruit", "prod")
    assert "slipway promote --to prod" in caught.value.fix


def test_the_command_says_so_at_once(team, capsys):
    """Before it makes the model's own environment."""
    team.configure(PROD)
    assert main(["-C", str(team.root), "train", "fruit", "--env", "prod"]) == 1
    assert "error: prod takes only what test has verified\n  → train for test (--env test)" in capsys.readouterr().err
