"""Functions of real models, as callers meet them: those of this repository, and two with all kinds of fields."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from slipway.images import bundle, running
from slipway.models.environment import python_for
from slipway.settings import load
from slipway.store import store_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODELS = ("iris", "tumor", "freight", "carrier")

SETTINGS = "environments: {test: {store: store/test, namespace: slipway-test}}\n"


class Served(NamedTuple):
    """A running function with its own description."""

    name: str
    url: str
    document: dict[str, Any]
    row: dict[str, Any]
    answer: Any

    def ask(self, row: Any) -> Any:
        """Return what the function itself predicts."""
        asked = urllib.request.Request(
            f"{self.url}/predict", json.dumps(row).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)["prediction"]


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str], Path]:
    """Return a call that trains a model, once for all workers, and returns the repository."""
    base = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    root = base / "callers"

    def trained(name: str) -> Path:
        with (base / "callers.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not root.exists():
                _write(root)
            if not (root / "store/test" / name).exists():
                command = [sys.executable, "-m", "slipway", "-C", str(root), "train", name]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return root

    return trained


def _write(root: Path) -> None:
    shutil.copytree(ROOT / "model", root / "model")
    shutil.copy(ROOT / "requirements.lock", root)
    (root / "slipway.yaml").write_text(SETTINGS)
    head = "weight,wrapping,zone,sent,packed,due,sides,fragile,note,pieces,price"
    _write_model(root, "freight", head, map(_parcel, range(60)))
    _write_model(root, "carrier", "weight,express,carrier,late,days", map(_order, range(60)))


def _parcel(at: int) -> str:
    # The numbers are none that fit into 32 bits.
    weight, fragile = 1 + at / 10, ("true", "false", "")[at % 3]
    note, wrapping = ("", "on top")[at % 2], ("paper", "box")[at % 2]
    dates = f"2026-03-{1 + at % 28:02},2026-03-01T10:{at:02}:00,2026-03-31T12:{at:02}:00Z"
    parcel = f'{weight:.1f},{wrapping},{1 + at % 3},{dates},"[{weight}, 1.5, 2]"'
    return f"{parcel},{fragile},{note},{1 + at % 4},{weight * 2.3:.3f}"


def _order(at: int) -> str:
    is_express, is_heavy = at % 3 == 0, at >= 30
    carrier, late = ("van", "true") if is_heavy else ("bike", "false")
    return f"{at / 2},{str(is_express).lower()},{carrier},{late},{1 if is_express else 3}"


def _write_model(root: Path, name: str, head: str, lines: Iterable[str]) -> None:
    folder = root / "model" / name
    folder.mkdir()
    (folder / "model.py").write_text((HERE / f"{name}.py").read_text())
    (folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
    (folder / "requirements.txt").write_text(f"pandas=={_pinned('pandas')}\n")
    (folder / f"{name}.csv").write_text("\n".join([head, *lines]) + "\n")


def _pinned(package: str) -> str:
    lock = (ROOT / "requirements.lock").read_text()
    return lock.partition(f"\n{package}==")[2].split()[0]


@pytest.fixture(scope="session")
def serve(train: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Return a call that serves one of the models, once for each set of variables."""
    known: dict[Any, Served] = {}
    with ExitStack() as running_functions:

        def start(name: str, **env: str) -> Served:
            key = (name, *sorted(env.items()))
            if key not in known:
                settings = load(train(name))
                store = store_of(settings, "test")
                made = bundle.make(settings, store, store.find(name), tmp_path_factory.mktemp(name) / "bundle")
                own = {"MODEL_ID": f"{name}/test/1", "RELEASE": "v1-1a2b3c4d", **env}
                server = running_functions.enter_context(
                    running.start(made.folder, python=python_for(made.lock), env=own)
                )
                known[key] = _described(name, server.url)
            return known[key]

        yield start


def _described(name: str, url: str) -> Served:
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=20) as answer:
        document = json.load(answer)
    examples = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    served = Served(name, url, document, examples["row"]["value"], None)
    return served._replace(answer=served.ask(served.row))
