"""What a candidate is made of and what its callers notice, against what runs now, in sections of a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.github.markdown import Section, code, details, fence, table
from slipway.review.plots import distribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.overlays.types import Release
    from slipway.review.case import Case
    from slipway.review.differences import Moved
    from slipway.review.worker import DataChange

__all__ = ["callers", "code_diff", "made_of", "manifests"]

_MANY = 30


def callers(case: Case) -> Section:
    """What differs for those who call the function."""
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
    """Parameters, data, packages and the platform's own code."""
    parts = [*_parameters(case), *_data(case), *_packages(case), *_platform(case)]
    if not parts:
        return Section(("",))
    title = "### What it is made of"
    return Section(("\n\n".join([title, *parts]), f"{title}\n\nLeft out: it is too long."))


def code_diff(case: Case) -> Section:
    """The model's code in both artifacts."""
    if case.contents is None:
        return Section(("",))
    diff = case.contents.code
    if not diff:
        return Section(("The model's code is the same.",))
    files = sum(line.startswith("+++ ") for line in diff.splitlines())
    return _folded(f"The model's code: {_counted(files, 'file')} differ" + ("s" if files == 1 else ""), "", diff)


def manifests(case: Case) -> Section:
    """What the cluster gets, beside what runs now."""
    if case.manifests is None or case.running is None:
        return Section((_folded_new(case.release),))
    rows = [
        [item.name, code(_short(item.before)), code(_short(item.after)), str(item.places)]
        for item in case.manifests.expected
    ]
    names = table(["each release's own", "runs now", "candidate", "places"], rows, align="lllr") if rows else ""
    if not case.manifests.diff:
        return Section((details("What the cluster gets: nothing but names and digests differ", names),))
    lines = sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in case.manifests.diff.splitlines())
    return _folded(
        f"What the cluster gets: {_counted(lines, 'line')} beside names and digests", names, case.manifests.diff
    )


def _folded(summary: str, before: str, diff: str) -> Section:
    """A diff that a reader opens, in forms of fewer and fewer lines."""
    lead = [before] if before else []
    forms = [details(summary, "\n\n".join([*lead, fence(diff, "diff", most)])) for most in (1500, 400, 100, 20)]
    return Section((*forms, f"{summary}; left out, it is too long."))


def _folded_new(release: Release) -> str:
    return f"The cluster gets all of {code(release.name)} anew, as the folder of that name in this pull request has it."


def _parameters(case: Case) -> list[str]:
    if case.contents is None:
        return []
    return [_moved("parameter", case.contents.parameters)] if case.contents.parameters else ["Parameters are the same."]


def _packages(case: Case) -> list[str]:
    if case.contents is None:
        return []
    if not case.contents.packages:
        return ["Packages are the same."]
    return [_moved("package", case.contents.packages)]


def _platform(case: Case) -> list[str]:
    if not case.platform:
        return []
    shown = ", ".join(code(path) for path in case.platform[:8])
    more = f" and {len(case.platform) - 8} more" if len(case.platform) > 8 else ""
    return [
        f"Between the commits of both, the platform differs in {_counted(len(case.platform), 'file')}: {shown}{more}."
    ]


def _moved(what: str, moved: Sequence[Moved]) -> str:
    rows = [[code(item.name), _value(item.before), _value(item.after)] for item in moved]
    return table([what, "runs now", "candidate"], rows, most=_MANY)


def _value(text: str) -> str:
    return code(text, 60) if text else ""


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
    words = f"{_counted(data.added, 'row')} came and {data.gone} went, by their content"
    for columns, verb in ((data.columns_added, "new"), (data.columns_gone, "gone")):
        if columns:
            more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
            words += f"; {verb}: {', '.join(code(name, 40) for name in columns[:8])}{more}"
    if list(data.after) and all(name.endswith("%") for name in data.after):
        rows = [[name, f"{data.before.get(name, 0):.4g}", f"{value:.4g}"] for name, value in data.after.items()]
        return [
            f"{words}. The target is below:",
            table(["in so many of the rows", "runs now", "candidate"], rows, align="lr"),
        ]
    title = "The target in the data: bars the candidate, line what runs now"
    return [f"{words}.", distribution(title, data.before, data.after)]


def _short(text: str) -> str:
    """A value in which long digests are cut to what people compare."""
    head, mark, digest = text.rpartition("sha256:")
    if mark:
        return f"{head}{mark}{digest[:12]}…"
    return f"{text[:12]}…" if len(text) == 64 else text


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
