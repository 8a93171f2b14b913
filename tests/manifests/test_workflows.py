"""The workflows of GitHub, beside what README.md has an administrator set up for them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.manifests.conftest import ROOT

README = (ROOT / "README.md").read_text()
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yaml"))


def read(name: str | Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads the key `on` as true."""
    content: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())
    return content | {"on": content[True]}  # type: ignore[index]


def identities(workflow: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The account that each job logs in to the cloud as, and the subject that GitHub vouches for."""
    for job in workflow["jobs"].values():
        given = [step["with"]["service-account"] for step in job["steps"] if "service-account" in step.get("with", {})]
        if not given:
            continue
        assert job["permissions"]["id-token"] == "write"
        environment = job.get("environment")
        subject = "pull_request" if "pull_request" in job.get("if", "") else "ref:refs/heads/main"
        reads = "GCP_SERVICE_ACCOUNT_READER" in given[0]
        account = "slipway-reader" if reads else "slipway-prod" if environment == "prod" else "slipway-test"
        yield account, f"environment:{environment}" if environment else subject


def test_every_job_may_log_in() -> None:
    """As the account that README.md binds to just the subject that GitHub gives its token, and none is bound more."""
    wanted = {each for path in WORKFLOWS for each in identities(read(path))}
    bound = re.findall(r'bind ([a-z-]+)@\S+ "\$POOL/subject/repo:OWNER/REPOSITORY:(\S+)"', README)
    assert sorted(bound) == sorted(wanted)
    assert ("slipway-test", "environment:bot") in wanted


def test_branches_that_get_the_key() -> None:
    """Those that release are those of the bot's environment, and a ruleset names who may push to all but main."""
    branches = read("release.yaml")["on"]["push"]["branches"]
    listed = re.search(r"for name in (.*); do", README)
    assert listed is not None and [name.strip("'") for name in listed[1].split()] == branches
    ruleset = json.loads((ROOT / ".github/ruleset-deploy.json").read_text())
    assert ruleset["conditions"]["ref_name"]["include"] == [f"refs/heads/{name}" for name in branches if name != "main"]
    assert {rule["type"] for rule in ruleset["rules"]} >= {"creation", "update"}


def test_the_required_check() -> None:
    """It waits for all other jobs, runs whatever becomes of them, and again when a pull request gets another base."""
    workflow = read("ci.yaml")
    aggregator = workflow["jobs"].pop("ci")
    assert sorted(aggregator["needs"]) == sorted(workflow["jobs"]) and aggregator["if"] == "always()"
    assert {"opened", "synchronize", "reopened", "edited"} <= {*workflow["on"]["pull_request"]["types"]}
    ruleset = json.loads((ROOT / ".github/ruleset.json").read_text())
    [checks] = [rule["parameters"] for rule in ruleset["rules"] if rule["type"] == "required_status_checks"]
    assert checks["required_status_checks"] == [{"context": "ci", "integration_id": 15368}]
