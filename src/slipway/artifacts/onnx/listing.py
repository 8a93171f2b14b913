"""The list: which classes of scikit-learn become graphs, with which parameters, in which versions.

Anything that does not stand on it stays Python: a subclass of a listed class, a parameter that the entry does not name,
a version that its tests did not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from slipway.artifacts.onnx.builder import Builder, Table, Unconvertible

VERSIONS = (1, 5), (1, 9)
"""The oldest and the newest version of scikit-learn for which the list holds."""


class Output(NamedTuple):
    """A result of a method: a tensor, and the form in which scikit-learn returns it."""

    name: str
    flat: bool = False
    """True when each row has one value, not a list of values."""
    labels: Any = None
    """The labels that the tensor counts; None for numbers."""


Results = dict[str, Any]
"""By method: a `Table` for `transform`, an `Output` for others."""

Writer = Callable[[Any, Table, Builder], Results]
Allowed = tuple[Any, ...] | Callable[[Any], bool]


class Entry(NamedTuple):
    """An entry of the list."""

    module: str
    name: str
    write: Writer
    free: frozenset[str]
    """The parameters that any value is right for."""
    limits: dict[str, Allowed]
    """The parameters that only some values are right for."""
    members: Callable[[Any], Iterable[Any]]
    """Return the fitted estimators within."""

    @property
    def kind(self) -> Any:
        """Return the class."""
        return getattr(import_module(self.module), self.name)


_ENTRIES: dict[str, Entry] = {}
_MODULES = (
    "composition", "scaling", "encoders", "imputing", "reducing",
    "linear", "trees", "boosting", "bayes", "vectors", "networks", "discriminants", "ensembles",
)  # fmt: skip


def listed(
    module: str,
    name: str,
    free: str = "",
    *,
    members: Callable[[Any], Iterable[Any]] = lambda _: (),
    **limits: Allowed,
) -> Callable[[Writer], Writer]:
    """Put a class of scikit-learn on the list, with the function that writes its operators."""

    def put(write: Writer) -> Writer:
        _ENTRIES[name] = Entry(f"sklearn.{module}", name, write, frozenset(free.split()), limits, members)
        return write

    return put


def entries() -> list[Entry]:
    """Return the whole list."""
    for module in _MODULES:
        import_module(f"slipway.artifacts.onnx.{module}")
    return list(_ENTRIES.values())


def entry(estimator: Any) -> Entry:
    """Return the entry of an estimator; raise `Unconvertible` where there is none for it as it is."""
    entries()
    kind = type(estimator)
    found = _ENTRIES.get(kind.__name__)
    if found is None or not kind.__module__.startswith("sklearn.") or found.kind is not kind:
        raise Unconvertible(f"there is no conversion of {kind.__module__}.{kind.__qualname__}")
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if name in found.free:
            continue
        allowed = found.limits.get(name, ())
        if not (allowed(value) if callable(allowed) else any(value is each or value == each for each in allowed)):
            raise Unconvertible(f"there is no conversion of {kind.__name__} with {name}={value!r}")
    return found


def version() -> tuple[int, int]:
    """Return the version of scikit-learn."""
    import sklearn

    major, minor = sklearn.__version__.split(".")[:2]
    return int(major), int(minor)


def check(estimator: Any) -> None:
    """Raise `Unconvertible` when an estimator, one within it, or the version of scikit-learn is not on the list."""
    if not VERSIONS[0] <= version() <= VERSIONS[1]:
        found, oldest, newest = (".".join(map(str, each)) for each in (version(), *VERSIONS))
        raise Unconvertible(f"scikit-learn {found} is not among those that conversion knows: {oldest} to {newest}")
    for each in _walk(estimator):
        entry(each)


def _walk(estimator: Any) -> Iterator[Any]:
    yield estimator
    for member in entry(estimator).members(estimator):
        yield from _walk(member)


def write(estimator: Any, table: Table, graph: Builder) -> Results:
    """Write the operators of a fitted estimator for a table; return its results by method."""
    results = entry(estimator).write(estimator, table, graph)
    if isinstance(results.get("transform"), Table):
        results["transform"] = _named(estimator, results["transform"])
    return results


def transform(estimator: Any, table: Table, graph: Builder) -> Table:
    """Write a transformer; raise `Unconvertible` for an estimator that is none."""
    if (isinstance(estimator, str) and estimator == "passthrough") or estimator is None:
        return table
    found = write(estimator, table, graph).get("transform")
    if not isinstance(found, Table):
        raise Unconvertible(f"{type(estimator).__name__} transforms nothing")
    return found


def result(estimator: Any, method: str, table: Table, graph: Builder) -> Output:
    """Write an estimator and return one of its results; raise `Unconvertible` when it has no such method."""
    found = write(estimator, table, graph).get(method)
    if not isinstance(found, Output):
        raise Unconvertible(f"{type(estimator).__name__} has no {method} in a graph")
    return found


def takes_missing(estimator: Any) -> bool:
    """Tell whether an estimator says of itself that it takes NaN."""
    if hasattr(estimator, "__sklearn_tags__"):
        from sklearn.utils import get_tags

        return bool(get_tags(estimator).input_tags.allow_nan)
    return bool(estimator._get_tags()["allow_nan"])  # noqa: SLF001 - before 1.6


def _named(estimator: Any, table: Table) -> Table:
    """Name the columns, where the estimator is set to hand out a DataFrame."""
    from sklearn.utils import _set_output

    kind = _set_output._get_output_config("transform", estimator)["dense"]  # noqa: SLF001 - nobody else says
    if kind == "default":
        return table
    names = estimator.get_feature_names_out()
    if len(names) != table.width:
        raise Unconvertible(f"{type(estimator).__name__} names other columns than it has")
    columns = tuple(column._replace(name=str(name)) for column, name in zip(table.columns, names, strict=True))
    return table._replace(columns=columns, outward=f"its transform gives a table of {kind}")
