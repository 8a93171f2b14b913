"""Sections of a promotion's body: how good the candidate is, what callers notice, and what it is made of."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.github.markdown import Section, code, details, folded, table
from slipway.review.case import Case, Moved
from slipway.review.comparison import Comparison
from slipway.review.plots import distribution, plots
from slipway.review.worker import DataChange
from slipway.text import counted, listed
from slipway.training.metrics import worse_by

__all__ = ["callers", "code_diff", "doubts", "made_of", "manifests", "quality", "verdict"]

_ALIKE = 1e-9
_FEW = 200
_MANY = 30
_LEADING = ("accuracy", "r2")


def verdict(case: Case) -> str:
    """Return one line: better, worse or as good, by the gates' first metric, else by the usual one."""
    found = case.comparison
    name = _leading(case)
    if name is None:
        reasons = (found.unlike, *found.notes, "the model has no metrics")
        return f"**Nothing was measured**: {code(next(filter(None, reasons)), 300)}."
    after = found.candidate.metrics[name]
    figure = f"{code(name)} {after:.4g}"
    if found.before is None:
        where = f"on {_rows(found)} that it was not trained on" if found.truth else "as its training recorded"
        return f"Nothing of {case.after.model} runs in {case.after.environment} yet. {figure} {where}."
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


def doubts(case: Case) -> list[str]:
    """Return the warnings for the approver about the candidate's quality, a line each."""
    found = [f"No gate was judged: {code(case.unjudged, 200)}."] if case.unjudged else []
    if missed := [verdict for verdict in case.verdicts if verdict.missed_by]:
        words = "A gate is" if len(missed) == 1 else f"{len(missed)} gates are"
        found.append(f"{words} missed: {', '.join(code(verdict, 160) for verdict in missed[:5])}.")
    before, after = case.comparison.before, case.comparison.candidate
    if before is None:
        return found
    if not case.comparison.then:
        return [*found, "It was not compared with what runs now on the same rows."]
    name = _leading(case)
    if name in before.metrics and name in after.metrics:
        worse = worse_by(name, after.metrics[name], before.metrics[name])
        if worse > _ALIKE:
            found.append(f"{code(name)} is worse by {worse:.4g} than what runs now.")
    return found


def quality(case: Case) -> Section:
    """Return the table of metrics, the gates and the plots."""
    found = case.comparison
    parts = ["### How good it is", _metrics(case), _explained(found), _gates(case)]
    whole = [part for part in parts if part]
    note = "The plots are left out: they are too long."
    return Section(("\n\n".join([*whole, *plots(found)]), "\n\n".join([*whole, note])))


def callers(case: Case) -> Section:
    """Return the differences for those who call the function."""
    title = "### What callers notice"
    if case.running is None:
        return Section(("",))
    if case.contents is None:
        return Section((f"{title}\n\nNot known: {code(case.notes[0] if case.notes else 'no artifact', 300)}.",))
    changes = case.contents.changes
    if not changes:
        return Section((f"{title}\n\nNothing: requests and answers have the same schema.",))
    lines = [f"- {'**breaks**: ' if change.breaking else ''}{code(change.text, 200)}" for change in changes]
    more = [f"- and {len(lines) - _MANY} more"] if len(lines) > _MANY else []
    accepted = case.release.record.accepted
    why = [f"Accepted all the same, because: {code(accepted, 500)}"] if accepted else []
    return Section(("\n\n".join([title, "\n".join([*lines[:_MANY], *more]), *why]),))


def made_of(case: Case) -> Section:
    """Return the differences in parameters, data, packages and the platform's code."""
    parts = [*_contents(case, "parameter"), *_data(case), *_contents(case, "package"), *_platform(case)]
    if not parts:
        return Section(("",))
    title = "### What it is made of"
    return Section(("\n\n".join([title, *parts]), f"{title}\n\nLeft out: it is too long."))


def code_diff(case: Case) -> Section:
    """Return the difference in the model's code."""
    if case.contents is None:
        return Section(("",))
    diff = case.contents.code
    if not diff:
        return Section(("The model's code is the same.",))
    files = sum(line.startswith("+++ ") for line in diff.splitlines())
    return folded(f"The model's code: {counted(files, 'file')} differ{'s' if files == 1 else ''}", diff)


def manifests(case: Case) -> Section:
    """Return the difference in what the cluster gets."""
    if case.manifests is None or case.running is None:
        name = code(case.release.name)
        return Section(
            (f"The cluster gets all of {name} anew, as the folder of that name in this pull request has it.",)
        )
    rows = [
        [item.name, code(_short(item.before)), code(_short(item.after)), str(item.places)]
        for item in case.manifests.expected
    ]
    names = table(["each release's own", "runs now", "candidate", "places"], rows, align="lllr") if rows else ""
    diff = case.manifests.diff
    if not diff:
        return Section((details("What the cluster gets: nothing but names and digests differ", names),))
    lines = sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in diff.splitlines())
    return folded(f"What the cluster gets: {counted(lines, 'line')} beside names and digests", diff, lead=names)


def _leading(case: Case) -> str | None:
    metrics = case.comparison.candidate.metrics
    names = [*(verdict.metric for verdict in case.verdicts), *_LEADING, *sorted(metrics)]
    return next((name for name in names if name in metrics), None)


def _metrics(case: Case) -> str:
    found = case.comparison
    after, before = found.candidate.metrics, found.before.metrics if found.before else {}
    names = sorted(after.keys() | before.keys())
    if not names:
        return "Neither has any metrics."
    if found.before is None:
        return table(
            ["metric", "candidate"], [[code(name), _figure(after[name])] for name in names], align="lr", most=40
        )
    rows = [
        [code(name), _figure(before.get(name)), _figure(after.get(name)), _difference(name, found)] for name in names
    ]
    old = f"runs now ({code(case.running.name)})" if case.running else "runs now"
    heads = ["metric", old, f"candidate ({code(case.release.name)})", "difference"]
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
        if found.alike is not None:
            same = f"within {found.near:.3g} of each other" if found.near else "the same"
            words.append(f"Both answer {same} on {found.alike * 100:.3g} % of them.")
    elif found.truth:
        words.append(f"The candidate was measured on {_rows(found)} that it was not trained on.")
    if found.before is not None and not found.then:
        words.append(f"Not compared on the same rows: {code(found.unlike, 300)}.")
        words.append("The metrics of what runs now were recorded when it was trained, **on other rows**.")
    if found.target.categories and 0 < len(found.truth) < _FEW:
        words.append(f"One row more or less is {1 / len(found.truth):.2g} of `accuracy`.")
    words.extend(f"Note: {code(note, 300)}." for note in found.notes[:5])
    return " ".join(words)


def _gates(case: Case) -> str:
    if not case.verdicts:
        why = case.unjudged
        return f"No gate was judged: {code(why, 200)}." if why else "No gate is set in `slipway.yaml`."
    rows = [
        [code(each.metric), f"{each.value:.4g}", code(each.rule, 120), "**missed**" if each.missed_by else "holds"]
        for each in case.verdicts
    ]
    return table(["gate", "candidate", "has to be", ""], rows, align="lrl", most=30)


def _contents(case: Case, what: str) -> list[str]:
    if case.contents is None:
        return []
    moved: Sequence[Moved] = case.contents.parameters if what == "parameter" else case.contents.packages
    if not moved:
        return [f"{what.capitalize()}s are the same."]
    rows = [[code(item.name), *(code(side, 60) if side else "" for side in item[1:])] for item in moved]
    return [table([what, "runs now", "candidate"], rows, most=_MANY)]


def _platform(case: Case) -> list[str]:
    if not case.platform:
        return []
    shown = listed([code(path) for path in case.platform], 8)
    return [f"Between the commits of both, the platform differs in {counted(len(case.platform), 'file')}: {shown}."]


def _data(case: Case) -> list[str]:
    ours = case.record.data
    theirs = case.running_record.data if case.running_record else None
    if ours is None:
        return ["The candidate was published by hand: of its data nothing is known."]
    words = f"Data: {code(ours.uri, 200)}, {ours.rows} rows, {code(ours.sha256[:12])}"
    if theirs is None:
        return [f"{words}."]
    if ours.sha256 == theirs.sha256:
        return [f"{words}; the same as what runs now was trained on."]
    words += f"; what runs now was trained on {code(theirs.uri, 200)}, {theirs.rows} rows, {code(theirs.sha256[:12])}."
    return [words, *(_changed(case.comparison.data) if case.comparison.data else [])]


def _changed(data: DataChange) -> list[str]:
    words = f"{counted(data.added, 'row')} came and {data.gone} went, by their content"
    for columns, verb in ((data.columns_added, "new"), (data.columns_gone, "gone")):
        if columns:
            words += f"; {verb}: {listed([code(name, 40) for name in columns], 8)}"
    if data.after and all(name.endswith("%") for name in data.after):
        rows = [[name, f"{data.before.get(name, 0):.4g}", f"{value:.4g}"] for name, value in data.after.items()]
        heads = ["in so many of the rows", "runs now", "candidate"]
        return [f"{words}. The target is below:", table(heads, rows, align="lr")]
    title = "The target in the data: bars the candidate, line what runs now"
    return [f"{words}.", distribution(title, data.before, data.after)]


def _short(text: str) -> str:
    """Return a value with its long digests cut to the part that people compare."""
    head, mark, digest = text.rpartition("sha256:")
    if mark:
        return f"{head}{mark}{digest[:12]}…"
    return f"{text[:12]}…" if len(text) == 64 else text


def _rows(found: Comparison) -> str:
    return counted(len(found.truth), "row")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
