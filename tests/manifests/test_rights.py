"""Code of models runs without rights: which jobs of the workflows run it, and what these are given."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.manifests.test_workflows import WORKFLOWS, read

HARMLESS = {"audit", "check", "copy", "diff", "hold", "lift", "rollback", "traffic"}
"""Verbs that never run code of a model."""
APART = {"promote": ("--questions", "--answers"), "release": ("--built",), "build": ("--orders", "--worked")}
"""Options with which a verb leaves the code of models to another job."""
ACTIONS = {"checkout", "setup-python", "setup", "upload-artifact", "download-artifact"}
"""What a job without rights may use."""
JOBS = [(path.name, name) for path in WORKFLOWS for name in read(path)["jobs"]]


def verbs(run: str) -> Iterator[tuple[str, str]]:
    """Yield the verbs that a step calls, with their words."""
    yield from re.findall(r"slipway ([a-z]+)([^;\n]*)", run.replace("\\\n", " "))


def runs_models(job: dict[str, Any]) -> bool:
    """Return True if a step of a job may run code of a model: a test, a demo, or a verb that does."""
    runs = [str(step.get("run", "")) for step in job["steps"]]
    called = [each for run in runs for each in verbs(run) if each[0] not in HARMLESS]
    asks = any(not any(option in words.split() for option in APART.get(verb, ())) for verb, words in called)
    return asks or any(run.startswith("make ") for run in runs)


def test_some_jobs_run_code_of_models() -> None:
    """Each verb that a workflow calls is taken for one that does, unless it is known that it does not."""
    found = {each for each in JOBS if runs_models(read(each[0])["jobs"][each[1]])}
    assert found == {("ci.yaml", "check"), ("ci.yaml", "models"), ("promote.yaml", "ask"), ("release.yaml", "work")}


@pytest.mark.parametrize(("workflow", "name"), JOBS)
def test_a_job_that_runs_code_of_models_has_no_right(workflow: str, name: str) -> None:
    """It may read the repository, which the code is from; no token, identity or secret is named in it."""
    job = read(workflow)["jobs"][name]
    if not runs_models(job):
        return
    assert job["permissions"] == {"contents": "read"} and "environment" not in job
    given = re.findall("secrets|token|identity|service.account", yaml.safe_dump(job), re.IGNORECASE)
    assert given == []
    used = {step["uses"].partition("@")[0].rpartition("/")[2] for step in job["steps"] if "uses" in step}
    assert used <= ACTIONS
    kept = [step["with"]["persist-credentials"] for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert kept == [False]


def test_no_workflow_gives_rights_to_all_its_jobs() -> None:
    """Each job names what it needs."""
    for path in WORKFLOWS:
        workflow = read(path)
        assert workflow["permissions"] == {} and "env" not in workflow, path
