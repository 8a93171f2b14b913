"""Prepare what is measured: releases of iris, tumor and a plain model, and the smallest function."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from slipway.images import engines

HERE = Path(__file__).parent
ROOT = HERE.parent
MODELS = ("plain", "iris", "tumor")


def releases(scratch: Path, registry: str) -> dict[str, dict[str, Any]]:
    """Release each model in a clone of this repository, push the images, and return their Knative Services."""
    root = scratch / "repository"
    run("git", "clone", "--quiet", str(ROOT), str(root))
    data = "x,y\n" + "".join(f"{x},{2.5 * x + x % 7 / 10}\n" for x in range(1, 200))
    add_model(root, "plain", "", data)
    write_settings(root, dict.fromkeys(MODELS, "train: manual"), f", registry: {registry}")
    run("git", "add", "--all", cwd=root)
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    run("git", *identity, "commit", "--quiet", "--message", "Measure these models", cwd=root)
    for name in MODELS:
        run("slipway", "train", name, cwd=root)
    run("slipway", "release", cwd=root)
    return {name: _service(root / "overlays/test" / name) for name in MODELS}


def add_model(root: Path, name: str, requirements: str, data: str) -> None:
    """Add a model of this folder to a repository, with its data and a test."""
    folder = root / "model" / name
    folder.mkdir()
    files = {"model.py": (HERE / name / "model.py").read_text(), "requirements.txt": requirements, f"{name}.csv": data}
    for path, text in {**files, "test_model.py": "def test_nothing():\n    pass\n"}.items():
        (folder / path).write_text(text)


def write_settings(root: Path, models: dict[str, str], more: str = "") -> None:
    """Write the settings of a repository with these models and one environment."""
    environment = f"{{store: .slipway/store, namespace: bench{more}}}"
    lines = "".join(f"  {name}: {{{of}}}\n" for name, of in models.items())
    (root / "slipway.yaml").write_text(f"environments:\n  test: {environment}\nmodels:\n{lines}")


def hello(registry: str) -> str:
    """Build and push the smallest function, and return the name of its image."""
    engine = engines.find()
    with tempfile.TemporaryDirectory() as folder:
        run("go", "build", "-ldflags=-s -w", "-o", f"{folder}/hello", str(HERE / "hello/main.go"))
        (Path(folder) / "Dockerfile").write_text((HERE / "hello/Dockerfile").read_text())
        name = f"{registry}/bench-hello"
        return f"{name}@{engine.push(engine.build(Path(folder), 'function', 'scratch', {}), f'{name}:bench')}"


def load(scratch: Path) -> Path:
    """Build the program that sends the load, and return its path."""
    run("go", "build", "-o", str(scratch / "load"), str(HERE / "load/main.go"))
    return scratch / "load"


def load_average() -> str:
    """Return how much this machine has to do, over one, five and fifteen minutes."""
    return "load average " + " ".join(f"{at:.1f}" for at in os.getloadavg())


def run(*command: str, cwd: Path | None = None, stdin: str | None = None) -> str:
    """Run a command and return its output; when it fails, end with its output."""
    env = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def _service(overlay: Path) -> dict[str, Any]:
    (file,) = overlay.glob("v*/manifests.yaml")
    documents = [document for document in yaml.safe_load_all(file.read_text()) if document]
    return next(document for document in documents if document["kind"] == "Service")
