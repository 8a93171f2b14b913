"""What a person names, as the one release or version that it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops import history
from slipway.images import clients
from slipway.names import ModelId, ReleaseName, nearest
from slipway.provenance import declared
from slipway.text import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slipway.overlays.types import ReleaseRecord
    from slipway.provenance.declared import Declared
    from slipway.settings import Settings

__all__ = ["Subject", "find"]

_IMAGE = re.compile(r"(?:\S+@)?sha256:([0-9a-f]{64})")
_FINGERPRINT = re.compile(r"[0-9a-f]{8,64}")
_MODEL_ID = re.compile(r"[^/]+/[^/]+/[0-9]+")
_RELEASE = re.compile(r"(?:[^/]+/[^/]+/)?v[^/]+")

_SHOWN = 12


class Subject(NamedTuple):
    """A release, or a version that was never released (then `declared` is None)."""

    model_id: ModelId
    declared: Declared | None
    record: ReleaseRecord | None
    known: tuple[Declared, ...]
    """All releases of the repository."""
    called: clients.Called | None = None
    """Who answered, where a URL was asked."""

    def __str__(self) -> str:
        return str(self.declared or self.model_id)


def find(settings: Settings, what: str) -> Subject:
    """The release or version that `what` names: a release, a model id, an image, a fingerprint's begin, or a URL.

    One that was promoted stands for the release that it was promoted from, too, unless that is named with its
    environment. Raises `SlipwayError` when there is none, and when there are several, naming them.
    """
    what = what.strip()
    repository = Repository(settings.root)
    known = declared.everything(repository, declared.followed(repository, settings.branch))
    called = clients.describe(what) if what.startswith(("http://", "https://", "grpc://", "grpcs://")) else None
    wanted = _wanted_of(called) if called else what
    found = _matching(repository, known, wanted)
    if len(found) > 1 and wanted.count("/") != 2:
        found = _last_of_promotions(found)
    if len(found) > 1:
        names = [str(release) for release in sorted(found)]
        problem = f"{what} is more than one release: {listed(names, _SHOWN, ', and ')}"
        raise SlipwayError(problem, fix="name one of them, as it stands there")
    if not found:
        if _MODEL_ID.fullmatch(wanted):
            model_id = ModelId.parse(wanted)
            settings.environment(model_id.environment)
            return Subject(model_id, None, None, tuple(known), called)
        raise _unknown(settings, repository, known, what, wanted)
    ((release, record),) = found.items()
    return Subject(_id_of(release), release, record, tuple(known), called)


def _wanted_of(called: clients.Called) -> str:
    model_id = ModelId.parse(called.model_id)
    if model_id.environment == "dev" or called.release == "dev":
        problem = f"{called.url} serves {model_id} ({called.release}), which is no release"
        raise SlipwayError(problem, fix="it comes from a folder on that machine; publish and release it to trace it")
    return f"{model_id.environment}/{model_id.model}/{ReleaseName.parse(called.release)}"


def _id_of(release: Declared) -> ModelId:
    return ModelId(release.model, release.environment, release.name.version)


def _matching(repository: Repository, known: list[Declared], what: str) -> dict[Declared, ReleaseRecord]:
    if match := _IMAGE.fullmatch(what):
        found = declared.records(repository, known, match[1])
        return {each: record for each, record in found.items() if record.image.endswith(f"sha256:{match[1]}")}
    if _FINGERPRINT.fullmatch(what):
        alike = [each for each in known if each.name.short == what[:8]]
        found = declared.records(repository, alike)
        return {each: record for each, record in found.items() if record.fingerprint.startswith(what)}
    if _MODEL_ID.fullmatch(what):
        wanted = ModelId.parse(what)
        return declared.records(repository, [each for each in known if _id_of(each) == wanted])
    if _RELEASE.fullmatch(what):
        ReleaseName.parse(what.rpartition("/")[2])
        return declared.records(repository, [each for each in known if what in (str(each), str(each.name))])
    problem = f"{what!r} is nothing that can be traced"
    fix = "give a release (v7-1a2b3c4d), a model id (iris/test/7), an image (sha256:…), a fingerprint or a URL"
    raise SlipwayError(problem, fix=fix)


def _last_of_promotions(found: dict[Declared, ReleaseRecord]) -> dict[Declared, ReleaseRecord]:
    """Without those that others among them were promoted from: their chains go through these."""
    origins = {
        f"{record.origin.environment}/{release.model}/{record.origin.release}"
        for release, record in found.items()
        if record.origin
    }
    return {release: record for release, record in found.items() if str(release) not in origins}


def _unknown(
    settings: Settings, repository: Repository, known: Iterable[Declared], what: str, wanted: str
) -> SlipwayError:
    if history.is_shallow(repository):
        problem = f"{what} is in no commit that is here, and {settings.root} is a shallow clone, without the history"
        return SlipwayError(problem, fix="git fetch --unshallow")
    names = sorted(str(release) if "/" in wanted else str(release.name) for release in known)
    fix = f"git fetch, if it is new; {nearest(wanted, names)}"
    named = what if what == wanted else f"{what} is {wanted}, which"
    return SlipwayError(f"{named} was never declared in the history of {settings.branch}", fix=fix)
