"""The case for a promotion, gathered: the release that comes, the one that goes, and all that differs between them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from slipway.artifacts import manifest
from slipway.errors import SlipwayError
from slipway.git import GitError, Repository
from slipway.gitops import edits
from slipway.names import ReleaseName
from slipway.overlays.overlay import MANIFESTS
from slipway.release import compatibility
from slipway.release.candidates import is_merged, source_of
from slipway.review import differences
from slipway.review.comparison import Comparison, Side, compare
from slipway.review.questions import Version, fetched
from slipway.store import store_of
from slipway.training import gates

if TYPE_CHECKING:
    from slipway.gitops.places import Stand
    from slipway.overlays.types import Hold, Overlay, Release
    from slipway.release.compatibility import Change
    from slipway.settings import Settings
    from slipway.store import Record
    from slipway.training.gates import Verdict

__all__ = ["Case", "Contents", "gather", "running"]

# What decides, outside of models, what a release does; where these differ an image differs too.
_PLATFORM = ("functions", "manifests/function", "slipway.yaml", "src/slipway")


class Contents(NamedTuple):
    """How two artifacts differ; `changes` are those for callers."""

    changes: list[Change]
    parameters: list[differences.Moved]
    packages: list[differences.Moved]
    code: str


class Case(NamedTuple):
    """All that the body of a promotion's pull request says."""

    source: str
    """The environment that the candidate is in."""
    candidate: Release
    before: Overlay
    after: Overlay
    release: Release
    """What the candidate becomes in the target."""
    running: Release | None
    """What has the largest part of the target's requests now."""
    record: Record
    running_record: Record | None
    comparison: Comparison
    verdicts: list[Verdict]
    unjudged: str
    """Why no gate was judged, where there are some."""
    contents: Contents | None
    """None where nothing runs, or its artifact cannot be had: `notes` say why."""
    manifests: differences.Manifests | None
    platform: list[str]
    """Files of the platform that differ between the commits of both."""
    evidence: dict[str, Any] | None
    notes: list[str]
    hold: Hold | None = None
    """Of the environment that the candidate is in."""
    unmerged: str = ""
    """The branch that its commit is to be on and is not; empty where it is."""


def running(overlay: Overlay) -> Release | None:
    """The release with the largest share of the requests; of equals, the newest."""
    routed = [release for release in overlay.releases if release.name in overlay.route]
    return max(routed, key=lambda release: (overlay.route[release.name], release.age), default=None)


def gather(settings: Settings, before: Overlay, after: Overlay, candidate: Release, stand: Stand | None = None) -> Case:
    """Gather the case of a candidate, a release of the environment that `after` promotes from, at `stand`.

    What cannot be had of the release that runs now is left out and noted; raises `SlipwayError` when the candidate's
    own artifact cannot be had.
    """
    source = source_of(settings, after.environment)
    now = running(before)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        store = store_of(settings, source)
        ours = fetched(store, store.record(after.model, candidate.version), Path(scratch) / "candidate")
        theirs, notes = _running_version(settings, source, now, after.model, Path(scratch) / "running")
        comparison = _compared(settings, ours, theirs, now, notes)
        contents = None
        if now is not None and theirs is not None:
            try:
                contents = _contents(theirs, ours)
            except SlipwayError as error:
                notes.append(error.problem)
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
        manifests=differences.manifests(now, release) if now else None,
        platform=_platform(settings, now, candidate, notes),
        evidence=store.verified(after.model, candidate.name),
        notes=notes,
        hold=_hold(settings, stand, source, after.model) if stand else None,
        unmerged=_unmerged(settings, stand, candidate) if stand else "",
    )


def _hold(settings: Settings, stand: Stand, source: str, model: str) -> Hold | None:
    return edits.read(Repository(settings.root), stand.commit, settings, source, model).hold


def _unmerged(settings: Settings, stand: Stand, candidate: Release) -> str:
    return "" if is_merged(Repository(settings.root), stand.commit, candidate.record) else stand.branch


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
    """What runs now, from the store that it was promoted from: who proposes a promotion need not read the target's."""
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


def _contents(before: Version, after: Version) -> Contents:
    locks = [differences.packages(_text(version.folder / "requirements.lock")) for version in (before, after)]
    parameters = [manifest.read(version.folder).parameters for version in (before, after)]
    return Contents(
        changes=compatibility.compare(before.schema, after.schema),
        parameters=differences.moved(*parameters),
        packages=differences.moved(*locks),
        code=differences.code(before.folder, after.folder),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _judged(settings: Settings, model: str, comparison: Comparison) -> tuple[list[Verdict], str]:
    """What the gates of the settings say of the candidate against what runs now, where both had the same rows."""
    against = comparison.before.metrics if comparison.before and comparison.then else None
    try:
        return gates.judge(settings.model(model).gates, comparison.candidate.metrics, against), ""
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
