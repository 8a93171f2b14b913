"""The body of a pull request that promotes, as GitHub's markdown: what changes, how good it is, how to undo it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slipway.github.markdown import Section, code, fitted, table
from slipway.gitops import release_folder
from slipway.review import contents, quality
from slipway.review.case import Case, gather
from slipway.review.change_body import plain, sides, undo

if TYPE_CHECKING:
    from slipway.overlays.types import Overlay, Release
    from slipway.release.promote import Promoted
    from slipway.settings import Settings
    from slipway.store import Record

__all__ = ["MOST", "body", "marker", "plain", "written"]

MOST = 60_000
"""Characters that a body stays under; GitHub takes a few more."""


def body(settings: Settings, done: Promoted) -> str:
    """The case for a promotion: the candidate and what runs now, compared; under `MOST` characters.

    Starts with the line of `marker`. Raises `SlipwayError` when the promotion changed nothing, or the candidate's
    artifact cannot be had; what else is missing is said in the body.
    """
    before, after = sides(done.edited)
    return written(gather(settings, before, after, done.source, done.edited.stand), done.edited.commit or "")


def marker(after: Overlay, candidate: Release) -> str:
    """The first line, which a machine knows the body by: `<!-- slipway: promotion prod/iris v7-1a2b3c4d -->`.

    The release is that of the environment that it comes from.
    """
    return f"<!-- slipway: promotion {after.environment}/{after.model} {candidate.name} -->"


def written(case: Case, commit: str) -> str:
    """The body of a gathered case; `commit` is that of the overlays, empty where it is not known."""
    sections = [
        Section((marker(case.after, case.candidate),)),
        Section((_headline(case),)),
        Section((_verdicts(case),)),
        Section((_overview(case),)),
        quality.section(case),
        contents.callers(case),
        contents.made_of(case),
        contents.code_diff(case),
        contents.manifests(case),
        Section((_provenance(case, commit),)),
        Section((undo(case.before, case.after),)),
    ]
    return fitted(sections, MOST - 1)


def _headline(case: Case) -> str:
    after = case.after
    digest = case.release.record.image.rpartition("@")[2]
    return (
        f"{code(case.candidate.name)} of {after.model} in {case.source} becomes {code(case.release.name)} in"
        f" {after.environment}: the same image, {code(digest, 80)}."
    )


def _verdicts(case: Case) -> str:
    """The lines to read if no others are; what speaks against it stands above them, marked."""
    lines = [quality.verdict(case), _gates(case), _callers(case), _verified(case), _traffic(case)]
    calm = "\n".join(f"- {line}" for line in lines if line)
    doubts = [*_unmerged(case), *quality.doubts(case), *_doubts(case)]
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
    broken = [change for change in case.contents.changes if change.breaking] if case.contents else []
    if broken:
        more = f", and {len(broken) - 1} more" if broken[1:] else ""
        found.append(f"It breaks callers: {code(broken[0].text, 200)}{more}.")
    if case.evidence is None:
        found.append(f"{code(case.candidate.name)} is not verified in {case.source}.")
    found += [f"{code(note, 300)}." for note in case.notes[:5]]
    return found


def _gates(case: Case) -> str:
    missed = sum(bool(verdict.missed_by) for verdict in case.verdicts)
    if not case.verdicts:
        return ""
    if missed:
        return f"**{missed} of {len(case.verdicts)} gates** {'is' if missed == 1 else 'are'} missed."
    return {1: "The gate holds.", 2: "Both gates hold."}.get(
        len(case.verdicts), f"All {len(case.verdicts)} gates hold."
    )


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
    columns = [_column(case.release, release_folder.shown(case.after.route))]
    if case.running is not None:
        columns.insert(0, _column(case.running, release_folder.shown(case.before.route)))
        columns[1]["size"] += _grown(case.running.record.size, case.release.record.size)
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    heads = ["runs now", "candidate"] if case.running is not None else ["candidate"]
    return table([f"{case.after.environment}/{case.after.model}", *heads], rows)


def _column(release: Release, requests: str) -> dict[str, str]:
    record = release.record
    return {
        "release": code(record.release),
        "model id": code(record.model_id),
        "from": code(_from(release)),
        "image": _digest(record.image),
        "size": _size(record.size),
        "artifact": code(record.artifact[:12]),
        "requests": code(requests, 200),
    }


def _provenance(case: Case, commit: str) -> str:
    record, training = case.candidate.record, case.record.training
    facts = {
        # A whole commit id outside of code is a link on GitHub.
        "released from commit": _commit(record.commit) + (f", branch {code(record.branch)}" if record.branch else ""),
        "released by": code(record.by, 120) + f", {code(record.created, 40)}",
        "run of the release": _link(record.run),
        "published by": code(case.record.by, 120) + f", {code(case.record.created, 40)}, as {code(case.record.id)}",
        "training digest": code(training.digest) if training else "",
        "trained from commit": _commit(training.commit or "") + (", with changes beside it" if training.dirty else "")
        if training
        else "",
        "run of the training": _link(training.run or "") if training else "",
        "data": _data(case.record),
        "fingerprint": code(record.fingerprint),
        "image": code(record.image, 300),
        "overlays": _commit(commit),
    }
    rows = [[name, fact] for name, fact in facts.items() if fact]
    return f"### Where it comes from\n\n{table(['candidate', code(case.candidate.name)], rows)}"


def _data(record: Record) -> str:
    return f"{code(record.data.uri, 200)}, {code(record.data.sha256)}" if record.data else "not known"


def _from(release: Release) -> str:
    origin = release.record.origin
    return f"{origin.environment}/{origin.release}" if origin else "no promotion"


def _digest(image: str) -> str:
    digest = image.rpartition("sha256:")[2]
    return code(f"sha256:{digest[:12]}")


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size else "not known"


def _grown(before: int, after: int) -> str:
    if not before or not after or before == after:
        return ""
    return f" ({'+' if after > before else '-'}{abs(after - before) / 1e6:.1f} MB)"


def _commit(commit: str) -> str:
    if re.fullmatch("[0-9a-f]{40}", commit):
        return commit
    return code(commit) if commit else ""


def _link(address: str) -> str:
    """An address that is one of the web's and holds nothing else; as code whatever it is otherwise."""
    if re.fullmatch(r"https://[A-Za-z0-9:/._~%-]{1,300}", address):
        return f"<{address}>"
    return code(address, 200) if address else ""
