"""Step `check`: the data against the schema, and which rows are held out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.model import Contract, Model
from slipway.models.discovery import blame
from slipway.models.rows import held_out, plain
from slipway.names import nearest
from slipway.schema import Field, Schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from slipway.training.run import Run

__all__ = ["run"]

# Text with more different values than this, or with hardly any twice, is free text and no category; whole numbers with
# more are a quantity.
_MOST_CATEGORIES = 100
_MOST_CLASSES = 20
_SHOWN = 10


def run(run: Run) -> str:
    """Settle `schema.json`; refuse data that breaks it, naming column and row (1 is the first below the heads)."""
    contract = Contract.of(class_of(run.settings, run.about.model))
    data = _read(run)
    _check_columns(contract, data)
    fields = contract.fields or tuple(learned(name, data[name]) for name in contract.names)
    target = contract.output or learned(contract.target, data[contract.target], target=True)
    problems = [problem for field in fields for problem in _problems(field, data[field.name])]
    problems += _target_problems(run, target, data[target.name])
    if problems:
        more = f"\n  … and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        source = run.read("data.json")["uri"]
        fix = f"mend {source}, or say in model.py what the column may hold"
        if any("has no value" in problem for problem in problems[:_SHOWN]):
            fix += " (`rooms: float | None` in the dataclass `input`; `read` may fill gaps, and rename columns)"
        raise SlipwayError(f"{source} breaks the schema:\n  " + "\n  ".join(problems[:_SHOWN]) + more, fix=fix)
    out = held_out(data, [*contract.names, contract.target], run.model.held_out)
    _check_split(run, data[contract.target], out, classes=bool(target.categories))
    run.write("schema.json", Schema(fields=tuple(fields), target=target))
    run.write("rows.json", {"rows": len(data), "held_out": int(out.sum())})
    return f"{len(data)} rows fit the schema ({_summary(fields, target)}), {int(out.sum())} are held out"


def _summary(fields: Sequence[Field], target: Field) -> str:
    """What was taken for what, so that a wrong guess is seen."""
    kinds = Counter("categories" if field.categories else f"{field.kind}s" for field in fields)
    told = ", ".join(f"{kind}: {count}" for kind, count in kinds.items())
    classes = f"{len(target.categories)} classes" if target.categories else target.kind
    return f"{told}; {target.name}: {classes}"


def _read(run: Run) -> pd.DataFrame:
    import pandas as pd

    source = run.read("data.json")["uri"]
    try:
        data = run.data()
        twice = _twice(run)
    except pd.errors.EmptyDataError as error:
        raise SlipwayError(f"{source} is empty", fix="give it a line of heads and a line for each row") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        fix = "save it as UTF-8, with commas between the columns, or write `read(self, path)` in the model's class"
        raise SlipwayError(f"{source} cannot be read: {str(error).strip()}", fix=fix) from error
    except SlipwayError:
        raise
    except Exception as error:
        raise SlipwayError(f"{source} cannot be read: {blame(error, run.settings.root)}") from error
    if not len(data):
        raise SlipwayError(f"{source} has no rows", fix="there is nothing to learn from")
    if twice:
        raise SlipwayError(f"{source} has several columns {', '.join(map(repr, twice))}", fix="keep one of each name")
    return data.reset_index(drop=True)


def _twice(run: Run) -> list[str]:
    """Names that stand in the heads more than once, of which pandas would change all but the first."""
    if type(run.new_model()).read is not Model.read:
        return []
    import pandas as pd

    # As what reads the rows: unpacked by the name's ending.
    path = run.folder / run.read("data.json")["file"]
    first = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False)
    return [name for name, count in Counter(first.iloc[0]).items() if name and count > 1]


def _check_columns(contract: Contract, data: pd.DataFrame) -> None:
    for name in (*contract.names, contract.target):
        if name not in data.columns:
            fix = nearest(name, map(str, data.columns))
            if len(data.columns) == 1:
                fix += "; columns are divided by commas, unless the model's class has a `read(self, path)` of its own"
            raise SlipwayError(f"the data has no column {name!r}", fix=fix)


def learned(name: str, column: pd.Series[Any], *, target: bool = False) -> Field:
    """The field that a column of data stands for: a number, true or false, a category, or text."""
    from pandas.api import types

    present = column.dropna()
    if (types.is_bool_dtype(present) or all(type(value) is bool for value in present)) and len(present):
        return Field(name=name, kind="boolean", categories=(False, True) if target else ())
    if types.is_integer_dtype(present) and target and present.nunique() <= _MOST_CLASSES:
        return Field(name=name, kind="integer", categories=tuple(int(value) for value in sorted(present.unique())))
    if types.is_numeric_dtype(present) and len(present):
        return Field(name=name, kind="number")
    if _mostly_numbers(present):
        return Field(name=name, kind="number")
    values = sorted({str(value) for value in present})
    few = len(values) <= min(_MOST_CATEGORIES, len(present) / 2)
    return Field(name=name, kind="string", categories=tuple(values) if few else ())


def _mostly_numbers(column: pd.Series[Any]) -> bool:
    """Whether text is a column of numbers with a few wrong ones among them: those are errors, not categories."""
    import pandas as pd

    return len(column) > 0 and bool(pd.to_numeric(column, errors="coerce").notna().mean() > 0.5)


def _problems(field: Field, column: pd.Series[Any]) -> Sequence[str]:
    """What is wrong with a column; numbers are checked all at once, so that large data stays fast."""
    suspects = _suspect_numbers(field, column) if field.kind == "number" else column
    found = []
    for row, value in suspects.items():
        try:
            field.parse(plain(value))
        except ValueError as error:
            found.append(f"column {field.name}, row {int(str(row)) + 1}: {error}")
    return found


def _suspect_numbers(field: Field, column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd
    from pandas.api import types

    numbers = pd.to_numeric(column, errors="coerce")
    low = field.minimum if field.minimum is not None else float("-inf")
    high = field.maximum if field.maximum is not None else float("inf")
    suspects = column[~((numbers >= low) & (numbers <= high) & (numbers.abs() < float("inf")))]
    # Text that reads as numbers all the way down is text all the same.
    is_text = not types.is_numeric_dtype(column) or types.is_bool_dtype(column)
    return column if is_text and suspects.empty else suspects


def _target_problems(run: Run, target: Field, column: pd.Series[Any]) -> Sequence[str]:
    """The target goes through the model's own conversion first."""
    model = run.new_model()
    found = []
    for row, value in column.items():
        where = f"column {target.name}, row {int(str(row)) + 1}"
        cell = plain(value)
        if cell is None:
            found.append(f"{where}: has no value; {target.expected} is needed")
            continue
        try:
            outcome = model.outcome(cell)
            target.parse(getattr(outcome, "value", outcome))
        except Exception as error:  # noqa: BLE001 - the conversion is the user's code
            found.append(f"{where}: {error}")
    return found


def _check_split(run: Run, target: pd.Series[Any], out: pd.Series[bool], *, classes: bool) -> None:
    if out.all() or not out.any():
        side = "train on" if out.all() else "hold out"
        raise SlipwayError(
            f"{len(out)} rows are too few: none is left to {side}", fix="bring more data, or change held_out"
        )
    if not classes:
        return
    if missing := sorted(set(target[out]) - set(target[~out]), key=str):
        problem = f"no row to train on has the class {', '.join(map(repr, missing))} of {target.name}: all are held out"
        raise SlipwayError(problem, fix="bring more rows of it, or take its rows out")
    if target[~out].nunique() < 2:
        problem = f"{target.name} has only the class {target.iloc[0]!r}: there is nothing to tell apart"
        raise SlipwayError(problem, fix=f"see where models.{run.about.model}.data comes from")
