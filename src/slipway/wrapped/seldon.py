"""Seldon Core's convention for a class that predicts on arrays, and a stand-in for its package.

The convention is that of its Python servers
(https://docs.seldon.io/projects/seldon-core/en/latest/python/python_component.html). A request goes through
`transform_input`, `predict` and `transform_output`; `tags` and `metrics` say more about it, `init_metadata` about the
class, and `health_status` decides on readiness.

The package `seldon_core` pins old versions of much else. Where it is not installed, its names that such classes import
come from here.
"""

from __future__ import annotations

import inspect
import math
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NamedTuple

from slipway.model import ContractError, InputError

_LATER = "leave it out until a later version of slipway calls it"
_RAW = "messages of Seldon are not known here: write the method without _raw"

REFUSED: Mapping[str, str] = {
    "send_feedback": _LATER,
    "route": _LATER,
    "aggregate": _LATER,
    "metadata": "call it init_metadata",
    "custom_service": "a function has no process beside it: leave it out",
    "model_error_handler": "raise SeldonMicroserviceException(message, status_code=400), which callers see",
    **{
        f"{name}_{form}": _RAW.replace("_raw", f"_{form}")
        for name in ("predict", "transform_input", "transform_output", "send_feedback", "route", "aggregate", "health")
        for form in ("raw", "rest", "grpc")
    },
    "health_status_raw": _RAW,
}
"""Methods of the convention that are not called, each with the advice to their author."""

METHODS = ("transform_input", "transform_output", "tags", "metrics", "init_metadata", "health_status", "load")
"""Methods of the convention that are called beside `predict`."""

_KINDS = ("COUNTER", "GAUGE", "TIMER")
_NAMES = ("names", "feature_names", "features_names")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED = ("slipway_", "process_")


class Metric(NamedTuple):
    """A metric that a class gives for one request; a TIMER is in milliseconds."""

    kind: str
    name: str
    value: float
    labels: Mapping[str, str] = {}


class Remarks(NamedTuple):
    """The tags and the metrics that a class gives of a request, beside its predictions."""

    tags: Mapping[str, Any] = {}
    metrics: Sequence[Metric] = ()


def written(found: type, name: str) -> Any:
    """Return the attribute that a user's class has; None for one that only Seldon's own base has."""
    base = next((each for each in found.__mro__ if name in vars(each)), object)
    foreign = base.__module__.partition(".")[0] in ("builtins", "seldon_core", "slipway")
    return None if foreign else getattr(found, name)


def refuse_unused(found: type) -> None:
    """Raise `ContractError` for a method of the convention that nothing would call."""
    for name, advice in REFUSED.items():
        if callable(written(found, name)):
            raise ContractError(f"{found.__name__}.{name} is not called: {advice}")
    for name in METHODS:
        if (value := written(found, name)) is not None and not callable(value):
            raise ContractError(f"{found.__name__}.{name} is a {type(value).__name__}: write a method that returns it")
    if callable(written(found, "feature_names")) and not callable(written(found, "transform_input")):
        advice = "it names what transform_input returns, which is not written; predict gets the names of the data"
        raise ContractError(f"{found.__name__}.feature_names is not called: {advice}")


class Component:
    """An object of a user's class, whose methods are called as the convention documents them."""

    def __init__(self, made: Any) -> None:
        self._made = made
        # A class that calls its own transform_input in predict would get transformed rows twice.
        self._steps = [name for name in ("transform_input", "transform_output") if self._has(name)]
        self._steps = [name for name in self._steps if not _calls(type(made), name)]
        self.remarks_on_requests = self._has("tags") or self._has("metrics")
        self.tells_health = self._has("health_status")

    def predict(self, values: Any, names: list[str]) -> tuple[Any, Remarks]:
        """Return the class's answer to an array of rows, and its remarks.

        Raise `InputError` when the class refuses the rows as Seldon's classes do, with the status 400.
        """
        tags: dict[str, Any] = {}
        metrics: list[Any] = []
        try:
            if "transform_input" in self._steps:
                values = self._called("transform_input", values, names, tags, metrics)
                names = self._told("feature_names") or names
            values = self._called("predict", values, names, tags, metrics)
            if "transform_output" in self._steps:
                values = self._called("transform_output", values, self._outputs(values), tags, metrics)
        except Exception as error:
            if getattr(error, "status_code", None) != 400 or not _is_seldon(error, "SeldonMicroserviceException"):
                raise
            raise InputError(getattr(error, "message", None) or str(error)) from error
        tags = {**self._own_tags(), **tags}
        metrics += (self._made.metrics() or ()) if self._has("metrics") else ()
        return values, Remarks(tags, [_metric(each, type(self._made).__name__) for each in metrics])

    def class_names(self) -> list[str]:
        """Return the names of the classes of the target, if the class tells them."""
        return self._told("class_names")

    def _told(self, what: str) -> list[str]:
        """Return names that the class tells, by a method or an attribute; an empty list if it tells none."""
        if what not in vars(self._made) and written(type(self._made), what) is None:
            return []
        told = getattr(self._made, what)
        return [str(name) for name in (told() if callable(told) else told) or ()]

    def _own_tags(self) -> Mapping[str, Any]:
        found = (self._made.tags() or {}) if self._has("tags") else {}
        if not isinstance(found, Mapping):
            raise ContractError(f"{type(self._made).__name__}.tags gave a {type(found).__name__}: give a dict")
        return found

    def health(self) -> Any:
        """Return what `health_status` returns; it raises when the object cannot answer."""
        found = self._made.health_status()
        return found.tolist() if hasattr(found, "tolist") else found

    def metadata(self) -> Any:
        """Return what `init_metadata` tells; {} if it is not written."""
        return self._made.init_metadata() if self._has("init_metadata") else {}

    def _has(self, name: str) -> bool:
        return callable(written(type(self._made), name))

    def _called(self, name: str, values: Any, names: list[str], tags: dict[str, Any], metrics: list[Any]) -> Any:
        """Call a method; keep the remarks that come with its answer."""
        method = getattr(self._made, name)
        further, by_name = _further(method, names)
        found = method(values, *further, **by_name)
        if _is_seldon(found, "SeldonResponse") or _is_seldon(found, "ClientResponse"):
            tags.update(found.tags or {})
            metrics.extend(found.metrics or ())
            found = found.data
        return found

    def _outputs(self, values: Any) -> list[str]:
        """Return the names of the columns of an answer as Seldon gives them; none for a single column."""
        if getattr(values, "ndim", 1) < 2:
            return []
        return self.class_names() or [f"t:{at}" for at in range(values.shape[1])]


def _further(method: Any, names: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments after the first: the names of the columns, and an empty `meta`; those by name apart."""
    takes = list(inspect.signature(method).parameters.values())
    further = [each for each in takes[1:] if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    given: list[Any] = [{} if each.name == "meta" else names for each in further][:2]
    if not further and any(each.kind is each.VAR_POSITIONAL for each in takes):
        given = [names]
    by_name = [each for each in takes if each.kind is each.KEYWORD_ONLY]
    wanted = [each.name for each in by_name if each.default is each.empty or each.name in ("meta", *_NAMES)]
    return given, {name: {} if name == "meta" else names for name in wanted}


def _calls(found: type, name: str) -> bool:
    """Return True if `predict` calls the method `name` of its class, by itself or by other methods of it."""
    codes = {
        method: inspect.unwrap(value).__code__
        for base in reversed(found.__mro__)
        for method, value in vars(base).items()
        if hasattr(value, "__code__")
    }
    reached, ahead = set[str](), {"predict"}
    while ahead:
        reached |= ahead
        ahead = {each for method in ahead for code in _within(codes[method]) for each in code.co_names}
        ahead = (ahead & codes.keys()) - reached
    return name in reached


def _within(code: Any) -> list[Any]:
    """Return a code object, and those of the functions in it."""
    return [code, *(deeper for each in code.co_consts if hasattr(each, "co_names") for deeper in _within(each))]


def _is_seldon(value: Any, name: str) -> bool:
    """Return True for an object of a class of this name of Seldon's, or of our stand-in."""
    own = ("seldon_core", "slipway")
    return any(base.__name__ == name and base.__module__.partition(".")[0] in own for base in type(value).__mro__)


def _metric(given: Any, owner: str) -> Metric:
    """Return a metric as Prometheus takes it; raise `ContractError` for one that is not."""
    try:
        kind, name, value = str(given["type"]), str(given["key"]), float(given["value"])
        labels = {str(label): str(text) for label, text in (given.get("tags") or {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"{owner}.metrics gave {given!r}"
        raise ContractError(f"{problem}: a metric is a dict of type, key and value, and tags if any") from error
    wrong = kind not in _KINDS or not _METRIC.fullmatch(name) or name.startswith(_RESERVED)
    if wrong or not math.isfinite(value) or (value < 0 and kind != "GAUGE") or not all(map(_LABEL.fullmatch, labels)):
        advice = f"give one of {', '.join(_KINDS)}, a name as Prometheus has them, and a finite number"
        raise ContractError(f"{owner}.metrics gave {given!r}: {advice}")
    return Metric(kind, name, value, labels)


class SeldonMicroserviceException(Exception):  # noqa: N818 - Seldon's name
    """An error for the caller: the status 400 is answered as one, any other as a failure of the model."""

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        payload: Any = None,
        reason: str = "MICROSERVICE_BAD_DATA",
    ) -> None:
        super().__init__(message)
        self.message, self.status_code, self.payload, self.reason = message, status_code or 400, payload, reason


class SeldonNotImplementedError(SeldonMicroserviceException):
    """A method of the convention is not written."""


class SeldonResponse:
    """An answer with tags and metrics of its own."""

    def __init__(self, data: Any, tags: Any = None, metrics: Any = None) -> None:
        self.data, self.tags, self.metrics = data, tags or {}, metrics or []


class SeldonComponent:
    """The base of a user's class."""

    def __init__(self, **kwargs: Any) -> None:
        pass

    def load(self) -> None:
        """Load what the object needs; a user's class writes it."""


def _create(kind: str) -> Any:
    def create(key: str, value: float, tags: Mapping[str, str] | None = None) -> dict[str, Any]:
        return {"type": kind, "key": key, "value": value, **({"tags": dict(tags)} if tags else {})}

    return create


_ERRORS = {each.__name__: each for each in (SeldonMicroserviceException, SeldonNotImplementedError)}
_MODULES: Mapping[str, Mapping[str, Any]] = {
    "seldon_core": {"__path__": []},
    "seldon_core.flask_utils": _ERRORS,
    "seldon_core.metrics": {f"create_{kind.lower()}": _create(kind) for kind in _KINDS},
    "seldon_core.user_model": {
        **_ERRORS,
        "SeldonComponent": SeldonComponent,
        "SeldonResponse": SeldonResponse,
        "ClientResponse": SeldonResponse,
    },
}


class _StandIn(MetaPathFinder, Loader):
    """The finder that Python asks last: an installed `seldon_core` goes before it."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        return ModuleSpec(fullname, self, is_package="." not in fullname) if fullname in _MODULES else None

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(_MODULES[module.__name__])


def stand_in() -> None:
    """Let classes import `seldon_core` where it is not installed."""
    if not any(isinstance(each, _StandIn) for each in sys.meta_path):
        sys.meta_path.append(_StandIn())
