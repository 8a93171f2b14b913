"""Workflows as they run on an event of a merge queue, and with two productions.

`act` executes them by `../shared/cluster/run-workflow`; where that is missing, these tests are skipped.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from slipway.git import Repository
from slipway.gitops.branches import Here, Proposed
from slipway.release.candidates import Wish
from slipway.release.decisions import rollback
from slipway.release.promote import promote
from tests.cluster.actions import PYTHON, RUNNER
from tests.forge_server.fixtures import NAME
from tests.forge_server.server import Forge, started
from tests.forge_server.state import Token
from tests.manifests.conftest import ROOT
from tests.unit.conftest import Site

pytestmark = [
    pytest.mark.long(120),
    pytest.mark.skipif(not RUNNER.exists(), reason="act is not here"),
]

TOKEN = "job"
SETTINGS = """
environments:
  test: {store: STORE/test, namespace: slipway-test}
  prod: {store: STORE/prod, namespace: slipway-prod, promotes_from: test}
  prod-eu: {store: STORE/prod-eu, namespace: slipway-prod-eu, promotes_from: test}
models:
  iris: {train: manual}
"""


class Team(NamedTuple):
    """A team on a server that stands in for GitHub."""

    site: Site
    forge: Forge
    folder: Path

    def push(self, branch: str = "main") -> str:
        """Push what is checked out to a branch of the server, and return its commit."""
        self.site.git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}")
        return self.site.head

    def run(self, workflow: str, event: str, payload: dict[str, Any], *options: str) -> tuple[bool, str]:
        """Run a workflow in a new clone; return whether it succeeded, and its log."""
        folder = self.folder / f"{len(list(self.folder.glob('run-*')))}"
        folder = folder.with_name(f"run-{folder.name}")
        (folder / "home").mkdir(parents=True)
        (folder / "artifacts").mkdir()
        checkout = folder / "checkout"
        subprocess.run(["git", "clone", "--quiet", self.forge.clone_url(NAME), str(checkout)], check=True)
        (folder / "event.json").write_text(json.dumps(payload))
        caches = {"SLIPWAY_CACHE": "slipway", "UV_CACHE_DIR": "uv"}
        variables = {
            "GITHUB_SERVER_URL": self.forge.url,
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_REPOSITORY": NAME,
            "PYTHON": str(PYTHON),
            "PYTHONDONTWRITEBYTECODE": "",
            **{name: os.environ.get(name) or str(Path.home() / ".cache" / each) for name, each in caches.items()},
        }
        words = [
            *(str(RUNNER), str(checkout), event, "-W", f".github/workflows/{workflow}.yaml", *options),
            *("-e", str(folder / "event.json"), "--actor", "ada", "--concurrent-jobs", "1"),
            *(word for key, value in variables.items() for word in ("--env", f"{key}={value}")),
        ]
        env = os.environ | variables | {"GITHUB_TOKEN": TOKEN, "RIG_ARTIFACTS": str(folder / "artifacts")}
        done = subprocess.run(words, env=env, capture_output=True, text=True, errors="replace", check=False)
        (folder / "log").write_text(done.stdout + done.stderr)
        return done.returncode == 0, done.stdout + done.stderr

    def judge(self, base: str, head: str, number: int) -> tuple[bool, str]:
        """Run the job that judges overlays on the documented event of a merge group."""
        group = {
            "base_ref": "refs/heads/main",
            "base_sha": base,
            "head_ref": f"refs/heads/gh-readonly-queue/main/pr-{number}-{base}",
            "head_sha": head,
            "head_commit": {"id": head},
        }
        payload = {"action": "checks_requested", "merge_group": group, "repository": {"full_name": NAME}}
        return self.run("ci", "merge_group", payload, "--job", "overlays")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """A team that serves two releases of iris in production, and has one more in test."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.org")
    with started(tmp_path / "forge") as forge:
        forge.repository(NAME)
        forge.tokens |= {
            "app": Token(login="slipway[bot]", bypass=True),
            TOKEN: Token(login="github-actions[bot]", permissions={"contents": "read"}),
        }
        made = Team(Site(tmp_path / "work/team"), forge, tmp_path)
        _lay_out(made.site)
        made.site.git("remote", "add", "origin", forge.clone_url(NAME, "app"))
        for _ in range(2):
            made.site.released()
            promote(made.site.settings, "iris", Wish(allow_unbuilt=True), to="prod")
            made.site.verify(next(iter(made.site.overlay(environment="prod").route)), environment="prod")
        made.site.released()
        made.push()
        yield made


def _lay_out(site: Site) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for path in filter(None, listed.split("\0")):
        if not path.startswith(("overlays/", "model/", "tests/", "bench/")) and (ROOT / path).is_file():
            (site.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, site.root / path)
            shutil.copymode(ROOT / path, site.root / path)
    site.write("slipway.yaml", SETTINGS.replace("STORE", str(site.root.parent / "store")))
    site.write("model/iris/model.py", "")
    site.git("init", "--quiet", "--initial-branch", "main")
    site.commit("Start")


def _merged(team: Team, number: int) -> str:
    """Merge `change` as a queue does, and push the branch of the group."""
    team.site.git("merge", "--quiet", "--no-ff", "-m", f"Merge pull request #{number}", "change")
    return team.push(f"gh-readonly-queue/main/pr-{number}")


def test_the_groups_of_a_merge_queue(team: Team) -> None:
    """Each group is judged as the change from the group before, whatever the history of its pull request is."""
    site = team.site
    main = site.head
    site.git("switch", "--quiet", "-c", "change")
    rollback(site.settings, "iris", "prod", reason="it answers nonsense")
    site.git("switch", "--quiet", "--detach", main)
    first = _merged(team, 1)
    done, log = team.judge(main, first, 1)
    assert done and "prod/iris: v2-" in log and "all claims hold" in log, log[-6000:]
    # The second change left before the first, and keeps the old overlay in its merge of it.
    site.git("switch", "--quiet", "--force-create", "change", main)
    site.write("notes", "a thought")
    site.commit()
    site.git("merge", "--quiet", "-s", "ours", "-m", "Merge what is queued", first)
    site.git("switch", "--quiet", "--detach", first)
    second = _merged(team, 2)
    assert site.git("diff", "--name-only", main, second) == "notes"
    done, log = team.judge(first, second, 2)
    assert not done
    assert "reverts to a former state while the model is held by Ada" in log, log[-6000:]


def test_artifacts_go_to_each_production(team: Team) -> None:
    """A merge of two promotions copies both, each in a job of its own; the next run finds nothing to copy."""
    site = team.site
    for name in ("prod", "prod-eu"):
        place = Proposed(Here(Repository(site.root)), f"promote/{name}")
        promote(site.settings, "iris", Wish(allow_unbuilt=True), to=name, place=place)
        site.git("merge", "--quiet", "--no-ff", "-m", "Merge", f"promote/{name}")
    team.push()
    assert site.store("prod-eu").versions("iris") == []
    payload = {"ref": "refs/heads/main", "before": "0" * 40, "after": site.head}
    done, log = team.run("promoted", "push", payload)
    assert done, log[-6000:]
    assert site.store("prod-eu").versions("iris") == [1] and site.store("prod").versions("iris") == [1, 2, 3]
    assert "to copy: prod, prod-eu" in log
    assert "copied iris/test/3 to iris/prod-eu/1" in log and "copied iris/test/3 to iris/prod/3" in log
    done, log = team.run("promoted", "push", payload)
    assert done and "to copy: nothing" in log and "copied" not in log
