"""Plots of a comparison that GitHub draws itself, in private repositories too: Mermaid, and tables where they say more.

Several bars of one chart would cover each other. So the candidate is bars, and the running version is a line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain, count, pairwise
from typing import Any

from msgspec.structs import replace

from slipway.github.markdown import code, table
from slipway.review.comparison import Comparison, Side, quantiles
from slipway.review.worker import QUANTILES, is_quantity
from slipway.schema import Field
from slipway.text import cut
from slipway.training import probabilities

# Bars in blue, lines in orange: told apart on GitHub's light and dark page, also by the colour-blind.
_COLOURS = '"plotColorPalette": "#3b82c4, #e07b00", "backgroundColor": "transparent"'
# Pixels.
_WIDTH, _HEIGHT, _BAR, _LETTER = 720, 280, 26, 9
_MOST_BARS, _MOST_CLASSES, _MOST_PAIRS = 16, 12, 12
_PARTS, _BINS = 10, 11
_MOST_TARGETS = 3
# Mermaid has a syntax within quotes, too (%% begins a comment even there); letters of any script have no meaning.
_SPECIAL = re.compile(r"[^\w .,:+=()-]+")


def plots(comparison: Comparison) -> list[str]:
    """Return the plots and tables of a comparison, each a block of markdown; none when no answers are known."""
    if not comparison.truth:
        return []
    if comparison.target.categories:
        return [_recalls(comparison), _confusions(comparison), *_calibrations(comparison)]
    if is_quantity(comparison.target):
        return [_errors(comparison), _residuals(comparison), _quantiles(comparison)]
    parts = comparison.target.parts[:_MOST_TARGETS]
    return [block for part in parts for block in (f"Of {code(part.name, 40)}:", *plots(_of(comparison, part)))]


def _of(comparison: Comparison, part: Field) -> Comparison:
    """Return the comparison of one of several targets."""
    sides = [
        side and replace(side, answers=[answer[part.name] for answer in side.answers], predictions=[])
        for side in (comparison.candidate, comparison.before)
    ]
    truth = [value[part.name] for value in comparison.truth]
    return replace(comparison, target=part, truth=truth, candidate=sides[0], before=sides[1])


def chart(
    title: str,
    heads: Sequence[object],
    axis: str,
    bars: Sequence[float],
    line: Sequence[float] | None = None,
    *,
    legend: str = "bars the candidate, line what runs now",
) -> str:
    """Return a Mermaid block: `bars` of the candidate, and a `line` of what runs now, unless the legend says otherwise.

    Values have to be finite.
    """
    labels = _distinct(map(label, heads))
    # Where the labels have no room side by side, the bars lie.
    lying = max(map(len, labels), default=0) * _LETTER * len(labels) > _WIDTH - 60
    height = max(_HEIGHT, 90 + _BAR * len(labels)) if lying else _HEIGHT
    names = ", ".join(f'"{name}"' for name in labels)
    highest = max([*bars, *(line or ()), 0.0]) or 1.0
    size = f'"width": {_WIDTH}, "height": {height}, "titleFontSize": 15'
    legend = f": {legend}" if line is not None else ""
    return "\n".join(
        [
            "```mermaid",
            f'%%{{init: {{"xyChart": {{{size}}}, "themeVariables": {{"xyChart": {{{_COLOURS}}}}}}}}}%%',
            "xychart-beta horizontal" if lying else "xychart-beta",
            f'    title "{label(title + legend, 90)}"',
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


def distribution(title: str, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Return a chart of the target's most frequent values, each with its share of the rows."""
    names = sorted(before.keys() | after.keys(), key=lambda name: (-after.get(name, 0), -before.get(name, 0), name))
    shown = sorted(names[:_MOST_BARS])
    now, then = ([side.get(name, 0.0) / (sum(side.values()) or 1.0) for name in shown] for side in (after, before))
    return chart(title, shown, "share of rows", now, then)


def recalls(truth: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
    """Return the share of right answers among the rows of each true class."""
    counted = _confusion(truth, answers)
    totals = Counter(map(str, truth))
    return {label: counted[label, label] / total for label, total in totals.items()}


def errors_by_truth(truth: Sequence[float], answers: Sequence[float], parts: int) -> list[tuple[float, float]]:
    """Return the largest truth and the mean absolute error of parts of about as many rows each, by rising truth."""
    pairs = sorted(zip(truth, answers, strict=True))
    parts = max(1, min(parts, len(pairs)))
    groups = [pairs[low:high] for low, high in pairwise(len(pairs) * part // parts for part in range(parts + 1))]
    return [(group[-1][0], sum(abs(found - true) for true, found in group) / len(group)) for group in groups]


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


def _recalls(comparison: Comparison) -> str:
    now, *then = (recalls(comparison.truth, answers) for answers in comparison.answers)
    before = then[0] if then else dict.fromkeys(now, 0.0)
    # Of many classes, show the worst and those that lost most.
    order = sorted(now, key=lambda name: (now[name] - before[name], now[name], name))
    shown = sorted(order[:_MOST_BARS])
    title = "Recall by class" if len(shown) == len(now) else f"Recall of {len(shown)} of {len(now)} classes, the worst"
    return chart(title, shown, "recall", *([each[name] for name in shown] for each in (now, *then)))


def _confusion(truth: Sequence[Any], answers: Sequence[Any]) -> Counter[tuple[str, str]]:
    """Count rows by their (truth, answer), as text."""
    return Counter((str(one), str(other)) for one, other in zip(truth, answers, strict=True))


def _confusions(comparison: Comparison) -> str:
    """Return a table of the rows by truth and answer; for many classes, only the pairs mixed up most."""
    counts = [_confusion(comparison.truth, answers) for answers in comparison.answers]
    names = sorted({name for each in counts for pair in each for name in pair})
    if len(names) > _MOST_CLASSES:
        return _pairs(counts)
    rows = [[f"**{code(true, 30)}**", *(_cell((true, found), counts) for found in names)] for true in names]
    brackets = "; in brackets what runs now, where it differs" if counts[1:] else ""
    heads = ["", *(code(name, 30) for name in names)]
    return f"Rows by truth (down) and answer (across){brackets}:\n\n{table(heads, rows, align='lr')}"


def _cell(pair: tuple[str, str], counts: Sequence[Counter[tuple[str, str]]]) -> str:
    now, *then = (each[pair] for each in counts)
    shown = f"{now} ({then[0]})" if then and then[0] != now else str(now)
    return f"**{shown}**" if pair[0] == pair[1] else shown


def _pairs(counts: Sequence[Counter[tuple[str, str]]]) -> str:
    wrong = {pair for each in counts for pair in each if pair[0] != pair[1]}
    order = sorted(wrong, key=lambda pair: (*(-each[pair] for each in counts), pair))[:_MOST_PAIRS]
    rows = [[*(code(name, 40) for name in pair), *(str(each[pair]) for each in counts)] for pair in order]
    heads = ["truth", "answer", "rows", "runs now"][: 2 + len(counts)]
    return f"What is mixed up most:\n\n{table(heads, rows, align='llr')}" if rows else "Nothing is mixed up."


def calibration(said: Sequence[float], right: Sequence[bool]) -> list[tuple[float, float, int]]:
    """Return the mean probability, the share of rows where it came true, and the rows, for each tenth that has some."""
    parts: dict[int, list[tuple[float, bool]]] = {}
    for each, true in zip(said, right, strict=True):
        parts.setdefault(min(_PARTS - 1, int(each * _PARTS)), []).append((each, true))
    return [
        (sum(each for each, _ in pairs) / len(pairs), sum(true for _, true in pairs) / len(pairs), len(pairs))
        for _, pairs in sorted(parts.items())
    ]


def _calibrations(comparison: Comparison) -> list[str]:
    """Return how often what each version said came true; nothing for versions without probabilities."""
    now, *then = (_sayings(comparison, side) for side in (comparison.candidate, comparison.before) if side)
    if not now:
        return []
    found = calibration(*now)
    said, came, _ = zip(*found, strict=True)
    names = list(map(str, comparison.target.categories))
    what = f"the class {label(names[1])}" if len(names) == 2 else "the likeliest class"
    heads, legend = [f"{each:.2f}" for each in said], "bars came true, line the candidate said"
    drawn = chart(f"Calibration of {what}", heads, "share of rows", came, said, legend=legend)
    sides = {"candidate": found, **({"runs now": calibration(*then[0])} if then and then[0] else {})}
    rows = [[name, f"{p:.3f}", f"{true:.3f}", str(number)] for name, side in sides.items() for p, true, number in side]
    return [drawn, f"How often it came true:\n\n{table(['', 'said', 'came true', 'rows'], rows, align='lrrr')}"]


def _sayings(comparison: Comparison, side: Side) -> tuple[list[float], list[bool]] | None:
    """Return the probabilities that a version gave, and where they came true: of the second class, or the likeliest."""
    target = comparison.target
    given = probabilities.table(target, side.predictions)
    if given is None:
        return None
    names, truth = list(map(str, target.categories)), list(map(str, comparison.truth))
    if len(names) == 2:
        return [row[1] for row in given], [true == names[1] for true in truth]
    likeliest = [max(range(len(row)), key=row.__getitem__) for row in given]
    said = [row[place] for place, row in zip(likeliest, given, strict=True)]
    return said, [true == names[place] for place, true in zip(likeliest, truth, strict=True)]


def _errors(comparison: Comparison) -> str:
    found = [errors_by_truth(comparison.truth, answers, _PARTS) for answers in comparison.answers]
    heads = [f"{high:.3g}" for high, _ in found[0]]
    columns = ([error for _, error in parts] for parts in found)
    return chart("Mean absolute error by truth up to", heads, "error", *columns)


def _residuals(comparison: Comparison) -> str:
    middles, counts = residuals(comparison.truth, *comparison.answers, parts=_BINS)
    heads = [f"{middle:+.2g}" if abs(middle) > 1e-12 else "0" for middle in middles]
    return chart("Rows by how far the answer is off", heads, "rows", *counts)


def _quantiles(comparison: Comparison) -> str:
    found = [quantiles(column, QUANTILES) for column in (comparison.truth, *comparison.answers)]
    values = zip(QUANTILES, *found, strict=True)
    rows = [[f"{place * 100:g} %", *(f"{value:.4g}" for value in at)] for place, *at in values]
    heads = ["rows", "truth", "candidate", "runs now"][: 1 + len(found)]
    return f"Values below which so many of the rows are:\n\n{table(heads, rows, align='lr')}"


def _distinct(names: Iterable[str]) -> list[str]:
    """Return the names, each repeated one with a number: Mermaid would draw both at one place."""
    found: list[str] = []
    for name in names:
        unused = chain([name], (f"{name} {number}" for number in count(2)))
        found.append(next(each for each in unused if each not in found))
    return found


def _number(value: float) -> str:
    # No exponent: not every reader of Mermaid knows one.
    return format(Decimal(f"{value:.6g}"), "f")
