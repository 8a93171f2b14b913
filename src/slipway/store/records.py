"""The record of a version: what is known of it, as JSON that people read too."""

from __future__ import annotations

import getpass
import math
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from slipway import digests
from slipway.errors import SlipwayError
from slipway.names import ModelId

__all__ = [
    "Artifact",
    "Conversion",
    "Data",
    "File",
    "Origin",
    "Record",
    "Training",
    "artifact",
    "check_names",
    "encode",
    "fields",
    "now",
    "parse",
    "run_url",
    "user",
]

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
# What a record names is written below a folder when it is fetched: no name may lead out of it.
_NAME = r"^(?!/)(?!(.*/)?\.{0,2}(/|$))[^\\\x00-\x1f\x7f\ud800-\udfff]+$"
Name = Annotated[str, Meta(pattern=_NAME)]

# By the publisher; the store decides the others.
_GIVEN = ("by", "training", "data", "conversion", "image", "metrics", "gates", "metadata")


class File(Struct, frozen=True):
    """The content of one file: where it is in the store, and how many bytes it has."""

    sha256: Digest
    size: Count


class Artifact(Struct, frozen=True):
    """The trained model's files by their path within it, and the digest of them all."""

    digest: Digest
    files: dict[Name, File]


class Training(Struct, frozen=True, kw_only=True):
    """What an artifact was trained by."""

    digest: str
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    python: str | None = None
    run: str | None = None
    """The address of the run that trained it, or the name of its workflow."""
    parameters: dict[str, Any] = field(default_factory=dict)


class Data(Struct, frozen=True, kw_only=True):
    """What an artifact was trained on: the snapshot is the attachment with this digest."""

    uri: str
    sha256: Digest
    rows: Count
    held_out: Count = 0
    """How many of the rows were held out."""
    share: float | None = None
    """The share by which they were chosen: a row whose hash is below it was never trained on."""


class Conversion(Struct, frozen=True, kw_only=True):
    """What became of a saved scikit-learn estimator: a graph, or why it stays what it is."""

    form: str
    """The form of the part: `onnx`, or `skops` where it stays Python."""
    how: str | None = None
    """In which numbers the graph computes."""
    rows: Count = 0
    """On how many rows, trained on and held out, the whole model answers as before."""
    largest_difference: float = 0.0
    """Of a fractional number in the answers."""
    tolerance: float | None = None
    why: str | None = None
    """Why it stays Python."""


class Origin(Struct, frozen=True):
    """The version in another environment that this one is a copy of."""

    environment: str
    version: Positive


class Record(Struct, frozen=True, kw_only=True):
    """One published version; fields that a newer writer added are passed over in reading."""

    model: str
    environment: str
    version: Positive
    created: str
    """RFC 3339, UTC, seconds."""
    by: str
    publication: str
    """Different in every publication, so that a publisher can tell its own record from another's."""
    artifact: Artifact
    attachments: dict[Name, File] = field(default_factory=dict)
    """Files beside the artifact (reports, the data's snapshot), which its digest does not cover."""
    training: Training | None = None
    data: Data | None = None
    conversion: dict[str, Conversion] = field(default_factory=dict)
    """By the attribute that training set."""
    image: str | None = None
    """The container that answers; None where an image is made of the artifact."""
    metrics: dict[str, float] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    origin: Origin | None = None

    @property
    def id(self) -> ModelId:
        """`iris/test/7`."""
        return ModelId(self.model, self.environment, self.version)


_decoder = msgspec.json.Decoder(Record)


def now() -> str:
    """The time as records write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user() -> str:
    """Who runs this, as records write it where nothing else is said."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return f"uid {os.getuid()}"


def run_url() -> str:
    """The address of the pipeline's run that this is part of; empty where there is none.

    `SLIPWAY_RUN` says it, and what GitHub Actions sets
    (https://docs.github.com/en/actions/reference/workflows-and-actions/variables).
    """
    if given := os.environ.get("SLIPWAY_RUN"):
        return given
    parts = [os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    attempt = os.environ.get("GITHUB_RUN_ATTEMPT", "1")
    again = "" if attempt == "1" else f"/attempts/{attempt}"
    return "{}/{}/actions/runs/{}".format(*parts) + again if all(parts) else ""


def encode(value: object) -> bytes:
    """Indented JSON with sorted keys, one line end at the end."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def parse(content: bytes, expected: ModelId, url: str) -> Record:
    """Read the record found at `url`; raise `SlipwayError` if it is damaged or another version's."""
    try:
        record = _decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(url, str(error)) from error
    if record.id != expected:
        raise _damaged(url, f"it is the record of {record.id}, not of {expected}")
    if record.artifact.digest != artifact(record.artifact.files).digest:
        raise _damaged(url, "its files do not give the digest of its artifact")
    return record


def artifact(files: Mapping[str, File]) -> Artifact:
    """The artifact that these files make."""
    return Artifact(digests.of_files({name: file.sha256 for name, file in files.items()}), dict(files))


def check_names(model: str, names: Iterable[str]) -> None:
    """Raise `SlipwayError` for a file's name that a record cannot hold, or that leads out of the folder."""
    for name in names:
        if not re.match(_NAME, name):
            raise SlipwayError(f"{name!r} cannot be the name of a file of {model}", fix="write a/relative/path.txt")


def fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a record that its publisher gives, checked and in the record's own types.

    Raises `SlipwayError` for a field that is unknown or the store's to decide, and for a value that it cannot hold.
    """
    if unknown := sorted(set(given) - set(_GIVEN)):
        raise SlipwayError(f"a record has no field {unknown[0]!r} to give", fix=f"give any of {', '.join(_GIVEN)}")
    try:
        plain = msgspec.to_builtins(dict(given), enc_hook=_plain)
        checked = msgspec.convert(plain, msgspec.defstruct("Given", _given_types(given), kw_only=True))
    except (TypeError, ValueError) as error:
        raise SlipwayError(f"the record cannot hold what it was given: {error}", fix=_text_only(str(error))) from error
    for name, value in plain.get("metrics", {}).items():
        if not math.isfinite(value):
            raise SlipwayError(f"the metric {name!r} is {value}, which JSON cannot hold", fix="look at the evaluation")
    return msgspec.structs.asdict(checked)


def _given_types(given: Mapping[str, Any]) -> list[tuple[str, Any]]:
    types = {known.name: known.type for known in msgspec.structs.fields(Record)}
    return [(name, types[name]) for name in given]


def _plain(value: Any) -> Any:
    """NumPy's numbers, which come from notebooks, as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__}")


def _text_only(problem: str) -> str:
    return "metadata are text: write str(value)" if re.search(r"\$\.metadata", problem) else ""


def _damaged(url: str, reason: str) -> SlipwayError:
    return SlipwayError(
        f"the record {url} is corrupted: {reason}",
        fix="bring it back from a backup of the store, or choose another version",
    )
