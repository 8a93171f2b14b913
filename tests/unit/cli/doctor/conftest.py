"""A repository without a fault, here and on the server that stands in for GitHub."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from slipway.cli.commands.inspection import examine
from slipway.github import failures
from tests import tools
from tests.forge_server.fixtures import NAME, TOKEN
from tests.forge_server.server import Forge

KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
SHA = "11bd71901bbe5b1630ceea73d27597364c9af683"

SETTINGS = """
base_image: python:3.11-slim@sha256:DIGEST
environments:
  test: {store: .slipway/store/test, namespace: slipway-test}
  prod: {store: .slipway/store/prod, namespace: slipway-prod, promotes_from: test}
models:
  iris: {train: manual}
""".replace("DIGEST", "0" * 64)
OWNERS = "/.github/ @team/platform\n/manifests/ @ada\n/slipway.yaml ada@example.org\n/overlays/prod/ @team/approvers\n"
CODE = ["workflows/", "functions/", "src/", ".ci/", "Makefile", "pyproject.toml", "requirements.lock"]
OWNERS += "".join(f"/{place} @team/platform\n" for place in CODE)
RULES = [
    {
        "type": "pull_request",
        "parameters": {"require_code_owner_review": True, "allowed_merge_methods": ["merge", "squash"]},
    },
    {
        "type": "required_status_checks",
        "parameters": {
            "required_status_checks": [{"context": "ci", "integration_id": 15368}],
            "strict_required_status_checks_policy": False,
        },
    },
    {"type": "non_fast_forward"},
    {"type": "deletion"},
]
RULESET = {
    "id": 5,
    "name": "main",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"]}},
    "rules": RULES,
    "bypass_actors": [{"actor_id": 77, "actor_type": "Integration", "bypass_mode": "always"}],
}


DEPLOYING = {"id": 9} | json.loads((Path(__file__).parents[4] / ".github/ruleset-deploy.json").read_text())


class Place:
    """Hold a repository, and return the doctor's findings."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True)

    def found(self, *states: str) -> list[str]:
        """Return the findings of these states, as lines without the state."""
        return [str(finding)[9:] for finding in examine(self.root) if finding.state in states]

    @property
    def missing(self) -> list[str]:
        return self.found("missing")


@pytest.fixture
def place(tmp_path: Path, people: None, on_github: Forge, monkeypatch: pytest.MonkeyPatch) -> Place:  # noqa: ARG001
    """Return a repository from which nothing is missing."""
    folder = Path(tools.find("kustomize", KUSTOMIZE)).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(failures, "PAUSE", 0.01)
    made = Place(tmp_path / "repository")
    made.write("slipway.yaml", SETTINGS)
    made.write("model/iris/model.py", "")
    made.write("manifests/function/kustomization.yaml", "")
    made.write(".github/CODEOWNERS", OWNERS)
    made.write(".github/workflows/ci.yaml", f"jobs: {{a: {{steps: [{{uses: actions/checkout@{SHA}}}]}}}}\n")
    made.git("init", "--quiet")
    made.git("add", "--all")
    made.git("commit", "--quiet", "-m", "Start")
    made.git("remote", "add", "origin", on_github.clone_url(NAME, TOKEN))
    state = on_github.states[NAME]
    state.rulesets = [RULESET, DEPLOYING]
    state.environments = {
        "prod": {"branches": ["main"]},
        "bot": {
            "branches": ["main", "deploy/*"],
            "variables": {"SLIPWAY_APP_ID": "77"},
            "secrets": ["SLIPWAY_APP_PRIVATE_KEY"],
        },
    }
    return made
