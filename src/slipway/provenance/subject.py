"""The subject of a trace: the one release or version that a person names, and the record of its version."""

from __future__ import annotations

import re
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.images import clients
from slipway.images.addresses import Called
from slipway.names import ModelId, ReleaseName, nearest
from slipway.overlays.types import ReleaseRecord
from slipway.provenance import commits
from slipway.provenance.commits import Declared
from slipway.settings import Settings
from slipway.store import Record, store_of
from slipway.text import listed

_IMAGE = re.compile(r"(?:\S+@)?sha256:([0-9a-f]{64})")
_FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")
_MODEL_ID = re.compile(r"[^/]+/[^/]+/[0-9]+")
_RELEASE = re.compile(r"(?:[^/]+/[^/]+/)?v[^/]+")
_URL = ("http://", "https://", "grpc://", "grpcs://")

_SHOWN = 12


class Subject(NamedTuple):
    """A release, or a version without a release. Then `declared` and `record` are None."""

    repository: Repository
    model_id: ModelId
    known: tuple[Declared, ...]
    """All releases of the repository."""
    called: Called | None = None
    """The function that answered, if a URL was named."""
    declared: Declared | None = None
    record: ReleaseRecord | None = None

    def __str__(self) -> str:
        return str(self.declared or self.model_id)


class Version(NamedTuple):
    """The record of a version if it can be read, the reasons of a broken link, and notes."""

    record: Record | None
    broken: list[str]
    notes: list[str]


def find(settings: Settings, what: str) -> Subject:
    """Return the release or version that `what` names: by name, model id, image, fingerprint (or its start), or URL.

    A promoted release stands for its origin too, unless `what` names the origin with its environment. Raise
    `SlipwayError` when there is no such release or several.
    """
    what = what.strip()
    repository = Repository(settings.root)
    known = commits.everything(repository, commits.followed(repository, settings.branch))
    called = clients.describe(what) if what.startswith(_URL) else None
    wanted = _release_of(called) if called else what
    found = _matching(repository, known, wanted)
    if len(found) > 1 and wanted.count("/") != 2:
        found = _last_of_promotions(found)
    if len(found) > 1:
        names = [str(release) for release in sorted(found)]
        problem = f"{what} is more than one release: {listed(names, _SHOWN, ', and ')}"
        raise SlipwayError(problem, fix="give one of these names")
    if not found:
        if not _MODEL_ID.fullmatch(wanted):
            raise _unknown(settings, repository, known, what, wanted)
        model_id = ModelId.parse(wanted)
        settings.environment(model_id.environment)
        return Subject(repository, model_id, tuple(known), called)
    ((release, record),) = found.items()
    return Subject(repository, release.model_id, tuple(known), called, release, record)


def _release_of(called: Called) -> str:
    model_id = ModelId.parse(called.model_id)
    if model_id.environment == "dev" or called.release == "dev":
        problem = f"{called.url} serves {model_id} ({called.release}), which is no release"
        raise SlipwayError(problem, fix="publish and release it to trace it: it is served from a local folder")
    return f"{model_id.environment}/{model_id.model}/{ReleaseName.parse(called.release)}"


def _matching(repository: Repository, known: list[Declared], what: str) -> dict[Declared, ReleaseRecord]:
    if match := _IMAGE.fullmatch(what):
        found = commits.records(repository, known, match[1])
        return {each: record for each, record in found.items() if record.image.endswith(f"sha256:{match[1]}")}
    if _FINGERPRINT.fullmatch(what):
        found = commits.records(repository, [each for each in known if each.name.short == what[:8]])
        return {each: record for each, record in found.items() if record.fingerprint.startswith(what)}
    if _MODEL_ID.fullmatch(what):
        wanted = ModelId.parse(what)
        return commits.records(repository, [each for each in known if each.model_id == wanted])
    if _RELEASE.fullmatch(what):
        ReleaseName.parse(what.rpartition("/")[2])
        return commits.records(repository, [each for each in known if what in (str(each), str(each.name))])
    fix = "give a release (v7-1a2b3c4d), a model id (iris/test/7), an image (sha256:…), a fingerprint or a URL"
    raise SlipwayError(f"{what!r} cannot be traced", fix=fix)


def _last_of_promotions(found: dict[Declared, ReleaseRecord]) -> dict[Declared, ReleaseRecord]:
    """Leave out the origin of another one, as the chain of the other one includes it."""
    origins = {
        f"{record.origin.environment}/{release.model}/{record.origin.release}"
        for release, record in found.items()
        if record.origin
    }
    return {release: record for release, record in found.items() if str(release) not in origins}


def _unknown(settings: Settings, repository: Repository, known: list[Declared], what: str, wanted: str) -> SlipwayError:
    if commits.boundary(repository):
        problem = f"no commit in {settings.root} declares {what}, but it is a shallow clone without the older commits"
        return SlipwayError(problem, fix="git fetch --unshallow")
    names = sorted(str(release) if "/" in wanted else str(release.name) for release in known)
    fix = f"git fetch, if the release is new; {nearest(wanted, names)}"
    named = what if what == wanted else f"{what} is {wanted}, which"
    return SlipwayError(f"{named} was never declared in the history of {settings.branch}", fix=fix)


def version_of(settings: Settings, subject: Subject) -> Version:
    """Return the record of the subject's version, or of its origin when the version's own store does not have it.

    A record that is there and cannot be read is a broken link, whoever else has a copy.
    """
    own, problem, broken = _record(settings, subject.model_id)
    before = subject.record.origin if subject.record else None
    if before is None:
        return _with_files(settings, Version(own, [problem] if problem else [], []))
    origin_id = ModelId(subject.model_id.model, before.environment, ReleaseName.parse(before.release).version)
    origin, trouble, damaged = _record(settings, origin_id)
    reasons = [f"{trouble} (the origin of {subject.model_id})"] if damaged else []
    if own is None and origin is not None:
        copied = f"slipway copy {origin_id.model} --env {subject.model_id.environment}"
        note = f"{problem}; this is the record of its origin {origin_id}"
        found = (
            Version(origin, [problem], [note]) if broken else Version(origin, [], [f"{note} (to copy it: {copied})"])
        )
        return _with_files(settings, found)
    if own is not None and origin is not None and own.artifact.digest != origin.artifact.digest:
        reasons.append(f"{own.id} holds another artifact than its origin {origin.id}")
    notes = [f"the record of its origin {origin_id} cannot be read: {trouble}"] if trouble and not damaged else []
    return _with_files(settings, Version(own, [*([problem] if problem else []), *reasons], notes))


def _with_files(settings: Settings, version: Version) -> Version:
    """Add what is wrong with the files of a version in its store."""
    record = version.record
    if record is None:
        return version
    faults = store_of(settings, record.environment).faults(record)
    told = [f"{name} of {record.id} {problem}" for name, problem in faults.items()]
    return version._replace(broken=[*version.broken, *told])


def _record(settings: Settings, model_id: ModelId) -> tuple[Record | None, str, bool]:
    """Return a record, or None, the problem, and True if the store has the record and it cannot be read."""
    try:
        store = store_of(settings, model_id.environment)
        damaged = model_id.version in store.versions(model_id.model)
    except SlipwayError as error:
        return None, error.problem, False
    try:
        return store.record(model_id.model, model_id.version), "", False
    except SlipwayError as error:
        return None, error.problem, damaged
