"""A team whose models train in the cluster: where its versions are kept, and how its runs are declared and watched."""

import json
import time

import pytest

from slipway.store import Store, open_store
from tests.cluster.conftest import Team, given
from tests.cluster.storage import EMULATOR, Storage

__all__ = ["declare", "ended", "prepare", "sync", "workflow", "workflows"]

PATIENCE = 600  # seconds: seven pods one after the other, on a machine that may be busy
FOLDER = "overlays/test/coin/training"


def prepare(team: Team, patch: pytest.MonkeyPatch, coin: str) -> Store:
    """Give the team a store in a bucket of the cluster's emulator; `coin` is what the settings say of the model."""
    storage = Storage(given("STORAGE"))
    settings = team.root / "slipway.yaml"
    lines = settings.read_text().replace(".slipway/store", f"gs://{team.namespace}/store").splitlines()
    lines[1] = lines[1].removesuffix("}") + f", variables: {{STORAGE_EMULATOR_HOST: '{EMULATOR}'}}}}"
    lines[3] = f"  coin: {{{coin}}}"
    settings.write_text("\n".join([*lines, ""]))
    team.commit("Train in the cluster")
    storage.make(team.namespace)
    patch.setenv("STORAGE_EMULATOR_HOST", storage.url)
    return open_store(f"gs://{team.namespace}/store", root=team.root, environment="test")


def declare(team: Team) -> str:
    """Declare a training as a push does, and sync; return the name of the workflow."""
    plan = str(team.root.parent / "plan")
    team.slipway("build", "--to", plan, "--train", "as-set")
    team.slipway("release", "--built", plan)
    sync(team)
    found = team.kubectl("create", "--dry-run=client", "-o", "json", "-f", f"{team.root}/{FOLDER}/workflow.yaml")
    return str(json.loads(found)["metadata"]["name"])


def sync(team: Team) -> None:
    # On a busy machine Argo sees a workflow before its template, and nothing here makes that workflow anew.
    team.kubectl("apply", "-n", team.namespace, "-f", f"{team.root}/{FOLDER}/template.yaml")
    team.kubectl("apply", "-k", f"{team.root}/{FOLDER}")


def ended(team: Team, name: str) -> str:
    """The phase in which a workflow ended."""
    deadline = time.monotonic() + PATIENCE
    while (phase := workflow(team, name).get("status", {}).get("phase")) not in ("Succeeded", "Failed", "Error"):
        if time.monotonic() > deadline:
            pods = team.kubectl("get", "pods", "-n", team.namespace)
            pytest.fail(f"{name} has not ended after {PATIENCE} s:\n{pods}")
        time.sleep(1)
    return str(phase)


def workflow(team: Team, name: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(
        team.kubectl("get", "workflow", name, "-n", team.namespace, "-o", "json")
    )
    return found


def workflows(team: Team) -> dict[str, str]:
    """{name: the identity that a workflow has until it is made anew}"""
    found = json.loads(team.kubectl("get", "workflows", "-n", team.namespace, "-o", "json"))
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found["items"]}
