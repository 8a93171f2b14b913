"""Dates and times: texts of ISO 8601 in JSON and files, objects of Python, and columns of numpy and pandas.

A `date` has no time, a `datetime` no zone, and an `instant` has a zone and is kept in UTC. None is taken for another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, cast

from slipway.text import quoted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Dated = Literal["date", "datetime", "instant"]

WORDS: dict[Dated, str] = {
    "date": "a date (2026-01-31)",
    "datetime": "a time without a zone (2026-01-31T14:30:00)",
    "instant": "a time with its zone (2026-01-31T14:30:00Z)",
}
FORMATS: dict[str, str] = {"date": "date", "datetime": "date-time-local", "instant": "date-time"}
"""The formats of JSON Schema and OpenAPI: https://spec.openapis.org/registry/format/."""

# A date is a whole day in columns, too: its unit tells it from midnight.
UNITS: dict[Dated, str] = {"date": "datetime64[s]", "datetime": "datetime64[us]", "instant": "datetime64[us]"}

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_ZONE = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_FORMS: dict[Dated, re.Pattern[str]] = {
    "date": re.compile(_DAY),
    "datetime": re.compile(_DAY + _TIME),
    "instant": re.compile(_DAY + _TIME + _ZONE),
}
_TOO_EXACT = re.compile(f"{_DAY}{_TIME}[0-9]+(?:{_ZONE})?")
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_LAST_MONTH = 12


def is_dated(kind: str) -> TypeGuard[Dated]:
    """Return True for a kind of fields that are dates or times."""
    return kind in WORDS


def parse(kind: Dated, text: str) -> date | datetime:
    """Return the date or time in a text; an instant is in UTC. Raise `ValueError` with what is wrong."""
    if _FORMS[kind].fullmatch(text) is None:
        raise ValueError(f"{WORDS[kind]} is needed, not {quoted(text)}{_hint(kind, text)}")
    try:
        if kind == "date":
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text.upper())
        return found.astimezone(UTC) if kind == "instant" else found
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{quoted(text)} is no {'date' if kind == 'date' else 'time'}: {error}") from None


def _hint(kind: Dated, text: str) -> str:
    """Return what may be meant by a text of another form; nothing where that is not sure."""
    other = next((each for each, form in _FORMS.items() if form.fullmatch(text)), None)
    if other is None:
        if _TOO_EXACT.fullmatch(text):
            return ": a second has at most 6 digits behind the point"
        meant = _day_in(text) if kind == "date" else ""
        return f"; did you mean {meant!r}?" if meant else ""
    if kind == "date":
        return ", which has a time"
    if other == "date":
        return ", which has no time"
    return ", which has a zone" if kind == "datetime" else ", which has no zone: add Z for UTC, or an offset as +02:00"


def _day_in(text: str) -> str:
    """Return the day that is written in another order or with other signs; nothing where it may be two days."""
    if found := _YEAR_FIRST.fullmatch(text):
        year, _, month, day = found.groups()
    elif found := _YEAR_LAST.fullmatch(text):
        one, _, other, year = found.groups()
        if (int(one) > _LAST_MONTH) == (int(other) > _LAST_MONTH):
            return ""
        month, day = (other, one) if int(one) > _LAST_MONTH else (one, other)
    else:
        return ""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def text_of(value: date) -> str:
    """Return a date or a time as text; one with a zone is written in UTC, by `Z`."""
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    text = value.isoformat()
    return text.removesuffix("T00:00:00") if getattr(value, "unit", "") == "s" else text


def plain(value: Any) -> Any:
    """Return a date or a time as text, and any other value as it is."""
    return text_of(value) if isinstance(value, date) and value == value else value


def plain_of(values: Any) -> Any:
    """Return an array of datetime64, or one of its values, as texts, and None for NaT; days of midnights are dates."""
    days = values.astype("datetime64[D]")
    whole = values.dtype in (UNITS["date"], days.dtype) and bool(((days == values) | (values != values)).all())
    found = (days if whole else values.astype("datetime64[us]")).tolist()
    return list(map(plain, found)) if isinstance(found, list) else plain(found)


def cell(kind: Dated, value: Any) -> date | datetime:
    """Return a cell of data as a value of this kind; raise `ValueError` for one of another kind."""
    if isinstance(value, datetime) and kind == "date" and text_of(value).endswith("T00:00:00"):
        return value.date()
    if not isinstance(value, (str, date)):
        raise ValueError(f"{WORDS[kind]} is needed, not {quoted(value)}")
    return parse(kind, value if isinstance(value, str) else text_of(value))


def kind_in(texts: Iterable[Any]) -> Dated | None:
    """Return the kind of dates or times that all these values are as texts; None if one of them is none."""
    kinds = set[Dated]()
    for text in texts:
        own = next((kind for kind, form in _FORMS.items() if type(text) is str and form.fullmatch(text)), None)
        if own is None or len(kinds := kinds | {own}) > 1:
            return None
        try:
            parse(own, text)
        except ValueError:
            return None
    return next(iter(kinds), None)


def kind_of(column: pd.Series[Any]) -> Dated | None:
    """Return the kind of a column whose values are dates or times by their type; None for any other, and for texts."""
    if column.dtype.kind == "M":
        if getattr(column.dtype, "tz", None) is not None:
            return "instant"
        whole = str(column.dtype) == UNITS["date"] and bool((column.dropna() == column.dropna().dt.normalize()).all())
        return "date" if whole else "datetime"
    present = column.dropna() if column.dtype.kind == "O" else column.iloc[:0]
    if not len(present) or not isinstance(present.iloc[0], date):
        return None
    kinds = {_own(value) for value in present.tolist()}
    return cast("Dated | None", kinds.pop()) if len(kinds) == 1 else None


def _own(value: Any) -> str | None:
    if not isinstance(value, date):
        return None
    return "date" if not isinstance(value, datetime) else "datetime" if value.tzinfo is None else "instant"


def array(kind: Dated, values: Sequence[Any]) -> NDArray[Any]:
    """Return values of a kind as an array of numpy, instants in UTC; None and NaN are missing."""
    import numpy

    bare = [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]
    return numpy.array([value if isinstance(value, date) else None for value in bare], dtype=UNITS[kind])


def is_typed(column: pd.Series[Any], kind: Dated) -> bool:
    """Return True if a column has the type that all columns of this kind have."""
    own = UNITS[kind] if kind != "instant" else "datetime64[us, UTC]"
    return str(column.dtype) == own and kind_of(column) == kind


def series(column: pd.Series[Any], kind: Dated) -> pd.Series[Any]:
    """Return a column of texts or objects with the type that all columns of its kind have; NaT is missing.

    Dates are datetime64[s], times datetime64[us], and instants the same in UTC. Raise `ValueError` for another value.
    """
    import pandas as pd

    if is_typed(column, kind):
        return column
    missing = column.isna().tolist()
    values = [None if gone else cell(kind, value) for gone, value in zip(missing, column.tolist(), strict=True)]
    found = pd.Series(array(kind, values), index=column.index, name=column.name)
    return found.dt.tz_localize("UTC") if kind == "instant" else found
