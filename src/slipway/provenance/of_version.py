"""The links that the store and the code's history know: artifact, version, data, commit, runs and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import history
from slipway.names import ModelId, ReleaseName
from slipway.provenance import checkout
from slipway.provenance.links import Link
from slipway.store import store_of

if TYPE_CHECKING:
    from slipway.git import Repository
    from slipway.provenance.finding import Subject
    from slipway.provenance.pulls import Pulls
    from slipway.settings import Settings
    from slipway.store import Record

__all__ = ["Version", "artifact", "commit", "data", "read", "runs", "verified", "version"]


class Version(NamedTuple):
    """The record of a version, and what is to be said of how it was come by."""

    record: Record | None
    broken: list[str]
    notes: list[str]


def read(settings: Settings, subject: Subject) -> Version:
    """The record of the subject's version; of what it was promoted from where its own store does not tell."""
    own, problem = _record(settings, subject.model_id)
    before = _origin_of(subject)
    if before is None:
        return Version(own, [problem] if problem else [], [])
    source, trouble = _record(settings, before)
    if own is None and source is not None:
        copied = f"slipway copy {before.model} --env {subject.model_id.environment}"
        return Version(source, [], [f"{problem}; {before} is what was promoted ({copied} brings it over)"])
    broken = [problem] if problem else []
    if own is not None and source is not None and own.artifact.digest != source.artifact.digest:
        broken.append(f"{own.id} holds another artifact than {source.id}, which it was promoted from")
    return Version(own, broken, [f"{before} was not looked at: {trouble}"] if trouble else [])


def _record(settings: Settings, model_id: ModelId) -> tuple[Record | None, str]:
    try:
        return store_of(settings, model_id.environment).record(model_id.model, model_id.version), ""
    except SlipwayError as error:
        return None, error.problem


def _origin_of(subject: Subject) -> ModelId | None:
    before = subject.record.origin if subject.record else None
    if before is None:
        return None
    return ModelId(subject.model_id.model, before.environment, ReleaseName.parse(before.release).version)


def artifact(subject: Subject, found: Version) -> Link:
    """The trained model's files."""
    record, expected = found.record, subject.record.artifact if subject.record else None
    link = Link(name="artifact", read=_where(found), broken=list(found.broken), notes=list(found.notes))
    link.facts["digest"] = record.artifact.digest if record else expected
    if record is not None:
        files = record.artifact.files
        link.facts["bytes"] = sum(file.size for file in files.values())
        link.facts["files"] = [
            {"path": name, "sha256": file.sha256, "bytes": file.size} for name, file in files.items()
        ]
        if expected not in (None, record.artifact.digest):
            link.broken.append(
                f"{record.id} holds {record.artifact.digest}, and {subject} was declared with {expected}"
            )
    return link


def version(found: Version) -> Link | None:
    """How the artifact was trained."""
    record = found.record
    if record is None:
        return None
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
    return Link(name="version", read=_where(found), facts=facts, notes=notes)


def data(found: Version) -> Link | None:
    """What it was trained on."""
    if found.record is None or found.record.data is None:
        return None
    known = found.record.data
    link = Link(name="data", read=_where(found), facts=msgspec.to_builtins(known))
    snapshots = {name: file for name, file in found.record.attachments.items() if name.startswith("data/")}
    same = {name: file for name, file in snapshots.items() if file.sha256 == known.sha256}
    for name, file in (same or snapshots).items():
        link.facts["snapshot"] = {"attachment": name, "sha256": file.sha256, "bytes": file.size}
    if snapshots and not same:
        link.broken.append(f"its snapshot is {link.facts['snapshot']['sha256']}, and {known.sha256} was trained on")
    if not snapshots:
        link.notes.append("no snapshot of it was published")
    return link


def commit(repository: Repository, tip: str, found: Version, asked: Pulls) -> Link | None:
    """The code that trained it, and the pull requests that brought it."""
    training = found.record.training if found.record else None
    if training is None or not training.commit:
        return None
    facts: dict[str, Any] = {"commit": training.commit, "branch": training.branch}
    link = Link(name="code", read=_where(found), facts=facts)
    if training.dirty:
        link.notes.append("files differed from the commit when it was trained: the commit alone does not give them")
    if repository.commit_at(training.commit) is None:
        error = checkout.absent(repository, training.commit)
        shallow = history.is_shallow(repository)
        link.notes.append(f"{error.problem} ({'git fetch --unshallow' if shallow else error.fix})")
        return link
    told = repository.run("log", "-1", "--format=%cI%x00%an <%ae>%x00%s", training.commit).decode(errors="replace")
    facts["when"], facts["who"], facts["subject"] = told.rstrip("\n").split("\0")
    facts["pulls"], notes = asked.of_commit(tip, training.commit)
    link.notes += notes
    return link


def runs(subject: Subject, found: Version) -> Link:
    """The runs that trained and released it."""
    training = found.record.training if found.record else None
    made = subject.record.run if subject.record else ""
    facts = {"training": training and training.run, "release": made or None}
    notes = [] if any(facts.values()) else ["no pipeline's run is known: it was made by a person's command"]
    return Link(name="runs", read="the records of version and release", facts=facts, notes=notes)


def verified(settings: Settings, subject: Subject) -> Link | None:
    """Who held the release, and what it was promoted from, to the golden predictions."""
    if subject.record is None or subject.declared is None:
        return None
    link = Link(name="verified", read="")
    wanted = [(subject.model_id.environment, str(subject.declared.name))]
    if subject.record.origin:
        wanted.append((subject.record.origin.environment, subject.record.origin.release))
    for environment, name in wanted:
        release = f"{environment}/{subject.model_id.model}/{name}"
        try:
            evidence = store_of(settings, environment).verified(subject.model_id.model, name)
        except SlipwayError as error:
            link.broken.append(error.problem)
            continue
        if evidence is None:
            link.notes.append(f"{release} was not verified")
            continue
        link.facts[release] = evidence
        if evidence.get("fingerprint", subject.record.fingerprint) != subject.record.fingerprint:
            link.broken.append(f"what answered for {release} had the fingerprint {evidence['fingerprint']}")
    link.read = " and ".join(f"the store of {environment}" for environment, _ in wanted)
    return link


def _where(found: Version) -> str:
    return f"the record of {found.record.id}" if found.record else ""
