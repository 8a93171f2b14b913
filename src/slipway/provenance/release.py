"""Links of a release, read from git: the answer, the release, its origin, its image and its fingerprint."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway import settings as settings_file
from slipway import times
from slipway.errors import SlipwayError
from slipway.images import build as images
from slipway.images import bundle
from slipway.overlays.types import ReleaseRecord
from slipway.provenance import checkout, commits
from slipway.provenance.chain import Link
from slipway.provenance.commits import Commit, Declared, Pulls
from slipway.provenance.subject import Subject
from slipway.settings import Settings

__all__ = ["links"]

_SHALLOW = "this is a shallow clone"


def links(settings: Settings, subject: Subject, files: Mapping[str, str] | None, pulls: Pulls) -> list[Link | None]:
    """Return the links of a release; `files` are the digests of its artifact's files, if they are known."""
    chosen, record = subject.declared, subject.record
    if chosen is None or record is None:
        return []
    return [
        _answer(subject, record),
        _release(subject, chosen, record),
        _origin(subject, chosen, record, pulls),
        _image(subject, chosen, record),
        _fingerprint(settings, subject, record, files) if files is not None else None,
    ]


def _answer(subject: Subject, record: ReleaseRecord) -> Link | None:
    called = subject.called
    if called is None:
        return None
    link = Link(name="answer", read=f"GET {called.url}/", facts=called._asdict())
    for word, said, known in (
        ("artifact", called.artifact, record.artifact),
        ("fingerprint", called.fingerprint, record.fingerprint),
    ):
        if said != known:
            link.broken.append(f"its {word} is {said}, and {subject} was declared with {known}")
    return link


def _release(subject: Subject, chosen: Declared, record: ReleaseRecord) -> Link:
    """Return what was declared, when and by whom, and how long it was on the route."""
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
        "percent": shares[-1].percent if shares else 0,
        "route": [{"percent": share.percent} | _by(share.commit, oldest) for share in shares],
        "rejected": {"reason": rejected.reason} | _by(rejected.commit, oldest) if rejected else None,
        "made_by": record.by,
        "made_from": record.commit,
        "branch": record.branch,
        "accepted": record.accepted,
    }
    link = Link(name="release", read=_place(chosen), facts=facts)
    if not shares:
        link.notes.append("it never got a request")
    if oldest:
        link.notes.append(f"{_SHALLOW}: what came before it is not told (git fetch --unshallow)")
    return link


def _origin(subject: Subject, chosen: Declared, record: ReleaseRecord, pulls: Pulls) -> Link | None:
    """Return the release that this one was promoted from."""
    if record.origin is None:
        return None
    named = f"{record.origin.environment}/{subject.model_id.model}/{record.origin.release}"
    found = next((each for each in subject.known if str(each) == named), None)
    if found is None:
        link = Link(name="origin", read="the release's record", facts={"release": named})
        if commits.boundary(subject.repository):
            link.notes.append(f"{_SHALLOW}, and has nothing of it (git fetch --unshallow)")
        else:
            link.broken.append(f"{named}, which it was promoted from, was never declared in the history that is here")
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
    digest = record.image.rpartition("@")[2]
    built = not images.is_unbuilt(record.image)
    facts = {"reference": record.image, "digest": digest, "bytes": record.size or None, "built": built}
    link = Link(name="image", read=_place(chosen), facts=facts)
    if record.image.encode() not in commits.manifests(subject.repository, chosen):
        link.broken.append("the manifests beside the record name another image")
    if not built:
        link.notes.append("nobody built it: the digest is the fingerprint")
    return link


def _fingerprint(settings: Settings, subject: Subject, record: ReleaseRecord, files: Mapping[str, str]) -> Link:
    """Return what the image was made of."""
    link = Link(name="fingerprint", read="the release's record", facts={"fingerprint": record.fingerprint})
    if record.container:
        link.facts["components"] = {"artifact": record.artifact, "image": record.image}
        return link
    if bundle.LOCK not in files:
        link.notes.append("its components are not known: the artifact does not bring its own lock")
        return link
    where, parts = _components(settings, subject, record, files)
    if parts is None:
        link.notes.append(f"its components cannot be had from {where}")
    else:
        link.read, link.facts["components"] = f"computed from {where}", parts
    return link


def _components(
    settings: Settings, subject: Subject, record: ReleaseRecord, files: Mapping[str, str]
) -> tuple[str, dict[str, str] | None]:
    """Return the components that give the fingerprint: of the checked-out files or, if those changed, of the commit."""
    model = subject.model_id.model
    try:
        parts = bundle.components(settings, model, files)
        if bundle.fingerprint(parts) == record.fingerprint:
            return "what is checked out", parts
    except SlipwayError:  # the model may be gone by now
        pass
    where = f"commit {record.commit[:12]}"
    try:
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            root = checkout.make(subject.repository, record.commit, Path(scratch) / "repository")
            parts = bundle.components(settings_file.load(root), model, files)
    except SlipwayError as error:
        return f"{where}: {error.problem}", None
    if bundle.fingerprint(parts) != record.fingerprint:
        return f"{where}: they give {bundle.fingerprint(parts)[:8]}", None
    return where, parts


def _place(release: Declared) -> str:
    return f"{release.path} at {release.written[0].id[:12]}"


def _by(commit: Commit, oldest: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return when and by whom a commit was made, and the pull request that its subject names.

    For one of the `oldest` commits of a shallow clone, return nothing: those seem to have made all that they hold.
    """
    if commit.id in oldest:
        return {}
    pull = commits.pull_in(commit.subject)
    return {"when": times.format(commit.when), "who": commit.who, "commit": commit.id, "pull": pull}
