"""The job `attest` of the workflow `release`, executed by `act` with stand-ins that sign nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml

from slipway.release.attesting import attested_only, batches
from slipway.release.plan import Made, Plan, Planned, save
from tests.cluster.actions import RUNNER, STAND_INS
from tests.manifests.conftest import ROOT

pytestmark = [pytest.mark.long(5), pytest.mark.skipif(not RUNNER.exists(), reason="act is not here")]


def made(digest: str) -> Made:
    return Made(reference=f"registry.example/m{digest}@sha256:{digest * 64}", new=True, sbom=f"{digest}.cdx.json")


def test_a_failed_sbom_makes_the_run_red_and_stops_one_model(tmp_path: Path) -> None:
    """Nine images take two jobs; each leaves what became of its steps, and can be run again."""
    plan = Plan(
        environment="test",
        commit="c",
        branch="main",
        models=[
            Planned(model=f"m{digest}", result="built", text="", version=1, function=made(digest))
            for digest in "123456789"
        ],
    )
    artifacts = tmp_path / "artifacts"
    (artifacts / "build").mkdir(parents=True)
    save(plan, artifacts / "build")
    found = batches(plan, artifacts / "build")
    assert [len(batch.sboms) for batch in found] == [8, 1]
    given = msgspec.to_builtins(found)
    given[0]["sboms"][2]["digest"] = "sha256:damaged"
    assert "m3" in given[0]["sboms"][2]["name"]
    for expected in (1, 0):  # the second time, the failed job is run again and succeeds
        done = attest(tmp_path, artifacts, given)
        assert done.returncode == expected, done.stdout[-6000:]
        left = tmp_path / f"left-{expected}"
        left.mkdir()
        for path in artifacts.glob("attested-*/*.json"):
            shutil.copy(path, left)
        kept = attested_only(plan, artifacts / "build", left)
        failed = [each.model for each in kept.models if each.result == "failed"]
        assert failed == (["m3"] if expected else [])
        given = msgspec.to_builtins(found)


def attest(folder: Path, artifacts: Path, given: list[dict[str, object]]) -> subprocess.CompletedProcess[str]:
    """Run the job for these batches, with what earlier jobs have uploaded."""
    content = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())
    job = {key: value for key, value in content["jobs"]["attest"].items() if key not in ("needs", "if")}
    job["strategy"]["matrix"]["batch"] = given
    repository = folder / "repository"
    shutil.rmtree(repository, ignore_errors=True)
    (repository / ".github/workflows").mkdir(parents=True)
    workflow = repository / ".github/workflows/release.yaml"
    workflow.write_text(yaml.safe_dump({"on": {"push": {}}, "jobs": {"attest": job}}))
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    words = [str(RUNNER), str(repository), "push", "-W", str(workflow), "--concurrent-jobs", "1"]
    env = os.environ | {"RIG_ARTIFACTS": str(artifacts), "RIG_ACTIONS": str(STAND_INS)}
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False)
