"""The types of `slipway.yaml`: each key with its values, its default and its meaning.

The text below a key is its description in `slipway.schema.json` (`slipway.settings.json_schema`). The text of a
constraint stands in messages about a wrong value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from slipway.names import MAX_MODEL_NAME, MODEL_NAME

Occasion = Literal["as set", "also manual", "scheduled"]
"""Why a training is due: a push, a push to a branch that trains every model, or a model's schedule."""

Train = Occasion | Literal["none"]
"""The occasion of a training; "none" for no training."""


def _text(pattern: str, words: str, most: int = 300) -> Meta:
    return Meta(pattern=rf"\A(?:{pattern})\Z", max_length=most, description=words)


_LABEL = "[a-z]([a-z0-9-]*[a-z0-9])?"
_HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"
_PATHS = r"(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
_BUCKET = r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[^\s/]+)*/?"

EnvironmentName = Annotated[
    str, _text(_LABEL, "an environment's name is lower-case letters, digits and -, a letter first, 20 at most", 20)
]
# `names.check_model_name` refuses a wrong name, and proposes a right one.
ModelName = Annotated[str, Meta(extra_json_schema={"pattern": f"^{MODEL_NAME}$", "maxLength": MAX_MODEL_NAME})]
Variable = Annotated[str, _text("[A-Z_][A-Z0-9_]*", "an environment variable's name is capitals, digits and _")]
Namespace = Annotated[str, _text(_LABEL, "lower-case letters, digits and - are needed, a letter first, 40 at most", 40)]
Secret = Annotated[str, _text(rf"{_LABEL}(\.{_LABEL})*", "the name of a Kubernetes Secret is needed", 253)]
SecretKey = Annotated[str, _text("[A-Za-z0-9._-]+", "the name of a key in the Secret is needed", 253)]
Repository = Annotated[
    str, _text("[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]{1,100}", "owner/repository is needed: team/models")
]
Branch = Annotated[str, _text(r"(?!.*(\.\.|//|@\{))[A-Za-z0-9_][A-Za-z0-9._/-]*(?<![./])", "a branch's name is needed")]
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
Origin = Annotated[
    str,
    _text(
        "https?://[a-z0-9.-]+(:[0-9]{1,5})?",
        "an origin is needed, in lower case without a path: https://app.example.org",
    ),
]
Digest = Annotated[str, _text("[0-9a-f]{64}", "64 hexadecimal digits are needed, as sha256sum prints them")]
IndexName = Annotated[
    str, _text(_LABEL, "an index's name is lower-case letters, digits and -, a letter first, 40 at most", 40)
]
IndexUrl = Annotated[
    str,
    _text(
        rf"(https://{_HOST}|http://(localhost|127\.0\.0\.1)(:[0-9]{{1,5}})?)(/[^\s/@?#]+)*/?",
        "https://host/path is needed, without a user, a password and anything behind a ?",
    ),
]
PackageName = Annotated[
    str, _text("[a-z0-9]+(-[a-z0-9]+)*", "a package's name is lower-case letters, digits and -: scikit-learn", 100)
]
Positive = Annotated[int, Meta(ge=1, description="1 is the least")]
Protocol = Literal["http", "grpc"]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SecretRef(_Strict, frozen=True, kw_only=True):
    """A key of a Kubernetes Secret. On a laptop, the environment variable of the same name replaces it."""

    secret: Secret
    """The name of the Secret."""
    key: SecretKey
    """The key in the Secret."""


class ModelSecret(SecretRef, frozen=True, kw_only=True, omit_defaults=True):
    """A secret of a model: an environment variable of its training, of its function, or of both."""

    scope: Literal["training", "serving", "both"] = "training"
    """Who gets it. With `serving`, the function, which does not start without it, and the steps that ask the model."""


def secrets_for(secrets: Mapping[str, ModelSecret], use: Literal["training", "serving"]) -> dict[str, ModelSecret]:
    """Return the secrets of a training or of a function, by variable."""
    return {name: each for name, each in sorted(secrets.items()) if each.scope in (use, "both")}


class Announce(SecretRef, frozen=True, kw_only=True):
    """The repository on GitHub that hears of verified releases and published versions; the key holds the token."""

    repository: Repository
    """The repository on GitHub."""


class Environment(_Strict, frozen=True, kw_only=True):
    """An environment: where its releases and artifacts are, and how releases come in."""

    store: Store
    """The store of artifacts: a directory (relative to the repository) or `gs://bucket/prefix`."""
    namespace: Namespace
    """The Kubernetes namespace."""
    registry: Registry = "unbuilt.invalid"
    """The registry for images. Without it, no image is built."""
    promotes_from: str | None = None
    """The environment that releases are promoted from. Nothing else comes in."""
    promotion: Literal["manual", "automatic"] = "manual"
    """`automatic` opens the pull request as soon as a release is verified in the other environment."""
    variables: dict[Variable, str] = field(default_factory=dict)
    """Environment variables for verification, training and the training service. Nothing secret."""
    announce: Announce | None = None
    """The repository to notify at once. Without it, the schedules of the workflows find what is new."""

    @property
    def in_bucket(self) -> bool:
        """Tell whether the store is a bucket, which pods reach, too."""
        return self.store.startswith("gs://")


class Scale(_Strict, frozen=True, kw_only=True):
    """The number of a function's instances, and what each of them gets."""

    min: Annotated[int, Meta(ge=0, description="0 is the least")] = 0
    """The fewest instances; 0 stops the last one when no request comes."""
    max: Positive = 5
    """The most instances."""
    concurrency: Annotated[int, Meta(ge=1, le=1000, description="1 to 1000 is the range")] = 10
    """The requests that one instance answers at a time."""
    cpu: Cpu = "1"
    """The CPUs of an instance."""
    memory: Memory = "512Mi"
    """The memory of an instance."""
    timeout: Annotated[int, Meta(ge=1, le=595, description="1 to 595 seconds is the range")] = 60
    """The seconds that a request may take. Knative gives up 5 seconds later, and 600 is its most."""


class AccessSettings(_Strict, frozen=True, kw_only=True):
    """Who may call a function."""

    kind: Literal["none", "basic", "bearer"] = "none"
    """`none` lets everybody in, `basic` asks for a name and a password, `bearer` for a key."""
    secret: Secret | None = None
    """The Secret with `username` and `password`, or with one key per caller. Default: `<model>-access`."""


class LimitSettings(_Strict, frozen=True, kw_only=True):
    """The most that one request may hold."""

    body: Size | None = None
    """The bytes of the body. Default: 1Ki for each of `rows`, 1Mi at least."""
    rows: Positive = 10_000
    """The rows to predict."""

    @property
    def bytes(self) -> int:
        """The limit of the body as a number."""
        if self.body is None:
            return max(1 << 20, self.rows << 10)
        digits = self.body.rstrip("kKMGi")
        return int(digits) * _UNITS[self.body.removeprefix(digits)]


_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


class Data(_Strict, frozen=True, kw_only=True):
    """The data of a model, with a digest that they have to have."""

    uri: Uri
    """A path in the repository or a URI. `{date}` stands for today (YYYY-MM-DD)."""
    sha256: Digest | None = None
    """The SHA-256 digest of the file."""


class Gate(_Strict, frozen=True, kw_only=True):
    """The limits of a metric. A version outside of them is not published."""

    min: float | None = None
    """The least value."""
    max: float | None = None
    """The greatest value."""
    worse_by: Annotated[float, Meta(ge=0, description="0 is the least")] | None = None
    """How much worse than the deployed version it may be, on the same rows."""


class SplitSettings(_Strict, frozen=True, kw_only=True):
    """Which rows evaluate a model: those of whole groups, or the last ones by time. Only one of the two can be set."""

    group: str | None = None
    """A column whose equal values, such as those of one patient, stay together."""
    time: str | None = None
    """A column of numbers or dates: the last rows by it are held out."""


class TrainingSettings(_Strict, frozen=True, kw_only=True):
    """The resources of a training in the cluster, and who may start one over HTTP (`services: [training]`)."""

    cpu: Cpu = "500m"
    """The CPUs that each step is promised. It may use idle ones, too."""
    memory: Memory = "2Gi"
    """The memory of each step."""
    deadline: Annotated[int, Meta(ge=60, le=2_592_000, description="60 to 2592000 seconds is the range")] = 21_600
    """The seconds that the whole training may take."""
    access: Secret | None = None
    """The Secret with the `username` and `password` of the training service. Default: `<model>-training`."""
    visibility: Literal["cluster-local", "public"] = "cluster-local"
    """Where the training service can be reached from."""


class ModelSettings(_Strict, frozen=True, kw_only=True):
    """A model. All its keys have defaults, and a model that is not named has all of them."""

    folder: str | None = None
    """The folder of the model's code. Default: `model/<name>`, with _ for each -. Several models may share one."""
    services: list[Literal["predict", "training"]] = field(default_factory=lambda: ["predict"])
    """The functions of the model."""
    train: Literal["declared", "runner", "manual"] = "declared"
    """Who trains after a push: the cluster, as declared in git; the runner; or nobody."""
    data: Uri | Data | None = None
    """A path in the repository or a URI. Default: the one CSV file in the model's folder."""
    image: Image | None = None
    """A container that answers in place of a Python class, by its digest (functions/README.md)."""
    target: str | None = None
    """The column to predict, for a container and for a class that does not name it."""
    features: list[str] = field(default_factory=list)
    """The columns to predict from, in this order, if `target` is set. Default: all other columns of the data."""
    parameters: dict[str, bool | int | float | str | list[Any] | None] = field(default_factory=dict)
    """Values for the parameters of the model's class."""
    secrets: dict[Variable, ModelSecret] = field(default_factory=dict)
    """Environment variables for training, or by `scope` for the function, each from a Kubernetes Secret."""
    gates: dict[str, Gate] = field(default_factory=dict)
    """The limits of metrics, by metric."""
    held_out: Annotated[float, Meta(gt=0, lt=1, description="a share between 0 and 1 is needed: 0.2")] = 0.2
    """The share of the rows that evaluate the model and do not train it."""
    split: SplitSettings | None = None
    """How these rows are chosen: `{group: COLUMN}` or `{time: COLUMN}`. Default: by a hash of each row."""
    convert: Literal["auto", "never"] = "auto"
    """`auto` converts estimators to ONNX graphs where the graphs are faithful."""
    second_fit: Literal["auto", "never"] = "auto"
    """`auto` fits a second time where that takes seconds, so that the record says whether training can be repeated."""
    schedule: str | None = None
    """When to train again, as cron writes it, in UTC."""
    training: TrainingSettings = field(default_factory=TrainingSettings)
    """The training in the cluster."""
    scale: Scale = field(default_factory=Scale)
    """The instances of the function."""
    protocol: Protocol = "http"
    """The protocol of the function. A port speaks only one."""
    access: AccessSettings = field(default_factory=AccessSettings)
    """Who may call the function."""
    limits: LimitSettings = field(default_factory=LimitSettings)
    """The most that one request may hold."""
    cors: list[Origin] = field(default_factory=list)
    """The origins whose pages may call the function from a browser: `https://app.example.org`."""
    retention: Positive = 3
    """The most releases that stay declared."""
    base_image: Image | None = None
    """The image that the model's images start from. Default: the file's `base_image`."""
    pin: dict[str, Positive] = field(default_factory=dict)
    """The version to stay at, by environment."""
    per_environment: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Other values of `scale`, `limits`, `access` and `retention`, by environment."""

    def within(self, environment: str) -> ModelSettings:
        """Return these settings with the environment's own values laid over them."""
        own = self.per_environment.get(environment, {})
        if not own:
            return self
        merged = msgspec.to_builtins(self)
        merged["scale"] |= own.get("scale") or {}
        merged["limits"] |= own.get("limits") or {}
        # Not key by key: a Secret belongs to its kind of access.
        merged["access"] = own.get("access") or merged["access"]
        merged["retention"] = own.get("retention") or merged["retention"]
        return msgspec.convert(merged, ModelSettings)


class Own(_Strict, frozen=True, kw_only=True):
    """The values of a model in one environment. Keys of `scale` and `limits` that are left out stay as they are."""

    scale: Scale | None = None
    """The instances of the function."""
    access: AccessSettings | None = None
    """Who may call the function, as a whole."""
    limits: LimitSettings | None = None
    """The most that one request may hold."""
    retention: Positive | None = None
    """The most releases that stay declared."""


class Index(_Strict, frozen=True, kw_only=True):
    """A package index beside that of the machine. Its packages come from there only, and nothing else does."""

    url: IndexUrl
    """The address of its simple API: `https://host/simple`."""
    packages: list[PackageName]
    """The packages that come from it. `requirements.txt` pins each of them that a model uses."""


class File(_Strict, frozen=True, kw_only=True):
    """The settings of Slipway: environments and models."""

    environments: dict[EnvironmentName, Environment]
    """The environments, by name: `test`, `prod`."""
    branch: Branch = "main"
    """The branch that Argo CD follows."""
    base_image: Image = "python:3.11-slim"
    """The image that all images start from."""
    indexes: dict[IndexName, Index] = field(default_factory=dict)
    """Other package indexes, by name. `UV_INDEX_<NAME>_USERNAME` and `UV_INDEX_<NAME>_PASSWORD` let one in."""
    models: dict[ModelName, ModelSettings] = field(default_factory=dict)
    """The models that do not have all the defaults, by name."""
