"""Who is named as the author of what a workflow does: the step of `.github/actions/setup`, executed by `act`."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.actions import RUNNER
from tests.manifests.conftest import ROOT

pytestmark = [pytest.mark.long(3), pytest.mark.skipif(not RUNNER.exists(), reason="act is not here")]


@pytest.mark.parametrize(("event", "author"), [("schedule", "slipway"), ("workflow_dispatch", "ada"), ("push", "ada")])
def test_a_scheduled_run_names_nobody(tmp_path: Path, event: str, author: str) -> None:
    """GitHub names whoever committed last as the actor of a schedule, and that person asked for nothing."""
    action = yaml.safe_load((ROOT / ".github/actions/setup/action.yaml").read_text())
    [step] = [step for step in action["runs"]["steps"] if "GIT_AUTHOR_NAME" in step.get("run", "")]
    show = {"run": 'echo "author: $GIT_AUTHOR_NAME <$GIT_AUTHOR_EMAIL>, committer: $GIT_COMMITTER_NAME"'}
    job = {"runs-on": "ubuntu-24.04", "steps": [step, show]}
    (tmp_path / "workflow.yaml").write_text(yaml.safe_dump({"on": {event: {}}, "jobs": {"show": job}}))
    (tmp_path / "event.json").write_text(json.dumps({"ref": "refs/heads/main"}))
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    words = [RUNNER, repository, event, "-W", tmp_path / "workflow.yaml", "-e", tmp_path / "event.json"]
    words += ["--actor", "ada", "--env", "GITHUB_RUN_ATTEMPT=1"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    said = f"author: {author} <{author}@users.noreply.github.com>, committer: slipway"
    assert said in done.stdout, done.stdout + done.stderr
