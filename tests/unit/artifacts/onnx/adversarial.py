"""Rows beyond what an estimator has seen, and the comparison of a graph with scikit-learn on them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from slipway.artifacts.onnx.conversion import Converted, convert
from slipway.artifacts.onnx.graphs import ROWS
from slipway.artifacts.onnx.watching import Watched
from tests.unit.artifacts.onnx.zoo import METHODS, Case, fitted

LIMITS = [
    *(0.0, -0.0, 0.5, 1.0, -1.0, 2.5, np.nan, np.inf, -np.inf, 1e-300, -1e-300),
    *(float(2**53 - 1), float(2**53), -float(2**53), float(2**53 + 2), 20_000_001.0, 20_000_013.0, 99_999_999.0),
    *(3.4028234663852886e38, -3.4028234663852886e38, 3.5e38, 1e39, -1e39),
]
TEXTS = [
    "red",
    "RED",
    "red ",
    " red",
    "",
    " ",
    "unseen",
    "café",
    "cafe\u0301",
    "CAFÉ",
    "a",
    "a\0",
    "a\0b",
    "\0",
    "nan",
    "None",
    "0",
]


class Verdict(NamedTuple):
    """The result of a comparison: rows that both answer, rows that both refuse, and the differences in words."""

    answered: int
    refused: int
    differences: list[str]


def thresholds(estimator: Any, depth: int = 0) -> Iterator[float]:
    """Yield the edges and thresholds that an estimator, and those within it, have learned."""
    if depth > _DEEPEST or not hasattr(estimator, "__dict__"):
        return
    for name, value in vars(estimator).items():
        if name == "tree_":
            yield from value.threshold[value.children_left >= 0]
        elif name == "_predictors":
            for member in chain.from_iterable(value):
                yield from member.nodes["num_threshold"][member.nodes["is_leaf"] == 0]
        elif name in ("bin_edges_", "X_thresholds_"):
            yield from np.concatenate([np.ravel(each) for each in value])
        elif isinstance(value, (list, tuple, np.ndarray)):
            for each in np.ravel(np.array(value, dtype=object))[:_MOST_MEMBERS]:
                yield from thresholds(each, depth + 1)
        else:
            yield from thresholds(value, depth + 1)


_DEEPEST, _MOST_MEMBERS = 6, 200


def numbers(column: Any, edges: list[float], most: int, rng: Any) -> list[float]:
    """Return numbers to put into a column."""
    seen = column[~np.isnan(column)]
    low, high = seen.min(), seen.max()
    some = rng.choice(seen, 8)
    inner = np.array(edges)[rng.permutation(len(edges))[:most]] if edges else np.zeros(0)
    exact = [*inner, *np.unique(seen)[:most]]
    near = [np.nextafter(value, to) for value in exact for to in (-np.inf, np.inf)]
    single = [np.nextafter(np.float32(value), np.float32(to)) for value in inner for to in (-np.inf, np.inf)]
    around = [*(some + 1), *(some - 1), *(some + 0.5)]
    return [*LIMITS, low - 1, high + 1, 10 * high, -10 * high, 10 * low, *around, *exact, *near, *map(float, single)]


def adversarial(given: Any, estimator: Any, *, most: int, seed: int) -> Any:
    """Return rows of which each has one unusual value, and some with several."""
    rng = np.random.default_rng(seed)
    edges = [float(each) for each in thresholds(estimator) if np.isfinite(each)]
    if isinstance(given, pd.DataFrame):
        return _tables(given, edges, most, rng)
    width = given.shape[1]
    by_column = [numbers(given[:, place], edges, most, rng) for place in range(width)]
    rows = [given]
    for place, values in enumerate(by_column):
        base = given[rng.integers(0, len(given), len(values))]
        base[:, place] = values
        rows.append(base)
    mixed = np.column_stack([rng.choice(values, 40 + 4 * most) for values in by_column])
    tame = np.where(np.isfinite(mixed) & (np.abs(mixed) < 1e30), mixed, 0.0)
    return np.concatenate([*rows, mixed, tame, np.zeros((1, width)), np.full((1, width), np.nan)])


def _tables(given: pd.DataFrame, edges: list[float], most: int, rng: Any) -> pd.DataFrame:
    choices: dict[str, list[Any]] = {}
    for name, column in given.items():
        if column.dtype == bool:
            choices[name] = [True, False]
        elif pd.api.types.is_numeric_dtype(column):
            choices[name] = numbers(column.to_numpy(dtype="float64"), edges, most, rng)
        else:
            missing = [None, np.nan] if column.dtype == object and column.isin([None]).any() else [np.nan]
            choices[name] = [*TEXTS, *missing]
    parts = [given]
    for name, values in choices.items():
        base = given.iloc[rng.integers(0, len(given), len(values))].reset_index(drop=True)
        parts.append(base.assign(**{name: pd.Series(values, dtype=_dtype(given[name]))}))
    size = 40 + 4 * most
    mixed = {name: [values[at] for at in rng.integers(0, len(values), size)] for name, values in choices.items()}
    parts.append(pd.DataFrame({name: pd.Series(values, dtype=_dtype(given[name])) for name, values in mixed.items()}))
    whole = {}
    for name in given:
        values = [value for part in parts for value in part[name].tolist()]
        whole[name] = pd.Series(values, dtype=_dtype(given[name]))
    return pd.DataFrame(whole)


def _dtype(column: Any) -> Any:
    if column.dtype == bool or not pd.api.types.is_numeric_dtype(column):
        return column.dtype
    return "float64"


def converted(estimator: Any, given: Any, without: tuple[str, ...] = ()) -> Converted:
    """Return the graph of a fitted estimator, with all methods that it has but some."""
    watched = Watched(estimator)
    for method in METHODS:
        if hasattr(estimator, method) and method not in without:
            getattr(watched, method)(given)
    return convert(watched)


def compare(case: Case, *, most: int = 8, seed: int = 0, alone: int = 12) -> Verdict:
    """Compare a case's graph with its estimator."""
    estimator, given = fitted(case, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = converted(estimator, given, case.without)
        rows = adversarial(given, estimator, most=most, seed=seed)
        with np.errstate(all="ignore"):
            return _compared(case, estimator, found.graph, rows, alone, np.random.default_rng(seed))


def _compared(case: Case, estimator: Any, graph: Any, rows: Any, alone: int, rng: Any) -> Verdict:
    refused = _refused(graph, rows)
    taken, others = _where(rows, ~refused), _where(rows, refused)
    differences = []
    for method in [name for name in METHODS if name in graph._source.methods]:
        ask = getattr(estimator, method)
        try:
            expected = ask(taken)
        except ValueError as error:
            place = _first_refused(ask, taken)
            differences.append(f"{method}: scikit-learn refuses {_shown(taken, place)}: {str(error)[:200]}")
            continue
        answer = getattr(graph, method)(taken)
        differences += _differences(case, method, expected, answer, taken, ask)
        for place in rng.permutation(len(others))[:alone]:
            one = others[place : place + 1]
            if not _raises(ask, one):
                differences.append(f"{method}: only the graph refuses {_shown(others, place)}")
            if not _raises(getattr(graph, method), one):
                differences.append(f"{method}: the graph does not refuse {_shown(others, place)}")
    return Verdict(len(taken), len(others), differences)


def _refused(graph: Any, rows: Any) -> Any:
    source = graph._source
    matrix = graph._matrix(rows) if source.columns is None else graph._table(rows)
    if not source.refused:
        return np.zeros(len(matrix), bool)
    most = source.most_rows or len(matrix)
    parts = [matrix[at : at + most] for at in range(0, len(matrix), most)]
    return np.concatenate([graph._session.run([source.refused], {ROWS: part})[0] for part in parts]).any(axis=1)


def _where(rows: Any, mask: Any) -> Any:
    return rows[mask].reset_index(drop=True) if isinstance(rows, pd.DataFrame) else rows[mask]


def _raises(ask: Any, rows: Any) -> bool:
    try:
        ask(rows)
    except ValueError:
        return True
    return False


def _first_refused(ask: Any, rows: Any) -> int:
    low, high = 0, len(rows)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _raises(ask, rows[low:middle]) else (middle, high)
    return low


def _shown(rows: Any, place: int) -> str:
    return repr(rows.iloc[place].to_dict() if isinstance(rows, pd.DataFrame) else rows[place].tolist())


def _differences(case: Case, method: str, expected: Any, found: Any, rows: Any, ask: Any) -> Iterator[str]:
    if expected.shape != found.shape or expected.dtype != found.dtype:
        yield f"{method}: {expected.dtype}{expected.shape}, found {found.dtype}{found.shape}"
        return
    if expected.dtype.kind != "f":
        # BLAS sums one row otherwise than a batch: at a tie, scikit-learn's own label depends on it.
        off = [place for place in np.flatnonzero(expected != found) if ask(rows[place : place + 1])[0] != found[place]]
        for place in off[:3]:
            yield f"{method}: {_shown(rows, place)}: expected {expected[place]}, found {found[place]}"
        return
    least = 1.0 if method == "predict_proba" else 0.0
    allowed = 8 * np.spacing(np.maximum(np.abs(expected), least)) if case.exact else _allowed(expected, rows, ask)
    off = np.abs(expected - found)
    same = (off <= allowed) | (expected == found) | (np.isnan(expected) & np.isnan(found))
    for place in np.unique(np.argwhere(~same)[:, 0])[:3]:
        yield f"{method}: {_shown(rows, place)}: expected {expected[place]}, found {found[place]}"


def _allowed(expected: Any, rows: Any, ask: Any) -> Any:
    """Return how far a number may be off: as far as scikit-learn's own goes when rows change in their last digits."""
    rng = np.random.default_rng(0)
    moved = np.zeros(expected.shape)
    for _ in range(3):
        try:
            off = np.abs(ask(_shaken(rows, rng)) - expected)
        except ValueError:  # a category of numbers is another one
            break
        moved = np.maximum(moved, np.where(np.isfinite(off), off, np.inf))
    # The scores of a row are sums of like terms, of which a small score is what is left.
    size = np.abs(expected) if expected.ndim == 1 else np.abs(expected).max(axis=1, keepdims=True)
    return 64 * moved + 1e-12 * size + 1e-15


def _shaken(rows: Any, rng: Any) -> Any:
    if not isinstance(rows, pd.DataFrame):
        return rows * (1 + rng.choice([-1, 1], rows.shape) * 2.0**-50)
    return rows.assign(
        **{
            name: column * (1 + rng.choice([-1, 1], len(column)) * 2.0**-50)
            for name, column in rows.items()
            if column.dtype == "float64"
        }
    )
