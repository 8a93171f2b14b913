"""The deployed version, measured on the rows of a fresh model."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway import processes
from slipway.artifacts import manifest, worker
from slipway.artifacts.loading import SCHEMA
from slipway.errors import SlipwayError
from slipway.models.splits import held_out_by, split_of
from slipway.names import ModelId
from slipway.overlays.overlay import read_folder
from slipway.schema import Schema
from slipway.settings import Settings
from slipway.settings.types import Gate
from slipway.store import Record, Store, store_of
from slipway.training import unseen
from slipway.training.metrics import compares_with_deployed, unlike

if TYPE_CHECKING:
    import pandas as pd


def record(settings: Settings, model: str, environment: str) -> Record | None:
    """Return the record of the deployed version; None when there is none.

    The overlay in the work tree names it. Without a work tree, and if a gate compares with it, the function at
    `SLIPWAY_DEPLOYED_AT` names it or, where that gives no version, the newest verification. Otherwise
    `SLIPWAY_DEPLOYED` does. Raise `SlipwayError` when that holds no version.
    """
    store = store_of(settings, environment)
    version = _asked_for(store, model) if compares_with_deployed(settings.model(model).gates) else None
    version = version or _given() or _declared(settings, model, environment)
    return store.record(model, version) if version in store.versions(model) else None


def _asked_for(store: Store, model: str) -> int | None:
    """Return the version that answers, which of several on the route is any one, or else the newest verified one."""
    from slipway.images import clients

    url = os.environ.get("SLIPWAY_DEPLOYED_AT", "")
    if not url:
        return None
    try:
        found = ModelId.parse(clients.describe(url).model_id)
        if (found.model, found.environment) == (model, store.environment):
            return found.version
    except SlipwayError:  # nothing is released yet, it refuses us, speaks another protocol, or is not there
        pass
    return max(store.verified_versions(model), default=None)


def _given() -> int | None:
    text = os.environ.get("SLIPWAY_DEPLOYED", "")
    if text and not text.isdecimal():
        raise SlipwayError(f"SLIPWAY_DEPLOYED is {text!r}", fix="set it to a version, such as 7, or to nothing")
    return int(text) if text else None


def _declared(settings: Settings, model: str, environment: str) -> int | None:
    overlay = read_folder(settings.root, environment, model)
    release = overlay.serving() if overlay else None
    return release.version if release else None


class Fresh(NamedTuple):
    """A fresh model's schema and data, and its answers to the rows that are held out."""

    schema: Schema
    data: pd.DataFrame
    out: pd.Series[bool]
    """True for each row of the data that is held out."""
    file: Path
    """The data as they were fetched."""
    rows: Sequence[Any]
    truth: Sequence[Any]
    predictions: Sequence[Any]


class Compared(NamedTuple):
    """The deployed version beside a fresh model, for gates."""

    before: Mapping[str, float] | None = None
    """The metrics of the deployed version; None if no gate compares with it, or nothing is deployed."""
    fresh: Mapping[str, float] | None = None
    """The metrics of the fresh model on the same rows; None where a record gives those of the deployed version."""
    words: str = ""


Measure = Callable[[Sequence[Any], Sequence[Any], Sequence[Any], str], dict[str, float]]
"""A function of the truth, the predictions, the rows and the version's name that returns metrics."""


def compare(
    settings: Settings, gates: Mapping[str, Gate], before: Record | None, fresh: Fresh, measure: Measure
) -> Compared:
    """Measure the deployed version and the fresh model on the held-out rows that neither was trained on.

    Where that is not possible, the record of the deployed version gives its metrics, and `words` say why.
    """
    if not compares_with_deployed(gates):
        return Compared()
    if before is None:
        return Compared(words=", compared with nothing, as nothing is deployed")
    version = f"v{before.version}"
    try:
        metrics, ours, number, doubt = _measured(settings, before, fresh, measure)
    except SlipwayError as error:
        why = error.problem.splitlines()[-1].strip()
        words = f", compared with the record of {version}{_lacking(gates, before.metrics)}, on other rows, as {why}"
        return Compared(dict(before.metrics), words=words)
    told = f"{number} of {len(fresh.rows)} held-out rows"
    words = f", compared with {version}{_lacking(gates, metrics)} on {told}, {doubt or 'which neither was trained on'}"
    return Compared(metrics, ours, words)


def _measured(
    settings: Settings, before: Record, fresh: Fresh, measure: Measure
) -> tuple[dict[str, float], dict[str, float], int, str]:
    """Return the metrics of both, the number of rows, and what is doubtful about these."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = store_of(settings, before.environment).fetch(before, Path(scratch) / "artifact")
        schema = manifest.read_file(folder, SCHEMA, Schema)
        if found := unlike(fresh.schema.target, schema.target):
            raise SlipwayError(f"it predicts {found[1]}, and the fresh model {found[0]}")
        mask, doubt = _unseen(settings, before, folder, schema, fresh)
        places = [place for place, new in enumerate(mask[fresh.out]) if new]
        if not places:
            raise SlipwayError("it was trained on all rows that are held out now")
        rows, truth, own = ([column[place] for place in places if column] for column in fresh[-3:])
        answers = worker.predictions(sys.executable, folder, rows)
    whose = f"the deployed {before.id}"
    return measure(truth, answers, rows, whose), measure(truth, own, rows, "the fresh model"), len(places), doubt


def _unseen(
    settings: Settings, before: Record, folder: Path, schema: Schema, fresh: Fresh
) -> tuple[pd.Series[bool], str]:
    """Return True for each row of the fresh data that the deployed version was not trained on.

    Where nothing says which rows these are, return True for all of them, and a doubt in words.
    """
    split = split_of(before.data.split, before.data.share) if before.data else None
    if before.data is None or split is None:
        return fresh.out | True, "which it may have been trained on: its record does not say"
    if split.by != "model":
        return held_out_by(split, fresh.data, schema.columns), ""
    name = next((name for name, file in before.attachments.items() if file.sha256 == before.data.sha256), None)
    if name is None:
        raise SlipwayError("its data were not kept, so that its class cannot be asked which rows it held out")
    store_of(settings, before.environment).blobs.get(
        {name: before.attachments[name]}, folder.parent, what=str(before.id)
    )
    question = unseen.Question(artifact=folder, data=fresh.file, own=folder.parent / name, split=split)
    found = processes.ask(sys.executable, unseen.__name__, question, answer=unseen.Unseen, cwd=folder)
    return found.mask(fresh.data), ""


def _lacking(gates: Mapping[str, Gate], metrics: Mapping[str, float]) -> str:
    """Return the metrics of gates that are not known of the deployed version: no gate can compare them."""
    wanted = (name for name, gate in sorted(gates.items()) if gate.worse_by is not None)
    lacking = ", ".join(name for name in wanted if name not in metrics)
    return f" but in {lacking}, which nobody measured of it" if lacking else ""
