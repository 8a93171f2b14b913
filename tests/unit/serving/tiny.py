"""A model without libraries in a repository, an artifact and a bundle: small enough to start often."""

import json
from pathlib import Path
from typing import Any

from slipway import settings as settings_module
from slipway.images import bundle

CODE = '''
"""The module of a model that weighs parcels."""
import os
import time
from asyncio import CancelledError

from slipway.model import InputError, Model


class Panic(BaseException):
    """What a library in Rust raises."""


FAILURES = {669: KeyboardInterrupt, 670: GeneratorExit, 671: Panic, 672: CancelledError}


class Tiny(Model):
    """Estimates the price of a parcel.

    It knows three kinds of wrapping.
    """

    source_features = ["weight", "wrapping", "fragile"]
    target_variable = "price"

    def predict(self, rows):
        prices = []
        for index, row in enumerate(rows):
            if row["weight"] == 666:
                raise RuntimeError("a secret of the model: swordfish")
            if row["weight"] == 667:
                raise SystemExit("leaving")
            if row["weight"] in FAILURES:
                raise FAILURES[row["weight"]]("a secret of the model: swordfish")
            if row["weight"] == 668:
                time.sleep(0.6)
            if row["weight"] == 0:
                raise InputError("a parcel weighs something", row=index, field="weight")
            prices.append(self.base + row["weight"] * self.rate)
        return prices
'''

SCHEMA = {
    "fields": [
        {"name": "weight", "kind": "number", "minimum": 0, "maximum": 1000, "unit": "kg", "description": "of all"},
        {"name": "wrapping", "kind": "string", "categories": ["paper", "box", "none"]},
        {"name": "fragile", "kind": "boolean", "optional": True},
    ],
    "target": {"name": "price", "kind": "number", "unit": "EUR"},
}

ROWS = [
    {"weight": 2.0, "wrapping": "paper", "fragile": True},
    {"weight": 10, "wrapping": "box"},
]
PREDICTIONS = [4.0, 8.0]

LOCK = "functions-framework==3.10.2 --hash=sha256:00\nmsgspec==0.22.0 --hash=sha256:00\n"

SETTINGS = """
environments:
  test: {store: store/test, namespace: test}
  prod: {store: store/prod, namespace: prod, promotes_from: test}
"""


def artifact(folder: Path, *, code: str = CODE, predictions: list[Any] | None = None, by_hand: bool = False) -> Path:
    """Write the artifact into `folder`; with `by_hand` without code and lock, as from a notebook."""
    manifest = {
        "format": 1,
        "entry": "model.tiny.model:Tiny",
        "parameters": {},
        "tolerance": 1e-6,
        "python": "3.11",
        "parts": {
            "base": {"form": "json", "file": "parts/base.json"},
            "rate": {"form": "json", "file": "parts/rate.json"},
        },
    }
    golden = {"rows": ROWS, "predictions": PREDICTIONS if predictions is None else predictions}
    files = {"artifact.json": manifest, "schema.json": SCHEMA, "golden.json": golden}
    written = {name: json.dumps(content, indent=2, sort_keys=True) for name, content in files.items()}
    written |= {"parts/base.json": "3.0", "parts/rate.json": "0.5"}
    if not by_hand:
        written |= {"code/model/tiny/model.py": code, "requirements.lock": LOCK}
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def repository(root: Path) -> settings_module.Settings:
    """Make a repository with the model."""
    folder = root / "model" / "tiny"
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(CODE)
    (folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
    (folder / "requirements.txt").write_text("")
    (root / "slipway.yaml").write_text(SETTINGS)
    return settings_module.load(root)


def held(hold: Path) -> str:
    """Return code of a model that waits while the file `hold` exists, and writes the file `begun` meanwhile."""
    waits = f"while os.path.exists({str(hold)!r}): open({str(begun(hold))!r}, 'w').close(); time.sleep(0.01)"
    return CODE.replace("prices = []", f"prices = []\n        {waits}")


def begun(hold: Path) -> Path:
    """Return the path of the file that a model writes while it waits for `hold`."""
    return hold.with_suffix(".begun")


def bundled(root: Path, **changes: Any) -> bundle.Bundle:
    """Make a bundle of the artifact, with all that it needs, below `root`."""
    settings = repository(root / "repository")
    return bundle.make_local(settings, "tiny", artifact(root / "artifact", **changes), root / "bundle")
