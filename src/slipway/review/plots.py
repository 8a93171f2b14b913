"""Plots that GitHub draws by itself, in private repositories too: Mermaid, and tables where those say more.

Several bars of one chart would cover each other, so the candidate is bars and what runs now is a line.
"""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from slipway.github.markdown import code, table
from slipway.review import comparison as figures
from slipway.text import cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from slipway.review.comparison import Comparison

__all__ = ["chart", "confusions", "distribution", "label", "plots"]

# Bars in blue, lines in orange: told apart on GitHub's light page as on its dark one, by the colour-blind too.
_COLOURS = '"plotColorPalette": "#3b82c4, #e07b00", "backgroundColor": "transparent"'
_WIDTH, _HEIGHT, _BAR = 720, 280, 26
"""Pixels; a bar's are those that it needs where bars lie."""
_LETTER = 9
_MOST_BARS = 16
_MOST_CLASSES = 12
_MOST_PAIRS = 12
_PARTS = 10
_BINS = 11
_PLACES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_LONGEST_LABEL = 18
# Mermaid has a syntax within quotes, too (%% begins a comment even there); letters of any script have no meaning.
_SPECIAL = re.compile(r"[^\w .,:+=()-]+")


def plots(comparison: Comparison) -> list[str]:
    """The plots and tables of a comparison, each a block of markdown; none when no answers are known."""
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
    """A Mermaid block: `bars`, and a `line` over them where there is one. Values have to be finite."""
    labels = _distinct([label(head) for head in heads])
    # Labels that have no room side by side stand one below the other, the bars lying beside them.
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


def label(text: object, most: int = _LONGEST_LABEL) -> str:
    """`text` as Mermaid may read it within quotes: letters and digits of any script, and a few marks."""
    plain = " ".join(_SPECIAL.sub(" ", str(text)).replace("_", " ").split())
    return cut(plain, most) or "?"


def confusions(comparison: Comparison) -> str:
    """Rows by truth and answer, what runs now in brackets where it differs; of many classes, the pairs mixed up."""
    now = figures.confusion(comparison.truth, comparison.candidate.answers)
    then = figures.confusion(comparison.truth, comparison.then) if comparison.then else None
    names = sorted({name for pair in [*now, *(then or ())] for name in pair})
    if len(names) > _MOST_CLASSES:
        return _pairs(now, then)
    rows = [[f"**{code(true, 30)}**", *(_cell((true, found), now, then) for found in names)] for true in names]
    words = "Rows by truth (down) and answer (across)" + (
        "; in brackets what runs now, where it differs" if then else ""
    )
    return f"{words}:\n\n{table(['', *(code(name, 30) for name in names)], rows, align='lr')}"


def distribution(title: str, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """A chart of the share of the rows that each value of the target has, of the most frequent ones."""
    names = sorted(before.keys() | after.keys(), key=lambda name: (-after.get(name, 0), -before.get(name, 0), name))
    shown = sorted(names[:_MOST_BARS])
    return chart(title, shown, "share of rows", _shares(after, shown), _shares(before, shown))


def _recalls(comparison: Comparison) -> str:
    now = figures.recalls(comparison.truth, comparison.candidate.answers)
    then = figures.recalls(comparison.truth, comparison.then) if comparison.then else None
    # Of many, those that the candidate finds least, and those that it lost most of.
    order = sorted(now, key=lambda name: (now[name] - (then[name] if then else 0.0), now[name], name))
    shown = sorted(order[:_MOST_BARS])
    title = "Recall by class" if len(shown) == len(now) else f"Recall of {len(shown)} of {len(now)} classes, the worst"
    line = [then[name] for name in shown] if then else None
    return chart(title + _legend(then), shown, "recall", [now[name] for name in shown], line)


def _errors(comparison: Comparison) -> str:
    now = figures.errors_by_truth(comparison.truth, comparison.candidate.answers, _PARTS)
    then = None
    if comparison.then:
        then = [part.error for part in figures.errors_by_truth(comparison.truth, comparison.then, _PARTS)]
    title = "Mean absolute error by truth up to" + _legend(then)
    heads = [f"{part.high:.3g}" for part in now]
    return chart(title, heads, "error", [part.error for part in now], then)


def _residuals(comparison: Comparison) -> str:
    answers = [comparison.candidate.answers, *([comparison.then] if comparison.then else [])]
    middles, counts = figures.residuals(comparison.truth, *answers, parts=_BINS)
    then = [float(count) for count in counts[1]] if len(counts) > 1 else None
    title = "Rows by how far the answer is off" + _legend(then)
    return chart(title, [_off(middle) for middle in middles], "rows", [float(count) for count in counts[0]], then)


def _quantiles(comparison: Comparison) -> str:
    columns = {"truth": comparison.truth, "candidate": comparison.candidate.answers}
    if comparison.then:
        columns["runs now"] = comparison.then
    found = {name: figures.quantiles(column, _PLACES) for name, column in columns.items()}
    rows = [
        [f"{place * 100:g} %", *(f"{column[at]:.4g}" for column in found.values())] for at, place in enumerate(_PLACES)
    ]
    return f"Values below which so many of the rows are:\n\n{table(['rows', *found], rows, align='lr')}"


def _off(value: float) -> str:
    return f"{value:+.2g}" if abs(value) > 1e-12 else "0"


def _legend(line: object) -> str:
    return ": bars the candidate, line what runs now" if line is not None else ""


def _pairs(now: Counter[tuple[str, str]], then: Counter[tuple[str, str]] | None) -> str:
    before = then or Counter()
    wrong = {pair for pair in [*now, *before] if pair[0] != pair[1]}
    order = sorted(wrong, key=lambda pair: (-now[pair], -before[pair], pair))[:_MOST_PAIRS]
    rows = [
        [code(pair[0], 40), code(pair[1], 40), str(now[pair]), *([str(before[pair])] if then is not None else [])]
        for pair in order
    ]
    heads = ["truth", "answer", "rows", *(["runs now"] if then is not None else [])]
    return f"What is mixed up most:\n\n{table(heads, rows, align='llr')}" if rows else "Nothing is mixed up."


def _cell(pair: tuple[str, str], now: Counter[tuple[str, str]], then: Counter[tuple[str, str]] | None) -> str:
    shown = str(now[pair]) if then is None or then[pair] == now[pair] else f"{now[pair]} ({then[pair]})"
    return f"**{shown}**" if pair[0] == pair[1] else shown


def _shares(counts: Mapping[str, float], names: Sequence[str]) -> list[float]:
    total = sum(counts.values()) or 1.0
    return [counts.get(name, 0.0) / total for name in names]


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number where one has been there before: Mermaid would draw both at one place."""
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
