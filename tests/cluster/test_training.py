"""A declared training as it runs: real pods under the `restricted` Pod Security level, handing on through a bucket."""

import json
from collections.abc import Iterator

import pytest

from slipway.store import Store
from tests.cluster.conftest import Team
from tests.cluster.trainings import declare, ended, prepare, sync, workflow, workflows


@pytest.fixture(scope="module")
def store(team: Team) -> Iterator[Store]:
    """The team's store in a bucket of the cluster's emulator; the settings leave training to the cluster."""
    with pytest.MonkeyPatch.context() as patch:
        yield prepare(team, patch, "scale: {max: 2, memory: 256Mi}")


def head(team: Team) -> str:
    return team._run("git", "rev-parse", "HEAD").strip()


def test_a_push_trains_in_the_cluster_once(team: Team, store: Store) -> None:
    """The version names commit, branch and run; neither another sync nor another run of release trains again."""
    commit = head(team)
    name = declare(team)
    assert ended(team, name) == "Succeeded"
    record = store.record("coin", 1)
    assert record.training is not None
    assert (record.training.commit, record.training.branch, record.training.run) == (commit, "main", name)
    before = workflows(team)
    sync(team)
    plan = team.root.parent / "plan"
    team.slipway("build", "--to", str(plan), "--train", "as-set")
    assert json.loads((plan / "plan.json").read_text())["models"][0]["digest"] == ""
    assert workflows(team) == before and store.versions("coin") == [1]


def test_a_person_trains_with_other_parameters(team: Team, store: Store) -> None:
    """By argo alone: what is trained is a trial of its own version, and the workflow's template all it needs."""
    submit = ("argo", "submit", "-n", team.namespace, "--from", "workflowtemplate/train-coin", "-o", "name")
    name = team._run(*submit, "-p", "parameters=side=tails").strip()
    assert ended(team, name.removeprefix("workflow.argoproj.io/")) == "Succeeded"
    record = store.record("coin", 2)
    assert record.training is not None
    assert record.training.parameters == {"side": "tails"}


def test_a_failure_leaves_the_store_as_it_was(team: Team, store: Store) -> None:
    """A model whose gate is missed fails in evaluate, is not tried again, and a new commit is not stopped by it."""
    settings = team.root / "slipway.yaml"
    settings.write_text(settings.read_text().replace("coin: {", "coin: {gates: {accuracy: {min: 1.5}}, "))
    (team.root / "model/coin/model.py").write_text((team.root / "model/coin/model.py").read_text() + "# changed\n")
    team.commit("Ask for too much")
    name = declare(team)
    assert ended(team, name) == "Failed"
    assert store.versions("coin") == [1, 2]
    nodes = workflow(team, name)["status"]["nodes"]
    pods = [node["templateName"] for node in nodes.values() if node["type"] == "Pod"]
    assert sorted(pods) == sorted(["fetch", "check", "test", "fit", "evaluate", "ended"])
