"""The body of a pull request that promotes, as GitHub's markdown: what changes, how good it is, how to undo it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.github.markdown import Section, code, details, fitted, folded, table
from slipway.gitops import release_folder
from slipway.overlays.types import Overlay, Release
from slipway.release.promote import Promoted
from slipway.review import promotion_quality
from slipway.review.change_body import MOST, undo
from slipway.review.comparison import compare
from slipway.review.promotion_facts import Compare, Facts, Moved, gather
from slipway.store import Record
from slipway.text import counted, listed

_MANY = 30
_NOTHING = Section(("",))


def body(done: Promoted, compared: Compare = compare) -> str:
    """Return the body for a promotion; it is shorter than `MOST`.

    Raise `SlipwayError` when the promotion changed nothing, or the candidate's artifact is not available. The body
    itself says what else is missing.
    """
    return of_facts(gather(done, compared))


def marker(after: Overlay, candidate: Release) -> str:
    """Return the first line, by which a machine finds the body: `<!-- slipway: promotion prod/iris v7-1a2b3c4d -->`.

    The release is the one that is promoted, named as in its own environment.
    """
    return f"<!-- slipway: promotion {after.environment}/{after.model} {candidate.name} -->"


def of_facts(facts: Facts) -> str:
    """Return the body that says these facts."""
    parts = [
        Section((marker(facts.after, facts.candidate),)),
        Section((_headline(facts),)),
        Section((_summary(facts),)),
        Section((_overview(facts),)),
        promotion_quality.quality(facts),
        _callers(facts),
        _made_of(facts),
        _code(facts),
        _manifests(facts),
        Section((_provenance(facts),)),
        Section((undo(facts.before, facts.after),)),
    ]
    return fitted(parts, MOST - 1)


def _headline(facts: Facts) -> str:
    image = facts.release.record.image.rpartition("@")[2]
    return (
        f"{code(facts.candidate.name)} of {facts.after.model} in {facts.record.environment} becomes"
        f" {code(facts.release.name)} in {facts.after.environment}: the same image, {code(image, 80)}."
    )


def _summary(facts: Facts) -> str:
    """Return the lines to read if no others are read; warnings stand above the others, marked."""
    percent = facts.after.route.get(facts.release.name, 0)
    traffic = "all requests as soon as it is ready" if percent == 100 else f"{percent} % of the requests at first"
    lines = [promotion_quality.verdict(facts), _gates(facts), _breaks(facts), _verified(facts), f"It gets {traffic}."]
    calm = "\n".join(f"- {line}" for line in lines if line)
    doubts = "".join(f"\n> - {doubt}" for doubt in _doubts(facts))
    return f"> [!WARNING]{doubts}\n\n{calm}" if doubts else calm


def _doubts(facts: Facts) -> Iterator[str]:
    record = facts.candidate.record
    if facts.unmerged:
        where, main = f"{code(record.branch)}, " if record.branch else "", code(facts.unmerged)
        yield (
            f"**It was built from {where}commit {_commit(record.commit)}, which is not on {main}**: nobody had to"
            f" approve that code, and the next release from {main} goes without it."
        )
    yield from promotion_quality.doubts(facts)
    if hold := facts.hold:
        since = f"by {code(hold.by)} since {code(hold.since, 40)}"
        yield f"In {facts.record.environment} the model is held {since}: {code(hold.reason, 300)}."
    if broken := [change for change in facts.contents.changes if change.breaking] if facts.contents else []:
        more = f", and {len(broken) - 1} more" if broken[1:] else ""
        yield f"It breaks callers: {code(broken[0].text, 200)}{more}."
    if facts.evidence is None:
        yield f"{code(facts.candidate.name)} is not verified in {facts.record.environment}."
    yield from (f"{code(note, 300)}." for note in facts.notes[:5])


def _gates(facts: Facts) -> str:
    number, missed = len(facts.verdicts), sum(bool(verdict.missed_by) for verdict in facts.verdicts)
    if missed:
        return f"**{missed} of {number} gates** {'is' if missed == 1 else 'are'} missed."
    return {0: "", 1: "The gate holds.", 2: "Both gates hold."}.get(number, f"All {number} gates hold.")


def _breaks(facts: Facts) -> str:
    if facts.running is None or facts.contents is None:
        return ""
    changes = facts.contents.changes
    if not changes:
        return "Callers notice nothing: the schema is the same."
    broken = sum(change.breaking for change in changes)
    if not broken:
        return "Callers have to change nothing: the schema takes all that it took."
    accepted = facts.release.record.accepted
    why = f"accepted, because: {code(accepted, 300)}" if accepted else "nobody accepted that in writing"
    return f"**Callers break**: {broken} of {len(changes)} changes of the schema; {why}."


def _verified(facts: Facts) -> str:
    evidence = facts.evidence
    if evidence is None:
        return ""
    words = f"Verified in {facts.record.environment} by {code(evidence['by'])} on {code(evidence['when'], 40)}"
    words += f", {code(evidence['where'], 200)}"
    if isinstance(evidence.get("rows"), int):
        words += f": {evidence['rows']} golden predictions"
        if isinstance(evidence.get("max_difference"), int | float):
            words += f", largest difference {evidence['max_difference']:.3g}"
    return f"{words}."


def _overview(facts: Facts) -> str:
    columns = {"candidate": _column(facts.release, facts.after)}
    if facts.running is not None:
        columns = {"runs now": _column(facts.running, facts.before), **columns}
        before, after = facts.running.record.size, facts.release.record.size
        if before and after and before != after:
            columns["candidate"]["size"] += f" ({(after - before) / 1e6:+.1f} MB)"
    rows = [[name, *(column[name] for column in columns.values())] for name in columns["candidate"]]
    return table([f"{facts.after.environment}/{facts.after.model}", *columns], rows)


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


def _callers(facts: Facts) -> Section:
    title = "### What callers notice"
    if facts.running is None:
        return _NOTHING
    if facts.contents is None:
        return Section((f"{title}\n\nNot known: {code(facts.notes[0] if facts.notes else 'no artifact', 300)}.",))
    changes = facts.contents.changes
    if not changes:
        return Section((f"{title}\n\nNothing: requests and answers have the same schema.",))
    lines = [f"- {'**breaks**: ' if change.breaking else ''}{code(change.text, 200)}" for change in changes]
    more = [f"- and {len(lines) - _MANY} more"] if len(lines) > _MANY else []
    accepted = facts.release.record.accepted
    why = [f"Accepted all the same, because: {code(accepted, 500)}"] if accepted else []
    return Section(("\n\n".join([title, "\n".join([*lines[:_MANY], *more]), *why]),))


def _made_of(facts: Facts) -> Section:
    parts = promotion_quality.data(facts)
    if made := facts.contents:
        parts = [_moved("parameter", made.parameters), *parts, _moved("package", made.packages)]
    if facts.platform:
        shown, number = listed([code(path) for path in facts.platform], 8), counted(len(facts.platform), "file")
        parts.append(f"Between the commits of both, the platform differs in {number}: {shown}.")
    title = "### What it is made of"
    return Section(("\n\n".join([title, *parts]), f"{title}\n\nLeft out: it is too long."))


def _moved(what: str, moved: list[Moved]) -> str:
    if not moved:
        return f"{what.capitalize()}s are the same."
    rows = [[code(item.name), *(code(side, 60) if side else "" for side in item[1:])] for item in moved]
    return table([what, "runs now", "candidate"], rows, most=_MANY)


def _code(facts: Facts) -> Section:
    if facts.contents is None:
        return _NOTHING
    diff = facts.contents.code
    if not diff:
        return Section(("The model's code is the same.",))
    files = sum(line.startswith("+++ ") for line in diff.splitlines())
    return folded(f"The model's code: {counted(files, 'file')} differ{'s' if files == 1 else ''}", diff)


def _manifests(facts: Facts) -> Section:
    if facts.manifests is None:
        name = code(facts.release.name)
        return Section(
            (f"The cluster gets all of {name} anew, as the folder of that name in this pull request has it.",)
        )
    own, diff = facts.manifests.expected, facts.manifests.diff
    rows = [[item.name, *(code(_short(side)) for side in item[1:]), str(places)] for item, places in own.items()]
    names = table(["each release's own", "runs now", "candidate", "places"], rows, align="lllr") if rows else ""
    if not diff:
        return Section((details("What the cluster gets: nothing but names and digests differ", names),))
    lines = sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in diff.splitlines())
    return folded(f"What the cluster gets: {counted(lines, 'line')} beside names and digests", diff, lead=names)


def _short(text: str) -> str:
    """Return a value with its long digests cut to the part that people compare."""
    return re.sub("([0-9a-f]{12})[0-9a-f]{52}", r"\1…", text)


def _provenance(facts: Facts) -> str:
    record, published = facts.candidate.record, facts.record
    told = {
        # A whole commit id outside of code is a link on GitHub.
        "released from commit": _commit(record.commit) + (f", branch {code(record.branch)}" if record.branch else ""),
        "released by": code(record.by, 120) + f", {code(record.created, 40)}",
        "run of the release": _link(record.run),
        "published by": f"{code(published.by, 120)}, {code(published.created, 40)}, as {code(published.id)}",
        **_training(published),
        "data": f"{code(data.uri, 200)}, {code(data.sha256)}" if (data := published.data) else "not known",
        "fingerprint": code(record.fingerprint),
        "image": code(record.image, 300),
    }
    rows = [[name, fact] for name, fact in told.items() if fact]
    return f"### Where it comes from\n\n{table(['candidate', code(facts.candidate.name)], rows)}"


def _training(record: Record) -> dict[str, str]:
    training = record.training
    if training is None:
        return {}
    return {
        "training digest": code(training.digest),
        "trained from commit": _commit(training.commit or "") + (", with changes beside it" if training.dirty else ""),
        "run of the training": _link(training.run or ""),
        "fitted twice": code(fit.words, 300) if (fit := training.second_fit) else "not known",
    }


def _commit(commit: str) -> str:
    if re.fullmatch("[0-9a-f]{40}", commit):
        return commit
    return code(commit) if commit else ""


def _link(address: str) -> str:
    """Return an address of the web as a link, and anything else as code."""
    if re.fullmatch(r"https://[A-Za-z0-9:/._~%-]{1,300}", address):
        return f"<{address}>"
    return code(address, 200) if address else ""
