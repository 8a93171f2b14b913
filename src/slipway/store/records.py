"""The record of a version, as JSON that people can read."""

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
from slipway.models.splits import Split
from slipway.names import ModelId
from slipway.text import counted, format_time, listed

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
# Fetching writes each name of a record below a folder. No name may lead out of it.
_NAME = r"^(?!/)(?!(.*/)?\.{0,2}(/|$))[^\\\x00-\x1f\x7f\ud800-\udfff]+$"
Name = Annotated[str, Meta(pattern=_NAME)]

# Names of files to show.
_FEW = 5

# The publisher gives these fields. The store decides the others.
_GIVEN = ("by", "training", "data", "conversion", "image", "metrics", "gates", "metadata")


class File(Struct, frozen=True):
    """Hold the digest and the size of one file. The digest is its place in the store."""

    sha256: Digest
    size: Count


class Artifact(Struct, frozen=True):
    """Hold the files of a trained model, by path, and the digest of the whole set."""

    digest: Digest
    files: dict[Name, File]


class SecondFit(Struct, frozen=True, kw_only=True):
    """Hold what a second fit from the same inputs gave, made in another process and folder, with other orders of sets.

    It is known where training was repeated at once. It is no part of the artifact.
    """

    result: str
    """`same` artifact, `different`, `failed`, or `not made`."""
    why: str | None = None
    """Reason why it was not made, or failed."""
    only: str | None = None
    """Circumstances without which a further fit gave the same artifact."""
    files: list[Name] = field(default_factory=list)
    """Files that differ between the two artifacts, or that only one of them has."""
    rows: Count = 0
    """Number of held-out rows that both were asked."""
    alike: Count = 0
    """Number of these rows that both answer alike, numbers within the model's tolerance."""
    largest_difference: float = 0.0
    """Largest difference of a fractional number in the answers."""

    @property
    def is_doubtful(self) -> bool:
        """Return True if the training is known not to be repeatable."""
        return self.result in ("different", "failed")

    @property
    def words(self) -> str:
        """Return the result in words."""
        if self.result == "different":
            names = listed(self.files, _FEW)
            words = f"a second fit gave another artifact: {names} differ{'s' if len(self.files) == 1 else ''}"
            if self.rows:
                words += f"; both answer {self.alike} of {counted(self.rows, 'held-out row')} alike"
                words += f", largest difference {self.largest_difference:.3g}"
        else:
            words = {"same": "a second fit gave the same artifact", "failed": "a second fit failed"}.get(
                self.result, "no second fit was made"
            )
            words += f": {self.why}" if self.why else ""
        return f"{words}; only {self.only}" if self.only else words


class Training(Struct, frozen=True, kw_only=True):
    """Hold the code and the run that trained an artifact."""

    digest: str
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    python: str | None = None
    run: str | None = None
    """Address of the run, or name of its workflow."""
    parameters: dict[str, Any] = field(default_factory=dict)
    machine: str | None = None
    """CPU, linear algebra and threads, which decide how sums round: `x86_64, openblas 0.3.30 for Haswell, 1 thread`."""
    second_fit: SecondFit | None = None
    """None where nothing was fitted, and in records of before."""


class Data(Struct, frozen=True, kw_only=True):
    """Hold the training data of an artifact. The attachment with this digest is the snapshot."""

    uri: str
    sha256: Digest
    rows: Count
    held_out: Count = 0
    """Number of held-out rows."""
    share: float | None = None
    """Share of rows held out by a hash of each. A row with a hash below it is never trained on."""
    split: Split | None = None
    """Rule by which rows were held out. None in records of before: then by a hash of each row, if `share` is known."""


class Conversion(Struct, frozen=True, kw_only=True):
    """Hold the outcome of the conversion of an estimator: the graph, or the reason for none."""

    form: str
    """Form of the part: `onnx`, or `skops` where it stays Python."""
    how: str | None = None
    """Number type that the graph computes with."""
    rows: Count = 0
    """Number of rows, training and held-out, on which the whole model gives the same answers."""
    beyond: Count = 0
    """Number of rows beyond the data, such as a caller may send, that the model answers or refuses alike."""
    largest_difference: float = 0.0
    """Largest difference of a fractional number in the answers."""
    tolerance: float | None = None
    why: str | None = None
    """Reason why the estimator stays Python."""


class Origin(Struct, frozen=True):
    """Hold the version in another environment that a version is copied from."""

    environment: str
    version: Positive


class Record(Struct, frozen=True, kw_only=True):
    """Hold one published version. Reading ignores fields that a newer writer added."""

    model: str
    environment: str
    version: Positive
    created: str
    """Time of publication: RFC 3339, UTC, seconds."""
    by: str
    publication: str
    """Unique text by which a publisher recognises its own record."""
    artifact: Artifact
    attachments: dict[Name, File] = field(default_factory=dict)
    """Files beside the artifact, such as reports and the data's snapshot. Its digest does not cover them."""
    training: Training | None = None
    data: Data | None = None
    conversion: dict[str, Conversion] = field(default_factory=dict)
    """Conversions by the attribute that holds the estimator."""
    image: str | None = None
    """Container that answers. None where an image is made of the artifact."""
    metrics: dict[str, float] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    origin: Origin | None = None

    @property
    def id(self) -> ModelId:
        """Return the model id, such as `iris/test/7`."""
        return ModelId(self.model, self.environment, self.version)


def now() -> str:
    """Return the time in the format of records."""
    return format_time(datetime.now(UTC))


def user() -> str:
    """Return the name of the current user, or the user id if there is no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # the user of a container may have no name
        return f"uid {os.getuid()}"


def run_url() -> str:
    """Return the address of the current pipeline run, or "" where there is none.

    Read it from `SLIPWAY_RUN`, or from the variables of GitHub Actions
    (https://docs.github.com/en/actions/reference/workflows-and-actions/variables).
    """
    if given := os.environ.get("SLIPWAY_RUN"):
        return given
    parts = [os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    attempt = os.environ.get("GITHUB_RUN_ATTEMPT", "1")
    again = "" if attempt == "1" else f"/attempts/{attempt}"
    return "{}/{}/actions/runs/{}".format(*parts) + again if all(parts) else ""


def encode(value: object) -> bytes:
    """Return indented JSON with sorted keys and a final newline."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def parse(content: bytes, expected: ModelId, url: str) -> Record:
    """Read the record at `url`. Raise `SlipwayError` when it is damaged or of another version."""
    try:
        record = msgspec.json.decode(content, type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(url, str(error)) from error
    if record.id != expected:
        raise _damaged(url, f"it is the record of {record.id}, not of {expected}")
    if record.artifact.digest != artifact(record.artifact.files).digest:
        raise _damaged(url, "its files do not give the digest of its artifact")
    return record


def artifact(files: Mapping[str, File]) -> Artifact:
    """Return the artifact of a set of files."""
    return Artifact(digests.of_files({name: file.sha256 for name, file in files.items()}), dict(files))


def check_names(model: str, names: Iterable[str]) -> None:
    """Raise `SlipwayError` for a file name that a record cannot hold or that leads out of the folder."""
    for name in names:
        if not re.match(_NAME, name):
            raise SlipwayError(f"{name!r} cannot be the name of a file of {model}", fix="write a/relative/path.txt")


def fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields that a publisher gives and return them in the types of a record.

    Raise `SlipwayError` for an unknown field, a field that the store decides, or a value that a record cannot hold.
    """
    if unknown := sorted(set(given) - set(_GIVEN)):
        raise SlipwayError(f"a record has no field {unknown[0]!r} to give", fix=f"give any of {', '.join(_GIVEN)}")
    types = [(each.name, each.type) for each in msgspec.structs.fields(Record) if each.name in given]
    try:
        plain = msgspec.to_builtins(dict(given), enc_hook=_plain)
        checked = msgspec.convert(plain, msgspec.defstruct("Given", types, kw_only=True))
    except (TypeError, ValueError) as error:
        fix = "metadata are text: write str(value)" if "$.metadata" in str(error) else ""
        raise SlipwayError(f"the record cannot hold what it was given: {error}", fix=fix) from error
    for name, value in plain.get("metrics", {}).items():
        if not math.isfinite(value):
            raise SlipwayError(f"the metric {name!r} is {value}, which JSON cannot hold", fix="look at the evaluation")
    return msgspec.structs.asdict(checked)


def _plain(value: Any) -> Any:
    """Return a number of NumPy, as notebooks give it, as one of Python."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__}")


def _damaged(url: str, reason: str) -> SlipwayError:
    fix = "bring it back from a backup of the store, or choose another version"
    return SlipwayError(f"the record {url} is corrupted: {reason}", fix=fix)
