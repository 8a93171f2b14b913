"""How good a candidate is, in the body of its promotion: the verdict, the metrics, the gates and the data."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.github.markdown import Section, code, table
from slipway.models.splits import split_of
from slipway.review.comparison import Comparison
from slipway.review.plots import distribution, plots
from slipway.review.promotion_facts import Facts
from slipway.review.worker import DataChange
from slipway.store import Data
from slipway.text import counted, listed
from slipway.training.metrics import worse_by

_ALIKE = 1e-9
_FEW = 200
_LEADING = ("accuracy", "r2")


def verdict(facts: Facts) -> str:
    """Return one line: better, worse or as good, by the gates' first metric, else by the usual one."""
    found, name = facts.comparison, _leading(facts)
    if name is None:
        reasons = (found.unlike, *found.notes, "the model has no metrics")
        return f"**Nothing was measured**: {code(next(filter(None, reasons)), 300)}."
    after = found.candidate.metrics[name]
    figure = f"{code(name)} {after:.4g}"
    if found.before is None:
        where = f"on {_rows(found)} that it was not trained on" if found.truth else "as its training recorded"
        return f"Nothing of {facts.after.model} runs in {facts.after.environment} yet. {figure} {where}."
    before = found.before.metrics.get(name)
    if not found.then or before is None:
        recorded = f", {before:.4g} recorded for what runs now, on other rows" if before is not None else ""
        why = code(found.unlike or f"what runs now has no {name}", 300)
        return f"**Not compared on the same rows**: {why}. {figure}{recorded}."
    same = f"on the same {_rows(found)}, which neither was trained on"
    worse = worse_by(name, after, before)
    if abs(worse) < _ALIKE:
        return f"**As good** as what runs now: {figure} {same}."
    word = "Worse" if worse > 0 else "Better"
    return f"**{word}** than what runs now: {code(name)} {before:.4g} → {after:.4g} {same}."


def doubts(facts: Facts) -> Iterator[str]:
    """Yield the warnings for the approver about the candidate's quality, a line each."""
    if facts.unjudged:
        yield f"No gate was judged: {code(facts.unjudged, 200)}."
    training = facts.record.training
    if training and (fit := training.second_fit) and fit.is_doubtful:
        yield f"Its training may not give it again: {code(fit.words, 400)}."
    if missed := [each for each in facts.verdicts if each.missed_by]:
        words = "A gate is" if len(missed) == 1 else f"{len(missed)} gates are"
        yield f"{words} missed: {', '.join(code(each, 160) for each in missed[:5])}."
    before, after, name = facts.comparison.before, facts.comparison.candidate, _leading(facts)
    if before is not None and not facts.comparison.then:
        yield "It was not compared with what runs now on the same rows."
    elif before is not None and name in before.metrics and name in after.metrics:
        worse = worse_by(name, after.metrics[name], before.metrics[name])
        if worse > _ALIKE:
            yield f"{code(name)} is worse by {worse:.4g} than what runs now."


def quality(facts: Facts) -> Section:
    """Return the table of metrics, the gates and the plots."""
    found = facts.comparison
    parts = ["### How good it is", _metrics(facts), _explained(found), _gates(facts)]
    whole = [part for part in parts if part]
    note = "The plots are left out: they are too long."
    return Section(("\n\n".join([*whole, *plots(found)]), "\n\n".join([*whole, note])))


def data(facts: Facts) -> list[str]:
    """Return where the data come from, and how they differ from those of the running version."""
    ours = facts.record.data
    theirs = facts.running_record.data if facts.running_record else None
    if ours is None:
        return ["The candidate was published by hand: of its data nothing is known."]
    words = f"Data: {code(ours.uri, 200)}, {ours.rows} rows, {code(ours.sha256[:12])}"
    split = _split(ours, theirs)
    if theirs is None:
        return [f"{words}.", *split]
    if ours.sha256 == theirs.sha256:
        return [f"{words}; the same as what runs now was trained on.", *split]
    words += f"; what runs now was trained on {code(theirs.uri, 200)}, {theirs.rows} rows, {code(theirs.sha256[:12])}."
    return [words, *split, *(_changed(facts.comparison.data) if facts.comparison.data else [])]


def _split(ours: Data, theirs: Data | None) -> list[str]:
    """Return how rows were held out, and how those of the running version were, where that differs."""
    now, *before = (split_of(each.split, each.share) for each in (ours, theirs) if each)
    if now is None:
        return []
    words = f"Held out: {ours.held_out} of the rows, {code(now.words, 200)}"
    if before and before[0] and theirs and before[0].words != now.words:
        words += f"; of what runs now {theirs.held_out}, {code(before[0].words, 200)}"
    return [f"{words}."]


def _leading(facts: Facts) -> str | None:
    metrics = facts.comparison.candidate.metrics
    names = [*(each.metric for each in facts.verdicts), *_LEADING, *sorted(metrics)]
    return next((name for name in names if name in metrics), None)


def _metrics(facts: Facts) -> str:
    found = facts.comparison
    after, before = found.candidate.metrics, found.before.metrics if found.before else {}
    rows = [
        [code(name), _figure(before.get(name)), _figure(after.get(name)), _difference(name, found)]
        for name in sorted(after.keys() | before.keys())
    ]
    if not rows:
        return "Neither has any metrics."
    if found.before is None:
        return table(["metric", "candidate"], [[name, figure] for name, _, figure, _ in rows], align="lr", most=40)
    old = f"runs now ({code(facts.running.name)})" if facts.running else "runs now"
    heads = ["metric", old, f"candidate ({code(facts.release.name)})", "difference"]
    return table(heads, rows, align="lr", most=40)


def _difference(name: str, found: Comparison) -> str:
    before, after = (found.before.metrics if found.before else {}).get(name), found.candidate.metrics.get(name)
    if before is None or after is None:
        return ""
    if abs(after - before) < _ALIKE:
        return "="
    size = f"{'▲' if after > before else '▼'} {abs(after - before):.4g}"
    if not found.then:
        return f"{size}, on other rows"
    return f"{size} **worse**" if worse_by(name, after, before) > 0 else f"{size} better"


def _explained(found: Comparison) -> str:
    words = []
    if found.then:
        words.append(
            f"Measured on the {_rows(found)}, of {found.total} in the candidate's data, that neither was"
            " trained on, each through its own artifact in its own environment."
        )
        same = f"within {found.near:.3g} of each other" if found.near else "the same"
        words.append(f"Both answer {same} on {(found.alike or 0) * 100:.3g} % of them.")
    elif found.truth:
        words.append(f"The candidate was measured on {_rows(found)} that it was not trained on.")
    if found.before is not None and not found.then:
        words.append(f"Not compared on the same rows: {code(found.unlike, 300)}.")
        words.append("The metrics of what runs now were recorded when it was trained, **on other rows**.")
    if found.target.categories and 0 < len(found.truth) < _FEW:
        words.append(f"One row more or less is {1 / len(found.truth):.2g} of `accuracy`.")
    words.extend(f"Note: {code(note, 300)}." for note in found.notes[:5])
    return " ".join(words)


def _gates(facts: Facts) -> str:
    if not facts.verdicts:
        why = facts.unjudged
        return f"No gate was judged: {code(why, 200)}." if why else "No gate is set in `slipway.yaml`."
    rows = [
        [code(each.metric), f"{each.value:.4g}", code(each.rule, 120), "**missed**" if each.missed_by else "holds"]
        for each in facts.verdicts
    ]
    return table(["gate", "candidate", "has to be", ""], rows, align="lrl", most=30)


def _changed(data: DataChange) -> list[str]:
    words = f"{counted(data.added, 'row')} came and {data.gone} went, by their content"
    for columns, verb in ((data.columns_added, "new"), (data.columns_gone, "gone")):
        if columns:
            words += f"; {verb}: {listed([code(name, 40) for name in columns], 8)}"
    if data.after and all(name.endswith("%") for name in data.after):
        rows = [[name, f"{data.before.get(name, 0):.4g}", f"{value:.4g}"] for name, value in data.after.items()]
        heads = ["in so many of the rows", "runs now", "candidate"]
        return [f"{words}. The target is below:", table(heads, rows, align="lr")]
    if not data.after:
        return [f"{words}."]
    return [f"{words}.", distribution("The target in the data", data.before, data.after)]


def _rows(found: Comparison) -> str:
    return counted(len(found.truth), "row")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
