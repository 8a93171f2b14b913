"""The case for a promotion: the candidate, the running release, and all that differs between them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from slipway import digests
from slipway.artifacts import manifest
from slipway.errors import SlipwayError
from slipway.git import GitError, Repository
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays.overlay import MANIFESTS
from slipway.overlays.types import Hold, Overlay, Release
from slipway.release import compatibility
from slipway.release.candidates import is_merged, source_of
from slipway.release.compatibility import Change
from slipway.review.comparison import Comparison, Side, compare
from slipway.review.questions import Version, fetched
from slipway.settings import Settings
from slipway.store import Record, store_of
from slipway.text import unified
from slipway.training.metrics import Verdict, judge

__all__ = [
    "Case",
    "Contents",
    "Expected",
    "Manifests",
    "Moved",
    "code",
    "gather",
    "manifests",
    "moved",
    "packages",
    "running",
]

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
# Beside the model, these paths decide what a release does: where they differ, so do the images.
_PLATFORM = ("functions", "manifests/function", "slipway.yaml", "src/slipway")


class Moved(NamedTuple):
    """A value before and after, as text; empty where there was none."""

    name: str
    before: str
    after: str


class Expected(NamedTuple):
    """A name or digest that each release has of its own, and how often the manifests have it."""

    name: str
    before: str
    after: str
    places: int


class Manifests(NamedTuple):
    """The expected differences between the manifests of two releases, and the others as a unified diff."""

    expected: list[Expected]
    diff: str


class Contents(NamedTuple):
    """The differences between two artifacts; `changes` concern callers."""

    changes: list[Change]
    parameters: list[Moved]
    packages: list[Moved]
    code: str


class Case(NamedTuple):
    """Everything that the body of a promotion's pull request says."""

    source: str
    """The candidate's environment."""
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
    hold: Hold | None = None
    """The hold on the model in the candidate's environment."""
    unmerged: str = ""
    """The branch that lacks the candidate's commit; empty where it has it."""


def running(overlay: Overlay) -> Release | None:
    """Return the release with the largest share of the requests; of equals, the newest."""
    routed = [release for release in overlay.releases if release.name in overlay.route]
    return max(routed, key=lambda release: (overlay.route[release.name], release.age), default=None)


def gather(
    settings: Settings,
    before: Overlay,
    after: Overlay,
    candidate: Release,
    snapshot: Snapshot | None = None,
    branch: str = "",
) -> Case:
    """Gather the case of a candidate: a release of the environment that `after` promotes from.

    The promotion is on top of the `snapshot` of `branch`.

    Notes name what is missing of the running release. Raise `SlipwayError` when the candidate's artifact is not
    available.
    """
    source = source_of(settings, after.environment)
    now = running(before)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        store = store_of(settings, source)
        ours = fetched(store, store.record(after.model, candidate.version), Path(scratch) / "candidate")
        theirs, notes = _running_version(settings, source, now, after.model, Path(scratch) / "running")
        comparison = _compared(settings, ours, theirs, now, notes)
        contents = _contents(theirs, ours, notes) if theirs is not None else None
    release = _promoted(after, candidate)
    verdicts, unjudged = _judged(settings, after.model, comparison)
    if contents is not None and now is not None:
        contents.changes.extend(compatibility.limit_changes(now.files[MANIFESTS], release.files[MANIFESTS]))
    return Case(
        source=source,
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
        platform=_platform(settings, now, candidate, notes),
        evidence=store.verified(after.model, candidate.name),
        notes=notes,
        hold=snapshot.overlay(source, after.model).hold if snapshot else None,
        unmerged="" if snapshot is None or is_merged(snapshot, candidate.record) else branch,
    )


def _promoted(after: Overlay, candidate: Release) -> Release:
    same = (candidate.record.fingerprint, candidate.record.artifact)
    for release in after.releases:
        if (release.record.fingerprint, release.record.artifact) == same:
            return release
    problem = f"{after.environment} declares no release of {candidate.name}"
    raise SlipwayError(problem, fix=f"slipway promote {after.model} --release {candidate.name}")


def _running_version(
    settings: Settings, source: str, now: Release | None, model: str, folder: Path
) -> tuple[Version | None, list[str]]:
    """Fetch the running version, first from where it was promoted from: the target's store may not be readable."""
    if now is None:
        return None, []
    places = [(source, ReleaseName.parse(now.record.origin.release).version)] if now.record.origin else []
    environment = now.record.model_id.split("/")[1]
    problem = ""
    for place, version in [*places, (environment, now.version)]:
        try:
            store = store_of(settings, place)
            record = store.record(model, version)
            if record.artifact.digest == now.record.artifact:
                return fetched(store, record, folder / place), []
            problem = f"{record.id} is not the artifact of {now.name}"
        except SlipwayError as error:
            problem = error.problem
    return None, [f"the artifact of {now.name} cannot be had: {problem}"]


def _compared(
    settings: Settings, ours: Version, theirs: Version | None, now: Release | None, notes: list[str]
) -> Comparison:
    comparison = compare(settings, ours, theirs)
    if now is None or theirs is not None:
        return comparison
    return msgspec.structs.replace(
        comparison, before=Side(metrics=dict(now.record.metrics)), unlike="; ".join(notes) or "its artifact is gone"
    )


def _contents(before: Version, after: Version, notes: list[str]) -> Contents | None:
    try:
        locks = [packages(_text(version.folder / "requirements.lock")) for version in (before, after)]
        parameters = [manifest.read(version.folder).parameters for version in (before, after)]
        return Contents(
            changes=compatibility.compare(before.schema, after.schema),
            parameters=moved(*parameters),
            packages=moved(*locks),
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


def _platform(settings: Settings, now: Release | None, candidate: Release, notes: list[str]) -> list[str]:
    if now is None:
        return []
    try:
        repository = Repository(settings.root)
        commits = [repository.commit_at(release.record.commit) for release in (now, candidate)]
        if None in commits:
            notes.append("this clone lacks the commit of one release: what else differs between them is not known")
            return []
        words = ["diff", "--name-only", "-z", *(str(commit) for commit in commits), "--", *_PLATFORM]
        return [path for path in repository.run(*words).decode(errors="replace").split("\0") if path]
    except GitError as error:
        notes.append(error.problem)
        return []


def packages(lock: str) -> dict[str, str]:
    """Return {package: version} of a lock; several versions, each for some platforms, are listed."""
    found: dict[str, str] = {}
    for name, version in _PIN.findall(lock):
        found[name] = f"{found[name]}, {version}" if name in found else version
    return found


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Moved]:
    """Return the values that differ, sorted by name."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [Moved(name, *(str(side[name]) if name in side else "" for side in (before, after))) for name in names]


def code(before: Path, after: Path) -> str:
    """Return the unified diff of the code in two artifacts; empty where it is the same."""
    sides = [digests.walk(folder) for folder in (before, after)]
    return unified(
        *({path: file.read_bytes() for path, file in side.items() if path.startswith("code/")} for side in sides)
    )


def manifests(before: Release, after: Release) -> Manifests:
    """Compare the manifests; the names and digests that always differ are told apart."""
    old, new = (release.files[MANIFESTS].decode(errors="replace") for release in (before, after))
    differing: dict[str, tuple[str, str]] = {}
    for name in ("release", "model_id", "image", "fingerprint", "artifact", "verifier"):
        pair = (getattr(before.record, name), getattr(after.record, name))
        if pair[0] != pair[1] and all(pair):
            differing[name.replace("_", " ")] = pair
    counted = dict.fromkeys(differing, 0)
    by_text = {pair[0]: name for name, pair in differing.items()}

    def renamed(match: re.Match[str]) -> str:
        name = by_text[match[0]]
        counted[name] += 1
        return differing[name][1]

    if differing:
        # The longest first: an image holds digests.
        words = sorted(by_text, key=len, reverse=True)
        old = re.sub("|".join(map(re.escape, words)), renamed, old)
    expected = [Expected(name, *differing[name], places) for name, places in counted.items()]
    return Manifests(expected, unified({MANIFESTS: old.encode()}, {MANIFESTS: new.encode()}))
