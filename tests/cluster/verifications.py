"""Releases of a team, and the Jobs that verify them."""

import json
from typing import Any

import pytest

from slipway.names import ReleaseName
from slipway.overlays.overlay import read_folder
from tests.cluster.conftest import Team


def released(team: Team) -> ReleaseName:
    """Train, build and release, as the workflows do, and sync."""
    team.slipway("train", "coin")
    plan = str(team.root.parent / "plan")
    team.slipway("build", "coin", "--to", plan)
    team.slipway("release", "--built", plan)
    team.kubectl("apply", "-k", "overlays/test/coin")
    overlay = read_folder(team.root, "test", "coin")
    assert overlay
    return overlay.releases[0].name


def jobs(team: Team, name: ReleaseName) -> list[dict[str, Any]]:
    selector = f"app.kubernetes.io/component=verification,app.kubernetes.io/version={name}"
    found = json.loads(team.kubectl("get", "jobs", "-n", team.namespace, "-l", selector, "-o", "json"))
    return list(found["items"])


def ended(team: Team, name: ReleaseName, how: str) -> bool:
    """Return True if the Job of a release has ended so; fail the test at an end of another kind."""
    [job] = jobs(team, name)
    ends = {each["type"] for each in job["status"].get("conditions", ()) if each["status"] == "True"}
    ends &= {"Complete", "Failed"}
    if ends and how not in ends:
        pytest.fail(f"{ends}:\n{log(team, job)}")
    return how in ends


def log(team: Team, job: dict[str, Any]) -> str:
    return team.kubectl("logs", "-n", team.namespace, "-l", f"job-name={job['metadata']['name']}", "--tail=-1")
