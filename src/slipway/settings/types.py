"""What `slipway.yaml` may say of an environment and of a model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

__all__ = [
    "LABEL",
    "AccessSettings",
    "Announce",
    "Data",
    "Environment",
    "File",
    "Gate",
    "LimitSettings",
    "ModelSettings",
    "Occasion",
    "Own",
    "Protocol",
    "Scale",
    "SecretRef",
    "Train",
    "TrainingSettings",
]

Occasion = Literal["as set", "also manual", "scheduled"]
"""Why one is asked for: a push, a push to a branch that trains whatever the settings say, or the time of the day."""

Train = Occasion | Literal["none"]
"""The occasion of a training; "none" where none is wanted."""


def _text(pattern: str, words: str, most: int = 300) -> Meta:
    return Meta(pattern=rf"\A(?:{pattern})\Z", max_length=most, description=words)


LABEL = "[a-z]([a-z0-9-]*[a-z0-9])?"
_HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"
_PATHS = r"(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"

Name = Annotated[str, _text(LABEL, "lower-case letters, digits and - are taken, a letter first, 40 at the most", 40)]
Secret = Annotated[str, _text(rf"{LABEL}(\.{LABEL})*", "the name of a Kubernetes Secret is needed", 253)]
SecretKey = Annotated[str, _text("[A-Za-z0-9._-]+", "the name of a key in the Secret is needed", 253)]
Repository = Annotated[
    str, _text("[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]{1,100}", "owner/repository is needed: team/models")
]
Branch = Annotated[str, _text(r"(?!.*(\.\.|//|@\{))[A-Za-z0-9_][A-Za-z0-9._/-]*(?<![./])", "a branch's name is needed")]
_BUCKET = r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^\s/]+)*/?"
Store = Annotated[str, _text(rf"{_BUCKET}|(?!.*://)\S(.*\S)?", "a directory or gs://bucket/prefix is needed")]
Registry = Annotated[
    str, _text(_HOST + _PATHS, "host/path in lower case is needed, without https:// and a tag: ghcr.io/team/models")
]
Image = Annotated[
    str,
    _text(
        rf"({_HOST}/)?[a-z0-9]+([._-]+[a-z0-9]+)*{_PATHS}(:[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{{64}}"
        r"|:[A-Za-z0-9_][A-Za-z0-9._-]*@sha256:[0-9a-f]{64})",
        "an image with a tag or a digest is needed: python:3.11-slim",
    ),
]
Uri = Annotated[str, _text(r"\S(.*\S)?", "a path or a URI is needed", 2000)]
Cpu = Annotated[str, _text(r"[0-9]*[1-9][0-9]*m|(?=.*[1-9])[0-9]+(\.[0-9]+)?", "CPUs are needed: '1', '0.5' or 500m")]
Memory = Annotated[str, _text("[0-9]*[1-9][0-9]*(k|M|G|Ki|Mi|Gi)", "memory with its unit is needed: 512Mi or 2Gi")]
Size = Annotated[
    str, _text("[0-9]{0,8}[1-9][0-9]{0,8}(k|M|G|Ki|Mi|Gi)", "bytes with their unit are needed: 1Mi or 500k")
]
Digest = Annotated[str, _text("[0-9a-f]{64}", "64 hexadecimal digits are needed, as sha256sum prints them")]
Positive = Annotated[int, Meta(ge=1, description="1 is the least")]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SecretRef(_Strict, frozen=True, kw_only=True):
    """The key of a Kubernetes Secret; on a laptop the variable of the same name in the environment stands in for it."""

    secret: Secret
    key: SecretKey


class Announce(SecretRef, frozen=True, kw_only=True):
    """Which repository on GitHub is told at once what its cluster has done; the Secret's key holds the token."""

    repository: Repository


class Environment(_Strict, frozen=True, kw_only=True):
    """Where the releases of one environment live and what they may use."""

    store: Store
    """A directory (relative to the repository) or `gs://bucket/prefix`."""
    namespace: Name
    registry: Registry = "unbuilt.invalid"
    """Where images are pushed; under `unbuilt.invalid` none is built."""
    promotes_from: str | None = None
    """The environment whose verified releases this one takes; its only way in."""
    promotion: Literal["manual", "automatic"] = "manual"
    """Whether a pull request is opened by itself when a release was verified where it comes from."""
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables of what verifies, trains and starts trainings in its namespace; nothing secret."""
    announce: Announce | None = None
    """Whom to tell of verified releases and published versions; the workflows' schedules find them without it."""


class Scale(_Strict, frozen=True, kw_only=True):
    """How many instances a function has, and what each gets."""

    min: Annotated[int, Meta(ge=0, description="0 is the least")] = 0
    max: Positive = 5
    concurrency: Annotated[int, Meta(ge=1, le=1000, description="1 to 1000 is the range")] = 10
    """Requests that one instance answers at a time."""
    cpu: Cpu = "1"
    memory: Memory = "512Mi"
    timeout: Annotated[int, Meta(ge=1, le=600, description="1 to 600 seconds is the range")] = 60
    """Seconds that a request may take."""


class AccessSettings(_Strict, frozen=True, kw_only=True):
    """Who may ask a function."""

    kind: Literal["none", "basic", "bearer"] = "none"
    """Everybody; who brings a name and a password; who brings a key."""
    secret: Secret | None = None
    """The Secret that has them, unless set `<model>-access`: `username` and `password` (type kubernetes.io/basic-auth),
    or any number of keys, each under the name of who has it."""


class LimitSettings(_Strict, frozen=True, kw_only=True):
    """What one request may hold at the most."""

    body: Size = "1Mi"
    rows: Positive = 10_000

    @property
    def bytes(self) -> int:
        """The body's limit as a number."""
        digits = self.body.rstrip("kKMGi")
        return int(digits) * _UNITS[self.body.removeprefix(digits)]


_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


class Data(_Strict, frozen=True, kw_only=True):
    """A model's data: a path in the repository or a URI, `{date}` in it stands for today (YYYY-MM-DD)."""

    uri: Uri
    sha256: Digest | None = None


class Gate(_Strict, frozen=True, kw_only=True):
    """What a metric has to be for a version to be published."""

    min: float | None = None
    max: float | None = None
    worse_by: Annotated[float, Meta(ge=0, description="0 is the least")] | None = None
    """How much worse than the deployed version it may be, on the same rows."""


class TrainingSettings(_Strict, frozen=True, kw_only=True):
    """What a training in the cluster gets, and who may ask for one over HTTP (`services: [training]`)."""

    cpu: Cpu = "500m"
    """What each step is promised; what is idle it may take too."""
    memory: Memory = "2Gi"
    deadline: Annotated[int, Meta(ge=60, le=2_592_000, description="60 to 2592000 seconds is the range")] = 21_600
    """Seconds that the whole of it may take."""
    access: Secret | None = None
    """The Secret (type kubernetes.io/basic-auth) with whose name and password the training service lets in; unless set
    it is `<model>-training`."""
    visibility: Literal["cluster-local", "public"] = "cluster-local"
    """From where the training service is reached."""


Protocol = Literal["http", "grpc"]
Gates = dict[str, Gate]
Parameters = dict[str, bool | int | float | str]


class ModelSettings(_Strict, frozen=True, kw_only=True):
    """What a team may say of a model; a model that is not named in the file has all the defaults."""

    folder: str | None = None
    """Where the model's code is: `model/<name>` unless set. Several models may share one."""
    services: list[Literal["predict", "training"]] = field(default_factory=lambda: ["predict"])
    train: Literal["declared", "runner", "manual"] = "declared"
    data: Uri | Data | None = None
    """Unless set: the one CSV file in the model's folder."""
    image: Image | None = None
    """The container that answers, by its digest, where it is no class of Python: see functions/README.md."""
    target: str | None = None
    """Of a container, and of a class that does not say so itself: the column that it predicts."""
    features: list[str] = field(default_factory=list)
    """Of such a one: the columns that it takes, in its order; unless set, all columns of the data but the target."""
    parameters: Parameters = field(default_factory=dict)
    secrets: dict[str, SecretRef] = field(default_factory=dict)
    """Environment variables for training."""
    gates: Gates = field(default_factory=dict)
    held_out: Annotated[float, Meta(gt=0, lt=1, description="a share between 0 and 1 is needed: 0.2")] = 0.2
    convert: Literal["auto", "never"] = "auto"
    """Whether estimators become ONNX graphs where that is faithful."""
    schedule: str | None = None
    """When to retrain, as cron writes it."""
    training: TrainingSettings = field(default_factory=TrainingSettings)
    scale: Scale = field(default_factory=Scale)
    protocol: Protocol = "http"
    """By what its function is asked: a port speaks only one of them."""
    access: AccessSettings = field(default_factory=AccessSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    retention: Positive = 3
    """How many releases stay declared at the most."""
    base_image: Image | None = None
    pin: dict[str, Positive] = field(default_factory=dict)
    """By environment: the version to stay at."""
    per_environment: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By environment: other values for `scale`, `limits`, `access` and `retention`."""

    def within(self, environment: str) -> ModelSettings:
        """These settings with the environment's own values laid over them."""
        own = self.per_environment.get(environment, {})
        if not own:
            return self
        merged = msgspec.to_builtins(self)
        merged["scale"] |= own.get("scale") or {}
        merged["limits"] |= own.get("limits") or {}
        # As a whole: another Secret with the same kind, or none of both, is what is meant.
        merged["access"] = own.get("access") or merged["access"]
        merged["retention"] = own.get("retention") or merged["retention"]
        return msgspec.convert(merged, ModelSettings)


class Own(_Strict, frozen=True, kw_only=True):
    """What a model may say for one environment alone."""

    scale: Scale | None = None
    access: AccessSettings | None = None
    limits: LimitSettings | None = None
    retention: Positive | None = None


class File(_Strict, frozen=True, kw_only=True):
    """All of it."""

    environments: dict[str, Environment]
    branch: Branch = "main"
    base_image: Image = "python:3.11-slim"
    models: dict[str, ModelSettings] = field(default_factory=dict)
