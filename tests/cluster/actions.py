"""GitHub Actions around the server of `tests/forge_server`: what happens there starts what waits for it."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.forge_server.server import Forge
from tests.forge_server.state import Token

__all__ = ["APP_TOKEN", "RUNNER", "STAND_INS", "Actions", "Run", "of", "ran"]

ROOT = Path(__file__).parents[2]
RUNNER = ROOT.parent / "shared/cluster/run-workflow"
STAND_INS = ROOT / "tests/stand_ins"
"""Stand-ins of actions that the runner has none of, or an older one."""
PYTHON = Path(__file__).parent / "python"
"""What makes the environment of a job (`make PYTHON=…`)."""
APP_TOKEN = "local-app-token"
"""What the stand-in of actions/create-github-app-token gives out."""
JOB_TOKEN = "local"
PASSED_ON = (
    "CONTAINERS_REGISTRIES_CONF",
    "SLIPWAY_BUILD_OPTIONS",
    "SLIPWAY_PUSH_OPTIONS",
    "SLIPWAY_RUN_OPTIONS",
    "SLIPWAY_TEST_REGISTRY",
)
"""What workflows take from the environment of the tests."""
_NOWHERE = "0" * 40


class Run(NamedTuple):
    """One workflow that was run."""

    workflow: str
    event: str
    ref: str
    succeeded: bool
    log: str
    """What it printed, summaries too."""


class Actions:
    """Runs the workflows of a repository, as GitHub starts them, one after the other.

    Only the part of their triggers is known that they use: branches, paths, types.
    """

    def __init__(self, forge: Forge, name: str, folder: Path, environment: dict[str, str]) -> None:
        self.forge, self.name, self.folder, self.environment = forge, name, folder, environment
        self.state, self.bare = forge.repository(name), forge.bare(name)
        forge.tokens |= {
            APP_TOKEN: Token(login="slipway[bot]", bypass=True),
            JOB_TOKEN: Token(login="github-actions[bot]", permissions={"contents": "read", "pull_requests": "write"}),
        }
        self.runs: list[Run] = []
        self.passed_over: set[tuple[str, str]] = set()
        """Workflows that are not run on an event from now on: what they do was seen, and they take their time."""
        self.heads = self._branches()
        self.pulls: dict[int, str] = {}
        self.dispatched = 0

    def settle(self) -> list[Run]:
        """Run what has happened since, and what that makes happen, until nothing does; returns the new runs."""
        before = len(self.runs)
        while events := self._events():
            for event in events:
                self._start(*event)
        return self.runs[before:]

    def by_hand(self, workflow: str, **inputs: str) -> list[Run]:
        """Somebody starts a workflow on main; runs what follows as well."""
        before = len(self.runs)
        self._run(workflow, "workflow_dispatch", "main", {"inputs": inputs, "ref": "refs/heads/main"})
        self.settle()
        return self.runs[before:]

    def _branches(self) -> dict[str, str]:
        listed = self.bare.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
        return dict(line.split() for line in listed.splitlines())

    def _events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What happened since: event, branch and payload."""
        found: list[tuple[str, str, dict[str, Any]]] = []
        now = self._branches()
        for branch, commit in now.items():
            if self.heads.get(branch) != commit:
                payload = {"ref": f"refs/heads/{branch}", "before": self.heads.get(branch, _NOWHERE), "after": commit}
                found.append(("push", branch, payload))
        self.heads = now
        for pull in self.state.pulls:
            commit = now.get(pull["head"], "")
            if pull["state"] == "open" and self.pulls.get(pull["number"]) != commit:
                found.append(("pull_request", pull["head"], self._pull(pull, commit)))
                self.pulls[pull["number"]] = commit
        new = self.state.dispatches[self.dispatched :]
        found += [("repository_dispatch", "main", {"action": each["event_type"], **each}) for each in new]
        self.dispatched = len(self.state.dispatches)
        return found

    def _pull(self, pull: dict[str, Any], commit: str) -> dict[str, Any]:
        here = {"full_name": self.name, "fork": False}
        return {
            "action": "synchronize" if pull["number"] in self.pulls else "opened",
            "number": pull["number"],
            "pull_request": {
                "number": pull["number"],
                "title": pull["title"],
                "head": {"ref": pull["head"], "sha": commit, "repo": here},
                "base": {"ref": pull["base"], "sha": self.heads[pull["base"]], "repo": here},
            },
        }

    def _start(self, event: str, branch: str, payload: dict[str, Any]) -> None:
        listed = self.bare.git("ls-tree", "--name-only", branch, ".github/workflows/").splitlines()
        for path in listed:
            content = self.bare.git("show", f"{branch}:{path}")
            # YAML 1.1 reads the key `on` as true.
            triggers = yaml.safe_load(content)[True]
            wanted = event in triggers and (Path(path).stem, event) not in self.passed_over
            if wanted and self._waits(triggers[event] or {}, event, branch, payload):
                self._run(Path(path).stem, event, branch, payload)

    def _waits(self, trigger: dict[str, Any], event: str, branch: str, payload: dict[str, Any]) -> bool:
        if event == "repository_dispatch":
            return payload["action"] in trigger["types"]
        if event != "push":
            return True
        if "branches" in trigger and not any(_matches(pattern, branch) for pattern in trigger["branches"]):
            return False
        if payload["before"] == _NOWHERE:
            return True
        changed = self.bare.git("diff", "--name-only", payload["before"], payload["after"]).splitlines()
        kept = [path for path in changed if not any(_matches(each, path) for each in trigger.get("paths-ignore", []))]
        wanted = trigger.get("paths")
        return bool(kept) and (not wanted or any(_matches(each, path) for each in wanted for path in kept))

    def _run(self, workflow: str, event: str, branch: str, payload: dict[str, Any]) -> None:
        folder = self.folder / f"{len(self.runs):02}-{workflow}"
        checkout = folder / "repository"
        self._check_out(checkout, event, branch, payload)
        (folder / "event.json").write_text(json.dumps(payload))
        variables = {
            "GITHUB_SERVER_URL": self.forge.url,
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_REPOSITORY": self.name,
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHON": str(PYTHON),
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            **self.environment,
        }
        # Jobs share a folder here; and what else `ci` does is run as it is, without these tests in it.
        options = ["--actor", "ada", "--concurrent-jobs", "1", "--matrix", "target:render"]
        secret = ["--var", "SLIPWAY_APP_ID=1", "-s", "SLIPWAY_APP_PRIVATE_KEY=made-up"]
        words = [
            *(str(RUNNER), str(checkout), event, "-W", f".github/workflows/{workflow}.yaml"),
            *("-e", str(folder / "event.json"), *options, *secret),
            *(word for name, value in variables.items() for word in ("--env", f"{name}={value}")),
        ]
        shared = {"RIG_ARTIFACTS": str(folder / "artifacts"), "RIG_ACTIONS": str(STAND_INS)}
        env = os.environ | variables | {"GITHUB_TOKEN": JOB_TOKEN} | shared
        (folder / "artifacts").mkdir()
        done = subprocess.run(words, env=env, capture_output=True, text=True, errors="replace", check=False)
        log = done.stdout + done.stderr
        (folder / "log").write_text(log)
        self.runs.append(Run(workflow, event, branch, done.returncode == 0, log))

    def _check_out(self, checkout: Path, event: str, branch: str, payload: dict[str, Any]) -> None:
        def git(*words: str) -> None:
            subprocess.run(["git", *words], cwd=checkout, check=True, capture_output=True)

        checkout.mkdir(parents=True)
        git("clone", "--quiet", self.forge.clone_url(self.name, JOB_TOKEN), ".")
        git("remote", "set-url", "origin", self.forge.clone_url(self.name))
        git("checkout", "--quiet", "-B", branch, payload.get("after") or f"origin/{branch}")
        if event == "pull_request":  # what would be on main after the merge
            base = payload["pull_request"]["base"]["ref"]
            git("checkout", "--quiet", "--detach", f"origin/{base}")
            somebody = ("-c", "user.name=GitHub", "-c", "user.email=noreply@github.com")
            git(*somebody, "merge", "--quiet", "--no-ff", "-m", "Merge", f"origin/{branch}")


def ran(runs: list[Run]) -> list[str]:
    """Which workflows were run; fails with the log of one that did not succeed."""
    for run in runs:
        assert run.succeeded, f"{run.workflow} on {run.event} of {run.ref}\n{run.log[-12000:]}"
    return [run.workflow for run in runs]


def of(runs: list[Run], workflow: str) -> Run:
    """The one run of a workflow."""
    [found] = [run for run in runs if run.workflow == workflow]
    return found


def _matches(pattern: str, text: str) -> bool:
    """As GitHub's filters do: `*` stays within a folder, `**` does not."""
    parts = [
        ".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part)
        for part in re.split(r"(\*\*|\*)", pattern)
    ]
    return re.fullmatch("".join(parts), text) is not None
