"""What is measured: releases of iris, tumor and a plain model, made as a team makes them, and the smallest function."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from slipway.images import engines

__all__ = ["MODELS", "hello", "load", "releases", "run"]

HERE = Path(__file__).parent
ROOT = HERE.parent
MODELS = ("plain", "iris", "tumor")


def releases(scratch: Path, registry: str) -> dict[str, dict[str, Any]]:
    """The Knative Service of a release of each model, from a clone of this repository; images are pushed."""
    root = scratch / "repository"
    run("git", "clone", "--quiet", str(ROOT), str(root))
    folder = root / "model/plain"
    folder.mkdir()
    (folder / "model.py").write_text((HERE / "plain/model.py").read_text())
    (folder / "requirements.txt").write_text("")
    (folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
    (folder / "plain.csv").write_text("x,y\n" + "".join(f"{x},{2.5 * x + x % 7 / 10}\n" for x in range(1, 200)))
    models = "".join(f"  {name}: {{train: manual}}\n" for name in MODELS)
    environment = f"{{store: .slipway/store, namespace: bench, registry: {registry}}}"
    (root / "slipway.yaml").write_text(f"environments:\n  test: {environment}\nmodels:\n{models}")
    run("git", "add", "--all", cwd=root)
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    run("git", *identity, "commit", "--quiet", "--message", "What is measured", cwd=root)
    for name in MODELS:
        run("slipway", "train", name, cwd=root)
    run("slipway", "release", cwd=root)
    return {name: _service(root / "overlays/test" / name) for name in MODELS}


def hello(registry: str) -> str:
    """The image of the smallest function, pushed."""
    engine = engines.find()
    with tempfile.TemporaryDirectory() as folder:
        run("go", "build", "-ldflags=-s -w", "-o", f"{folder}/hello", str(HERE / "hello/main.go"))
        (Path(folder) / "Dockerfile").write_text((HERE / "hello/Dockerfile").read_text())
        name = f"{registry}/bench-hello"
        return f"{name}@{engine.push(engine.build(Path(folder), 'function', 'scratch', {}), f'{name}:bench')}"


def load(scratch: Path) -> Path:
    """The program that asks."""
    run("go", "build", "-o", str(scratch / "load"), str(HERE / "load/main.go"))
    return scratch / "load"


def run(*command: str, cwd: Path | None = None, stdin: str | None = None) -> str:
    """Run a command; ends with what it said when it fails."""
    env = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(command, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def _service(overlay: Path) -> dict[str, Any]:
    (file,) = overlay.glob("v*/manifests.yaml")
    documents = [document for document in yaml.safe_load_all(file.read_text()) if document]
    return next(document for document in documents if document["kind"] == "Service")
