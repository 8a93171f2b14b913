"""The estimators of a fresh artifact become graphs where the whole model answers as before, on all rows of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from slipway import files
from slipway.artifacts import manifest
from slipway.artifacts.loading import load
from slipway.artifacts.onnx.conversion import Converted, Unconvertible, ways
from slipway.artifacts.onnx.watching import Watched
from slipway.store.records import Conversion
from slipway.training import probes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from slipway.artifacts.loading import Loaded

__all__ = ["convert", "line"]


class _Sound(NamedTuple):
    """A conversion with which the model answers as before, and how far off it is at the most."""

    converted: Converted
    largest: float


def convert(artifact: Path, rows: Sequence[Mapping[str, Any]], originals: Path) -> dict[str, Conversion]:
    """Convert what can be of the artifact in a folder, and say what became of each estimator.

    `rows` are all of the data, trained on and held out. What was converted is kept as it was in the folder
    `originals`. Nothing that goes wrong in a conversion is an error: the estimator stays Python then, and why is said.
    """
    loaded = load(artifact)
    saved = [name for name, part in loaded.manifest.parts.items() if part.form == "skops"]
    if not saved:
        return {}
    asked = probes.asked(loaded.schema, rows)
    before, watched, why = _watch(loaded, saved, asked)
    if before is None:
        return {name: Conversion(form="skops", why=why) for name in saved}
    found, reasons = _each(loaded, watched, asked, before)
    if len(found) > 1 and (apart := _apart_together(loaded, found, asked, before)):
        reasons |= dict.fromkeys(found, f"with the other conversions, {apart}")
        found = {}
    for name, sound in found.items():
        _replace(artifact, name, sound.converted.content, originals)
    tolerance, count = loaded.manifest.tolerance, len(rows)
    done = {
        name: Conversion(
            form="onnx",
            how=sound.converted.how,
            rows=count,
            largest_difference=sound.largest,
            tolerance=tolerance,
        )
        for name, sound in found.items()
    }
    return dict(sorted((done | {name: Conversion(form="skops", why=text) for name, text in reasons.items()}).items()))


def line(found: Mapping[str, Conversion]) -> str:
    """What became of the estimators, to show after a step: `classifier: ONNX, 150 rows alike, …`."""
    return "; ".join(f"{name}: {_told(conversion)}" for name, conversion in found.items())


def _told(conversion: Conversion) -> str:
    if conversion.form != "onnx":
        return f"stays Python ({conversion.why})"
    alike = f"{conversion.rows} rows alike, largest difference {conversion.largest_difference:.2g}"
    return f"ONNX ({conversion.how}), {alike}"


def _watch(
    loaded: Loaded, saved: Sequence[str], asked: probes.Asked
) -> tuple[probes.Answers | None, dict[str, Watched], str]:
    """What the model answers as it was trained, with what it does to its estimators; or why that cannot be known."""
    trained = {name: getattr(loaded.model, name) for name in saved}
    watched = {name: Watched(estimator) for name, estimator in trained.items() if hasattr(estimator, "fit")}
    try:
        before = probes.answers(loaded, asked)
    except Exception as error:  # noqa: BLE001 - the model's code; the step evaluate has its say on that
        return None, {}, f"predict fails on the data: {type(error).__name__}: {error}"
    for name, each in watched.items():
        setattr(loaded.model, name, each)
    try:
        seen = probes.answers(loaded, asked)
    except Exception as error:  # noqa: BLE001 - what the model's code does with an estimator that is none
        return None, {}, f"predict does more with it than call it: {type(error).__name__}: {error}"
    finally:
        for name, estimator in trained.items():
            setattr(loaded.model, name, estimator)
    if probes.compare(before, seen, loaded.manifest.tolerance).apart:
        return None, {}, "predict answers the same rows differently each time"
    return before, {name: watched.get(name) or Watched(trained[name]) for name in saved}, ""


def _each(
    loaded: Loaded, watched: Mapping[str, Watched], asked: probes.Asked, before: probes.Answers
) -> tuple[dict[str, _Sound], dict[str, str]]:
    """The first sound conversion of each estimator while the others are Python, and why there is none for the rest."""
    found: dict[str, _Sound] = {}
    reasons: dict[str, str] = {}
    for name, each in watched.items():
        try:
            found[name] = _first(loaded, name, each, asked, before)
        except Unconvertible as why:
            reasons[name] = str(why)
    return found, reasons


def _first(loaded: Loaded, name: str, watched: Watched, asked: probes.Asked, before: probes.Answers) -> _Sound:
    if not hasattr(watched.estimator_, "fit"):
        raise Unconvertible("it is no estimator but something that holds some")
    reasons: dict[str, str] = {}
    for way in ways(watched):
        try:
            converted = way.convert()
            return _Sound(converted, _largest(loaded, {name: converted}, asked, before))
        except Unconvertible as why:
            reasons.setdefault(str(why), way.numbers)
    one, *more = reasons
    raise Unconvertible("; ".join(f"in {numbers}: {why}" for why, numbers in reasons.items()) if more else one)


def _largest(loaded: Loaded, found: Mapping[str, Converted], asked: probes.Asked, before: probes.Answers) -> float:
    """How far the answers of the whole model are off with these conversions; `Unconvertible` if it is too far."""
    trained = {name: getattr(loaded.model, name) for name in found}
    for name, converted in found.items():
        setattr(loaded.model, name, converted.graph)
    try:
        after = probes.answers(loaded, asked)
    except Exception as error:
        raise Unconvertible(f"predict fails: {error}") from error
    finally:
        for name, estimator in trained.items():
            setattr(loaded.model, name, estimator)
    compared = probes.compare(before, after, loaded.manifest.tolerance)
    if compared.apart:
        raise Unconvertible(compared.apart)
    return compared.largest


def _apart_together(loaded: Loaded, found: Mapping[str, _Sound], asked: probes.Asked, before: probes.Answers) -> str:
    try:
        _largest(loaded, {name: sound.converted for name, sound in found.items()}, asked, before)
    except Unconvertible as why:
        return str(why)
    return ""


def _replace(artifact: Path, name: str, content: bytes, originals: Path) -> None:
    """Have the artifact hold a graph in place of what skops saved."""
    known = manifest.read(artifact)
    before = manifest.within(artifact, known.parts[name].file)
    files.write(originals / before.name, before.read_bytes())
    part = manifest.Part(form="onnx", file=f"parts/{name}.onnx")
    files.write(artifact / part.file, content)
    manifest.write(msgspec.structs.replace(known, parts={**known.parts, name: part}), artifact)
    before.unlink()
