"""The repository's own schemas, and `make render`, which checks overlays by them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import tools
from tests.manifests.conftest import KUBECONFORM, KUSTOMIZE, ROOT, conform

SCHEMAS = ROOT / "manifests/schemas"
ROUTE = "apiVersion: serving.knative.dev/v1\nkind: Route\nmetadata: {name: iris}\nspec: {SPEC}\n"
GOOD = ROUTE.replace("SPEC", "traffic: [{configurationName: iris-v1, percent: 100}]")


def workflow(kind: str, spec: str) -> str:
    return f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{{spec}}}\n"


@pytest.mark.parametrize(
    ("content", "valid"),
    [
        (GOOD, 1),
        (GOOD.replace("percent: 100", "percent: all"), 0),
        (GOOD.replace("percent", "share"), 0),
        (workflow("Workflow", "entrypoint: a, templates: [{name: a, container: {image: b}}]"), 1),
        (workflow("Workflow", "entrypoint: a, templates: [{name: a, container: {imgae: b}}]"), 0),
        (workflow("WorkflowTemplate", "templates: [{name: a, dag: {tasks: [{name: b, template: c}]}}]"), 1),
        (workflow("WorkflowTemplate", "templates: [{name: a, dag: {tasks: [{name: b, withItem: c}]}}]"), 0),
        (workflow("CronWorkflow", "schedules: [0 3 * * *], workflowSpec: {entrypoint: a}"), 1),
        (workflow("CronWorkflow", "schedules: [0 3 * * *], workflowSpec: {entry: a}"), 0),
    ],
)
def test_a_field_too_many_is_refused(content: str, valid: int) -> None:
    """Unknown fields and values of wrong types are refused at any depth."""
    found = conform(content.encode(), SCHEMAS)
    assert (found["valid"], found["invalid"]) == (valid, 1 - valid)


def made(folder: Path, route: str, *names: str) -> Path:
    """Return a repository with one overlay, and a PATH with these tools."""
    overlay = folder / "overlays/test/iris"
    overlay.mkdir(parents=True)
    (overlay / "kustomization.yaml").write_text("resources: [route.yaml]\n")
    (overlay / "route.yaml").write_text(route)
    (folder / ".tools/bin").mkdir(parents=True)
    for name in names:
        module = {"kustomize": KUSTOMIZE, "kubeconform": KUBECONFORM}[name]
        (folder / f".tools/bin/{name}").symlink_to(tools.find(name, module))
    shutil.copytree(SCHEMAS, folder / "manifests/schemas")
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def render(folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `make render` with the tools of the repository only."""
    (folder / "path").mkdir()
    for name in ("bash", "sh", "make", "mkdir", "dirname", "python3", "which"):
        (folder / "path" / name).symlink_to(shutil.which(name) or name)
    env = {"PATH": str(folder / "path"), "HOME": os.environ["HOME"], **variables}
    return subprocess.run(["make", "render"], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_make_render(tmp_path: Path) -> None:
    """An overlay that the engines would refuse is refused, without any configuration."""
    assert render(made(tmp_path / "good", GOOD, "kustomize", "kubeconform")).returncode == 0
    wrong = GOOD.replace("percent", "share")
    done = render(made(tmp_path / "wrong", wrong, "kustomize", "kubeconform"))
    assert done.returncode != 0
    assert "overlays/test/iris/" in done.stdout and "share" in done.stdout + done.stderr


@pytest.mark.parametrize("ci", ["", "true"])
def test_make_render_without_kubeconform(tmp_path: Path, ci: str) -> None:
    """The output names the skipped check, which CI refuses."""
    done = render(made(tmp_path / "good", GOOD, "kustomize"), CI=ci)
    assert "held to no schema" in done.stderr
    assert (done.returncode != 0) == bool(ci)
