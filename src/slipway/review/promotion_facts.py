"""The facts that decide on a promotion: the candidate, the running release, and all that differs between them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from slipway import digests
from slipway.artifacts import manifest
from slipway.errors import SlipwayError
from slipway.git import GitError, Repository
from slipway.models import locks
from slipway.names import ReleaseName
from slipway.overlays.overlay import MANIFESTS
from slipway.overlays.types import Hold, Overlay, Release
from slipway.release import compatibility
from slipway.release.candidates import is_merged, source_of
from slipway.release.compatibility import Change
from slipway.release.promote import Promoted
from slipway.review.change_body import sides
from slipway.review.comparison import Comparison, Side, Version, compare, fetched
from slipway.settings import Settings
from slipway.store import Record, Store, store_of
from slipway.text import unified
from slipway.training.metrics import Verdict, judge

T = TypeVar("T")

# Beside the model, these paths decide what a release does: where they differ, so do the images.
_PLATFORM = ("functions", "manifests/function", "slipway.yaml", "src/slipway")
# Each release has its own of these fields of its record.
_OWN = ("release", "model_id", "image", "fingerprint", "artifact", "verifier")


class Moved(NamedTuple):
    """A value before and after, as text; empty where there was none."""

    name: str
    before: str
    after: str


class Manifests(NamedTuple):
    """The differences between the manifests of two releases."""

    expected: dict[Moved, int]
    """Names and digests that each release has of its own, and how often the manifests have each."""
    diff: str
    """The other differences, as a unified diff."""


class Contents(NamedTuple):
    """The differences between two artifacts; `changes` concern callers."""

    changes: list[Change]
    parameters: list[Moved]
    packages: list[Moved]
    code: str


class Facts(NamedTuple):
    """Everything that the body of a promotion's pull request says."""

    candidate: Release
    before: Overlay
    after: Overlay
    release: Release
    """The target's release that the candidate becomes."""
    running: Release | None
    """The target's release with the largest share of the requests."""
    record: Record
    running_record: Record | None
    comparison: Comparison
    verdicts: list[Verdict]
    unjudged: str
    """Why no gate was judged, though there are gates."""
    contents: Contents | None
    """None where nothing runs, or its artifact is not available: `notes` say why."""
    manifests: Manifests | None
    platform: list[str]
    """The platform's files that differ between the commits of both."""
    evidence: dict[str, Any] | None
    notes: list[str]
    hold: Hold | None
    """The hold on the model in the candidate's environment."""
    unmerged: str
    """The branch that lacks the candidate's commit; empty where it has it."""


def running(overlay: Overlay) -> Release | None:
    """Return the release with the largest share of the requests; of equals, the newest."""
    routed = [release for release in overlay.releases if release.name in overlay.route]
    return max(routed, key=lambda release: (overlay.route[release.name], release.age), default=None)


Take = Callable[[Store, Record], T]
"""A function that gets a version out of its store."""
Compare = Callable[[Settings, Version, Version | None], Comparison]
"""A function that compares the candidate with the running version, or knows how they compare."""


def both(done: Promoted, take: Take[T]) -> tuple[T, T | None, list[str]]:
    """Return the candidate, the running version, and notes on why that cannot be had.

    Raise `SlipwayError` when the promotion changed nothing, or the candidate's artifact is not available.
    """
    before, after = sides(done.edited)
    source = source_of(done.settings, after.environment)
    store = store_of(done.settings, source)
    candidate = take(store, store.record(after.model, done.source.version))
    return candidate, *running_version(done.settings, source, running(before), after.model, take)


def gather(done: Promoted, compared: Compare = compare) -> Facts:
    """Gather the facts of a promotion. Notes name what is missing of the running release.

    Raise `SlipwayError` when the promotion changed nothing, or the candidate's artifact is not available.
    """
    before, after = sides(done.edited)
    settings, candidate, snapshot, model = done.settings, done.source, done.edited.snapshot, after.model
    source = source_of(settings, after.environment)
    now, same = running(before), (candidate.record.fingerprint, candidate.record.artifact)
    release = next(each for each in after.releases if (each.record.fingerprint, each.record.artifact) == same)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        ours, theirs, notes = both(done, lambda store, record: fetched(store, record, _place(scratch, record)))
        comparison = compared(settings, ours, theirs)
        contents = _contents(theirs, ours, notes) if theirs is not None else None
    if now is not None and theirs is None:
        recorded, why = Side(metrics=dict(now.record.metrics)), "; ".join(notes) or "its artifact is gone"
        comparison = msgspec.structs.replace(comparison, before=recorded, unlike=why)
    if contents is not None and now is not None:
        contents.changes.extend(compatibility.limit_changes(now.files[MANIFESTS], release.files[MANIFESTS]))
    verdicts, unjudged = _judged(settings, model, comparison)
    return Facts(
        candidate=candidate,
        before=before,
        after=after,
        release=release,
        running=now,
        record=ours.record,
        running_record=theirs.record if theirs else None,
        comparison=comparison,
        verdicts=verdicts,
        unjudged=unjudged,
        contents=contents,
        manifests=manifests(now, release) if now else None,
        platform=_platform(settings, now, candidate, notes) if now else [],
        evidence=store_of(settings, source).verified(model, candidate.name),
        notes=notes,
        hold=snapshot.overlay(source, model).hold if snapshot else None,
        unmerged="" if snapshot is None or is_merged(snapshot, candidate.record) else done.edited.branch,
    )


def _place(folder: str, record: Record) -> Path:
    return Path(folder, record.environment, str(record.version))


def running_version(
    settings: Settings, source: str, now: Release | None, model: str, take: Take[T]
) -> tuple[T | None, list[str]]:
    """Take the running version, first from where it was promoted from: the target's store may not be readable."""
    if now is None:
        return None, []
    places = [(source, ReleaseName.parse(now.record.origin.release).version)] if now.record.origin else []
    problem = ""
    for place, version in [*places, (now.record.model_id.split("/")[1], now.version)]:
        try:
            store = store_of(settings, place)
            record = store.record(model, version)
            if record.artifact.digest == now.record.artifact:
                return take(store, record), []
            problem = f"{record.id} is not the artifact of {now.name}"
        except SlipwayError as error:
            problem = error.problem
    return None, [f"the artifact of {now.name} cannot be had: {problem}"]


def _contents(before: Version, after: Version, notes: list[str]) -> Contents | None:
    try:
        installed = [packages(_text(version.folder / "requirements.lock")) for version in (before, after)]
        parameters = [manifest.read(version.folder).parameters for version in (before, after)]
        return Contents(
            changes=compatibility.compare(before.schema, after.schema),
            parameters=moved(*parameters),
            packages=moved(*installed),
            code=code(before.folder, after.folder),
        )
    except SlipwayError as error:
        notes.append(error.problem)
        return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _judged(settings: Settings, model: str, comparison: Comparison) -> tuple[list[Verdict], str]:
    """Judge the candidate by the gates; against the running version only where both had the same rows."""
    against = comparison.before.metrics if comparison.before and comparison.then else None
    try:
        return judge(settings.model(model).gates, comparison.candidate.metrics, against), ""
    except SlipwayError as error:
        return [], error.problem


def _platform(settings: Settings, now: Release, candidate: Release, notes: list[str]) -> list[str]:
    try:
        repository = Repository(settings.root)
        old, new = (repository.commit_at(release.record.commit) for release in (now, candidate))
        if old is None or new is None:
            notes.append("this clone lacks the commit of one release: what else differs between them is not known")
            return []
        changed = repository.changed(old, new)
    except GitError as error:
        notes.append(error.problem)
        return []
    return [path for path in changed if path in _PLATFORM or path.startswith(tuple(f"{top}/" for top in _PLATFORM))]


def packages(lock: str) -> dict[str, str]:
    """Return {package: version} of a lock; several versions, each for some platforms, are listed."""
    found: dict[str, str] = {}
    for each in locks.packages(lock):
        found[each.name] = f"{found[each.name]}, {each.content}" if each.name in found else each.content
    return found


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Moved]:
    """Return the values that differ, sorted by name."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [Moved(name, *(str(side[name]) if name in side else "" for side in (before, after))) for name in names]


def code(before: Path, after: Path) -> str:
    """Return the unified diff of the code in two artifacts; empty where it is the same."""
    old, new = (
        {path: file.read_bytes() for path, file in digests.walk(folder).items() if path.startswith("code/")}
        for folder in (before, after)
    )
    return unified(old, new)


def manifests(before: Release, after: Release) -> Manifests:
    """Compare the manifests; the names and digests that always differ are told apart."""
    old, new = (release.files[MANIFESTS].decode(errors="replace") for release in (before, after))
    own = [Moved(name.replace("_", " "), *(getattr(each.record, name) for each in (before, after))) for name in _OWN]
    by_text = {item.before: item for item in own if item.before != item.after and all(item)}
    # The longest first: an image holds digests.
    words = "|".join(map(re.escape, sorted(by_text, key=len, reverse=True)))
    found = re.findall(words, old) if words else []
    if words:
        old = re.sub(words, lambda match: by_text[match[0]].after, old)
    expected = {item: found.count(text) for text, item in by_text.items()}
    return Manifests(expected, unified({MANIFESTS: old.encode()}, {MANIFESTS: new.encode()}))
