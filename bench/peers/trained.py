"""What is compared: the same three trained models, as ours serves them and as each peer takes them."""

import json
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from bench.prepare import run
from slipway import settings
from slipway.images import bundle
from slipway.models.environment import python_for
from slipway.store import store_of

__all__ = ["MODELS", "Served", "Trained", "train"]

HERE = Path(__file__).parents[1]
ROOT = HERE.parent
MODELS = ("iris", "tumor", "forest")


class Served(NamedTuple):
    """A bundle of ours, and the interpreter of its environment."""

    folder: Path
    python: Path


class Trained(NamedTuple):
    """One model. `estimator` and `graph` are files; where it was not converted there is no graph."""

    name: str
    converted: Served | None
    plain: Served
    estimator: Path
    graph: Path | None
    rows: list[dict[str, Any]]
    """As callers of ours send them."""
    inputs: list[list[float]]
    """The same rows as the estimator takes them."""


def train(scratch: Path) -> dict[str, Trained]:
    """Train each model as it is and with `convert: never`, which differ in nothing else, and bundle both."""
    root = scratch / "repository"
    shutil.copytree(ROOT / "model", root / "model", ignore=shutil.ignore_patterns("__pycache__"))
    folder = root / "model" / "forest"
    shutil.copytree(HERE / "forest", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "model/tumor/tumor.csv", folder / "forest.csv")
    pins = (root / "model/tumor/requirements.txt").read_text()
    (folder / "requirements.txt").write_text(f"{pins.strip()}\n{_pin('pandas')}\n")
    (folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
    models = "".join(
        f"  {name}: {{train: manual}}\n  {name}plain: {{train: manual, folder: model/{name}, convert: never}}\n"
        for name in MODELS
    )
    environment = "{store: .slipway/store, namespace: bench}"
    (root / "slipway.yaml").write_text(f"environments:\n  test: {environment}\nmodels:\n{models}")
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
    # As an image has it, nothing is left to compile at a start; some packages carry what is no Python of this version.
    compiled = [str(interpreter), "-m", "compileall", "-qq", str(target), str(interpreter.parents[1] / "lib")]
    subprocess.run(compiled, check=False)
    return Served(target, interpreter)


def _pin(package: str) -> str:
    return f"{package}=={metadata.version(package)}"
