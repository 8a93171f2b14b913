"""`slipway trace`: the chain from an answer back to its data and code, with the links that the store knows."""

from __future__ import annotations

from typing import Any

import msgspec

from slipway.errors import SlipwayError
from slipway.provenance import checkout, commits, release
from slipway.provenance.chain import Chain, Link
from slipway.provenance.commits import Pulls
from slipway.provenance.subject import Subject, Version, find, version_of
from slipway.settings import Settings
from slipway.store import Record, store_of

__all__ = ["trace"]


def trace(settings: Settings, what: str) -> Chain:
    """Return the chain behind what `subject.find` takes, as far as it is known; `broken` tells where it does not hold.

    Raise `SlipwayError` when nothing has that name, or more than one release.
    """
    subject = find(settings, what)
    if subject.declared is None:
        # It may be no version either; the store raises with what there is.
        store_of(settings, subject.model_id.environment).record(subject.model_id.model, subject.model_id.version)
    version, pulls = version_of(settings, subject), Pulls(subject.repository)
    record = version.record
    files = {name: file.sha256 for name, file in record.artifact.files.items()} if record else None
    found = [
        *release.links(settings, subject, files, pulls),
        _artifact(subject, version),
        *([_version(record), _data(record), _code(settings, subject, record, pulls)] if record else []),
        _runs(subject, record),
        _verified(settings, subject),
    ]
    return Chain(what=what, subject=str(subject), links=[link for link in found if link is not None])


def _artifact(subject: Subject, version: Version) -> Link:
    record, expected = version.record, subject.record.artifact if subject.record else None
    link = Link(name="artifact", read="", broken=list(version.broken), notes=list(version.notes))
    link.facts["digest"] = expected
    if record is not None:
        link.read, link.facts["digest"] = _place(record), record.artifact.digest
        files = record.artifact.files
        link.facts["bytes"] = sum(file.size for file in files.values())
        link.facts["files"] = [
            {"path": name, "sha256": file.sha256, "bytes": file.size} for name, file in files.items()
        ]
        if expected not in (None, record.artifact.digest):
            problem = f"{record.id} holds {record.artifact.digest}, and {subject} was declared with {expected}"
            link.broken.append(problem)
    if subject.declared is None:
        link.notes.append(f"{subject.model_id} was never released, as far as the history here knows")
    return link


def _version(record: Record) -> Link:
    """Return how the artifact was trained."""
    training = record.training
    facts: dict[str, Any] = {
        "model_id": str(record.id),
        "created": record.created,
        "by": record.by,
        "training_digest": training and training.digest,
        "parameters": training and training.parameters,
        "python": training and training.python,
        "metrics": record.metrics,
        "gates": record.gates,
        "metadata": record.metadata,
        "copied_from": record.origin and f"{record.model}/{record.origin.environment}/{record.origin.version}",
    }
    notes = [] if training else ["it was published by hand: no training is known of it"]
    return Link(name="version", read=_place(record), facts=facts, notes=notes)


def _data(record: Record) -> Link | None:
    """Return what the artifact was trained on."""
    known = record.data
    if known is None:
        return None
    link = Link(name="data", read=_place(record), facts=msgspec.to_builtins(known))
    snapshots = {name: file for name, file in record.attachments.items() if name.startswith("data/")}
    same = {name: file for name, file in snapshots.items() if file.sha256 == known.sha256}
    for name, file in (same or snapshots).items():
        link.facts["snapshot"] = {"attachment": name, "sha256": file.sha256, "bytes": file.size}
    if snapshots and not same:
        link.broken.append(f"its snapshot is {link.facts['snapshot']['sha256']}, and {known.sha256} was trained on")
    if not snapshots:
        link.notes.append("no snapshot of it was published")
    return link


def _code(settings: Settings, subject: Subject, record: Record, pulls: Pulls) -> Link | None:
    """Return the commit that was trained, and the pull requests that brought it."""
    training, repository = record.training, subject.repository
    if training is None or not training.commit:
        return None
    facts: dict[str, Any] = {"commit": training.commit, "branch": training.branch}
    link = Link(name="code", read=_place(record), facts=facts)
    if training.dirty:
        link.notes.append("files differed from the commit when it was trained: the commit alone does not give them")
    if repository.commit_at(training.commit) is None:
        error = checkout.absent(repository, training.commit)
        fix = "git fetch --unshallow" if commits.boundary(repository) else error.fix
        link.notes.append(f"{error.problem} ({fix})")
        return link
    told = repository.run("log", "-1", "--format=%cI%x00%an <%ae>%x00%s", training.commit).decode(errors="replace")
    facts["when"], facts["who"], facts["subject"] = told.rstrip("\n").split("\0")
    tip = subject.declared.tip if subject.declared else commits.followed(repository, settings.branch)[0]
    facts["pulls"], notes = pulls.of_commit(tip, training.commit)
    link.notes += notes
    return link


def _runs(subject: Subject, record: Record | None) -> Link:
    """Return the runs that trained and released it."""
    training = record.training if record else None
    facts = {"training": training and training.run, "release": (subject.record and subject.record.run) or None}
    notes = [] if any(facts.values()) else ["no pipeline's run is known: it was made by a person's command"]
    return Link(name="runs", read="the records of version and release", facts=facts, notes=notes)


def _verified(settings: Settings, subject: Subject) -> Link | None:
    """Return who verified the release, and its origin, by their golden predictions."""
    if subject.record is None or subject.declared is None:
        return None
    wanted = [(subject.model_id.environment, str(subject.declared.name))]
    if subject.record.origin:
        wanted.append((subject.record.origin.environment, subject.record.origin.release))
    link = Link(name="verified", read=" and ".join(f"the store of {environment}" for environment, _ in wanted))
    for environment, name in wanted:
        named = f"{environment}/{subject.model_id.model}/{name}"
        try:
            evidence = store_of(settings, environment).verified(subject.model_id.model, name)
        except SlipwayError as error:
            link.broken.append(error.problem)
            continue
        if evidence is None:
            link.notes.append(f"{named} was not verified")
            continue
        link.facts[named] = evidence
        if evidence.get("fingerprint", subject.record.fingerprint) != subject.record.fingerprint:
            link.broken.append(f"what answered for {named} had the fingerprint {evidence['fingerprint']}")
    return link


def _place(record: Record) -> str:
    return f"the record of {record.id}"
