"""The links that git knows: the answer, the release, what it was promoted from, its image and its fingerprint."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway import settings as settings_file
from slipway import times
from slipway.errors import SlipwayError
from slipway.images import build as images
from slipway.images import bundle
from slipway.provenance import checkout, declared, pulls
from slipway.provenance.links import Link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.git import Repository
    from slipway.overlays.types import ReleaseRecord
    from slipway.provenance.declared import Commit, Declared
    from slipway.provenance.finding import Subject
    from slipway.settings import Settings

__all__ = ["answer", "fingerprint", "image", "origin", "release"]

_SHALLOW = "this is a shallow clone"


def answer(subject: Subject) -> Link | None:
    """Who answered at the URL; None where none was asked."""
    called, record = subject.called, subject.record
    if called is None or record is None:
        return None
    link = Link(name="answer", read=f"GET {called.url}/", facts=called._asdict())
    for word, said, known in (
        ("artifact", called.artifact, record.artifact),
        ("fingerprint", called.fingerprint, record.fingerprint),
    ):
        if said != known:
            link.broken.append(f"its {word} is {said}, and {subject} was declared with {known}")
    return link


def release(repository: Repository, chosen: Declared, record: ReleaseRecord) -> Link:
    """What was declared, when, by whom, and how long it was on the route."""
    shares = declared.on_route(repository, chosen)
    rejected = declared.rejection(repository, chosen)
    oldest = declared.boundary(repository)
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
    link = Link(name="release", read=f"{chosen.path} at {chosen.written[0].id[:12]}", facts=facts)
    if not shares:
        link.notes.append("it never got a request")
    if oldest:
        link.notes.append(f"{_SHALLOW}: what came before it is not told (git fetch --unshallow)")
    return link


def origin(repository: Repository, subject: Subject, record: ReleaseRecord, asked: pulls.Pulls) -> Link | None:
    """The release that this one was promoted from; None for one that was not."""
    if record.origin is None:
        return None
    named = f"{record.origin.environment}/{subject.model_id.model}/{record.origin.release}"
    found = next((each for each in subject.known if str(each) == named), None)
    if found is None:
        link = Link(name="origin", read="the release's record", facts={"release": named})
        if declared.boundary(repository):
            link.notes.append(f"{_SHALLOW}, and has nothing of it (git fetch --unshallow)")
        else:
            link.broken.append(f"{named}, which it was promoted from, was never declared in the history that is here")
        return link
    before = declared.records(repository, [found])[found]
    facts: dict[str, Any] = {
        "release": named,
        "model_id": before.model_id,
        "declared": _by(found.written[-1], declared.boundary(repository)),
        "run": before.run,
    }
    link = Link(name="origin", read=f"{found.path} at {found.written[0].id[:12]}", facts=facts)
    if (chosen := subject.declared) is not None:
        facts["pulls"], link.notes = asked.of_commit(chosen.tip, chosen.written[-1].id)
    for word in ("image", "fingerprint", "artifact"):
        own, other = getattr(record, word), getattr(before, word)
        if own != other:
            link.broken.append(f"its {word} is {other}, and {subject} has {own}")
    return link


def image(repository: Repository, chosen: Declared, record: ReleaseRecord) -> Link:
    """What the cluster pulls."""
    digest = record.image.rpartition("@")[2]
    built = not images.is_unbuilt(record.image)
    facts = {"reference": record.image, "digest": digest, "bytes": record.size or None, "built": built}
    link = Link(name="image", read=f"{chosen.path} at {chosen.written[0].id[:12]}", facts=facts)
    if record.image.encode() not in declared.manifests(repository, chosen):
        link.broken.append("the manifests beside the record name another image")
    if not built:
        link.notes.append("nobody built it: the digest is the fingerprint")
    return link


def fingerprint(settings: Settings, repository: Repository, subject: Subject, files: Mapping[str, str]) -> Link | None:
    """What the image was made of; `files` are the digests of the artifact's, by path."""
    record = subject.record
    if record is None:
        return None
    link = Link(name="fingerprint", read="the release's record", facts={"fingerprint": record.fingerprint})
    if record.container:
        link.facts["components"] = {"artifact": record.artifact, "image": record.image}
        return link
    if bundle.LOCK not in files:
        link.notes.append("its components are not known: the artifact does not bring its own lock")
        return link
    where, parts = _components(settings, repository, subject, files)
    if parts is None:
        link.notes.append(f"its components cannot be had from {where}")
    else:
        link.read, link.facts["components"] = f"computed from {where}", parts
    return link


def _components(
    settings: Settings, repository: Repository, subject: Subject, files: Mapping[str, str]
) -> tuple[str, dict[str, str] | None]:
    """The components that give the fingerprint: from what is checked out or, if that has moved on, from the commit."""
    record, model = subject.record, subject.model_id.model
    if record is None:
        return "", None
    try:
        parts = bundle.components(settings, model, files)
        if bundle.fingerprint(parts) == record.fingerprint:
            return "what is checked out", parts
    except SlipwayError:  # a model that is gone by now, say
        pass
    where = f"commit {record.commit[:12]}"
    try:
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            root = checkout.make(repository, record.commit, Path(scratch) / "repository")
            parts = bundle.components(settings_file.load(root), model, files)
    except SlipwayError as error:
        return f"{where}: {error.problem}", None
    if bundle.fingerprint(parts) != record.fingerprint:
        return f"{where}: they give {bundle.fingerprint(parts)[:8]}", None
    return where, parts


def _by(commit: Commit, oldest: frozenset[str] = frozenset()) -> dict[str, Any]:
    """A change of the overlays: when, by whom, and by which pull request where its subject tells.

    Nothing of one of the `oldest` commits of a shallow clone, which seem to have made all that they hold.
    """
    if commit.id in oldest:
        return {}
    pull = pulls.of_subject(commit.subject)
    return {"when": times.format(commit.when), "who": commit.who, "commit": commit.id, "pull": pull}
