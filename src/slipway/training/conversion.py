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
from slipway.artifacts.loading import REFUSED, Loaded, each, load
from slipway.artifacts.onnx.conversion import Converted, Unconvertible, ways
from slipway.artifacts.onnx.watching import Watched
from slipway.images.comparison import compare as compare_rows
from slipway.schema import Field, Schema
from slipway.store.records import Conversion

_SINGLE = 20
_PROBES = 300
_UNSEEN = "a text that no row has"


class _Questions(NamedTuple):
    """All rows of the data, and single rows: some of them again, and some with one value that the schema allows."""

    rows: list[dict[str, Any]]
    single: list[dict[str, Any]]


class _Answers(NamedTuple):
    """The model's answers to the questions; `REFUSED` where it gives none."""

    rows: list[Any]
    single: list[Any]


class _Sound(NamedTuple):
    """A conversion with which the model answers as before, and its largest difference."""

    converted: Converted
    largest: float


def convert(artifact: Path, rows: Sequence[Mapping[str, Any]], originals: Path) -> dict[str, Conversion]:
    """Convert what can be converted of the artifact, and return the result for each estimator.

    `rows` are all of the data, trained on and held out. What was converted is kept in the folder `originals`. An
    estimator that cannot be converted stays Python, and its result says why; that is no error.
    """
    loaded = load(artifact)
    saved = [name for name, part in loaded.manifest.parts.items() if part.form == "skops"]
    if not saved:
        return {}
    trial, why = _watch(loaded, saved, _questions(loaded.schema, rows))
    if trial is None:
        return {name: Conversion(form="skops", why=why) for name in saved}
    found, reasons = trial.each()
    if len(found) > 1 and (apart := trial.apart_together(found)):
        reasons |= dict.fromkeys(found, f"with the other conversions, {apart}")
        found = {}
    for name, sound in found.items():
        _replace(artifact, name, sound.converted.content, originals)
    results = {name: _result(sound, len(rows), loaded.manifest.tolerance) for name, sound in found.items()}
    results |= {name: Conversion(form="skops", why=text) for name, text in reasons.items()}
    return dict(sorted(results.items()))


def _result(sound: _Sound, rows: int, tolerance: float) -> Conversion:
    how, largest = sound.converted.how, sound.largest
    return Conversion(form="onnx", how=how, rows=rows, largest_difference=largest, tolerance=tolerance)


def line(found: Mapping[str, Conversion]) -> str:
    """Return the results in a line, to show after a step: `classifier: ONNX, 150 rows alike, …`."""
    return "; ".join(f"{name}: {_in_words(conversion)}" for name, conversion in found.items())


def _in_words(conversion: Conversion) -> str:
    if conversion.form != "onnx":
        return f"stays Python ({conversion.why})"
    alike = f"{conversion.rows} rows alike, largest difference {conversion.largest_difference:.2g}"
    return f"ONNX ({conversion.how}), {alike}"


class _Trial(NamedTuple):
    """A trained model, its answers, and its estimators as it was seen to call them."""

    loaded: Loaded
    watched: Mapping[str, Watched]
    questions: _Questions
    before: _Answers

    def each(self) -> tuple[dict[str, _Sound], dict[str, str]]:
        """Return the first sound conversion of each estimator while the others are Python, or why it has none."""
        found: dict[str, _Sound] = {}
        reasons: dict[str, str] = {}
        for name in self.watched:
            try:
                found[name] = self._first(name)
            except Unconvertible as why:
                reasons[name] = str(why)
        return found, reasons

    def apart_together(self, found: Mapping[str, _Sound]) -> str:
        """Return how the model answers otherwise with all conversions at once; empty when it does not."""
        try:
            self._largest({name: sound.converted for name, sound in found.items()})
        except Unconvertible as why:
            return str(why)
        return ""

    def _first(self, name: str) -> _Sound:
        watched = self.watched[name]
        if not hasattr(watched.estimator_, "fit"):
            raise Unconvertible("it is no estimator but something that holds some")
        reasons: dict[str, str] = {}
        for way in ways(watched):
            try:
                converted = way.convert()
                return _Sound(converted, self._largest({name: converted}))
            except Unconvertible as why:
                reasons.setdefault(str(why), way.numbers)
        one, *more = reasons
        raise Unconvertible("; ".join(f"in {numbers}: {why}" for why, numbers in reasons.items()) if more else one)

    def _largest(self, found: Mapping[str, Converted]) -> float:
        """Return the largest difference of the answers with these conversions; raise `Unconvertible` if too large."""
        try:
            after = _with(self.loaded, {name: each.graph for name, each in found.items()}, self.questions)
        except Exception as error:
            raise Unconvertible(f"predict fails: {error}") from error
        largest, apart = _compare(self.questions, self.before, after, self.loaded.manifest.tolerance)
        if apart:
            raise Unconvertible(apart)
        return largest


def _watch(loaded: Loaded, saved: Sequence[str], questions: _Questions) -> tuple[_Trial | None, str]:
    """Ask the trained model, and watch how it calls its estimators; or return why that cannot be known."""
    trained = {name: getattr(loaded.model, name) for name in saved}
    watched = {name: Watched(estimator) for name, estimator in trained.items() if hasattr(estimator, "fit")}
    try:
        before = _answers(loaded, questions)
    except Exception as error:  # noqa: BLE001 - the model's code fails, which the step evaluate reports
        return None, f"predict fails on the data: {type(error).__name__}: {error}"
    try:
        seen = _with(loaded, watched, questions)
    except Exception as error:  # noqa: BLE001 - the model's code may do anything with an estimator that is none
        return None, f"predict does more with it than call it: {type(error).__name__}: {error}"
    if _compare(questions, before, seen, loaded.manifest.tolerance)[1]:
        return None, "predict answers the same rows differently each time"
    every = {name: watched.get(name) or Watched(trained[name]) for name in saved}
    return _Trial(loaded, every, questions, before), ""


def _with(loaded: Loaded, parts: Mapping[str, Any], questions: _Questions) -> _Answers:
    """Ask the model with other objects in place of its estimators."""
    trained = {name: getattr(loaded.model, name) for name in parts}
    for name, part in parts.items():
        setattr(loaded.model, name, part)
    try:
        return _answers(loaded, questions)
    finally:
        for name, estimator in trained.items():
            setattr(loaded.model, name, estimator)


def _questions(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> _Questions:
    """Return the questions to a model with this schema; `rows` are those of the data, at least one."""
    all_ = [dict(row) for row in rows]
    values = ((field.name, value) for field in schema.fields for value in _values(field))
    probes = ({**all_[at % len(all_)], name: value} for at, (name, value) in enumerate(values))
    return _Questions(all_, [*all_[:_SINGLE], *islice(probes, _PROBES)])


def _values(field: Field) -> Iterator[Any]:
    yield from field.categories
    if field.kind == "boolean" and not field.categories:
        yield from (False, True)
    if field.kind == "string" and not field.categories:
        yield _UNSEEN
    if field.optional:
        yield None


def _answers(loaded: Loaded, questions: _Questions) -> _Answers:
    """Ask the model. It may refuse rows of the data as impossible, and fail on a single row.

    Raise whatever else the model's own code raises on the rows of the data.
    """
    return _Answers(each(loaded, questions.rows), [_answer(loaded, row) for row in questions.single])


def _answer(loaded: Loaded, row: dict[str, Any]) -> Any:
    try:
        (answer,) = loaded.answer([row])
    except Exception:  # noqa: BLE001 - a failure is an answer to compare
        return REFUSED
    return answer


def _compare(questions: _Questions, before: _Answers, after: _Answers, tolerance: float) -> tuple[float, str]:
    """Return the largest difference of fractional numbers, and the first other answer in words; empty for none.

    Fractional numbers have to be within the tolerance, all else equal.
    """
    all_ = compare_rows(questions.rows, before.rows, after.rows, tolerance)
    single = compare_rows(questions.single, before.single, after.single, tolerance)
    for found, where in ((all_, "rows"), (single, "single rows")):
        same = min(found.within, found.labels)
        if same < found.rows:
            example = f": {found.examples[0]}" if found.examples else ""
            return found.largest, f"{found.rows - same} of {found.rows} {where} are answered otherwise{example}"
    return max(all_.largest, single.largest), ""


def _replace(artifact: Path, name: str, content: bytes, originals: Path) -> None:
    """Put a graph into the artifact in place of the file of skops, and move that to `originals`."""
    known = manifest.read(artifact)
    before = manifest.within(artifact, known.parts[name].file)
    files.write(originals / before.name, before.read_bytes())
    part = manifest.Part(form="onnx", file=f"parts/{name}.onnx")
    files.write(artifact / part.file, content)
    manifest.write(msgspec.structs.replace(known, parts={**known.parts, name: part}), artifact)
    before.unlink()
