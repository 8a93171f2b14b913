"""Conversion of the estimators in a fresh artifact to graphs, where the whole model then answers as before.

The model is asked all rows of the data, and probes: what a caller may send beside them. A difference means Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from slipway import files
from slipway.artifacts import manifest
from slipway.artifacts.loading import REFUSED, Loaded, load
from slipway.artifacts.onnx import listing
from slipway.artifacts.onnx.builder import Unconvertible
from slipway.artifacts.onnx.conversion import BOUND, Converted
from slipway.artifacts.onnx.conversion import convert as graph_of
from slipway.artifacts.onnx.watching import Watched
from slipway.images.comparison import compare
from slipway.model import InputError
from slipway.schema import Schema
from slipway.store.records import Conversion
from slipway.training import probes

_SINGLE = 20
_PROBES = 300
_WATCHED = 1000
"""Rows of the data by which it is seen how the model uses its estimators."""

_AT_ONCE = 64
"""Rows beyond the data to ask at once: where one is refused, the others are asked again."""


class _Batches(NamedTuple):
    """Rows of the data asked at once, rows asked one by one, and rows beyond the data; or the answers to them."""

    rows: list[Any]
    single: list[Any]
    beyond: list[Any]


class _Found(NamedTuple):
    """A graph with which the model answers as before, and the largest difference of a number."""

    converted: Converted
    largest: float


def convert(artifact: Path, rows: Sequence[Mapping[str, Any]], originals: Path) -> dict[str, Conversion]:
    """Convert the estimators of the artifact where possible, and return the result for each of them.

    `rows` are all of the data, trained on and held out. The originals are kept in the folder `originals`. An
    estimator that cannot be converted stays Python, and its result says why; that is no error. The model is asked
    nothing where no estimator is on the list.
    """
    loaded = load(artifact)
    saved = {name: getattr(loaded.model, name) for name, part in loaded.manifest.parts.items() if part.form == "skops"}
    reasons = {name: why for name, estimator in saved.items() if (why := _unlisted(estimator))}
    found: dict[str, _Found] = {}
    if listed := [name for name in saved if name not in reasons]:
        questions = _questions(loaded.schema, rows)
        found, more = _convert(loaded, listed, questions)
        reasons |= more
    results = {name: Conversion(form="skops", why=why) for name, why in reasons.items()}
    for name, (converted, largest) in found.items():
        _replace(artifact, name, converted.content, originals)
        results[name] = Conversion(
            form="onnx",
            how="float64",
            rows=len(rows),
            beyond=len(questions.beyond) + len(questions.single) - min(len(rows), _SINGLE),
            largest_difference=largest,
            tolerance=_tolerance(loaded),
        )
    return dict(sorted(results.items()))


def _convert(loaded: Loaded, names: Sequence[str], questions: _Batches) -> tuple[dict[str, _Found], dict[str, str]]:
    """Return the graphs that answer as before, alone and together, and the reasons why the others have none."""
    try:
        trial = _watch(loaded, names, questions)
    except Unconvertible as why:
        return {}, dict.fromkeys(names, str(why))
    found, reasons = trial.convert_each()
    try:
        if len(found) > 1:
            trial.difference({name: converted for name, (converted, _) in found.items()})
    except Unconvertible as why:
        return {}, reasons | dict.fromkeys(found, f"with the other conversions, {why}")
    return found, reasons


def _unlisted(estimator: Any) -> str:
    """Return why an attribute cannot become a graph, by the list; empty if it may."""
    if not hasattr(estimator, "fit"):
        return "it is no estimator but something that holds some"
    try:
        listing.check(estimator)
    except Unconvertible as why:
        return str(why)
    return ""


def _tolerance(loaded: Loaded) -> float:
    """Return how far a number may be off: as far as graphs are, and no further than the model allows."""
    return min(loaded.manifest.tolerance, BOUND)


def line(found: Mapping[str, Conversion]) -> str:
    """Return the results in a line, to show after a step: `classifier: ONNX, 150 rows alike, …`."""
    return "; ".join(
        f"{name}: ONNX ({each.how}), {each.rows} rows alike, and {each.beyond} rows beyond the data: 0 different; "
        f"largest difference {each.largest_difference:.2g}"
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

    def convert_each(self) -> tuple[dict[str, _Found], dict[str, str]]:
        """Convert each estimator while the others are Python; return the results, and why the others have none."""
        found: dict[str, _Found] = {}
        reasons: dict[str, str] = {}
        for name, watched in self.watched.items():
            try:
                converted = graph_of(watched)
                found[name] = _Found(converted, self.difference({name: converted}))
            except Unconvertible as why:
                reasons[name] = str(why)
        return found, reasons

    def difference(self, found: Mapping[str, Converted]) -> float:
        """Return the largest difference of the answers with these conversions; raise `Unconvertible` if too large."""
        try:
            after = _with(self.loaded, {name: each.graph for name, each in found.items()}, self.questions)
        except Exception as error:
            raise Unconvertible(f"predict fails: {error}") from error
        return _difference(self.questions, self.before, after, _tolerance(self.loaded))


def _watch(loaded: Loaded, saved: Sequence[str], questions: _Batches) -> _Trial:
    """Ask the trained model, and watch how it calls its estimators; raise `Unconvertible` if that cannot be known."""
    watched = {name: Watched(getattr(loaded.model, name)) for name in saved}
    some = _Batches(questions.rows[:_WATCHED], questions.single, [])
    doing = "predict fails on the data"
    try:
        before = _answers(loaded, questions)
        doing = "predict does more with it than call it"
        seen = _with(loaded, watched, some)
    except Exception as error:
        raise Unconvertible(f"{doing}: {type(error).__name__}: {error}") from error
    try:
        expected = _Batches(before.rows[:_WATCHED], before.single, [])
        _difference(some, expected, seen, loaded.manifest.tolerance)
    except Unconvertible as why:
        raise Unconvertible("predict answers the same rows differently each time") from why
    return _Trial(loaded, watched, questions, before)


def _with(loaded: Loaded, parts: Mapping[str, Any], questions: _Batches) -> _Batches:
    """Ask the model with other objects in place of its estimators."""
    trained = {name: getattr(loaded.model, name) for name in parts}
    vars(loaded.model).update(parts)
    try:
        return _answers(loaded, questions)
    finally:
        vars(loaded.model).update(trained)


def _questions(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> _Batches:
    """Return the rows (at least one), some of them again, and rows that a caller may send beside them."""
    all_ = [dict(row) for row in rows]
    alone = [*all_[:_SINGLE], *islice(probes.single(schema, all_), _PROBES)]
    return _Batches(all_, alone, probes.beyond(schema, all_))


def _answers(loaded: Loaded, questions: _Batches) -> _Batches:
    """Ask the model. It may refuse rows of the data as impossible, and fail on a single row.

    Raise whatever else the model's own code raises on the rows of the data.
    """
    single = [answer for row in questions.single for answer in _taken(loaded, [row])]
    starts = range(0, len(questions.beyond), _AT_ONCE)
    beyond = [answer for at in starts for answer in _taken(loaded, questions.beyond[at : at + _AT_ONCE])]
    return _Batches(loaded.answer_each(questions.rows), single, beyond)


def _taken(loaded: Loaded, rows: list[Any]) -> list[Any]:
    """Return the answer to each row, or `REFUSED` where asking fails.

    Where a model names the row, the others are asked again; else they are asked in halves.
    """
    found: list[Any] = [REFUSED] * len(rows)
    asked = list(range(len(rows)))
    while asked:
        try:
            answers = loaded.answer([rows[at] for at in asked])
        except Exception as error:  # noqa: BLE001 - a failure is an answer to compare
            named = error.row if isinstance(error, InputError) else None
            if len(asked) == 1:
                return found
            if named is not None and 0 <= named < len(asked):
                del asked[named]
                continue
            middle = len(asked) // 2
            halves = ([rows[at] for at in asked[:middle]], [rows[at] for at in asked[middle:]])
            answers = [answer for half in halves for answer in _taken(loaded, half)]
        for at, answer in zip(asked, answers, strict=True):
            found[at] = answer
        return found
    return found


def _difference(questions: _Batches, before: _Batches, after: _Batches, tolerance: float) -> float:
    """Return the largest difference of fractional numbers.

    Raise `Unconvertible` with the first other answer: fractional numbers have to be within the tolerance, all else
    equal.
    """
    largest = 0.0
    for where, asked, old, new in zip(
        ("rows", "single rows", "rows beyond the data"), questions, before, after, strict=True
    ):
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
