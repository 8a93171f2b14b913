"""Plots in Mermaid and tables: what GitHub draws, whatever the classes are called."""

import re

import pytest

from slipway.review.comparison import Comparison, Side
from slipway.review.plots import chart, distribution, label, plots
from slipway.schema import Field

NASTY = [
    'a "quoted" one',
    "[brackets]",
    "pi|pe",
    "`ticks`",
    "new\nline",
    "ünï 漢字",
    "%%{init: {}}%%",
    "</details><script>",
    "```",
    "",
    "x" * 200,
    "x" * 201,
    "--> end;",
    "$$a$$",
    "#quot;",
]


def classes(truth, now, then=None):
    return Comparison(
        target=Field(name="kind", kind="string", categories=tuple(sorted(set(truth)))),
        candidate=Side(metrics={}, answers=now),
        before=Side(metrics={}, answers=then) if then else None,
        truth=truth,
    )


def quantities(truth, now, then=None):
    return Comparison(
        target=Field(name="price", kind="number"),
        candidate=Side(metrics={}, answers=now),
        before=Side(metrics={}, answers=then) if then else None,
        truth=truth,
    )


def read(block):
    """A chart as Mermaid's grammar has it: its labels, bars and line; fails on anything that it does not know."""
    lines = block.splitlines()
    assert lines[0] == "```mermaid" and lines[-1] == "```" and lines[1].startswith("%%{init: {")
    assert re.fullmatch("xychart-beta( horizontal)?", lines[2])
    text = r'"[^"`\[\]{}%;#<>|\\\n]+"'
    assert re.fullmatch(f"    title {text}", lines[3])
    heads = re.fullmatch(rf"    x-axis \[({text}(?:, {text})*)\]", lines[4])
    assert heads, lines[4]
    assert re.fullmatch(rf"    y-axis {text} 0 --> [0-9.]+", lines[5]), lines[5]
    number = "-?[0-9]+(?:[.][0-9]+)?"
    found = {}
    for line in lines[6:-1]:
        series = re.fullmatch(rf"    (bar|line) \[({number}(?:, {number})*)\]", line)
        assert series, line
        found[series[1]] = [float(value) for value in series[2].split(", ")]
    labels = re.findall('"([^"]+)"', heads[1])
    assert len(set(labels)) == len(labels) == len(found["bar"])
    return labels, found


def test_recall_is_bars_and_what_runs_now_a_line():
    """Several bars would cover each other."""
    recalls, matrix = plots(classes(["a", "a", "b", "b"], ["a", "a", "b", "a"], ["a", "b", "b", "b"]))
    assert read(recalls) == (["a", "b"], {"bar": [1, 0.5], "line": [0.5, 1]})
    assert "| **`a`** | **2 (1)** | 0 (1) |" in matrix and "| **`b`** | 1 (0) | **1 (2)** |" in matrix


def test_alone_there_is_no_line():
    """The first promotion has nothing to compare with."""
    recalls, matrix = plots(classes(["a", "b"], ["a", "a"]))
    assert read(recalls) == (["a", "b"], {"bar": [1, 0]}) and "runs now" not in recalls + matrix


@pytest.mark.parametrize("count", [1, 5, len(NASTY)])
def test_classes_of_any_name_can_be_drawn(count):
    """Quotes, brackets, bars, ticks, line ends, marks of Mermaid and 200 letters; none is drawn over another."""
    names = NASTY[:count]
    recalls, table = plots(classes(names, names, names[::-1]))
    assert len(read(recalls)[0]) == count
    assert "<script>" not in re.sub("`[^`]*`", "", table) and "```" not in table.replace("```` ``` ````", "")


def test_of_many_classes_the_worst_are_drawn_and_what_is_mixed_up_most():
    """A chart of 60 bars and a table of 3,600 cells show nothing."""
    names = [f"class {number:02}" for number in range(60)]
    truth, now = names * 3, [*names, *names, *names[:-2], "class 00", "class 00"]
    recalls, pairs = plots(classes(truth, now, truth))
    labels, _ = read(recalls)
    assert len(labels) <= 20 and {"class 58", "class 59"} <= set(labels)
    assert "| `class 59` | `class 00` | 1 | 0 |" in pairs and len(pairs.splitlines()) < 20


def test_long_labels_lie():
    """Side by side they would cover each other."""
    assert "xychart-beta horizontal" in chart("t", ["a long label"] * 9, "y", [1.0] * 9)
    assert "horizontal" not in chart("t", ["a", "b"], "y", [1.0, 2.0])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12, 0.0])
def test_quantities_of_any_size_can_be_drawn(scale):
    """Mermaid's numbers have no exponent; where nothing is off there is still a chart."""
    truth = [scale * number for number in range(-20, 20)]
    errors, off, quantiles = plots(quantities(truth, [2 * value for value in truth], truth))
    assert len(read(errors)[0]) == 10 and sum(read(off)[1]["bar"]) == sum(read(off)[1]["line"]) == 40
    assert "| rows | truth | candidate | runs now |" in quantiles


def test_nothing_is_drawn_without_answers():
    """Of what is only recorded, and of targets that are neither classes nor quantities."""
    assert plots(classes([], [])) == []
    text = Comparison(target=Field(name="y", kind="string"), candidate=Side(metrics={}, answers=["a"]), truth=["a"])
    assert plots(text) == []


def test_a_distribution_is_in_shares():
    """So that more rows do not look like another distribution; a value that is gone is there with 0."""
    labels, found = read(distribution("Target", {"a": 1.0, "b": 1.0}, {"a": 30.0, "c": 10.0}))
    assert labels == ["a", "b", "c"]
    assert found == {"bar": [0.75, 0, 0.25], "line": [0.5, 0.5, 0]}


@pytest.mark.parametrize(("text", "shown"), [("a_b", "a b"), ("", "?"), ("été", "été"), ("x" * 30, "x" * 17 + "…")])
def test_a_label(text, shown):
    """Letters and digits of any script; never empty, never long."""
    assert label(text) == shown
