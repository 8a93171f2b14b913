"""Step `check`: check the data against the schema, and choose the rows that are held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.model import Contract, FittedModel, Model, PipelineModel, kind_of
from slipway.models.data import json_value
from slipway.models.discovery import blame
from slipway.models.splits import Split, choose
from slipway.names import nearest
from slipway.schema import Field, Schema, arrays, moments, tables
from slipway.schema.tables import EXACT
from slipway.text import counted, quoted
from slipway.training import profile
from slipway.training.metrics import check_gates
from slipway.training.smells import smells
from slipway.training.task import Workspace
from slipway.wrapped import ArrayModel, unused

if TYPE_CHECKING:
    import pandas as pd

# Text with more different values is free text, as is text whose values hardly repeat; whole numbers with more are a
# quantity.
_MOST_CATEGORIES = 100
_MOST_CLASSES = 20
_SHOWN = 10
_NO_VALUE = "has no value"
_OF_JSON = (bool, int, float, str)
# Rows whose texts are looked at for what is odd.
_LOOKED_AT = 10_000


def run(workspace: Workspace) -> str:
    """Write `schema.json`; raise `SlipwayError` for data that breaks it, with column and row (1 is below the heads)."""
    kind = class_of(workspace.settings, workspace.task.model)
    contract = Contract.of(kind)
    data = _read(workspace)
    _check_columns(contract, data, workspace.read("data.json")["uri"])
    # What was made elsewhere takes what it was made for: texts are texts, in the very form that callers send.
    foreign = issubclass(kind, FittedModel | ArrayModel)
    dates = not foreign and workspace.model.image is None
    fields = contract.fields or tuple(_learned(name, data[name], dates=dates) for name in contract.names)
    data = tables.conform(data, map(str, data), fields)
    workspace.keep_rows(data)
    schema = Schema(fields=tuple(fields), target=_target(contract, data), truth=bool(contract.targets))
    check_gates(workspace.model.gates, kind, schema)
    wrong = [each for field in fields for each in _wrong(field, data[field.name])]
    if issubclass(kind, PipelineModel):
        wrong += [each for field in fields for each in _rounded(field, data[field.name])]
    if wrong := [*wrong, *_wrong_targets(workspace, schema, data)]:
        raise _refusal(workspace.read("data.json")["uri"], schema, wrong)
    split, out = _split(workspace, data, schema.columns)
    if learns := not issubclass(kind, FittedModel):
        _check_split(split, out)
    for target in schema.targets:
        if learns and target.categories:
            _check_classes(workspace, data[target.name], out)
    workspace.write("schema.json", schema)
    share = split.share if split.by == "row" else None
    workspace.write("rows.json", {"rows": len(data), "held_out": int(out.sum()), "share": share, "split": split})
    workspace.write("held_out.json", [place for place, held in enumerate(out) if held])
    line = f"{len(data)} rows fit the schema ({summary(schema)}), {int(out.sum())} are held out, {split.words}"
    if aside := unused(kind):
        line += f"; {' and '.join(aside)} of the class are not called, as the artifact keeps its attributes"
    shown = profile.table(fields, schema.targets, data, _texts(workspace))
    doubts = smells(data, schema.names, [target.name for target in schema.targets], split, out)
    return "\n    ".join((line, *shown, *(f"mind: {doubt}" for doubt in doubts)))


def _split(workspace: Workspace, data: pd.DataFrame, columns: Sequence[str]) -> tuple[Split, pd.Series[bool]]:
    of, model = workspace.model, workspace.new_model()
    try:
        return choose(data, columns, of.held_out, of.split, model)
    except SlipwayError:
        raise
    except Exception as error:
        raise SlipwayError(f"choosing the rows to hold out fails: {blame(error, workspace.settings.root)}") from error


def _texts(workspace: Workspace) -> pd.DataFrame | None:
    """Return rows of the data as they stand in the file, if no code of the model's own reads it."""
    if type(workspace.new_model()).read is not Model.read:
        return None
    return tables.texts(workspace.folder / workspace.read("data.json")["file"], _LOOKED_AT)


def summary(schema: Schema) -> str:
    """Tell the kinds of the columns, so that people see a wrong guess."""
    kinds = Counter("categories" if field.categories else f"{field.kind}s" for field in schema.fields)
    parts = [", ".join(f"{kind}: {count}" for kind, count in kinds.items())]
    parts += [
        f"{target.name}: {f'{len(target.categories)} classes' if target.categories else target.kind}"
        for target in schema.targets
    ]
    if not schema.targets:
        parts.append("no target_variable, so nothing tells right from wrong")
    if gaps := ", ".join(field.name for field in schema.fields if field.optional):
        parts.append(f"may be missing: {gaps}")
    return "; ".join(parts)


def _read(workspace: Workspace) -> pd.DataFrame:
    import pandas as pd

    source = workspace.read("data.json")["uri"]
    try:
        data = workspace.data()
    except SlipwayError as error:
        raise SlipwayError(f"{source} cannot be read: {error.problem}", fix=error.fix) from error
    except pd.errors.EmptyDataError as error:
        raise SlipwayError(f"{source} is empty", fix="give it a line of heads and a line for each row") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        fix = "save it as UTF-8, with commas between the columns, or write `read(self, path)` in the model's class"
        raise SlipwayError(f"{source} cannot be read: {str(error).strip()}", fix=fix) from error
    except Exception as error:
        raise SlipwayError(f"{source} cannot be read: {blame(error, workspace.settings.root)}") from error
    if not len(data):
        raise SlipwayError(f"{source} has no rows", fix="there is nothing to learn from")
    return data.reset_index(drop=True)


def _check_columns(contract: Contract, data: pd.DataFrame, source: str) -> None:
    for name in (*contract.names, *contract.targets):
        if name not in data.columns:
            fix = nearest(name, map(str, data.columns))
            if len(data.columns) == 1 and (sign := tables.foreign_separator(str(data.columns[0]))):
                fix = f"its heads are divided by {sign!r}, and columns are divided by commas: {tables.FIX_SEPARATOR}"
            raise SlipwayError(f"{source} has no column {name!r}", fix=fix)


def _target(contract: Contract, data: pd.DataFrame) -> Field:
    """Return the field of what the model predicts, declared or learned; without a target, the step `fit` learns it."""
    if contract.output is not None:
        return contract.output
    parts = tuple(_learned(name, data[name], target=True) for name in contract.targets)
    if len(parts) == 1:
        return parts[0]
    return Field(name=contract.target, kind="object" if parts else "any", parts=parts)


def _learned(name: str, column: pd.Series[Any], *, target: bool = False, dates: bool = False) -> Field:
    """Return the field for a column of data, optional if it has gaps.

    It is a number, true or false, a category, a text, or a date: by its type or, with `dates`, if all its texts are
    some of ISO 8601, and alike.
    """
    from pandas.api import types

    present = column.dropna()
    field = Field(name=name, kind="number", optional=not target and 0 < len(present) < len(column))
    kind = kind_of(column)
    if kind == "boolean":
        return replace(field, kind="boolean", categories=(False, True) if target else ())
    if types.is_integer_dtype(present) and target and present.nunique() <= _MOST_CLASSES:
        return replace(field, kind="integer", categories=tuple(int(value) for value in sorted(present.unique())))
    if dated := moments.kind_of(column) or (moments.kind_in(present.tolist()) if dates else None):
        return replace(field, kind=dated)
    if kind == "array" and not target:
        return replace(field, kind="array", length=arrays.width_of(column))
    if (kind == "number" and len(present)) or _mostly_numbers(present):
        return field
    values = sorted({str(value) for value in present})
    few = len(values) <= min(_MOST_CATEGORIES, len(present) / 2)
    return replace(field, kind="string", categories=tuple(values) if few else ())


def _mostly_numbers(column: pd.Series[Any]) -> bool:
    """Return True if most texts of a column are numbers: then the others are errors, not categories."""
    import pandas as pd

    return len(column) > 0 and bool(pd.to_numeric(column, errors="coerce").notna().mean() > 0.5)


class _Wrong(NamedTuple):
    """A cell that breaks the schema, or the whole column if there is no row."""

    column: str
    row: int | None
    message: str


def _refusal(source: str, schema: Schema, wrong: Sequence[_Wrong]) -> SlipwayError:
    """Return the error that tells each mistake of a column once, by its first row."""
    found: dict[tuple[str, str], list[int | None]] = {}
    for each in wrong:
        found.setdefault((each.column, each.message), []).append(each.row)
    lines = [_told(column, message, rows) for (column, message), rows in found.items()]
    more = f"\n  … and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    fix = f"mend {source}, or say in model.py what the column may hold"
    empty = {column for column, message in found if message.startswith(_NO_VALUE)}
    if targets := [target.name for target in schema.targets if target.name in empty]:
        fix = f"leave rows without {' and '.join(targets)} out, in {source} or in `read`"
    elif empty:
        fix += " (`rooms: float | None` in the dataclass `input`; `read` may fill gaps, and rename columns)"
    elif any("not a string" in message for _, message in found):
        fix += "; where a text stands for a value that is missing, leave the cell empty, or make it NaN in `read`"
    return SlipwayError(f"{source} breaks the schema:\n  " + "\n  ".join(lines[:_SHOWN]) + more, fix=fix)


def _told(column: str, message: str, rows: Sequence[int | None]) -> str:
    row = "" if rows[0] is None else f", row {rows[0]}"
    more = f" and {counted(len(rows) - 1, 'row')} more" if rows[1:] else ""
    return f"column {column}{row}{more}: {message}"


def _wrong(field: Field, column: pd.Series[Any]) -> Sequence[_Wrong]:
    """Return what is wrong with a column; numbers are checked all at once, so that large data stays fast."""
    if kinds := _foreign(field, column):
        message = f"holds {' and '.join(kinds)}, which JSON has not: make numbers or texts of them in `read`"
        return [_Wrong(field.name, None, message)]
    if moments.is_dated(field.kind) and moments.is_typed(column, field.kind):
        suspects = column[column.isna()]
    else:
        suspects = _suspect_numbers(field, column) if field.kind == "number" else column
    return _refused(field, suspects, arrays.parsed if field.kind == "array" else lambda cell: cell)


def _foreign(field: Field, column: pd.Series[Any]) -> list[str]:
    """Return the types of values that no caller can send: lists, bytes, and dates in a field of another kind."""
    if column.dtype.kind in "biuf":
        return []
    # All values of other columns than those of objects have one type.
    values = column.dropna() if column.dtype.kind == "O" else column.dropna().head(1)
    known = (*_OF_JSON, *((date,) if moments.is_dated(field.kind) else (list,) if field.kind == "array" else ()))
    return sorted({type(each).__name__ for each in map(_sent, values) if not isinstance(each, known)})


def _sent(cell: Any) -> Any:
    """Return a cell as a caller sends it, but for a date, which is one of a text only in a field of dates."""
    return cell if isinstance(cell, date) else json_value(cell)


def _rounded(field: Field, column: pd.Series[Any]) -> Iterator[_Wrong]:
    """Yield a column that is declared as whole numbers, which a pipeline would round."""
    if field.kind == "integer" and column.dtype.kind in "iu" and (column.abs() > EXACT).any():
        message = "has whole numbers beyond 2^53, which a pipeline rounds: declare it as `str` if it is an identifier"
        yield _Wrong(field.name, int(str((column.abs() > EXACT).idxmax())) + 1, message)


def _refused(field: Field, column: pd.Series[Any], converted: Callable[[Any], Any]) -> list[_Wrong]:
    """Return which cells of a column are refused, by the field or by the conversion before, and why."""
    found = []
    for row, value in column.items():
        try:
            field.parse(converted(json_value(value)))
        except Exception as error:  # noqa: BLE001 - the conversion is the user's code
            shown = f": {quoted(value)}" if isinstance(value, str) and str(error).endswith("not a string") else ""
            found.append(_Wrong(field.name, int(str(row)) + 1, f"{error}{shown}"))
    return found


def _suspect_numbers(field: Field, column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd
    from pandas.api import types

    numbers = pd.to_numeric(column, errors="coerce")
    low = field.minimum if field.minimum is not None else float("-inf")
    high = field.maximum if field.maximum is not None else float("inf")
    suspects = column[~((numbers >= low) & (numbers <= high) & (numbers.abs() < float("inf")))]
    # A column of text is wrong even if all of its texts are numbers.
    is_text = not types.is_numeric_dtype(column) or types.is_bool_dtype(column)
    return column if is_text and suspects.empty else suspects


def _wrong_targets(workspace: Workspace, schema: Schema, data: pd.DataFrame) -> Sequence[_Wrong]:
    """Return what is wrong with the target, after the model's own conversion, or with each of several."""
    if len(schema.targets) != 1:
        return [each for target in schema.targets for each in _wrong(target, data[target.name])]
    model, (target,) = workspace.new_model(), schema.targets

    def converted(cell: Any) -> Any:
        if cell is None:
            raise ValueError(f"{_NO_VALUE}; {target.expected} is needed")
        outcome = model.outcome(cell)
        return getattr(outcome, "value", outcome)

    return _refused(target, data[target.name], converted)


def _check_split(split: Split, out: pd.Series[bool]) -> None:
    if out.any() and not out.all():
        return
    side = "train on" if out.all() else "hold out"
    if split.by == "row":
        problem = f"none of {counted(len(out), 'row')} is left to {side}: they are too few"
        raise SlipwayError(problem, fix="bring more data, or change held_out or split")
    problem = f"of {counted(len(out), 'row')}, none is left to {side}: {split.words}"
    fix = "mend what it returns"
    if split.by == "group":
        fix = "a hash decides for each group, and these are too few for it: bring more, or write `held_out(self, data)`"
    raise SlipwayError(problem, fix=fix)


def _check_classes(workspace: Workspace, target: pd.Series[Any], out: pd.Series[bool]) -> None:
    if missing := sorted(set(target[out]) - set(target[~out]), key=str):
        shown = ", ".join(repr(json_value(value)) for value in missing)
        problem = f"no row to train on has the class {shown} of {target.name}: all are held out"
        raise SlipwayError(problem, fix="bring more rows of it, or take its rows out")
    if target[~out].nunique() < 2:
        problem = f"{target.name} has only the class {json_value(target.iloc[0])!r}: there is nothing to tell apart"
        raise SlipwayError(problem, fix=f"see where models.{workspace.task.model}.data comes from")
