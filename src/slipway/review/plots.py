"""Plots of a comparison that GitHub draws itself, in private repositories too: Mermaid, and tables where they say more.

Several bars of one chart would cover each other. So the candidate is bars, and the running version is a line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from slipway.github.markdown import code, table
from slipway.review.comparison import Comparison, quantiles
from slipway.text import cut

# Bars in blue, lines in orange: told apart on GitHub's light and dark page, also by the colour-blind.
_COLOURS = '"plotColorPalette": "#3b82c4, #e07b00", "backgroundColor": "transparent"'
# Pixels.
_WIDTH, _HEIGHT, _BAR, _LETTER = 720, 280, 26, 9
_MOST_BARS = 16
_MOST_CLASSES = 12
_MOST_PAIRS = 12
_PARTS = 10
_BINS = 11
_PLACES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
# Mermaid has a syntax within quotes, too (%% begins a comment even there); letters of any script have no meaning.
_SPECIAL = re.compile(r"[^\w .,:+=()-]+")


def plots(comparison: Comparison) -> list[str]:
    """Return the plots and tables of a comparison, each a block of markdown; none when no answers are known."""
    if not comparison.truth:
        return []
    if comparison.target.categories:
        return [_recalls(comparison), confusions(comparison)]
    if comparison.target.kind in ("number", "integer"):
        return [_errors(comparison), _residuals(comparison), _quantiles(comparison)]
    return []


def chart(
    title: str, heads: Sequence[object], axis: str, bars: Sequence[float], line: Sequence[float] | None = None
) -> str:
    """Return a Mermaid block: `bars`, and a `line` over them where there is one. Values have to be finite."""
    labels = _distinct([label(head) for head in heads])
    # Where the labels have no room side by side, the bars lie.
    lying = max(map(len, labels), default=0) * _LETTER * len(labels) > _WIDTH - 60
    height = max(_HEIGHT, 90 + _BAR * len(labels)) if lying else _HEIGHT
    names = ", ".join(f'"{name}"' for name in labels)
    highest = max([*bars, *(line or ()), 0.0]) or 1.0
    size = f'"width": {_WIDTH}, "height": {height}, "titleFontSize": 15'
    return "\n".join(
        [
            "```mermaid",
            f'%%{{init: {{"xyChart": {{{size}}}, "themeVariables": {{"xyChart": {{{_COLOURS}}}}}}}}}%%',
            "xychart-beta horizontal" if lying else "xychart-beta",
            f'    title "{label(title, 90)}"',
            f"    x-axis [{names}]",
            f'    y-axis "{label(axis, 40)}" 0 --> {_number(highest * 1.05)}',
            f"    bar [{', '.join(map(_number, bars))}]",
            *([f"    line [{', '.join(map(_number, line))}]"] if line is not None else []),
            "```",
        ]
    )


def label(text: object, most: int = 18) -> str:
    """Return `text` as Mermaid may read it within quotes: letters and digits of any script, and a few marks."""
    plain = " ".join(_SPECIAL.sub(" ", str(text)).replace("_", " ").split())
    return cut(plain, most) or "?"


def confusions(comparison: Comparison) -> str:
    """Return a table of the rows by truth and answer; for many classes, only the pairs mixed up most."""
    now = _confusion(comparison.truth, comparison.candidate.answers)
    then = _confusion(comparison.truth, comparison.then) if comparison.then else None
    names = sorted({name for pair in [*now, *(then or ())] for name in pair})
    if len(names) > _MOST_CLASSES:
        return _pairs(now, then)
    rows = [[f"**{code(true, 30)}**", *(_cell((true, found), now, then) for found in names)] for true in names]
    brackets = "; in brackets what runs now, where it differs" if then else ""
    heads = ["", *(code(name, 30) for name in names)]
    return f"Rows by truth (down) and answer (across){brackets}:\n\n{table(heads, rows, align='lr')}"


def distribution(title: str, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Return a chart of the target's most frequent values, each with its share of the rows."""
    names = sorted(before.keys() | after.keys(), key=lambda name: (-after.get(name, 0), -before.get(name, 0), name))
    shown = sorted(names[:_MOST_BARS])
    return chart(title, shown, "share of rows", _shares(after, shown), _shares(before, shown))


def recalls(truth: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
    """Return the share of right answers among the rows of each true class."""
    counted = _confusion(truth, answers)
    totals = Counter(map(str, truth))
    return {label: counted[label, label] / total for label, total in totals.items()}


class Errors(NamedTuple):
    """The mean absolute error of the rows whose truth is from `low` to `high`."""

    low: float
    high: float
    error: float


def errors_by_truth(truth: Sequence[float], answers: Sequence[float], parts: int) -> list[Errors]:
    """Return the errors from the smallest truth to the largest, in parts of about as many rows each."""
    pairs = sorted(zip(truth, answers, strict=True))
    parts = max(1, min(parts, len(pairs)))
    groups = [pairs[low:high] for low, high in pairwise(len(pairs) * part // parts for part in range(parts + 1))]
    return [
        Errors(group[0][0], group[-1][0], sum(abs(found - true) for true, found in group) / len(group))
        for group in groups
    ]


def residuals(truth: Sequence[float], *answers: Sequence[float], parts: int) -> tuple[list[float], list[list[int]]]:
    """Count rows by how far each answer lies from the truth; return the middles of the bins, and counts by answers.

    The bins are the same for all and symmetric about 0. The outermost hold the few rows beyond 99 % of all.
    """
    off = [[found - true for true, found in zip(truth, column, strict=True)] for column in answers]
    widest = quantiles([abs(value) for column in off for value in column], [0.99])[0] or 1.0
    width = 2 * widest / parts
    counts = [[0] * parts for _ in off]
    for column, counted in zip(off, counts, strict=True):
        for value in column:
            counted[min(parts - 1, max(0, int((value + widest) / width)))] += 1
    return [-widest + (place + 0.5) * width for place in range(parts)], counts


def _confusion(truth: Sequence[Any], answers: Sequence[Any]) -> Counter[tuple[str, str]]:
    """Count rows by their (truth, answer), as text."""
    return Counter((str(one), str(other)) for one, other in zip(truth, answers, strict=True))


def _recalls(comparison: Comparison) -> str:
    now = recalls(comparison.truth, comparison.candidate.answers)
    then = recalls(comparison.truth, comparison.then) if comparison.then else None
    # Of many classes, show the worst and those that lost most.
    order = sorted(now, key=lambda name: (now[name] - (then[name] if then else 0.0), now[name], name))
    shown = sorted(order[:_MOST_BARS])
    title = "Recall by class" if len(shown) == len(now) else f"Recall of {len(shown)} of {len(now)} classes, the worst"
    line = [then[name] for name in shown] if then else None
    return chart(title + _legend(then), shown, "recall", [now[name] for name in shown], line)


def _errors(comparison: Comparison) -> str:
    now = errors_by_truth(comparison.truth, comparison.candidate.answers, _PARTS)
    then = None
    if comparison.then:
        then = [part.error for part in errors_by_truth(comparison.truth, comparison.then, _PARTS)]
    title = "Mean absolute error by truth up to" + _legend(then)
    return chart(title, [f"{part.high:.3g}" for part in now], "error", [part.error for part in now], then)


def _residuals(comparison: Comparison) -> str:
    answers = [comparison.candidate.answers, *([comparison.then] if comparison.then else [])]
    middles, counts = residuals(comparison.truth, *answers, parts=_BINS)
    heads = [f"{middle:+.2g}" if abs(middle) > 1e-12 else "0" for middle in middles]
    now, *then = [[float(count) for count in column] for column in counts]
    line = then[0] if then else None
    return chart("Rows by how far the answer is off" + _legend(line), heads, "rows", now, line)


def _quantiles(comparison: Comparison) -> str:
    columns = {"truth": comparison.truth, "candidate": comparison.candidate.answers}
    if comparison.then:
        columns["runs now"] = comparison.then
    found = {name: quantiles(column, _PLACES) for name, column in columns.items()}
    rows = [
        [f"{place * 100:g} %", *(f"{column[at]:.4g}" for column in found.values())] for at, place in enumerate(_PLACES)
    ]
    return f"Values below which so many of the rows are:\n\n{table(['rows', *found], rows, align='lr')}"


def _legend(line: object) -> str:
    return ": bars the candidate, line what runs now" if line is not None else ""


def _pairs(now: Counter[tuple[str, str]], then: Counter[tuple[str, str]] | None) -> str:
    before = then or Counter()
    wrong = {pair for pair in [*now, *before] if pair[0] != pair[1]}
    order = sorted(wrong, key=lambda pair: (-now[pair], -before[pair], pair))[:_MOST_PAIRS]
    counts = [now] if then is None else [now, then]
    rows = [[code(pair[0], 40), code(pair[1], 40), *(str(counted[pair]) for counted in counts)] for pair in order]
    heads = ["truth", "answer", "rows", *(["runs now"] if then is not None else [])]
    return f"What is mixed up most:\n\n{table(heads, rows, align='llr')}" if rows else "Nothing is mixed up."


def _cell(pair: tuple[str, str], now: Counter[tuple[str, str]], then: Counter[tuple[str, str]] | None) -> str:
    shown = str(now[pair]) if then is None or then[pair] == now[pair] else f"{now[pair]} ({then[pair]})"
    return f"**{shown}**" if pair[0] == pair[1] else shown


def _shares(counts: Mapping[str, float], names: Sequence[str]) -> list[float]:
    total = sum(counts.values()) or 1.0
    return [counts.get(name, 0.0) / total for name in names]


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names, each repeated one with a number: Mermaid would draw both at one place."""
    found: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in found:
            number += 1
            unique = f"{name} {number}"
        found.append(unique)
    return found


def _number(value: float) -> str:
    # No exponent: not every reader of Mermaid knows one.
    return format(Decimal(f"{value:.6g}"), "f")
