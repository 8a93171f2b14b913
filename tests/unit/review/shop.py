"""A repository whose one model is without libraries, and versions of it: small enough to ask often."""

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from slipway.git import Repository
from slipway.gitops.branches import Here, Proposed
from slipway.models.environment import compile_lock
from slipway.models.splits import Split
from slipway.names import ReleaseName
from slipway.release.candidates import Wish
from slipway.release.promote import Promoted, promote
from slipway.review.comparison import Version, fetched
from slipway.store import Record
from slipway.store.records import Data, SecondFit, Training
from tests.unit.conftest import Site

CODE = '''
"""Which size a parcel has."""
from slipway.model import InputError, Model


class Parcel(Model):
    """Small or big, by its weight."""

    source_features = ["weight", "colour"]
    target_variable = "size"
    parameters = {"scale": 1.0}

    def predict(self, rows):
        print("what a model prints is no answer")
        for place, row in enumerate(rows):
            if row["weight"] == self.refused:
                raise InputError("nothing weighs that", row=place, field="weight")
        return ["big" if row["weight"] > self.limit else "small" for row in rows]

    def metrics(self, truth, predictions):
        return {"missed": sum(a != b for a, b in zip(truth, predictions)), "odd": float("nan")}
'''

SCHEMA: dict[str, Any] = {
    "fields": [
        {"name": "weight", "kind": "number"},
        {"name": "colour", "kind": "string", "categories": ["red", "green"]},
    ],
    "target": {"name": "size", "kind": "string", "categories": ["big", "small"]},
}

SETTINGS = """
environments:
  test: {store: .slipway/store/test, namespace: slipway-test}
  prod: {store: .slipway/store/prod, namespace: slipway-prod, promotes_from: test}
models:
  parcel: {train: manual, gates: {accuracy: {min: 0.5, worse_by: 0.05}}}
"""

HEADS = ["weight", "colour", "size"]
ROWS = [[str(weight), "red" if weight % 3 else "green", "big" if weight > 50 else "small"] for weight in range(1, 101)]


def table(rows: list[list[str]], heads: list[str] = HEADS) -> str:
    """Return a CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows([heads, *rows])
    return text.getvalue()


class Shop(Site):
    """A repository with one model; its answers are as good as its limit, and 50 is right."""

    def begin(self) -> None:
        self.write("slipway.yaml", SETTINGS)
        self.write("model/parcel/model.py", CODE)
        self.write("model/parcel/requirements.txt", "")
        self.commit("Parcel")

    def publish_parcel(
        self,
        limit: float = 50,
        *,
        refused: float = -1,
        data: str | None = None,
        share: float | None = 0.3,
        schema: dict[str, Any] = SCHEMA,
        code: str = CODE,
        parameters: dict[str, float] | None = None,
        by_hand: bool = False,
        split: Split | None = None,
        second_fit: SecondFit | None = None,
    ) -> Record:
        """Publish a version in test; one that was published `by_hand` has neither data nor a training."""
        number = len(self.store().versions("parcel")) + 1
        folder = self.root.parent / f"parcel-{number}"
        snapshot = folder.with_suffix(".csv")
        snapshot.write_text(table(ROWS) if data is None else data)
        self._artifact(folder, limit, refused, schema, code, parameters or {"scale": 1.0})
        digest = hashlib.sha256(snapshot.read_bytes()).hexdigest()
        record: dict[str, Any] = {"metrics": {"accuracy": 0.75}}
        if not by_hand:
            lines = snapshot.read_text().count("\n") - 1
            known: dict[str, Any] = {"sha256": digest, "rows": lines, "held_out": 1}
            record["data"] = Data(uri="gs://data/parcels.csv", share=None if split else share, split=split, **known)
            told: dict[str, Any] = {"run": "https://ci.example.org/runs/1", "second_fit": second_fit}
            record["training"] = Training(digest="d" * 64, commit="c" * 40, **told)
        attachments = {} if by_hand else {f"data/{digest}.csv": snapshot}
        return self.store().publish("parcel", folder, record=record, attachments=attachments)

    def released_parcel(self, limit: float = 50, **more: Any) -> ReleaseName:
        """Publish a version, release it and verify it."""
        self.publish_parcel(limit, **more)
        name = self.release("parcel").outcomes[0].release
        assert name is not None
        self.verify(name, "parcel")
        return name

    def promote(self, **wish: Any) -> Promoted:
        """Promote what is newest, and let it run."""
        return promote(self.settings, "parcel", Wish(**{"allow_unbuilt": True} | wish), to="prod")

    def propose(self, **wish: Any) -> Promoted:
        """Promote what is newest, on a branch."""
        place = Proposed(Here(Repository(self.root)), "promote/prod/parcel")
        return promote(self.settings, "parcel", Wish(**{"allow_unbuilt": True} | wish), to="prod", place=place)

    def fetched(self, record: Record) -> Version:
        """The version, as it is compared."""
        return fetched(self.store(), record, self.root.parent / f"fetched-{record.version}")

    def _artifact(self, folder: Path, limit: float, refused: float, schema: Any, code: str, parameters: Any) -> None:
        names = {"limit": limit, "refused": refused}
        parts = {name: {"form": "json", "file": f"parts/{name}.json"} for name in names}
        manifest = {"format": 1, "entry": "model.parcel.model:Parcel", "parameters": parameters}
        manifest |= {"tolerance": 1e-6, "python": "3.11", "parts": parts}
        golden = {"rows": [{"weight": 1.0, "colour": "red"}], "predictions": ["small"]}
        files = {f"parts/{name}.json": json.dumps(value) for name, value in names.items()}
        files |= {"artifact.json": json.dumps(manifest), "schema.json": json.dumps(schema)}
        files |= {"golden.json": json.dumps(golden), "code/model/parcel/model.py": code}
        files["requirements.lock"] = compile_lock(self.settings, "parcel", "serve").read_text()
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
