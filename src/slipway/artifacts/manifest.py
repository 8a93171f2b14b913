"""The files of an artifact that describe it: `artifact.json` for machines, `metrics.json` and `card.md` for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from slipway import files
from slipway.errors import SlipwayError
from slipway.model import Model, Parameter

FILE, METRICS, CARD = "artifact.json", "metrics.json", "card.md"
FORMAT = 1

T = TypeVar("T")

# These are read from the class alone. Artifacts may have saved attributes of these names.
_READ_FROM_CLASS = ("by_column", "held_out", "probabilities", "quantile")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A saved attribute: its form and its file within the folder.

    Forms are `json`, `npy`, `onnx` (a converted estimator), `graph` (one made elsewhere), `pandas` and `skops`.
    """

    form: str
    file: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `artifact.json`: the parts of an artifact, and the class that they become again."""

    format: int
    entry: str
    """The model's class: `model.iris.model:Iris`."""
    parameters: Mapping[str, Parameter]
    tolerance: float
    """The largest allowed distance of a number from its golden prediction."""
    python: str
    """The Python that trained it: `3.11`."""
    parts: dict[str, Part]
    missing: Literal["null", "nan"] = "null"
    """The value that a missing one has in `predict`: NaN, as in the data; None in artifacts that do not say it."""


class ModelCard(NamedTuple):
    """The metrics on the held-out rows, and a text in Markdown; each may be missing."""

    metrics: Mapping[str, float] = MappingProxyType({})
    text: str = ""


class _Format(msgspec.Struct):
    format: int


def read(folder: Path) -> Manifest:
    """Read the manifest of the artifact in `folder`; raise `SlipwayError` when that cannot be done."""
    if not (folder / FILE).is_file():
        fix = "give the folder that slipway train or slipway fetch made"
        raise SlipwayError(f"{folder} is no artifact: it holds no {FILE}", fix=fix)
    found = read_file(folder, FILE, _Format).format
    if found != FORMAT:
        problem = f"{folder / FILE} is of format {found}, and this slipway reads format {FORMAT}"
        raise SlipwayError(problem, fix="use the slipway that made it, or train again")
    return read_file(folder, FILE, Manifest)


def is_taken(name: str) -> bool:
    """Return True for a name that every model has, and that no saved attribute may hide."""
    return hasattr(Model, name) and name not in _READ_FROM_CLASS


def write(manifest: Manifest, folder: Path) -> None:
    """Write `artifact.json` into `folder`, its keys sorted."""
    content: Any = msgspec.to_builtins(manifest)
    files.write(folder / FILE, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def read_card(folder: Path) -> ModelCard:
    """Return metrics and text of the artifact in `folder`; raise `SlipwayError` when they cannot be read."""
    metrics = read_file(folder, METRICS, dict[str, float]) if (folder / METRICS).is_file() else {}
    text = (folder / CARD).read_text(encoding="utf-8", errors="replace") if (folder / CARD).is_file() else ""
    return ModelCard(metrics, text)


def write_card(card: ModelCard, folder: Path) -> None:
    """Write metrics and text into the artifact in `folder`."""
    files.write(folder / METRICS, msgspec.json.format(msgspec.json.encode(dict(card.metrics), order="sorted")) + b"\n")
    if card.text:
        files.write(folder / CARD, card.text.encode())


def read_file(folder: Path, name: str, type_: type[T]) -> T:
    """Read the JSON file `name` of an artifact as `type_`; raise `SlipwayError` naming the file and what is wrong."""
    path = within(folder, name)
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except FileNotFoundError as error:
        fix = "fetch it again, or publish it whole"
        raise SlipwayError(f"the artifact in {folder} has no {name}", fix=fix) from error
    except (OSError, msgspec.DecodeError) as error:
        raise SlipwayError(f"{path} cannot be read: {error}", fix="fetch the artifact again") from error


def within(folder: Path, name: str) -> Path:
    """Return the path of the file `name` in `folder`; raise `SlipwayError` when it leads out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name:
        raise SlipwayError(f"{name!r} is no path within an artifact")
    return folder / path
