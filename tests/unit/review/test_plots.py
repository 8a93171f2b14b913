"""Plots in Mermaid and tables, for classes with any names."""

import json
import re

import msgspec
import pytest

from slipway.review.comparison import Comparison, Side
from slipway.review.plots import chart, distribution, errors_by_truth, label, plots, recalls, residuals
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


def values(block, name):
    """Return the labels of the axis, or the numbers of the bars or the line."""
    [line] = [line for line in block.splitlines() if line.startswith(f"    {name} ")]
    return json.loads(line.removeprefix(f"    {name} "))


def test_the_candidate_is_bars_and_the_running_version_a_line():
    """Several bars would cover each other."""
    recalls, matrix = plots(classes(["a", "a", "b", "b"], ["a", "a", "b", "a"], ["a", "b", "b", "b"]))
    assert values(recalls, "x-axis") == ["a", "b"]
    assert (values(recalls, "bar"), values(recalls, "line")) == ([1, 0.5], [0.5, 1])
    assert "| **`a`** | **2 (1)** | 0 (1) |" in matrix and "| **`b`** | 1 (0) | **1 (2)** |" in matrix


def test_alone_there_is_no_line():
    """The first promotion has nothing to compare with."""
    recalls, matrix = plots(classes(["a", "b"], ["a", "a"]))
    assert (values(recalls, "x-axis"), values(recalls, "bar")) == (["a", "b"], [1, 0])
    assert "    line " not in recalls and "runs now" not in recalls + matrix


@pytest.mark.parametrize("count", [1, 5, len(NASTY)])
def test_classes_of_any_name_can_be_drawn(count):
    """Quotes, brackets, bars, ticks, line ends, marks of Mermaid and 200 letters can be names, each drawn once."""
    names = NASTY[:count]
    recalls, table = plots(classes(names, names, names[::-1]))
    labels = values(recalls, "x-axis")
    assert len(set(labels)) == len(values(recalls, "bar")) == count
    assert not set("".join(labels)) & set('"`[]{}%;#<>|$\\\n')
    assert "<script>" not in re.sub("`[^`]*`", "", table) and "```" not in table.replace("```` ``` ````", "")


def test_of_many_classes_the_worst_and_the_most_confused_are_shown():
    """A chart of 60 bars and a table of 3,600 cells show nothing."""
    names = [f"class {number:02}" for number in range(60)]
    truth, now = names * 3, [*names, *names, *names[:-2], "class 00", "class 00"]
    recalls, pairs = plots(classes(truth, now, truth))
    labels = values(recalls, "x-axis")
    assert len(labels) <= 20 and {"class 58", "class 59"} <= set(labels)
    assert "| `class 59` | `class 00` | 1 | 0 |" in pairs and len(pairs.splitlines()) < 20


def test_long_labels_lie():
    """Side by side they would cover each other."""
    assert "xychart-beta horizontal" in chart("t", ["a long label"] * 9, "y", [1.0] * 9)
    assert "horizontal" not in chart("t", ["a", "b"], "y", [1.0, 2.0])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12, 0.0])
def test_quantities_of_any_size_can_be_drawn(scale):
    """Mermaid's numbers have no exponent; answers without any error give a chart, too."""
    truth = [scale * number for number in range(-20, 20)]
    errors, off, quantiles = plots(quantities(truth, [2 * value for value in truth], truth))
    assert len(values(errors, "x-axis")) == 10 and sum(values(off, "bar")) == sum(values(off, "line")) == 40
    assert not re.search(r"^    (bar|line) .*e", f"{errors}\n{off}", re.MULTILINE)
    assert "| rows | truth | candidate | runs now |" in quantiles


def test_nothing_is_drawn_without_answers():
    """A record without answers, and targets that are neither classes nor quantities, give no plot."""
    assert plots(classes([], [])) == []
    text = Comparison(target=Field(name="y", kind="string"), candidate=Side(metrics={}, answers=["a"]), truth=["a"])
    assert plots(text) == []


def test_a_distribution_is_in_shares():
    """More rows do not look like another distribution; a value that is gone is there with 0."""
    found = distribution("Target", {"a": 1.0, "b": 1.0}, {"a": 30.0, "c": 10.0})
    assert values(found, "x-axis") == ["a", "b", "c"]
    assert (values(found, "bar"), values(found, "line")) == ([0.75, 0, 0.25], [0.5, 0.5, 0])


@pytest.mark.parametrize(("text", "shown"), [("a_b", "a b"), ("", "?"), ("été", "été"), ("x" * 30, "x" * 17 + "…")])
def test_a_label(text, shown):
    """A label has letters and digits of any script, and is never empty or long."""
    assert label(text) == shown


def test_recall_is_of_the_classes_that_the_truth_has():
    """A class that only answers have gets none; numbers and text that read alike are one class."""
    assert recalls(["a", "a", "b", 1], ["a", "b", "b", "1"]) == {"a": 0.5, "b": 1.0, "1": 1.0}


@pytest.mark.parametrize("parts", [1, 3, 50])
def test_errors_are_those_of_rows_with_like_truth(parts):
    """Every row is in one part; there are never more parts than rows."""
    truth, answers = [3.0, 1.0, 2.0, 4.0], [3.5, 1.0, 2.0, 2.0]
    found = errors_by_truth(truth, answers, parts)
    assert len(found) == min(parts, 4)
    assert found == sorted(found) and found[-1][0] == 4
    assert errors_by_truth(truth, answers, 1) == [(4, 0.625)]


def test_residuals_of_all_are_in_the_same_bins():
    """Each row is counted once, in the outermost bins too; answers without error are in the middle."""
    truth = [0.0] * 200
    middles, [calm, wild] = residuals(truth, truth, [1.0] * 199 + [1e9], parts=5)
    assert calm == [0, 0, 200, 0, 0] and wild == [0, 0, 0, 0, 200]
    assert middles[2] == pytest.approx(0) and middles[0] == -middles[-1]
    assert residuals(truth, truth, parts=3)[1] == [[0, 200, 0]]


def sure(p):
    return {"kind": "b" if p > 0.5 else "a", "probabilities": {"a": 1 - p, "b": p}}


def test_probabilities_have_a_calibration():
    """The bars are how often it came true, the line is what was said; the running version stands in the table."""
    found = classes(["a", "b", "b", "b"], ["a", "b", "b", "b"], ["a", "a", "b", "b"])
    now = [sure(0.25), sure(0.25), sure(0.75), sure(0.75)]
    sides = msgspec.structs.replace(found.candidate, predictions=now)
    *_, drawn, listed = plots(msgspec.structs.replace(found, candidate=sides))
    assert (values(drawn, "bar"), values(drawn, "line")) == ([0.5, 1], [0.25, 0.75])
    assert "line the candidate said" in drawn
    assert "| candidate | 0.250 | 0.500 | 2 |" in listed and "runs now" not in listed
    then = msgspec.structs.replace(found.before, predictions=[sure(1.0)] * 4)
    *_, listed = plots(msgspec.structs.replace(found, candidate=sides, before=then))
    assert "| runs now | 1.000 | 0.750 | 4 |" in listed


def test_of_more_classes_the_likeliest_is_looked_at():
    """Its probability is compared with the share of right answers."""
    found = classes(["a", "b", "c"], ["a", "a", "c"])
    said = [{"kind": "a", "probabilities": {"a": 0.5, "b": 0.25, "c": 0.25}}] * 3
    *_, drawn, _ = plots(
        msgspec.structs.replace(found, candidate=Side(metrics={}, answers=["a"] * 3, predictions=said))
    )
    assert values(drawn, "bar") == [pytest.approx(1 / 3, abs=1e-5)]
    assert values(drawn, "line") == [0.5]


def test_each_of_several_targets_has_its_plots():
    """They stand below its name."""
    parts = (Field(name="price", kind="number"), Field(name="kind", kind="string", categories=("a", "b")))
    truth = [{"price": 1.0, "kind": "a"}, {"price": 2.0, "kind": "b"}]
    target = Field(name="both", kind="object", parts=parts)
    side = Side(metrics={}, answers=truth)
    found = plots(Comparison(target=target, candidate=side, before=side, truth=truth))
    assert [block for block in found if block.startswith("Of ")] == ["Of `price`:", "Of `kind`:"]
    assert len(found) == 7
