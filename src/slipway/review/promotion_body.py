"""The body of a pull request that promotes, as GitHub's markdown: what changes, how good it is, how to undo it."""

from __future__ import annotations

import re

from slipway.github.markdown import Section, code, fitted, table
from slipway.gitops import release_folder
from slipway.overlays.types import Overlay, Release
from slipway.release.promote import Promoted
from slipway.review import sections
from slipway.review.case import Case, gather
from slipway.review.change_body import MOST, sides, undo
from slipway.settings import Settings
from slipway.store import Record

__all__ = ["body", "marker", "of_case"]


def body(settings: Settings, done: Promoted) -> str:
    """Return the case for a promotion, as a body that is shorter than `MOST`.

    Raise `SlipwayError` when the promotion changed nothing, or the candidate's artifact is not available. The body
    itself says what else is missing.
    """
    before, after = sides(done.edited)
    case = gather(settings, before, after, done.source, done.edited.snapshot, done.edited.branch)
    return of_case(case, done.edited.commit or "")


def marker(after: Overlay, candidate: Release) -> str:
    """Return the first line, by which a machine finds the body: `<!-- slipway: promotion prod/iris v7-1a2b3c4d -->`.

    The release is the one that is promoted, named as in its own environment.
    """
    return f"<!-- slipway: promotion {after.environment}/{after.model} {candidate.name} -->"


def of_case(case: Case, commit: str) -> str:
    """Return the body of a gathered case; `commit` is the one of the overlays, empty where it is not known."""
    parts = [
        Section((marker(case.after, case.candidate),)),
        Section((_headline(case),)),
        Section((_verdicts(case),)),
        Section((_overview(case),)),
        sections.quality(case),
        sections.callers(case),
        sections.made_of(case),
        sections.code_diff(case),
        sections.manifests(case),
        Section((_provenance(case, commit),)),
        Section((undo(case.before, case.after),)),
    ]
    return fitted(parts, MOST - 1)


def _headline(case: Case) -> str:
    after = case.after
    digest = case.release.record.image.rpartition("@")[2]
    return (
        f"{code(case.candidate.name)} of {after.model} in {case.source} becomes {code(case.release.name)} in"
        f" {after.environment}: the same image, {code(digest, 80)}."
    )


def _verdicts(case: Case) -> str:
    """Return the lines to read if no others are read; warnings stand above the others, marked."""
    lines = [sections.verdict(case), _gates(case), _callers(case), _verified(case), _traffic(case)]
    calm = "\n".join(f"- {line}" for line in lines if line)
    doubts = [*_unmerged(case), *sections.doubts(case), *_doubts(case)]
    if not doubts:
        return calm
    return "\n".join(["> [!WARNING]", *(f"> - {doubt}" for doubt in doubts)]) + f"\n\n{calm}"


def _unmerged(case: Case) -> list[str]:
    record = case.candidate.record
    if not case.unmerged:
        return []
    where = f"{code(record.branch)}, " if record.branch else ""
    return [
        f"**It was built from {where}commit {_commit(record.commit)}, which is not on {code(case.unmerged)}**: nobody"
        f" had to approve that code, and the next release from {code(case.unmerged)} goes without it."
    ]


def _doubts(case: Case) -> list[str]:
    found = []
    if hold := case.hold:
        since = f"by {code(hold.by)} since {code(hold.since, 40)}"
        found.append(f"In {case.source} the model is held {since}: {code(hold.reason, 300)}.")
    if broken := [change for change in case.contents.changes if change.breaking] if case.contents else []:
        more = f", and {len(broken) - 1} more" if broken[1:] else ""
        found.append(f"It breaks callers: {code(broken[0].text, 200)}{more}.")
    if case.evidence is None:
        found.append(f"{code(case.candidate.name)} is not verified in {case.source}.")
    return found + [f"{code(note, 300)}." for note in case.notes[:5]]


def _gates(case: Case) -> str:
    number, missed = len(case.verdicts), sum(bool(verdict.missed_by) for verdict in case.verdicts)
    if not number:
        return ""
    if missed:
        return f"**{missed} of {number} gates** {'is' if missed == 1 else 'are'} missed."
    return {1: "The gate holds.", 2: "Both gates hold."}.get(number, f"All {number} gates hold.")


def _callers(case: Case) -> str:
    if case.running is None or case.contents is None:
        return ""
    changes = case.contents.changes
    if not changes:
        return "Callers notice nothing: the schema is the same."
    broken = sum(change.breaking for change in changes)
    if not broken:
        return "Callers have to change nothing: the schema takes all that it took."
    accepted = case.release.record.accepted
    why = f"accepted, because: {code(accepted, 300)}" if accepted else "nobody accepted that in writing"
    return f"**Callers break**: {broken} of {len(changes)} changes of the schema; {why}."


def _verified(case: Case) -> str:
    evidence = case.evidence
    if evidence is None:
        return ""
    words = f"Verified in {case.source} by {code(evidence['by'])} on {code(evidence['when'], 40)}"
    words += f", {code(evidence['where'], 200)}"
    if isinstance(evidence.get("rows"), int):
        words += f": {evidence['rows']} golden predictions"
        if isinstance(evidence.get("max_difference"), int | float):
            words += f", largest difference {evidence['max_difference']:.3g}"
    return f"{words}."


def _traffic(case: Case) -> str:
    percent = case.after.route.get(case.release.name, 0)
    if percent == 100:
        return "It gets all requests as soon as it is ready."
    return f"It gets {percent} % of the requests at first."


def _overview(case: Case) -> str:
    columns = {"candidate": _column(case.release, case.after)}
    if case.running is not None:
        columns = {"runs now": _column(case.running, case.before), **columns}
        columns["candidate"]["size"] += _grown(case.running.record.size, case.release.record.size)
    rows = [[name, *(column[name] for column in columns.values())] for name in columns["candidate"]]
    return table([f"{case.after.environment}/{case.after.model}", *columns], rows)


def _column(release: Release, overlay: Overlay) -> dict[str, str]:
    record, origin = release.record, release.record.origin
    return {
        "release": code(record.release),
        "model id": code(record.model_id),
        "from": code(f"{origin.environment}/{origin.release}" if origin else "no promotion"),
        "image": code(f"sha256:{record.image.rpartition('sha256:')[2][:12]}"),
        "size": f"{record.size / 1e6:.1f} MB" if record.size else "not known",
        "artifact": code(record.artifact[:12]),
        "requests": code(release_folder.shown(overlay.route), 200),
    }


def _grown(before: int, after: int) -> str:
    if not before or not after or before == after:
        return ""
    return f" ({(after - before) / 1e6:+.1f} MB)"


def _provenance(case: Case, commit: str) -> str:
    record = case.candidate.record
    facts = {
        # A whole commit id outside of code is a link on GitHub.
        "released from commit": _commit(record.commit) + (f", branch {code(record.branch)}" if record.branch else ""),
        "released by": code(record.by, 120) + f", {code(record.created, 40)}",
        "run of the release": _link(record.run),
        "published by": code(case.record.by, 120) + f", {code(case.record.created, 40)}, as {code(case.record.id)}",
        **_training(case.record),
        "data": _data(case.record),
        "fingerprint": code(record.fingerprint),
        "image": code(record.image, 300),
        "overlays": _commit(commit),
    }
    rows = [[name, fact] for name, fact in facts.items() if fact]
    return f"### Where it comes from\n\n{table(['candidate', code(case.candidate.name)], rows)}"


def _training(record: Record) -> dict[str, str]:
    training = record.training
    if training is None:
        return {}
    return {
        "training digest": code(training.digest),
        "trained from commit": _commit(training.commit or "") + (", with changes beside it" if training.dirty else ""),
        "run of the training": _link(training.run or ""),
    }


def _data(record: Record) -> str:
    return f"{code(record.data.uri, 200)}, {code(record.data.sha256)}" if record.data else "not known"


def _commit(commit: str) -> str:
    if re.fullmatch("[0-9a-f]{40}", commit):
        return commit
    return code(commit) if commit else ""


def _link(address: str) -> str:
    """Return an address of the web as a link, and anything else as code."""
    if re.fullmatch(r"https://[A-Za-z0-9:/._~%-]{1,300}", address):
        return f"<{address}>"
    return code(address, 200) if address else ""
