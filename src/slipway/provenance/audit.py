"""`slipway audit`: what is declared, held to what its own commits render and its first record said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops import release_folder
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import RECORD
from slipway.overlays.types import Release, ReleaseRecord
from slipway.provenance import commits
from slipway.provenance.commits import Declared
from slipway.settings import Settings

_CODE = "src/slipway"

# What makes a release the one of its name; whoever writes it again with other settings keeps it.
_SAME = ("version", "model_id", "fingerprint", "image", "container", "artifact")


class Audited(NamedTuple):
    """One declared release, and what is wrong with it."""

    environment: str
    model: str
    name: str
    problems: tuple[str, ...]
    note: str = ""
    """Why its folder could not be rendered anew. Empty where it could."""


def audit(settings: Settings, models: Sequence[str] = (), environment: str | None = None) -> Iterator[Audited]:
    """Yield each declared release of the followed branch, with what differs from how it was released.

    Its folder has to be what `manifests/function` and the settings of a commit of its own render from its record: the
    one that it was made from, the one that wrote it, or the one before. Its first record has to name the same image and
    artifact. Raise `SlipwayError` in a shallow clone, which lacks these commits.
    """
    repository = Repository(settings.root)
    if commits.boundary(repository):
        raise SlipwayError("this is a shallow clone, without the commits of releases", fix="git fetch --unshallow")
    snapshot = Snapshot(repository, repository.latest(), settings)
    known = {
        (each.environment, each.model, each.name): each for each in commits.everything(repository, [snapshot.commit])
    }
    for place in [environment] if environment else settings.environments:
        for model in sorted(snapshot.load(place) if not models else {*models} & snapshot.models(place)):
            yield from _overlay(snapshot, place, model, known)


def _overlay(
    snapshot: Snapshot, environment: str, model: str, known: dict[tuple[str, str, ReleaseName], Declared]
) -> Iterator[Audited]:
    try:
        overlay = snapshot.overlay(environment, model)
    except SlipwayError as error:
        yield Audited(environment, model, "", (error.problem,))
        return
    for release in overlay.releases:
        declared = known.get((environment, model, release.name))
        name = str(release.name)
        if declared is None:
            yield Audited(environment, model, name, ("no commit declares it",))
            continue
        problems, note = [*_unlike(snapshot.repository, release, declared)], ""
        writer = snapshot.written(environment, model)[release.name]
        if not _is_rendered(snapshot.repository, release, writer):
            note = _other_code(snapshot.repository, writer, snapshot.commit)
            problems += [] if note else ["no commit of its own renders these files from its record"]
        yield Audited(environment, model, name, tuple(problems), note)


def _unlike(repository: Repository, release: Release, declared: Declared) -> Iterator[str]:
    """Compare a release with its own record, and with the first of its name."""
    if overlays.is_altered(release):
        yield "its files are not those that its record names"
    first = _first(repository, declared)
    for name in _SAME:
        if first is not None and (said := getattr(first, name)) != (now := getattr(release.record, name)):
            yield f"its {name} was {said} in {declared.written[-1].id[:12]}, which declared it, and is {now}"


def _is_rendered(repository: Repository, release: Release, writer: str) -> bool:
    """Return True if a commit of the release's own renders its files."""
    own = map(repository.commit_at, (release.record.commit, writer, f"{writer}^"))
    return any(_rendered(repository, commit, release) == release.files for commit in dict.fromkeys(own) if commit)


def _first(repository: Repository, declared: Declared) -> ReleaseRecord | None:
    """Return the first record of a release; None where it cannot be read."""
    name = f"{declared.written[-1].id}:{declared.path}"
    try:
        return documents.read(repository.read([name])[name] or b"", declared.path, ReleaseRecord)
    except SlipwayError:
        return None


def _rendered(repository: Repository, commit: str, release: Release) -> dict[str, bytes] | None:
    """Return the files that a commit renders for a release's record; None where it renders none."""
    try:
        made = release_folder.make(Snapshot(repository, commit), release.record).files
    except SlipwayError:
        return None
    # A record without the digest is compared by the other files.
    return made if release.record.manifests else made | {RECORD: release.files[RECORD]}


def _other_code(repository: Repository, writer: str, now: str) -> str:
    """Return why another rendering proves nothing: the code that renders has changed since."""
    names = [f"{each}:{_CODE}" for each in (writer, now)]
    found = {folder.id if folder else "" for folder in repository.objects(names).values()}
    if len(found) == 1:
        return ""
    return f"{_CODE} has changed since {writer[:12]}, so that only its digest and its first record were compared"
