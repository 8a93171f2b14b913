"""Conversion of the estimators in a fresh artifact to graphs, where the whole model then answers as before.

The model is asked all rows of the data, and probes: what a caller may send beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from slipway import files
from slipway.artifacts import manifest
from slipway.artifacts.loading import REFUSED, Loaded, load
from slipway.artifacts.onnx.builder import Unconvertible
from slipway.artifacts.onnx.conversion import Converted
from slipway.artifacts.onnx.conversion import convert as graph_of
from slipway.artifacts.onnx.watching import Watched
from slipway.images.comparison import compare
from slipway.schema import Field, Schema
from slipway.store.records import Conversion

_SINGLE = 20
_PROBES = 300
_UNSEEN = "a text that no row has"


class _Batches(NamedTuple):
    """Rows that the model is asked at once, and rows that it is asked one by one; or its answers to them."""

    rows: list[Any]
    single: list[Any]


def convert(artifact: Path, rows: Sequence[Mapping[str, Any]], originals: Path) -> dict[str, Conversion]:
    """Convert the estimators of the artifact where possible, and return the result for each of them.

    `rows` are all of the data, trained on and held out. The originals are kept in the folder `originals`. An
    estimator that cannot be converted stays Python, and its result says why; that is no error.
    """
    loaded = load(artifact)
    saved = [name for name, part in loaded.manifest.parts.items() if part.form == "skops"]
    if not saved:
        return {}
    try:
        trial = _watch(loaded, saved, _questions(loaded.schema, rows))
    except Unconvertible as why:
        return {name: Conversion(form="skops", why=str(why)) for name in saved}
    found, reasons = trial.convert_each()
    try:
        if len(found) > 1:
            trial.difference({name: converted for name, (converted, _) in found.items()})
    except Unconvertible as why:
        reasons |= dict.fromkeys(found, f"with the other conversions, {why}")
        found = {}
    results = {name: Conversion(form="skops", why=why) for name, why in reasons.items()}
    for name, (converted, largest) in found.items():
        _replace(artifact, name, converted.content, originals)
        results[name] = Conversion(
            form="onnx",
            how="float64",
            rows=len(rows),
            largest_difference=largest,
            tolerance=loaded.manifest.tolerance,
        )
    return dict(sorted(results.items()))


def line(found: Mapping[str, Conversion]) -> str:
    """Return the results in a line, to show after a step: `classifier: ONNX, 150 rows alike, …`."""
    return "; ".join(
        f"{name}: ONNX ({each.how}), {each.rows} rows alike, largest difference {each.largest_difference:.2g}"
        if each.form == "onnx"
        else f"{name}: stays Python ({each.why})"
        for name, each in found.items()
    )


class _Trial(NamedTuple):
    """A trained model, its answers, and its estimators as it was seen to call them."""

    loaded: Loaded
    watched: Mapping[str, Watched]
    questions: _Batches
    before: _Batches

    def convert_each(self) -> tuple[dict[str, tuple[Converted, float]], dict[str, str]]:
        """Convert each estimator while the others are Python; return the results, and why the others have none.

        A result is the first conversion with which the model answers as before, and its largest difference.
        """
        found: dict[str, tuple[Converted, float]] = {}
        reasons: dict[str, str] = {}
        for name in self.watched:
            try:
                found[name] = self._first(name)
            except Unconvertible as why:
                reasons[name] = str(why)
        return found, reasons

    def _first(self, name: str) -> tuple[Converted, float]:
        watched = self.watched[name]
        if not hasattr(watched.estimator_, "fit"):
            raise Unconvertible("it is no estimator but something that holds some")
        converted = graph_of(watched)
        return converted, self.difference({name: converted})

    def difference(self, found: Mapping[str, Converted]) -> float:
        """Return the largest difference of the answers with these conversions; raise `Unconvertible` if too large."""
        try:
            after = _with(self.loaded, {name: each.graph for name, each in found.items()}, self.questions)
        except Exception as error:
            raise Unconvertible(f"predict fails: {error}") from error
        return _difference(self.questions, self.before, after, self.loaded.manifest.tolerance)


def _watch(loaded: Loaded, saved: Sequence[str], questions: _Batches) -> _Trial:
    """Ask the trained model, and watch how it calls its estimators; raise `Unconvertible` if that cannot be known."""
    trained = {name: getattr(loaded.model, name) for name in saved}
    watched = {name: Watched(estimator) for name, estimator in trained.items() if hasattr(estimator, "fit")}
    doing = "predict fails on the data"
    try:
        before = _answers(loaded, questions)
        doing = "predict does more with it than call it"
        seen = _with(loaded, watched, questions)
    except Exception as error:
        raise Unconvertible(f"{doing}: {type(error).__name__}: {error}") from error
    try:
        _difference(questions, before, seen, loaded.manifest.tolerance)
    except Unconvertible as why:
        raise Unconvertible("predict answers the same rows differently each time") from why
    every = {name: watched.get(name) or Watched(trained[name]) for name in saved}
    return _Trial(loaded, every, questions, before)


def _with(loaded: Loaded, parts: Mapping[str, Any], questions: _Batches) -> _Batches:
    """Ask the model with other objects in place of its estimators."""
    trained = {name: getattr(loaded.model, name) for name in parts}
    vars(loaded.model).update(parts)
    try:
        return _answers(loaded, questions)
    finally:
        vars(loaded.model).update(trained)


def _questions(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> _Batches:
    """Return the rows (at least one), some of them again, and some with one other value that the schema allows."""
    all_ = [dict(row) for row in rows]
    values = ((field.name, value) for field in schema.fields for value in _values(field))
    probes = ({**all_[at % len(all_)], name: value} for at, (name, value) in enumerate(values))
    return _Batches(all_, [*all_[:_SINGLE], *islice(probes, _PROBES)])


def _values(field: Field) -> Iterator[Any]:
    yield from field.categories or {"boolean": (False, True), "string": (_UNSEEN,)}.get(field.kind, ())
    if field.optional:
        yield None


def _answers(loaded: Loaded, questions: _Batches) -> _Batches:
    """Ask the model. It may refuse rows of the data as impossible, and fail on a single row.

    Raise whatever else the model's own code raises on the rows of the data.
    """
    return _Batches(loaded.answer_each(questions.rows), [_answer(loaded, row) for row in questions.single])


def _answer(loaded: Loaded, row: dict[str, Any]) -> Any:
    try:
        (answer,) = loaded.answer([row])
    except Exception:  # noqa: BLE001 - a failure is an answer to compare
        return REFUSED
    return answer


def _difference(questions: _Batches, before: _Batches, after: _Batches, tolerance: float) -> float:
    """Return the largest difference of fractional numbers.

    Raise `Unconvertible` with the first other answer: fractional numbers have to be within the tolerance, all else
    equal.
    """
    largest = 0.0
    for where, asked, old, new in zip(("rows", "single rows"), questions, before, after, strict=True):
        found = compare(asked, old, new, tolerance)
        same = min(found.within, found.labels)
        if same < found.rows:
            example = f": {found.examples[0]}" if found.examples else ""
            raise Unconvertible(f"{found.rows - same} of {found.rows} {where} are answered otherwise{example}")
        largest = max(largest, found.largest)
    return largest


def _replace(artifact: Path, name: str, content: bytes, originals: Path) -> None:
    """Put a graph into the artifact in place of the file of skops, and move that to `originals`."""
    known = manifest.read(artifact)
    before = manifest.within(artifact, known.parts[name].file)
    files.write(originals / before.name, before.read_bytes())
    part = manifest.Part(form="onnx", file=f"parts/{name}.onnx")
    files.write(artifact / part.file, content)
    manifest.write(msgspec.structs.replace(known, parts={**known.parts, name: part}), artifact)
    before.unlink()
