"""`slipway trace`: the chain from an answer back to its data and code, as git and the store know it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.images import build as images
from slipway.images import bundle
from slipway.overlays.overlay import MANIFESTS, is_altered
from slipway.overlays.types import Release, ReleaseRecord
from slipway.provenance import commits
from slipway.provenance.chain import Chain, Link
from slipway.provenance.commits import Commit, Declared, Pulls
from slipway.provenance.subject import Subject, Version, find, version_of
from slipway.settings import Settings
from slipway.store import Record, store_of
from slipway.text import format_time

_SHALLOW = "this is a shallow clone"


def trace(settings: Settings, what: str) -> Chain:
    """Return the chain behind `what`, which `subject.find` takes. Its `broken` reasons tell where it does not hold.

    Raise `SlipwayError` when `what` names no release or several.
    """
    subject = find(settings, what)
    if subject.declared is None:
        # Without a release, the version must exist: the store raises an error that lists the versions.
        store_of(settings, subject.model_id.environment).record(subject.model_id.model, subject.model_id.version)
    links = _links(settings, subject, version_of(settings, subject))
    return Chain(what=what, subject=str(subject), links=[link for link in links if link is not None])


def _links(settings: Settings, subject: Subject, version: Version) -> Iterator[Link | None]:
    pulls, record = Pulls(subject.repository), version.record
    if subject.declared is not None and subject.record is not None:
        yield _answer(subject, subject.record)
        yield _release(subject, subject.declared, subject.record)
        yield _origin(subject, subject.declared, subject.record, pulls)
        yield _image(subject, subject.declared, subject.record)
        yield _fingerprint(settings, subject, subject.record, record) if record else None
    yield _artifact(subject, version)
    if record is not None:
        yield _version(record)
        yield _data(record)
        yield _code(settings, subject, record, pulls)
    yield _runs(subject, record)
    yield _verified(settings, subject)


def _answer(subject: Subject, record: ReleaseRecord) -> Link | None:
    called = subject.called
    if called is None:
        return None
    link = Link(name="answer", read=f"GET {called.url}/", facts=called._asdict())
    for word in ("artifact", "fingerprint"):
        said, known = getattr(called, word), getattr(record, word)
        if said != known:
            link.broken.append(f"its {word} is {said}, and {subject} was declared with {known}")
    return link


def _release(subject: Subject, chosen: Declared, record: ReleaseRecord) -> Link:
    """Return the declaration of the release: its content, its author, and its times on the route."""
    repository = subject.repository
    shares, rejected = commits.on_route(repository, chosen), commits.rejection(repository, chosen)
    oldest = commits.boundary(repository)
    facts: dict[str, Any] = {
        "release": str(chosen.name),
        "environment": chosen.environment,
        "model": chosen.model,
        "model_id": record.model_id,
        "declared": _by(chosen.written[-1], oldest),
        "written_again": [_by(commit, oldest) for commit in chosen.written[-2::-1]],
        "removed": _by(chosen.removed) if chosen.removed else None,
        "percent": shares[-1][1] if shares else 0,
        "route": [{"percent": percent} | _by(commit, oldest) for commit, percent in shares],
        "rejected": {"reason": rejected[1]} | _by(rejected[0], oldest) if rejected else None,
        "made_by": record.by,
        "made_from": record.commit,
        "branch": record.branch,
        "accepted": record.accepted,
    }
    notes = [] if shares else ["it was never on the route"]
    if oldest:
        notes.append(f"{_SHALLOW}: earlier commits are unknown (git fetch --unshallow)")
    return Link(name="release", read=_place(chosen), facts=facts, notes=notes)


def _origin(subject: Subject, chosen: Declared, record: ReleaseRecord, pulls: Pulls) -> Link | None:
    """Return the release that this one was promoted from."""
    if record.origin is None:
        return None
    named = f"{record.origin.environment}/{subject.model_id.model}/{record.origin.release}"
    found = next((each for each in subject.known if str(each) == named), None)
    if found is None:
        link = Link(name="origin", read="the release's record", facts={"release": named})
        if commits.boundary(subject.repository):
            link.notes.append(f"{_SHALLOW}, and its commits do not declare {named} (git fetch --unshallow)")
        else:
            link.broken.append(f"it was promoted from {named}, which no commit in this clone declares")
        return link
    before = commits.records(subject.repository, [found])[found]
    brought, notes = pulls.of_commit(chosen.tip, chosen.written[-1].id)
    facts: dict[str, Any] = {
        "release": named,
        "model_id": before.model_id,
        "declared": _by(found.written[-1], commits.boundary(subject.repository)),
        "run": before.run,
        "pulls": brought,
    }
    link = Link(name="origin", read=_place(found), facts=facts, notes=notes)
    for word in ("image", "fingerprint", "artifact"):
        own, other = getattr(record, word), getattr(before, word)
        if own != other:
            link.broken.append(f"its {word} is {other}, and {subject} has {own}")
    return link


def _image(subject: Subject, chosen: Declared, record: ReleaseRecord) -> Link:
    built, digest = not images.is_unbuilt(record.image), record.image.rpartition("@")[2]
    facts = {"reference": record.image, "digest": digest, "bytes": record.size or None, "built": built}
    link = Link(name="image", read=_place(chosen), facts=facts)
    files = commits.files(subject.repository, chosen)
    if record.image.encode() not in files.get(MANIFESTS, b""):
        link.broken.append("the manifests beside the record name another image")
    elif is_altered(Release(record=record, files=files)):
        link.broken.append("the files beside the record were changed by hand: they are not those that it names")
    if not built:
        link.notes.append("the image was not built: its digest is the fingerprint")
    return link


def _fingerprint(settings: Settings, subject: Subject, record: ReleaseRecord, version: Record) -> Link:
    """Return the components of the image."""
    link = Link(name="fingerprint", read="the release's record", facts={"fingerprint": record.fingerprint})
    files = {name: file.sha256 for name, file in version.artifact.files.items()}
    if record.container:
        link.facts["components"] = {"artifact": record.artifact, "image": record.image}
        return link
    where, parts = _components(settings, subject, record, files)
    if parts is None:
        link.notes.append(f"its components are unknown: {where}")
    else:
        link.read, link.facts["components"] = f"computed from {where}", parts
    return link


def _components(
    settings: Settings, subject: Subject, record: ReleaseRecord, files: dict[str, str]
) -> tuple[str, dict[str, str] | None]:
    """Return the components that give the fingerprint: of the checked-out files or, if those changed, of the commit."""
    if bundle.LOCK not in files:
        return f"the artifact has no {bundle.LOCK}", None
    model = subject.model_id.model
    with suppress(SlipwayError):  # the checked-out files may lack the model
        parts = bundle.components(settings, model, files)
        if bundle.fingerprint(parts) == record.fingerprint:
            return "what is checked out", parts
    where = f"commit {record.commit[:12]}"
    try:
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            root = commits.check_out(subject.repository, record.commit, Path(scratch) / "repository")
            parts = bundle.components(settings_file.load(root), model, files)
    except SlipwayError as error:
        return f"{where}: {error.problem}", None
    if bundle.fingerprint(parts) != record.fingerprint:
        return f"{where} gives another fingerprint, {bundle.fingerprint(parts)[:8]}", None
    return where, parts


def _artifact(subject: Subject, version: Version) -> Link:
    record, expected = version.record, subject.record.artifact if subject.record else None
    facts: dict[str, Any] = {"digest": expected}
    link = Link(name="artifact", read="", facts=facts, broken=list(version.broken), notes=list(version.notes))
    if record is not None:
        link.read, facts["digest"] = _record_of(record), record.artifact.digest
        files = record.artifact.files
        facts["bytes"] = sum(file.size for file in files.values())
        facts["files"] = [{"path": name, "sha256": file.sha256, "bytes": file.size} for name, file in files.items()]
        if expected not in (None, record.artifact.digest):
            link.broken.append(
                f"{record.id} holds {record.artifact.digest}, and {subject} was declared with {expected}"
            )
    if subject.declared is None:
        link.notes.append(f"{subject.model_id} was never released, as far as this clone's history tells")
    return link


def _version(record: Record) -> Link:
    """Return the training of the artifact."""
    training = record.training
    facts: dict[str, Any] = {
        "model_id": str(record.id),
        "created": record.created,
        "by": record.by,
        "training_digest": training and training.digest,
        "parameters": training and training.parameters,
        "python": training and training.python,
        "machine": training and training.machine,
        "second_fit": training and training.second_fit and training.second_fit.words,
        "metrics": record.metrics,
        "gates": record.gates,
        "metadata": record.metadata,
        "copied_from": record.origin and f"{record.model}/{record.origin.environment}/{record.origin.version}",
    }
    notes = [] if training else ["it was published by hand: its training is unknown"]
    return Link(name="version", read=_record_of(record), facts=facts, notes=notes)


def _data(record: Record) -> Link | None:
    """Return the data that the artifact was trained on."""
    known = record.data
    if known is None:
        return None
    link = Link(name="data", read=_record_of(record), facts=msgspec.to_builtins(known))
    snapshots = {name: file for name, file in record.attachments.items() if name.startswith("data/")}
    if not snapshots:
        link.notes.append("no snapshot of it was published")
        return link
    name, file = max(snapshots.items(), key=lambda snapshot: snapshot[1].sha256 == known.sha256)
    link.facts["snapshot"] = {"attachment": name, "sha256": file.sha256, "bytes": file.size}
    if file.sha256 != known.sha256:
        link.broken.append(f"its snapshot is {file.sha256}, but the training used {known.sha256}")
    return link


def _code(settings: Settings, subject: Subject, record: Record, pulls: Pulls) -> Link | None:
    """Return the commit that was trained, and the pull requests that brought it."""
    training, repository = record.training, subject.repository
    if training is None or not training.commit:
        return None
    facts: dict[str, Any] = {"commit": training.commit, "branch": training.branch}
    link = Link(name="code", read=_record_of(record), facts=facts)
    if training.dirty:
        link.notes.append("files differed from the commit at its training, so the commit does not have all its code")
    if repository.commit_at(training.commit) is None:
        error = commits.absent(repository, training.commit)
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
    """Return the pipeline runs that trained and released it."""
    training = record.training if record else None
    facts = {"training": training and training.run, "release": (subject.record and subject.record.run) or None}
    notes = [] if any(facts.values()) else ["no run of a pipeline is recorded: a person's command made it"]
    return Link(name="runs", read="the records of version and release", facts=facts, notes=notes)


def _verified(settings: Settings, subject: Subject) -> Link | None:
    """Return the verifications of the release and of its origin."""
    if subject.record is None or subject.declared is None:
        return None
    wanted = [(subject.model_id.environment, str(subject.declared.name))]
    if subject.record.origin:
        wanted.append((subject.record.origin.environment, subject.record.origin.release))
    link = Link(name="verified", read=" and ".join(f"the store of {environment}" for environment, _ in wanted))
    for environment, name in wanted:
        named, known = f"{environment}/{subject.model_id.model}/{name}", subject.record.fingerprint
        try:
            evidence = store_of(settings, environment).verified(subject.model_id.model, name)
        except SlipwayError as error:
            link.broken.append(error.problem)
            continue
        if evidence is None:
            link.notes.append(f"{named} was not verified")
            continue
        link.facts[named] = evidence
        if (found := evidence.get("fingerprint", known)) != known:
            link.broken.append(f"the function that was verified as {named} has the fingerprint {found}")
    return link


def _place(release: Declared) -> str:
    return f"{release.path} at {release.written[0].id[:12]}"


def _record_of(record: Record) -> str:
    return f"the record of {record.id}"


def _by(commit: Commit, oldest: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the time, author and id of a commit, and the pull request that its subject names."""
    if commit.id in oldest:  # in a shallow clone, its oldest commits seem to have made all that they hold
        return {}
    pull = commits.pull_in(commit.subject)
    return {"when": format_time(commit.when), "who": commit.who, "commit": commit.id, "pull": pull}
