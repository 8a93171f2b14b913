"""The minutes that schedules cost an idle repository, and what runs for a change of overlays alone."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.manifests.conftest import ROOT
from tests.manifests.test_workflows import README, WORKFLOWS, condition, jobs, read

DAYS = 30
MOST = 1000
"""The minutes that an idle private repository may cost in a month."""


def runs(cron: str) -> int:
    """Return how often a schedule of every day starts in a month."""
    minutes, hours, *days = cron.split()
    assert days == ["*", "*", "*"], f"{cron}: count its days, too"
    return DAYS * len(moments(minutes, 60)) * len(moments(hours, 24))


def moments(field: str, most: int) -> set[int]:
    """Return the values of a field of cron."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = ("0", "-", str(most - 1)) if span == "*" else span.partition("-")
        found |= set(range(int(first), int(last or (most - 1 if step else first)) + 1, int(step or 1)))
    return found


def started(workflow: str) -> int:
    """Return the jobs of a run that finds nothing to do: every output is empty, and what waits for one is left out."""
    running: set[str] = set()
    for name, (needs, wanted) in jobs(workflow).items():
        waits = re.search(r"outputs\.\w+\)? != '(\[\])?'", wanted) or re.search(r"contains\(fromJSON\(", wanted)
        follows = [need for need in needs if need not in running]
        if waits or (follows and "always()" not in wanted):
            continue
        assert not wanted or needs, f"{workflow}: {name}: say what {wanted} is on a schedule"
        assert "strategy" not in read(workflow)["jobs"][name], f"{workflow}: {name}: count its matrix"
        running.add(name)
    return len(running)


def cost() -> dict[str, int]:
    """Return the minutes of each workflow that has a schedule: GitHub rounds each job up to one."""
    lines = {path.name: read(path)["on"].get("schedule", []) for path in WORKFLOWS}
    return {
        name.removesuffix(".yaml"): sum(runs(line["cron"]) for line in given) * started(name)
        for name, given in lines.items()
        if given
    }


@pytest.mark.parametrize(
    ("cron", "times"),
    [("23 * * * *", 720), ("41 */2 * * *", 360), ("7 */6 * * *", 120), ("11 4 * * *", 30), ("0,30 8-17/3 * * *", 240)],
)
def test_runs_are_counted(cron: str, times: int) -> None:
    """Each of its fields counts."""
    assert runs(cron) == times


def test_an_idle_repository_costs_little() -> None:
    """README.md tells the minutes of each schedule, and their sum."""
    found = cost()
    assert sum(found.values()) < MOST
    told = dict(re.findall(r"^\| `?(\w+)`? \|[^|]*\| (\d+) \|$", README, re.MULTILINE))
    assert {name: int(minutes) for name, minutes in told.items()} == found | {"all": sum(found.values())}


def script() -> tuple[str, dict[str, str]]:
    """Return what the job `scope` runs."""
    [step] = [step for step in read("ci.yaml")["jobs"]["scope"]["steps"] if "run" in step]
    return step["run"], step["env"]


def scope(repository: Path, event: str, base: str) -> dict[str, Any]:
    """Return the outputs of the job `scope` for the commit that is checked out."""
    output = repository.parent / "output"
    output.unlink(missing_ok=True)
    given = {"EVENT": event, "BASE": base, "GITHUB_OUTPUT": str(output)}
    assert script()[1].keys() | {"GITHUB_OUTPUT"} == given.keys()
    subprocess.run(["bash", "-e", "-c", script()[0]], cwd=repository, env=os.environ | given, check=True)
    return dict(line.split("=", 1) for line in output.read_text().splitlines())


def commit(repository: Path, *paths: str) -> str:
    for path in paths:
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        with (repository / path).open("a") as file:
            file.write("more\n")
    git(repository, "add", "--all")
    git(repository, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "more", "--allow-empty")
    return git(repository, "rev-parse", "HEAD")


def git(repository: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=repository, capture_output=True, text=True, check=True).stdout.strip()


def test_a_change_of_overlays_alone_is_not_tested(tmp_path: Path) -> None:
    """It is rendered and checked; any other file, and what cannot be compared, has everything run."""
    all_targets = ["lint", "test", "test-long SAMPLE=10", "demo", "render"]
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet")
    first = commit(repository, "model/iris/model.py", "overlays/prod/iris/route.yaml")
    second = commit(repository, "overlays/prod/iris/route.yaml", "overlays/test/iris/state.yaml")
    for event, base in (("pull_request", "HEAD^1"), ("merge_group", first)):
        assert scope(repository, event, base) == {"code": "", "targets": '["render"]'}
    cases = [("push", "HEAD^1"), ("pull_request", "0" * 40), ("merge_group", "")]
    commit(repository, "overlays/prod/iris/route.yaml", "model/overlays/iris.py")
    cases += [("pull_request", "HEAD^1"), ("merge_group", second)]
    for event, base in cases:
        found = scope(repository, event, base)
        assert found["code"] == "yes" and json.loads(found["targets"]) == all_targets, (event, base)


def test_what_needs_no_code_runs_for_overlays() -> None:
    """The check of overlays and the required one wait for nothing that a change of overlays leaves out."""
    found = read("ci.yaml")["jobs"]
    assert "scope" not in found["overlays"].get("needs", []) and "outputs" not in condition(found["overlays"])
    assert found["check"]["strategy"]["matrix"] == {"target": "${{ fromJSON(needs.scope.outputs.targets) }}"}
    makefile = (ROOT / "Makefile").read_text()
    assert all(
        re.search(f"^{word}:", makefile, re.MULTILINE) for word in ("lint", "test", "test-long", "demo", "render")
    )
