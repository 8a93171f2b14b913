"""The workflows of GitHub: the conditions of their jobs, and the rights that README.md gives them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.github.events import NEW_VERSION
from slipway.release.attesting import SBOMS
from tests import tools
from tests.manifests.conftest import ROOT

README = (ROOT / "README.md").read_text()
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yaml"))
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"

CHANGE = "github.event_name != 'push'"
CODE = f"{CHANGE} && needs.scope.outputs.code != ''"
RELEASE = {
    # Every event plans. The verb decides what is due.
    "plan": ([], ""),
    # Without work to do, the plan is whole, and both are left out.
    "work": (["plan"], "needs.plan.outputs.orders != ''"),
    "push": (["plan", "work"], ""),
    # A failed model does not stop the attestation of the other models' images; a cancelled run attests nothing.
    # The output is empty if the build gave no plan, and [] if it made no new image.
    "attest": (
        ["push"],
        "!cancelled() && needs.push.result != 'skipped' && vars.SLIPWAY_ATTEST != 'off'"
        """ && !contains(fromJSON('["", "[]"]'), needs.push.outputs.images)""",
    ),
    # It needs a plan, which a build with a failed model has, too. An attestation that failed stops the models of its
    # images, which the verb finds out; a skipped one means that there is no new image, or that attestations are off.
    "release": (
        ["plan", "push", "attest"],
        "!cancelled() && (needs.push.outputs.images || needs.plan.outputs.images) != ''",
    ),
}
STEPS = {
    # The plan of the other models is kept when one has failed.
    ("release.yaml", "plan", "!cancelled() && steps.build.outputs.images != ''"): "actions/upload-artifact",
    ("release.yaml", "push", "!cancelled() && steps.build.outputs.images != ''"): "actions/upload-artifact",
    # A plan without work has no orders.
    ("release.yaml", "plan", "steps.build.outputs.orders != ''"): "actions/upload-artifact",
    # Of several batches, one has the list of all images; the last may have fewer SBOMs than steps.
    ("release.yaml", "attest", "matrix.batch.subjects != ''"): "actions/attest-build-provenance",
    **{("release.yaml", "attest", f"matrix.batch.sboms[{number}]"): "actions/attest-sbom" for number in range(SBOMS)},
    # A skipped job has left nothing.
    ("release.yaml", "release", "needs.attest.result != 'skipped'"): "actions/download-artifact",
    # A merge group has no pull request to comment on.
    ("ci.yaml", "overlays", "github.event_name == 'pull_request'"): ".venv/bin/slipway diff",
    # What is asked is kept when another model has failed.
    ("promote.yaml", "find", "!cancelled() && steps.promote.outputs.questions != ''"): "actions/upload-artifact",
}
PROMOTE = {
    "find": ([], ""),
    # A failed model does not stop the questions of the others. Without a question, the run has done all there is.
    "ask": (["find"], "!cancelled() && needs.find.outputs.questions != ''"),
    "propose": (["find", "ask"], "!cancelled() && needs.ask.result == 'success'"),
}


def read(name: str | Path) -> dict[str, Any]:
    """Return a workflow. YAML 1.1 reads the key `on` as true."""
    content: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())
    return content | {"on": content[True]}  # type: ignore[index]


def identities(workflow: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the cloud account of each job, and the subject that GitHub signs for it."""
    for job in workflow["jobs"].values():
        given = [step["with"]["service-account"] for step in job["steps"] if "service-account" in step.get("with", {})]
        if not given:
            continue
        assert job["permissions"]["id-token"] == "write"
        environment = job.get("environment")
        reads = "GCP_SERVICE_ACCOUNT_READER" in given[0]
        subject = "events of changes" if reads else "ref:refs/heads/main"
        promoted = environment == "${{ matrix.environment }}"
        account = "slipway-reader" if reads else "slipway-$name" if promoted else "slipway-test"
        yield account, f"environment:{'$name' if promoted else environment}" if environment else subject


def condition(of: dict[str, Any]) -> str:
    """Return the condition of a job or step without `${{ }}`; empty without a condition."""
    return re.sub(r"^\$\{\{\s*(.*?)\s*\}\}$", r"\1", of.get("if", "").strip())


def jobs(name: str) -> dict[str, tuple[list[str], str]]:
    """Return the needs and the condition of each job of a workflow."""
    found = {}
    for job, of in read(name)["jobs"].items():
        needs = of.get("needs", [])
        found[job] = ([needs] if isinstance(needs, str) else needs, condition(of))
    return found


def test_release_jobs_run_under_stated_conditions() -> None:
    """The table RELEASE has the needs and the condition of each job, and the reason for them."""
    assert jobs("release.yaml") == RELEASE


def test_the_events_of_a_release() -> None:
    """A push, an announced version, the clock and a person start it. A commit of overlays alone does not."""
    events = read("release.yaml")["on"]
    assert set(events) == {"push", "repository_dispatch", "schedule", "workflow_dispatch"}
    assert events["push"]["paths-ignore"] == ["overlays/**"]
    assert events["repository_dispatch"]["types"] == [NEW_VERSION]


def test_other_jobs_run_under_stated_conditions() -> None:
    """Models and overlays are checked in pull requests and merge groups. The required check always runs."""
    assert jobs("ci.yaml") == {
        "scope": ([], ""),
        "check": (["scope"], ""),
        # A change of overlays alone has no code to test.
        "models": (["scope"], CODE),
        "overlays": ([], CHANGE),
        "ci": (["scope", "check", "models", "overlays"], "always()"),
    }
    assert jobs("promote.yaml") == PROMOTE
    # A run that finds nothing to copy ends, and takes no identity that may write.
    assert jobs("promoted.yaml") == {"find": ([], ""), "copy": (["find"], "needs.find.outputs.environments != '[]'")}
    known = ("ci.yaml", "promote.yaml", "promoted.yaml", "release.yaml")
    others = [path.name for path in WORKFLOWS if path.name not in known]
    assert all(found == ([], "") for name in others for found in jobs(name).values())


def test_steps_run_under_stated_conditions() -> None:
    """The table STEPS has every condition of a step, the start of the step, and the reason for the condition."""
    found = {
        (path.name, name, condition(step)): str(step.get("uses", step.get("run", "")))
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
        for step in job["steps"]
        if "if" in step
    }
    assert found.keys() == STEPS.keys()
    assert all(found[key].startswith(start) for key, start in STEPS.items())


def test_what_jobs_hand_on_can_be_uploaded_again() -> None:
    """A name is taken once in a run, and a failed job may be run again; jobs of a matrix have names of their own."""
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            for step in job["steps"]:
                if "actions/upload-artifact" in step.get("uses", ""):
                    assert step["with"]["overwrite"] is True, f"{path.name}: {name}"
                    assert "strategy" not in job or "${{ matrix." in step["with"]["name"], f"{path.name}: {name}"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("", "", ""),
        ("needs.attest.result", "needs.attested.result", 'property "attested" is not defined'),
        ("needs.plan.outputs.images) != ''", "needs.plan.outputs.image) != ''", 'property "image" is not defined'),
        ("needs: [plan, push, attest]", "needs: [plan, push]", 'property "attest" is not defined'),
        ("!cancelled() &&", "!canceled() &&", 'undefined function "canceled"'),
    ],
    ids=["as it is", "job", "output", "needs", "function"],
)
def test_the_conditions_of_a_release_are_valid(before: str, after: str, problem: str) -> None:
    """The parser of actionlint knows every job, output and function that they name, and refuses others."""
    text = (ROOT / ".github/workflows/release.yaml").read_text()
    assert before in text
    command = [tools.find("actionlint", ACTIONLINT), "-no-color", "-shellcheck=", "-pyflakes="]
    done = subprocess.run(
        [*command, "-stdin-filename", ".github/workflows/release.yaml", "-"],
        input=text.replace(before, after) if before else text,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout == "") == ((1, False) if problem else (0, True)), done.stdout
    assert problem in done.stdout


def test_every_job_may_log_in() -> None:
    """README.md binds each account to the subjects of the jobs that log in as it, and to no others."""
    wanted = {each for path in WORKFLOWS for each in identities(read(path))}
    bound = re.findall(r'bind "?(slipway-[a-z$]+)@\S+ "\$POOL/subject/repo:OWNER/REPOSITORY:(\S+)"', README)
    # A merge group has another branch each time, so its subject cannot be named.
    [(events, account)] = re.findall(
        r'for event in (.*); do\n *bind ([a-z-]+)@\S+ "\S+/attribute.event/\$event"', README
    )
    assert {*events.split(), "push"} == {*read("ci.yaml")["on"]}
    assert sorted([*bound, (account, "events of changes")]) == sorted(wanted)
    assert ("slipway-test", "environment:bot") in wanted


def test_released_branches_get_the_key() -> None:
    """The bot's environment allows the branches that release. A ruleset protects all of them but main."""
    branches = read("release.yaml")["on"]["push"]["branches"]
    listed = re.search(r"for name in (.*); do", README)
    assert listed is not None and [name.strip("'") for name in listed[1].split()] == branches
    ruleset = json.loads((ROOT / ".github/ruleset-deploy.json").read_text())
    assert ruleset["conditions"]["ref_name"]["include"] == [f"refs/heads/{name}" for name in branches if name != "main"]
    assert {rule["type"] for rule in ruleset["rules"]} >= {"creation", "update"}


def test_the_required_check_waits_for_all_jobs() -> None:
    """It runs even if they fail, and again when a pull request gets another base branch."""
    workflow = read("ci.yaml")
    aggregator = workflow["jobs"].pop("ci")
    assert sorted(aggregator["needs"]) == sorted(workflow["jobs"])
    assert {"opened", "synchronize", "reopened", "edited"} <= {*workflow["on"]["pull_request"]["types"]}
    ruleset = json.loads((ROOT / ".github/ruleset.json").read_text())
    [checks] = [rule["parameters"] for rule in ruleset["rules"] if rule["type"] == "required_status_checks"]
    assert checks["required_status_checks"] == [{"context": "ci", "integration_id": 15368}]


def test_a_merge_group_is_judged() -> None:
    """A queue waits for `ci`. Its base and head are in the documented payload; no fork is behind it."""
    workflow = read("ci.yaml")
    assert workflow["on"]["merge_group"] == {"types": ["checks_requested"]}
    job = workflow["jobs"]["overlays"]
    assert "merge_group.base_sha" in job["env"]["BASE"] and "merge_group.head_sha" in job["env"]["HEAD"]
    checkout, setup = job["steps"][:2]
    assert "merge_group.base_ref" in checkout["with"]["ref"]
    assert "github.event_name == 'merge_group' ||" in setup["with"]["identity-provider"]
    ruleset = json.loads((ROOT / ".github/ruleset.json").read_text())
    [reviews] = [rule["parameters"] for rule in ruleset["rules"] if rule["type"] == "pull_request"]
    assert reviews["allowed_merge_methods"] == ["merge", "squash"]


def test_no_environment_is_named_in_a_workflow() -> None:
    """Environments are those of `slipway.yaml`; only a form by hand may propose one."""
    for path in WORKFLOWS:
        workflow = read(path)
        inputs = (workflow["on"].get("workflow_dispatch") or {}).get("inputs", {})
        assert all("options" not in given for name, given in inputs.items() if name == "environment")
        for job in workflow["jobs"].values():
            assert job.get("environment") in (None, "bot", "${{ matrix.environment }}"), path
            runs = [str(step.get("run", "")) for step in job["steps"]]
            assert not re.search("--env[= ][a-z]", " ".join(runs)), path
        paths = (workflow["on"].get("push") or {}).get("paths", [])
        assert paths in ([], ["overlays/**"]), path
