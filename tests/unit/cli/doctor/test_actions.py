"""Variables, secrets and environments of Actions: the branches that get the keys."""

import pytest

from tests.forge_server.fixtures import NAME
from tests.unit.cli.doctor.conftest import DEPLOYING, RULESET


@pytest.mark.parametrize(
    "rulesets", [[], [DEPLOYING | {"rules": [{"type": "creation"}]}], [DEPLOYING | {"enforcement": "evaluate"}]]
)
def test_a_branch_with_the_key_needs_a_ruleset(place, on_github, rulesets):
    """Each branch of the bot's environment needs one that says who may push; main does not."""
    on_github.states[NAME].rulesets = [RULESET, *rulesets]
    [line] = place.missing
    assert "anybody who may write may push to deploy/**, and so gets the bot's key" in line
    on_github.states[NAME].environments["bot"]["branches"] = ["main"]
    assert place.missing == []


def test_variables_and_secrets_are_found(place, on_github):
    """They are found on any page, and only their names are printed."""
    bot = on_github.states[NAME].environments["bot"]
    bot["variables"] = {f"A{number}": "7" for number in range(70)} | {"SLIPWAY_APP_ID": "77"}
    bot["secrets"] = [f"A{number}" for number in range(130)] + ["SLIPWAY_APP_PRIVATE_KEY"]
    assert place.missing == []
    bot["variables"], bot["secrets"] = {}, []
    assert [line.rpartition(": ")[2] for line in place.missing] == [
        "gh variable set SLIPWAY_APP_ID --env bot",
        "gh secret set SLIPWAY_APP_PRIVATE_KEY --env bot",
    ]


def test_a_key_that_any_branch_may_read(place, on_github):
    """Workflows of all branches get a secret of the repository."""
    on_github.states[NAME].secrets = ["SLIPWAY_APP_PRIVATE_KEY"]
    [line] = place.missing
    assert "is the repository's own: a workflow of any branch may read it" in line


@pytest.mark.parametrize("name", ["prod", "bot"])
@pytest.mark.parametrize(
    ("branches", "says"),
    [
        ("protected", ""),
        (["main"], ""),
        (None, "any branch may use the environment NAME of Actions"),
        (["main", "*"], "the environment NAME of Actions may be used by *"),
        (["main", "release/**"], "the environment NAME of Actions may be used by release/**"),
    ],
)
def test_branches_of_an_environment(place, on_github, name, branches, says):
    """No other branch may use an environment of Actions."""
    on_github.states[NAME].environments[name]["branches"] = branches
    found = place.missing
    assert len(found) == (1 if says else 0)
    assert all(says.replace("NAME", name) in line and f"Environments → {name}" in line for line in found)


def test_absent_environments_of_actions(place, on_github):
    """They are missing, and no finding is about their variables."""
    on_github.states[NAME].environments = {}
    assert [line.split(" → ")[0] for line in place.missing] == [
        "github: there is no environment prod of Actions",
        "github: there is no environment bot of Actions",
    ]


def test_production_is_for_one_branch(place, on_github):
    """Branches that may release may not act for production."""
    on_github.states[NAME].environments["prod"]["branches"] = ["main", "deploy/**"]
    [line] = place.missing
    assert "the environment prod of Actions may be used by deploy/**" in line
