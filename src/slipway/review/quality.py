"""How good a candidate is, in words: one line, a table, the gates and the plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.github.markdown import Section, code, table
from slipway.review.plots import plots
from slipway.training.metrics import worse_by

if TYPE_CHECKING:
    from slipway.review.case import Case
    from slipway.review.comparison import Comparison

__all__ = ["doubts", "section", "verdict"]

_ALIKE = 1e-9
_FEW = 200
_LEADING = ("accuracy", "r2")


def verdict(case: Case) -> str:
    """One line: better, worse or as good, by the metric that the gates name first; else by the usual one."""
    found = case.comparison
    name = _leading(case)
    if name is None:
        return f"**Nothing was measured**: {code(_reason(case), 300)}."
    after = found.candidate.metrics[name]
    figure = f"{code(name)} {after:.4g}"
    if found.before is None:
        where = (
            f"on {_rows(len(found.truth))} that it was not trained on" if found.truth else "as its training recorded"
        )
        return f"Nothing of {case.after.model} runs in {case.after.environment} yet. {figure} {where}."
    before = found.before.metrics.get(name)
    if not found.then or before is None:
        recorded = f", {before:.4g} recorded for what runs now, on other rows" if before is not None else ""
        why = code(found.unlike or f"what runs now has no {name}", 300)
        return f"**Not compared on the same rows**: {why}. {figure}{recorded}."
    same = f"on the same {_rows(len(found.truth))}, which neither was trained on"
    worse = worse_by(name, after, before)
    if abs(worse) < _ALIKE:
        return f"**As good** as what runs now: {figure} {same}."
    word = "Worse" if worse > 0 else "Better"
    return f"**{word}** than what runs now: {code(name)} {before:.4g} → {after:.4g} {same}."


def _reason(case: Case) -> str:
    return next((why for why in (case.comparison.unlike, *case.comparison.notes) if why), "the model has no metrics")


def doubts(case: Case) -> list[str]:
    """What an approver should not overlook about it, a line each."""
    missed = [verdict for verdict in case.verdicts if verdict.missed_by]
    found = [f"No gate was judged: {code(case.unjudged, 200)}."] if case.unjudged else []
    if missed:
        words = "A gate is" if len(missed) == 1 else f"{len(missed)} gates are"
        found.append(f"{words} missed: {', '.join(code(verdict, 160) for verdict in missed[:5])}.")
    if case.comparison.before is not None and not case.comparison.then:
        found.append("It was not compared with what runs now on the same rows.")
    name = _leading(case)
    before = case.comparison.before
    if (
        before is not None
        and case.comparison.then
        and name in before.metrics
        and name in case.comparison.candidate.metrics
    ):
        worse = worse_by(name, case.comparison.candidate.metrics[name], before.metrics[name])
        if worse > _ALIKE:
            found.append(f"{code(name)} is worse by {worse:.4g} than what runs now.")
    return found


def section(case: Case) -> Section:
    """The table of metrics, the gates and the plots."""
    found = case.comparison
    parts = [
        "### How good it is",
        _metrics(case),
        _explained(found),
        _gates(case),
    ]
    whole = [part for part in parts if part]
    note = "The plots are left out: they are too long."
    return Section(("\n\n".join([*whole, *plots(found)]), "\n\n".join([*whole, note])))


def _leading(case: Case) -> str | None:
    metrics = case.comparison.candidate.metrics
    names = [*(verdict.metric for verdict in case.verdicts), *_LEADING, *sorted(metrics)]
    return next((name for name in names if name in metrics), None)


def _metrics(case: Case) -> str:
    found = case.comparison
    before = found.before.metrics if found.before else {}
    names = sorted(found.candidate.metrics.keys() | before.keys())
    if not names:
        return "Neither has any metrics."
    if found.before is None:
        rows = [[code(name), _figure(found.candidate.metrics[name])] for name in names]
        return table(["metric", "candidate"], rows, align="lr", most=40)
    rows = [
        [code(name), _figure(before.get(name)), _figure(found.candidate.metrics.get(name)), _difference(name, case)]
        for name in names
    ]
    old = f"runs now ({code(case.running.name)})" if case.running else "runs now"
    heads = ["metric", old, f"candidate ({code(case.release.name)})", "difference"]
    return table(heads, rows, align="lr", most=40)


def _difference(name: str, case: Case) -> str:
    found = case.comparison
    before, after = (found.before.metrics if found.before else {}).get(name), found.candidate.metrics.get(name)
    if before is None or after is None:
        return ""
    if abs(after - before) < _ALIKE:
        return "="
    arrow = "▲" if after > before else "▼"
    if not found.then:
        return f"{arrow} {abs(after - before):.4g}, on other rows"
    word = "worse" if worse_by(name, after, before) > 0 else "better"
    return (
        f"{arrow} {abs(after - before):.4g} **{word}**"
        if word == "worse"
        else f"{arrow} {abs(after - before):.4g} {word}"
    )


def _explained(found: Comparison) -> str:
    words = []
    if found.then:
        words.append(
            f"Measured on the {_rows(len(found.truth))}, of {found.total} in the candidate's data, that neither was"
            " trained on, each through its own artifact in its own environment."
        )
        if found.alike is not None:
            same = f"within {found.near:.3g} of each other" if found.near else "the same"
            words.append(f"Both answer {same} on {found.alike * 100:.3g} % of them.")
    elif found.truth:
        words.append(f"The candidate was measured on {_rows(len(found.truth))} that it was not trained on.")
    if found.before is not None and not found.then:
        words.append(f"Not compared on the same rows: {code(found.unlike, 300)}.")
        words.append("The metrics of what runs now were recorded when it was trained, **on other rows**.")
    if found.target.categories and 0 < len(found.truth) < _FEW:
        words.append(f"One row more or less is {1 / len(found.truth):.2g} of `accuracy`.")
    words.extend(f"Note: {code(note, 300)}." for note in found.notes[:5])
    return " ".join(words)


def _gates(case: Case) -> str:
    if not case.verdicts:
        return (
            f"No gate was judged: {code(case.unjudged, 200)}." if case.unjudged else "No gate is set in `slipway.yaml`."
        )
    marks = {False: "holds", True: "**missed**"}
    rows = [
        [code(verdict.metric), f"{verdict.value:.4g}", code(verdict.rule, 120), marks[bool(verdict.missed_by)]]
        for verdict in case.verdicts
    ]
    return table(["gate", "candidate", "has to be", ""], rows, align="lrl", most=30)


def _rows(number: int) -> str:
    return f"{number} row" if number == 1 else f"{number} rows"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
