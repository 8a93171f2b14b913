"""Rows that scikit-learn, or a graph in its place, refuses.

The caller's side turns both into one answer:

    try:
        found = model.fitted.predict(rows)
    except ValueError as error:
        refused = refusal(error)   # a `Refusal`, or None: then the error is a fault of the model
        if refused is None:
            raise
        raise InputError(refused.reason, row=refused.row, field=str(refused.column or "")) from error

A graph raises `Refusal` itself, with the row and the column of its input. In the Python form scikit-learn raises a
`ValueError` of its own, which names no row, and a column only where an encoder refuses a category.
"""

from __future__ import annotations

import re
from types import FrameType, TracebackType
from typing import Any

from slipway.text import cut, one_line

_UNKNOWN = re.compile(r"Found unknown categories (?P<values>.*) in column (?P<column>\d+) during transform")
_NOT_FINITE = re.compile(r"\AInput (?:X )?contains (?:NaN|infinity)|\AInput X contains")
_NO_NUMBER = re.compile(r"could not convert string to float|must be real number")
_MISSING = re.compile(r"have missing values in transform but have no missing values in fit")
_NEGATIVE = re.compile(r"\ANegative values in data passed to")
_OUTLIER = re.compile(r"\ANo neighbors found for test samples|\AAll neighbors of some sample is getting zero weights")
# Of SplineTransformer, PowerTransformer, SkewedChi2Sampler, and IsotonicRegression by way of scipy.
_BEYOND = re.compile(
    r"values beyond the limits of the knots|only be applied to strictly positive data"
    r"|entries smaller than -skewedness|in x_new is (below|above) the interpolation range"
)
_LABEL = re.compile(r"\Ay contains previously unseen labels: (?P<values>.*)")
_LABELS = "sklearn.utils._encode"
"""The module that encodes labels; the decoder raises the same words from another one, for codes of the model's own."""


class Refusal(ValueError):  # noqa: N818 - it is an answer about a row
    """A row that the estimator does not take: its index in the argument, the column's name or index, and the reason."""

    def __init__(self, reason: str, *, row: int | None = None, column: str | int | None = None) -> None:
        where = [f"row {row}"] if row is not None else []
        where += [f"column {column}"] if column is not None else []
        super().__init__(": ".join(filter(None, (", ".join(where), reason))))
        self.reason = reason
        self.row = row
        self.column = column


def refusal(error: BaseException) -> Refusal | None:
    """Return the refusal of a row that an exception is; None when it is any other failure.

    A `Refusal` is one, and so is a `ValueError` of scikit-learn's validation, encoders, imputers, and of transformers
    that take only some numbers.
    """
    if isinstance(error, Refusal):
        return error
    if not isinstance(error, ValueError):
        return None
    frame = _raising(error.__traceback__)
    if frame is None or not str(frame.f_globals.get("__name__", "")).startswith("sklearn."):
        return None
    text = one_line(str(error))
    if unknown := _UNKNOWN.search(text):
        place = int(unknown["column"])
        return Refusal(f"is none of the known categories: {cut(unknown['values'], 100)}", column=_name(frame, place))
    if _NOT_FINITE.search(text):
        return Refusal("a number is missing, infinite or too large")
    if (unseen := _LABEL.search(text)) and frame.f_globals.get("__name__") == _LABELS:
        return Refusal(f"is none of the known categories: {cut(unseen['values'], 100)}")
    if any(each.search(text) for each in (_NO_NUMBER, _MISSING, _NEGATIVE, _OUTLIER, _BEYOND)):
        return Refusal(cut(text, 200))
    return None


def _raising(trace: TracebackType | None) -> FrameType | None:
    """Return the frame that raised, or scikit-learn's where a library below it did."""
    found = None
    while trace is not None:
        if found is None or str(trace.tb_frame.f_globals.get("__name__", "")).startswith("sklearn."):
            found = trace.tb_frame
        trace = trace.tb_next
    return found


def _name(frame: FrameType, place: int) -> str | int:
    """Return the name of an encoder's column, or its place where it has none."""
    names: Any = getattr(frame.f_locals.get("self"), "feature_names_in_", None)
    return str(names[place]) if names is not None else place
