"""Train the models to compare: each as slipway serves it, and as its peers take it."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from bench import prepare
from bench.prepare import run
from slipway import settings
from slipway.images import bundle
from slipway.models.environment import python_for
from slipway.store import store_of

ROOT = Path(__file__).parents[2]
MODELS = ("iris", "tumor", "forest")


class Served(NamedTuple):
    """A bundle of slipway, and the interpreter of its environment."""

    folder: Path
    python: Path


class Trained(NamedTuple):
    """A model; `estimator` and `graph` are files, and a model that was not converted has no graph."""

    name: str
    converted: Served | None
    plain: Served
    estimator: Path
    graph: Path | None
    rows: list[dict[str, Any]]
    """The rows, as callers of slipway send them."""
    inputs: list[list[float]]
    """The same rows, as the estimator takes them."""


def train(scratch: Path) -> dict[str, Trained]:
    """Train each model twice, as it is and with `convert: never`, and bundle both."""
    root = scratch / "repository"
    shutil.copytree(ROOT / "model", root / "model", ignore=shutil.ignore_patterns("__pycache__"))
    pins, data = (root / f"model/tumor/{name}" for name in ("requirements.txt", "tumor.csv"))
    pandas = f"pandas=={metadata.version('pandas')}"
    prepare.add_model(root, "forest", f"{pins.read_text().strip()}\n{pandas}\n", data.read_text())
    plain = {f"{name}plain": f"train: manual, folder: model/{name}, convert: never" for name in MODELS}
    prepare.write_settings(root, dict.fromkeys(MODELS, "train: manual") | plain)
    return {name: _trained(root, name, scratch) for name in MODELS}


def _trained(root: Path, name: str, scratch: Path) -> Trained:
    served = {model: _served(root, model, scratch / model) for model in (name, f"{name}plain")}
    plain = served[f"{name}plain"]
    graph = next(iter(sorted((served[name].folder / "artifact").rglob("*.onnx"))), None)
    estimator = scratch / f"{name}.joblib"
    script, data = Path(__file__).with_name("taken.py"), next((root / "model" / name).glob("*.csv"))
    taken = json.loads(run(str(plain.python), str(script), str(plain.folder), str(data), str(estimator)))
    return Trained(name, served[name] if graph else None, plain, estimator, graph, taken["rows"], taken["inputs"])


def _served(root: Path, model: str, target: Path) -> Served:
    run("slipway", "train", model, cwd=root)
    known = settings.load(root)
    store = store_of(known, "test")
    made = bundle.make(known, store, store.find(model), target)
    interpreter = python_for(made.lock)
    # An image compiles nothing at its start. The command fails: some packages have files of other versions of Python.
    compiled = [str(interpreter), "-m", "compileall", "-qq", str(target), str(interpreter.parents[1] / "lib")]
    subprocess.run(compiled, check=False)
    return Served(target, interpreter)
