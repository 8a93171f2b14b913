"""The values that a fitted pipeline takes, read from its parameters into the schema.

An encoder refuses a category that it does not know, or takes it, as `handle_unknown` says. Trees refuse numbers beyond
float32. Source: the documentation of scikit-learn's `OneHotEncoder`, `OrdinalEncoder`, `TargetEncoder` and trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from slipway.models.data import json_value
from slipway.schema import Field, Schema

# The largest number of float32.
_LARGEST = 3.4028234663852886e38
_ENCODERS = ("OneHotEncoder", "OrdinalEncoder")
_TREES = (
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
)
_HOLDING = {
    "GridSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "TransformedTargetRegressor": "regressor_",
}
_PASSING = ("FunctionTransformer", None)
_TEXTS = ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer", "TargetEncoder")


class Use(NamedTuple):
    """One use of a column: the categories that it is held to, or True if it takes any; whether it is cut to float32."""

    categories: tuple[Any, ...] | None = None
    takes_any: bool = False
    single: bool = False


Uses = dict[str, list[Use]]


def settle(schema: Schema, estimator: Any, declared: frozenset[str]) -> tuple[Schema, list[str]]:
    """Return the schema with the domains of a fitted pipeline of its columns, and what changed, in words.

    A category that was learned from the data refuses nothing that the pipeline takes. What the pipeline refuses is
    refused by the schema. Fields in `declared` are never widened.
    """
    uses: Uses = {}
    _walk(estimator, list(schema.names), uses)
    fields, told = [], []
    for field in schema.fields:
        found = _settled(field, uses.get(field.name, []), field.name in declared)
        if field.categories and not found.categories:
            told.append(f"{field.name} may be any text")
        elif found.categories != field.categories:
            told.append(f"{field.name} is one of {len(found.categories)} values")
        fields.append(found)
    return msgspec.structs.replace(schema, fields=tuple(fields)), told


def _settled(field: Field, uses: Sequence[Use], declared: bool) -> Field:
    """Return the field as its uses allow it."""
    replace = msgspec.structs.replace
    if held := [set(use.categories) for use in uses if use.categories is not None]:
        known = set.intersection(*held)
        if field.categories:
            return replace(field, categories=tuple(each for each in field.categories if each in known))
        if field.kind in ("string", "number", "integer") and all(_is_of(field, each) for each in known):
            return replace(field, categories=tuple(sorted(known)))
        return field
    if field.kind == "string" and field.categories and uses and not declared and all(use.takes_any for use in uses):
        return replace(field, categories=())
    if field.kind == "number" and any(use.single for use in uses):
        low = -_LARGEST if field.minimum is None else field.minimum
        return replace(field, minimum=low, maximum=_LARGEST if field.maximum is None else field.maximum)
    return field


def _is_of(field: Field, value: Any) -> bool:
    return isinstance(value, str) if field.kind == "string" else isinstance(value, (int, float))


def _walk(estimator: Any, names: list[str | None], uses: Uses) -> list[str | None]:
    """Note how a fitted estimator uses its columns; return the columns that it hands on, None for one that it made.

    An estimator that is not known uses its columns in a way that is not known.
    """
    kind = type(estimator).__name__
    # A fitted ColumnTransformer holds a function that is None for "passthrough".
    if estimator is None or estimator == "passthrough" or (kind, getattr(estimator, "func", 0)) == _PASSING:
        return names
    if not type(estimator).__module__.startswith("sklearn."):
        return _used(names, Use(), uses)
    if kind in _HOLDING:
        return _walk(getattr(estimator, _HOLDING[kind]), names, uses)
    if kind in ("Pipeline", "FeatureUnion", "ColumnTransformer"):
        return _composed(estimator, kind, names, uses)
    if kind in _ENCODERS:
        return _encoded(estimator, names, uses)
    if kind == "SimpleImputer" and not estimator.add_indicator and len(estimator.statistics_) == len(names):
        return names
    return _used(names, Use(takes_any=kind in _TEXTS, single=kind in _TREES), uses)


def _composed(estimator: Any, kind: str, names: list[str | None], uses: Uses) -> list[str | None]:
    if kind == "Pipeline":
        for _, step in estimator.steps:
            names = _walk(step, names, uses)
        return names
    if kind == "FeatureUnion":
        return [name for _, step in estimator.transformer_list for name in _walk(step, names, uses)]
    if None in names:  # places may be those of columns that were made before
        return _used(names, Use(), uses)
    return [name for _, step, columns in estimator.transformers_ for name in _part(step, columns, names, uses)]


def _part(step: Any, columns: Any, names: list[str | None], uses: Uses) -> list[str | None]:
    """Walk through one transformer of a ColumnTransformer; `columns` are names, places, truth values, or a slice."""
    if isinstance(step, str) and step == "drop":
        return []
    return _walk(step, _chosen(columns, names), uses)


def _chosen(columns: Any, names: list[str | None]) -> list[str | None]:
    if isinstance(columns, slice):
        start, stop = (names.index(end) if isinstance(end, str) else end for end in (columns.start, columns.stop))
        # A slice of names has its end in it.
        return names[start : stop + 1 if isinstance(columns.stop, str) else stop : columns.step]
    if isinstance(columns, (str, int)):
        columns = [columns]
    found = list(map(json_value, columns))
    if found and all(isinstance(each, bool) for each in found):
        return [name for name, chosen in zip(names, found, strict=True) if chosen]
    return [each if isinstance(each, str) else names[each] for each in found]


def _encoded(encoder: Any, names: list[str | None], uses: Uses) -> list[str | None]:
    """Note the categories of an encoder; values that are missing are no categories here."""
    takes_any = encoder.handle_unknown != "error"
    for name, categories in zip(names, encoder.categories_, strict=True):
        known = tuple(value for each in categories if (value := json_value(each)) is not None)
        _used([name], Use(takes_any=True) if takes_any else Use(categories=known), uses)
    return [None]


def _used(names: Sequence[str | None], use: Use, uses: Uses) -> list[str | None]:
    for name in names:
        if name is not None:
            uses.setdefault(name, []).append(use)
    return [None]
