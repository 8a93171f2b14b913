"""Measure an environment with many models that Argo CD follows: its cost when idle, and the cost of one change."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.prepare import run
from tests.cluster.argocd import Pushed

ENGINES = ("argocd", "argo", "knative-serving", "knative-ingress")
_WINDOW = 120  # seconds in which the use of CPU is measured: Argo CD looks at git several times meanwhile
# The pods of new releases start once, and a small node has no room for all of them together.
_AT_ONCE = 10
# With this annotation Argo CD finds new models at once, as it does after a webhook.
_LOOK = ("-n", "argocd", "--overwrite", "argocd.argoproj.io/application-set-refresh=true")
_JOB = """apiVersion: batch/v1
kind: Job
metadata: {{name: {name}, labels: {{turn: "{turn}"}}}}
spec:
  suspend: true
  template: {{spec: {{restartPolicy: Never, containers: [{{name: one, image: none}}]}}}}
"""


class Use(NamedTuple):
    """The use of the pods of a namespace: MB of memory, and thousandths of a CPU."""

    memory: float
    cpu: float


class Cost(NamedTuple):
    """The seconds that a change of one model takes: its release by the CLI, and its sync once Argo CD looks."""

    release: float
    sync: float


@contextmanager
def followed() -> Iterator[Pushed]:
    """Create a repository that Argo CD follows, with one model; remove it afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        registry, git = os.environ["SLIPWAY_TEST_REGISTRY"], os.environ["SLIPWAY_TEST_GIT"]
        team = Pushed(Path(scratch) / "repository", registry, git)
        try:
            team.release("coin")
            team.push()
            team.apply()
            team.until(lambda: bool(team.routed("test", "coin")), "the first model is live")
            yield team
        finally:
            team.leave()


def idle(team: Pushed, count: int) -> dict[str, Use]:
    """Return the use of the engines, by namespace, with `count` idle models."""
    names = [f"model{number:03}" for number in range(1, count)]
    new = [name for name in names if not team.routed("test", name)]
    _grow(team, new, f"Have {count} models", partial(_copy_overlay, team), partial(_live, team))
    return _taken(team)


def kept(team: Pushed, count: int) -> dict[str, Use]:
    """Return the use of the engines with `count` more releases of one model, as its `retention` keeps them."""
    overlay = team.root / f"overlays/{team.environments['test']}/coin"
    [first] = overlay.glob("v*")
    names = [first.name.replace("v1-", f"v{number}-") for number in range(2, count + 2)]
    _grow(team, names, f"Keep {count} releases more", partial(_copy_release, first), partial(_ready, team))
    return _taken(team)


def _grow(
    team: Pushed, names: Sequence[str], what: str, copy: Callable[[str], None], there: Callable[[Sequence[str]], bool]
) -> None:
    """Copy under each name, commit the copies in batches, and wait until they are there."""
    for at in range(0, len(names), _AT_ONCE):
        batch = names[at : at + _AT_ONCE]
        for name in batch:
            copy(name)
        team.commit(f"{what}, to {batch[-1]}")
        team.push()
        team.until(partial(there, batch), f"{batch[-1]} and those before it are there")


def _taken(team: Pushed) -> dict[str, Use]:
    """Return the use of the engines, by namespace, when all functions are at zero."""
    team.until(lambda: _pods(team) == 0, "all are at zero", patience=600)
    before, began = _summary(), time.monotonic()
    time.sleep(_WINDOW)
    after, seconds = _summary(), time.monotonic() - began
    found = {name: Use(after[name][0] / 1e6, (after[name][1] - before[name][1]) / seconds / 1e6) for name in ENGINES}
    total = Use(sum(use.memory for use in found.values()), sum(use.cpu for use in found.values()))
    return {**found, "together": total}


def idle_table(found: dict[str, dict[str, Use]]) -> str:
    """Return a table in Markdown: MB and thousandths of a CPU for each installation."""
    lines = [f"| idle, MB · thousandths of a CPU | {' | '.join(found)} |", "| --- |" + " --- |" * len(found)]
    for name in (*ENGINES, "together"):
        cells = " | ".join(f"{used[name].memory:.0f} · {used[name].cpu:.0f}" for used in found.values())
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def change(team: Pushed, count: int, rounds: int) -> list[Cost]:
    """Return the cost to release one model and to sync one Application in a repository of `count` models.

    Each other model has an Application of a suspended Job, so that Knative adds nothing to the figures.
    """
    names = [f"model{number:04}" for number in range(1, count)]
    for name in names:
        _copy_model(team, name)
        _declare_job(team, name, 0)
    team.commit(f"Have {count} models")
    team.push()
    team.kubectl("annotate", "applicationset", f"slipway-{team.environments['test']}-functions", *_LOOK)
    team.until(lambda: _all_synced(team, names), "all are synced", patience=3600)
    costs = []
    for turn in range(1, rounds + 1):
        costs.append(_change(team, names[0], turn))
        print(f"one of {count}: release {costs[-1].release:.2f} s, sync {costs[-1].sync:.2f} s", file=sys.stderr)
    return costs


def change_table(found: dict[int, list[Cost]]) -> str:
    """Return a table in Markdown: the medians, and their growth."""
    lines = ["| models in the repository | release one (s) | sync one (s) |", "| --- | --- | --- |"]
    base = Cost(*(median(values) for values in zip(*next(iter(found.values())), strict=True)))
    for count, costs in found.items():
        at = Cost(*(median(values) for values in zip(*costs, strict=True)))
        release, sync = at.release / base.release, at.sync / base.sync
        lines.append(f"| {count} | {at.release:.2f} ({release:.2f} times) | {at.sync:.2f} ({sync:.2f} times) |")
    return "\n".join(lines)


def _change(team: Pushed, name: str, turn: int) -> Cost:
    test = team.environments["test"]
    run("slipway", "train", "coin", "--env", test, cwd=team.root)  # the content is the same, so the image exists
    began = time.perf_counter()
    run("slipway", "release", "coin", "--env", test, cwd=team.root)
    release = time.perf_counter() - began
    _declare_job(team, name, turn)
    team.commit("Change one")
    team.push()
    commit = team.git("rev-parse", "HEAD").strip()
    began = time.perf_counter()
    team.looked_at(f"{test}-{name}")
    team.until(lambda: _synced(team, name, commit), f"{name} is synced")
    return Cost(release, time.perf_counter() - began)


def _copy_overlay(team: Pushed, name: str) -> None:
    """Copy the overlay of coin under another name; the function in it stays coin."""
    source = team.root / f"overlays/{team.environments['test']}/coin"
    _copy(source, name, r"\bcoin\b(?![@/])")


def _copy_release(first: Path, name: str) -> None:
    """Copy a release within its overlay under another name, and list it there."""
    _copy(first, name, first.name)
    listed = first.with_name("kustomization.yaml")
    listed.write_text(re.sub(rf"( *- ){first.name}\n", rf"\g<0>\g<1>{name}\n", listed.read_text()))


def _copy(source: Path, name: str, pattern: str) -> None:
    """Copy a folder beside itself, and replace the pattern by `name` in its files."""
    for file in source.rglob("*"):
        if file.is_file():
            target = source.with_name(name) / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(re.sub(pattern, name, file.read_text()))


def _copy_model(team: Pushed, name: str) -> None:
    source = team.root / "model/coin"
    for file in source.iterdir():
        if file.is_file():
            team.write(f"model/{name}/{file.name.replace('coin', name)}", file.read_text())


def _declare_job(team: Pushed, name: str, turn: int) -> None:
    folder = f"overlays/{team.environments['test']}/{name}"
    team.write(f"{folder}/job.yaml", _JOB.format(name=name, turn=turn))
    team.write(f"{folder}/kustomization.yaml", f"namespace: {team.namespaces['test']}\nresources: [job.yaml]\n")


def _live(team: Pushed, names: Sequence[str]) -> bool:
    return all(team.routed("test", name) for name in names)


def _ready(team: Pushed, names: Sequence[str]) -> bool:
    found = json.loads(
        run("kubectl", "get", "services.serving.knative.dev", "-n", team.namespaces["test"], "-o", "json")
    )
    ready = {
        each["metadata"]["name"]
        for each in found["items"]
        for condition in each.get("status", {}).get("conditions", [])
        if (condition["type"], condition["status"]) == ("Ready", "True")
    }
    return {f"coin-{name}" for name in names} <= ready


def _all_synced(team: Pushed, names: Sequence[str]) -> bool:
    path = "jsonpath={range .items[?(@.status.sync.status=='Synced')]}{.metadata.name}{'\\n'}{end}"
    found = run("kubectl", "get", "applications.argoproj.io", "-n", "argocd", "-o", path).split()
    return {f"{team.environments['test']}-{name}" for name in names} <= set(found)


def _synced(team: Pushed, name: str, commit: str) -> bool:
    application = f"{team.environments['test']}-{name}"
    return team.health(application)[0] == "Synced" and commit in team.revision(application)


def _pods(team: Pushed) -> int:
    found = json.loads(run("kubectl", "get", "pods", "-n", team.namespaces["test"], "-o", "json"))
    return len(found["items"])


def _summary() -> dict[str, tuple[float, float]]:
    """Return {namespace: (bytes of memory, nanoseconds of CPU so far)} of all pods, from the kubelets."""
    memory: Counter[str] = Counter()
    cpu: Counter[str] = Counter()
    for node in run("kubectl", "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split():
        found = json.loads(run("kubectl", "get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
        for pod in found["pods"]:
            memory[pod["podRef"]["namespace"]] += pod["memory"].get("workingSetBytes", 0)
            cpu[pod["podRef"]["namespace"]] += pod["cpu"].get("usageCoreNanoSeconds", 0)
    return {name: (memory[name], cpu[name]) for name in memory}
