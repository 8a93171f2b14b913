"""The contract: the classes that a data scientist derives a model from, in `model/<name>/model.py`.

Its import needs only the standard library and msgspec, so that serving is lean.
"""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import math
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from slipway.names import form, nearest
from slipway.schema import Columns, Field, Kind, arrays, moments
from slipway.schema.fields import (
    ContractError,
    Length,
    Named,
    Range,
    enums_of,
    fields_of,
    names_of,
    only_keeps,
    output_of,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Columns",
    "Contract",
    "ContractError",
    "FittedModel",
    "InputError",
    "Length",
    "Model",
    "Named",
    "PipelineModel",
    "Range",
    "bind",
    "frame",
    "typed",
]

PREDICTION = "prediction"
"""The name of a prediction that is no single column of the data."""

Parameter = bool | int | float | str | list[Any] | None
"""A value of a parameter; a list holds such values."""

PARAMETER = "a finite number, text, True, False, None, or a list of them"


class InputError(ValueError):
    """A row fits the schema and still makes no sense: raise it in `predict`, and the caller gets a 400.

    `row` is the index of the row in the argument of `predict`, for the caller; None if it is not known.
    """

    def __init__(self, message: str, *, row: int | None = None, field: str = "") -> None:
        super().__init__(message)
        self.row = row
        self.field = field


class Model:
    """A model: its columns, how it trains, how it predicts.

    Name the columns in `source_features` and `target_variable`; their types are learned from the data. Or give the
    types: `input`, a dataclass whose fields are the columns, and `output`, an `Enum`, `str`, `int`, `float` or `bool`.
    A column that is no name in Python has an attribute of another name: `kind: Annotated[str, Named("class")]`.

    A list of target columns makes each prediction a dict by target; `output` is then a dataclass of them. Without a
    target, as for clusters, `output` (also `list[float]`) is optional: else it is learned from the first predictions.

    The attributes that `train` sets on `self` are saved, and are there again when the model predicts: scikit-learn
    estimators, numpy arrays, Series, DataFrames and indexes of pandas, and all that JSON can hold. Import inside
    `train` what only training needs.
    """

    source_features: ClassVar[Sequence[str]] = ()
    target_variable: ClassVar[str | Sequence[str]] = ""
    input: ClassVar[type | None] = None
    output: ClassVar[type | None] = None

    parameters: Mapping[str, Parameter] = types.MappingProxyType({})
    """On the class: names and defaults. On an object: the values, with those of `slipway.yaml`."""

    tolerance: ClassVar[float] = 1e-6
    """The greatest difference of a number from its golden prediction."""

    waits: ClassVar[bool] = True
    """True if `predict` may wait: for a network, a lock, a process. Set False for a fast model that only computes: it
    then needs no thread, and answers more requests."""

    by_column: ClassVar[bool] = False
    """True if `predict` takes the rows by column, as a DataFrame has them: `columns["length"]` is an array of numpy,
    `columns[["length", "width"]]` a matrix of numbers, `len(columns)` the number of rows. Many rows are then answered
    several times as fast. No objects of the class `input` are made."""

    probabilities: ClassVar[bool] = False
    """True if a prediction is a dict with the probability of each class: `{"kind": "a", "probabilities": {"a": 0.9}}`.
    A `PipelineModel` then gives them; a `predict` of your own has to."""

    quantile: ClassVar[float | None] = None
    """The quantile of the target that the model predicts, such as 0.9; it is then measured by `pinball_loss`."""

    trusted_types: ClassVar[Sequence[str]] = ()
    """The full names of further classes in saved parts. Those of scikit-learn and of the model itself are trusted."""

    _learned: tuple[Field, ...] = ()
    """The fields of the data, once it was trained or loaded: few rows do not show the types of their columns."""

    _declared_fields: ClassVar[tuple[Field, ...] | None] = None
    _declared_output: ClassVar[Field | None] = None
    """The fields that a class derives from declarations of its own, beside `input` and `output`."""

    def __init__(self, **parameters: Parameter) -> None:
        for name in parameters.keys() - type(self).parameters.keys():
            known = nearest(name, type(self).parameters)
            raise ContractError(f"{type(self).__name__} has no parameter {name!r}; {known}")
        # A list that is changed must not change the class.
        self.parameters = copy.deepcopy({**type(self).parameters, **parameters})

    def read(self, path: Path) -> pd.DataFrame:
        """Read the data from a CSV, TSV or Parquet file, text as text; override this for another format.

        With `data: read()` in slipway.yaml, `path` is None, and the override gets the data itself, as from a database.
        It is called once in a training; the later steps read what it returned.
        Raise `SlipwayError` for rows with more or fewer values than heads. See `slipway.schema.tables.read`.
        """
        from slipway.schema import tables

        return tables.read(path, declared(type(self)))

    def train(self, data: pd.DataFrame) -> None:
        """Learn from `data`: the source features (or the fields of `input`), the target, then all other columns.

        Callers give the features alone; a weight or a group of each row is there for `train`.
        """
        raise NotImplementedError

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Return one prediction per row; a row is a dict by feature, or an object of the class `input`.

        Dates and times are objects of `datetime`. A missing value is NaN, as in the data of `train`.
        `frame(self, rows)` makes a DataFrame of the rows. With `by_column`, `rows` are columns.
        """
        raise NotImplementedError

    def outcome(self, value: Any) -> Any:
        """Return the right prediction for a row whose target column holds `value`; of several, a dict by target."""
        output = type(self).output
        return output(value) if isinstance(output, type) and issubclass(output, enum.Enum) else value

    def held_out(self, data: pd.DataFrame) -> Sequence[bool]:  # noqa: ARG002
        """Return True for each row of `data` that evaluates the model and does not train it.

        Override it where neither a hash of each row nor `split` in the settings is right; then it alone decides. It has
        to choose the same rows of the same data each time.
        """
        return ()

    def metrics(
        self,
        truth: Sequence[Any],  # noqa: ARG002
        predictions: Sequence[Any],  # noqa: ARG002
        rows: Sequence[Any] = (),  # noqa: ARG002
    ) -> Mapping[str, float]:
        """Return further metrics of the predictions for the held-out rows; `truth` is empty without a target.

        Predictions and rows are as `predict` gives and takes them. A method without `rows` gets the predicted values of
        the target alone.
        """
        return {}


class PipelineModel(Model):
    """A model that is one scikit-learn pipeline: write `pipeline` and nothing else."""

    fitted: Any

    def pipeline(self) -> Any:
        """Return a pipeline or an estimator, not yet fitted; it gets a DataFrame of the source features.

        Without a target it is fitted on these alone. It predicts by `predict` or, without one, by `transform`.
        """
        raise NotImplementedError

    def train(self, data: pd.DataFrame) -> None:
        contract = _contract(type(self))
        features = data[list(contract.names)]
        self._learned = fields_in(features)
        estimator = self.pipeline()
        _check_estimator(estimator, contract, type(self).__name__)
        check_probabilities(type(self), estimator, fitted=False)
        table, targets = typed(self, features), list(contract.targets)
        if not targets:
            self.fitted = estimator.fit(table)
        else:
            self.fitted = estimator.fit(table, data[targets] if targets[1:] else data[targets[0]])
        check_probabilities(type(self), self.fitted)

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        if not len(rows):
            return []
        contract = _contract(type(self))
        table = self._asked(rows, contract.names)
        ask = getattr(self.fitted, "predict", None) or self.fitted.transform
        found = ask(table)
        found = found.toarray() if hasattr(found, "toarray") else getattr(found, "values", found)
        if len(contract.targets) == 1 and found.ndim == 2 and found.shape[1] == 1:
            found = found[:, 0]  # some estimators that were fitted on a table of one target answer so
        if type(self).probabilities is True:
            return self._with_probabilities(found.tolist(), self.fitted.predict_proba(table).tolist(), contract.target)
        if not contract.targets[1:]:
            return [self.outcome(value) for value in found.tolist()]
        several = _labels(found, getattr(self.fitted, "classes_", None))
        return [self.outcome(dict(zip(contract.targets, value, strict=True))) for value in several]

    def _given(self, table: pd.DataFrame) -> Any:
        """Return what the estimator gets of a table of rows."""
        return table

    def _asked(self, rows: Any, names: Sequence[str]) -> Any:
        """Return rows as the estimator takes them: a converted one takes columns, so that serving needs no pandas."""
        by_column = getattr(self.fitted, "takes_columns", False)
        if isinstance(rows, Columns) and by_column:
            return rows
        values = [_values(row, names) for row in _as_rows(rows)]
        return _columns(values, names) if by_column else self._given(_table(self, values, names))

    def _with_probabilities(self, found: list[Any], rows: list[list[float]], target: str) -> list[dict[str, Any]]:
        outcomes = [self.outcome(value) for value in self.fitted.classes_.tolist()]
        names = [str(value.value if isinstance(value, enum.Enum) else value) for value in outcomes]
        return [
            {target: self.outcome(value), "probabilities": dict(zip(names, row, strict=True))}
            for value, row in zip(found, rows, strict=True)
        ]


def _labels(found: Any, classes: Any) -> list[Any]:
    """Return the predictions of several targets; numbers that mean classes have the classes' types.

    A ClassifierChain answers 1.0 for the class 1.
    """
    if not isinstance(classes, list) or len(classes) != found.shape[1]:
        return found.tolist()  # type: ignore[no-any-return]
    columns = [found[:, at].astype(known.dtype).tolist() for at, known in enumerate(classes)]
    return list(zip(*columns, strict=True))


class FittedModel(PipelineModel):
    """A model whose estimator was fitted elsewhere, as `slipway.save` writes it: nothing is fitted any more.

    All rows of the data evaluate it.
    """

    estimator: ClassVar[str] = "estimator.skops"
    """The file beside the model's module that holds the fitted estimator."""

    takes_texts: ClassVar[bool] = False
    """True for an estimator that was fitted on texts themselves, and not on a table with a column of them."""

    def _given(self, table: pd.DataFrame) -> Any:
        return table.iloc[:, 0] if type(self).takes_texts else table

    def held_out(self, data: pd.DataFrame) -> Sequence[bool]:
        """Return True for each row."""
        return [True] * len(data)

    def pipeline(self) -> Any:
        """Raise `ContractError`: the step `fit` reads the estimator from its file."""
        raise ContractError(f"{type(self).__name__} was fitted elsewhere: slipway train reads its {self.estimator}")


def _as_rows(rows: Any) -> Sequence[Any]:
    """Return the rows of a DataFrame or of columns as dicts, and other rows as they are."""
    if isinstance(rows, Columns):
        return rows.dicts(math.nan)
    return rows.to_dict("records") if hasattr(rows, "to_dict") else rows  # type: ignore[no-any-return]


def check_probabilities(model: type[Model], estimator: Any, *, fitted: bool = True) -> None:
    """Raise `ContractError` for an estimator without probabilities in a class that promises them.

    What only the fit decides, as for a StackingClassifier or a search, is not refused before it.
    """
    if model.probabilities is not True:
        return
    try:
        estimator.predict_proba  # noqa: B018 - it is a property where other parts of the estimator decide
    except AttributeError as error:
        if not fitted and _is_undecided(error):
            return
        problem = f"{model.__name__}.probabilities is True, and {type(estimator).__name__} has no predict_proba"
        advice = "take an estimator that has, or a CalibratedClassifierCV around it"
        raise ContractError(f"{problem}: {advice}") from error


def _is_undecided(error: BaseException | None) -> bool:
    """Return True if a part that is None, or found by a search, lacks an attribute: the fit sets it."""
    while error is not None:
        lacks = getattr(error, "obj", None)
        if hasattr(lacks, "refit") or (lacks is None and getattr(error, "name", None)):
            return True
        error = error.__cause__
    return False


def _check_estimator(estimator: Any, contract: Contract, where: str) -> None:
    """Raise `ContractError` for an estimator that cannot predict new rows, or needs a target where none is named."""
    if contract.targets:
        return
    if not hasattr(estimator, "predict") and not hasattr(estimator, "transform"):
        name = type(estimator).__name__
        raise ContractError(f"{where}.pipeline: {name} has neither predict nor transform, so it cannot answer new rows")
    try:
        from sklearn.utils import get_tags

        needed = get_tags(estimator).target_tags.required
    except Exception:  # noqa: BLE001 - not every version and estimator has tags: the fit tells
        needed = False
    if needed:
        problem = f"{where}.target_variable is not set, and {type(estimator).__name__} learns from a target"
        raise ContractError(f"{problem}: name the column that the model predicts")


def _values(row: Any, names: Sequence[str]) -> list[Any]:
    """Return the values of a row as in the data: NaN for a missing one, the value of an Enum's member."""
    kind: type = type(row)
    if isinstance(row, dict):
        values = [row[name] for name in names]
    else:
        values = [getattr(row, attribute) for attribute in _attributes(kind, tuple(names))]
    plain = [value.value if isinstance(value, enum.Enum) else value for value in values]
    return [math.nan if value is None else value for value in plain]


@functools.lru_cache(maxsize=64)
def _attributes(row: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the attributes of the class `input` that hold the fields of these names."""
    has_fields = dataclasses.is_dataclass(row)
    held = {name: attribute for attribute, name in names_of(row).items()} if has_fields else {}
    return tuple(held.get(name, name) for name in names)


def public_name(model: type[Model], attribute: str) -> str:
    """Return the name for callers of a field that a model calls by the attribute of its class `input`."""
    row: Any = model.input
    has_fields = dataclasses.is_dataclass(row)
    return names_of(row).get(attribute, attribute) if has_fields else attribute


def _columns(values: Sequence[Sequence[Any]], names: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    return dict(zip(names, zip(*values, strict=True), strict=True))


def _table(model: Model | type[Model], values: Sequence[Sequence[Any]], names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return typed(model, pd.DataFrame(values, columns=list(names)))


def fields_in(features: pd.DataFrame) -> tuple[Field, ...]:
    """Return the fields of columns by their types: numbers, truth values, and text."""
    return tuple(
        Field(name=str(name), kind=kind_of(column), optional=bool(column.isna().any()))
        for name, column in features.items()
    )


def kind_of(column: pd.Series[Any]) -> Kind:
    """Return the kind of a column: `boolean` if all values are truth values, `number` or of dates by its type, or else
    `string`.
    """
    from pandas.api import types

    present = column.dropna()
    if len(present) and (types.is_bool_dtype(present) or all(type(value) is bool for value in present)):
        return "boolean"
    if arrays.width_of(column):
        return "array"
    return moments.kind_of(column) or ("number" if types.is_numeric_dtype(column) else "string")


def frame(model: Model | type[Model], rows: Sequence[Any]) -> pd.DataFrame:
    """Return rows, as `predict` takes them, in a DataFrame with the types that `typed` gives, however few they are.

    `predict` writes `frame(self, rows)`. The rows of a DataFrame are taken as well.
    """
    kind = type(model) if isinstance(model, Model) else model
    rows = _as_rows(rows)
    names = list(rows[0] if kind.input is None and len(rows) else _contract(kind).names)
    return _table(model, [_values(row, names) for row in rows], names)


def typed(model: Model | type[Model], data: pd.DataFrame) -> pd.DataFrame:
    """Return `data` with one type per feature, whether it comes from a file or from a few rows.

    Numbers are float64, as those of requests are. Pandas guesses a type from the values, and few rows may have none, so
    a typed field decides first. The target, and columns beside the features, stay as they are.
    """
    kind = type(model) if isinstance(model, Model) else model
    learned = {field.name: field for field in model._learned} if isinstance(model, Model) else {}  # noqa: SLF001
    fields = learned | {field.name: field for field in _typed_fields(kind)}
    names = fields.keys() or set(kind.source_features) or set(data) - set(_targets(kind))
    features = [(str(name), column) for name, column in data.items() if name in names]
    return data.assign(**{name: _column(column, fields.get(name)) for name, column in features})


def _typed_fields(model: type[Model]) -> Sequence[Field]:
    """Return the fields of the class `input`; empty if only columns are named."""
    return _fields(model) or ()


def named(model: type[Model]) -> tuple[str, ...]:
    """Return the columns of the data that a class names: its features and targets."""
    fields = _fields(model)
    names = tuple(model.source_features) if fields is None else tuple(field.name for field in fields)
    return (*names, *_targets(model))


def _fields(model: Any) -> tuple[Field, ...] | None:
    """Return the fields that a class declares, whatever else it lacks; None if they are learned from the data."""
    return _read_fields(model)


@functools.lru_cache(maxsize=64)
def _read_fields(model: Any) -> tuple[Field, ...] | None:
    return model._declared_fields if model.input is None else fields_of(model.input, model.__name__)  # noqa: SLF001


def declared(model: type[Model]) -> list[Field]:
    """Return the declared fields; the target is among them where the data hold what the model predicts."""
    fields = list(_typed_fields(model))
    targets = _targets(model)
    if targets and model.outcome is Model.outcome and (output := _output(model, targets)) is not None:
        fields += output.parts or (output,)
    return fields


def _targets(model: type[Model]) -> tuple[str, ...]:
    named = model.target_variable
    return ((named,) if named else ()) if isinstance(named, str) else tuple(named)


def _output(model: type[Model], targets: tuple[str, ...]) -> Field | None:
    """Return the declared field of a prediction, if any; raise `ContractError` when it does not fit the targets."""
    where = model.__name__
    if model.output is None:
        return model._declared_output  # noqa: SLF001
    found = output_of(targets[0] if len(targets) == 1 else PREDICTION, model.output, where)
    names = tuple(part.name for part in found.parts)
    if len(targets) == 1 and found.kind in ("object", "array"):
        raise ContractError(f"{where}.output is {model.output!r}: {targets[0]} has one value in each row")
    if len(targets) > 1 and sorted(names) != sorted(targets):
        raise ContractError(f"{where}.output has to be a dataclass with the fields {', '.join(targets)}")
    return found


def _column(column: pd.Series[Any], field: Field | None) -> pd.Series[Any]:
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    kind = field.kind if field is not None else None
    if kind in ("number", "integer") or (kind is None and is_numeric_dtype(column) and not is_bool_dtype(column)):
        return column.astype("float64")
    if kind is not None and moments.is_dated(kind):
        return moments.series(column, kind)
    if kind == "array":
        return arrays.series(column)
    if kind == "string":
        return column.astype(pd.Series(["text"]).dtype)
    if kind == "boolean" and field is not None and field.optional:
        return column.astype(object).where(column.notna(), math.nan)
    return column


class Contract(NamedTuple):
    """The declarations of a model's class, read once."""

    names: tuple[str, ...]
    fields: tuple[Field, ...] | None  # None: learned from the data
    targets: tuple[str, ...]  # the columns that the model predicts: none, one or several
    output: Field | None  # None: learned from the data, or from predictions where there is no target

    @property
    def target(self) -> str:
        """The name of what the model predicts."""
        return self.targets[0] if len(self.targets) == 1 else PREDICTION

    @classmethod
    def of(cls, model: type[Model]) -> Contract:
        """Read the declarations of `model`; raise `ContractError` when one is missing or contradicts another."""
        where = model.__name__
        _check_declared(model, where)
        fields = _fields(model)
        names = tuple(field.name for field in fields) if fields is not None else tuple(model.source_features)
        if not names:
            raise ContractError(f"{where}.source_features is empty: name the columns, or give a dataclass as input")
        targets = _targets(model)
        columns = (*names, *targets)
        forms = [form(name) for name in columns]
        if twice := sorted({name for name in columns if forms.count(form(name)) > 1}):
            raise ContractError(f"{where}: {', '.join(map(repr, twice))} is named twice among the columns")
        return cls(names, fields, targets, _output(model, targets))


_contracts = functools.lru_cache(maxsize=64)(Contract.of)


def _contract(model: Any) -> Contract:
    return _contracts(model)


def _check_declared(model: type[Model], where: str) -> None:
    target: Any = model.target_variable
    if not isinstance(target, Sequence) or not all(isinstance(name, str) and name for name in target):
        raise ContractError(f"{where}.target_variable is {target!r}: name a column, or a list of columns")
    for method in ("train", "predict"):
        if getattr(model, method) is getattr(Model, method):
            raise ContractError(f"{where}.{method} is not written")
    unwritten = (PipelineModel.train, PipelineModel.pipeline)
    if issubclass(model, PipelineModel) and (model.train, model.pipeline) == unwritten:
        raise ContractError(f"{where}.pipeline is not written")
    names: Any = model.source_features
    if isinstance(names, str):
        raise ContractError(f"{where}.source_features is one string: write a list of column names")
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise ContractError(f"{where}.source_features is not a list of column names: {names!r}")
    if model.input is not None and names:
        raise ContractError(f"{where} has both source_features and input: keep one")
    if model.by_column is True and dataclasses.is_dataclass(model.input) and not only_keeps(model.input):
        problem = (
            f"{where}.by_column is True, so no {model.input.__name__} is made, whose methods may refuse or change a row"
        )
        raise ContractError(f"{problem}: do that in predict, or leave by_column out")
    _check_values(model, where)


def is_parameter(value: Any) -> bool:
    """Return True for a value that a record keeps as it is."""
    if type(value) is list:
        return all(map(is_parameter, value))
    return value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))


_VALUES = (bool, int, float, str, list, tuple, dict)


def _check_values(model: type[Model], where: str) -> None:
    if not isinstance(model.parameters, Mapping):
        raise ContractError(f"{where}.parameters is not a dict of names and defaults: {model.parameters!r}")
    for name, value in model.parameters.items():
        if not is_parameter(value):
            raise ContractError(f"{where}.parameters: {name!r} is {value!r}: give {PARAMETER}")
    if type(model.tolerance) not in (int, float) or not 0 <= model.tolerance < math.inf:
        raise ContractError(f"{where}.tolerance is {model.tolerance!r}: give a number, 0 or above")
    if model.probabilities is True and (not model.target_variable or not isinstance(model.target_variable, str)):
        raise ContractError(f"{where}.probabilities: name one target in target_variable, whose classes they are of")
    # A method or a property of this name is the user's own.
    if isinstance(model.probabilities, _VALUES) and type(model.probabilities) is not bool:
        raise ContractError(f"{where}.probabilities is {model.probabilities!r}: give True or False")
    quantile: Any = model.quantile
    if isinstance(quantile, _VALUES) and not (type(quantile) is float and 0 < quantile < 1):
        raise ContractError(f"{where}.quantile is {quantile!r}: give a number between 0 and 1, such as 0.9")


def given(model: type[Model], checked: Columns, missing: float | None = None) -> Any:
    """Return checked rows as `predict` takes them: columns, dicts, or objects of the class `input`.

    `missing` stands for a missing value in rows.
    """
    return checked if model.by_column is True else bind(model, checked.dicts(missing))


def bind(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    """Return parsed rows as `predict` takes them: the dicts themselves, or objects of the class `input`."""
    row_type = model.input
    if row_type is None:
        return rows
    enums = enums_of(row_type)
    return [_object(row_type, row, enums, index) for index, row in enumerate(rows)]


def _object(row_type: type, row: Mapping[str, Any], enums: Mapping[str, type[enum.Enum]], index: int) -> Any:
    values = dict(row)
    for name, members in enums.items():
        if not _is_missing(values.get(name)):
            values[name] = members(values[name])
    attributes = _attributes(row_type, tuple(values))
    try:
        return row_type(**dict(zip(attributes, values.values(), strict=True)))
    except InputError as error:
        error.row = index
        raise
    except ValueError as error:  # the input's __post_init__ refuses the row
        raise InputError(str(error), row=index) from error


def _is_missing(value: Any) -> bool:
    return value is None or value != value  # only NaN differs from itself
