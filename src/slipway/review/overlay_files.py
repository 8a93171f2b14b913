"""Files of a changed overlay: each is, byte for byte, what slipway writes, and no other file is beside them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import release_folder, training_folder
from slipway.gitops.snapshot import Snapshot
from slipway.images.build import lies_under
from slipway.names import ModelId
from slipway.overlays import documents
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import KUSTOMIZATION, MANIFESTS, RECORD
from slipway.overlays.types import Overlay, Release, Training
from slipway.review.changes import TRAINING, OverlayChange, Violation, below, contents, releases_of
from slipway.review.decisions import Move
from slipway.settings import ModelSettings, Settings

_REWRITE = "git checkout the base branch's overlays, and let the verb of slipway make the change anew"
_TAKE_OUT = "take it out of the change"
# Two releases of one image under one name may differ in these.
_ANEW = {"created": "", "by": "", "commit": "", "branch": "", "run": "", "size": 0}
_ANEW |= {"verifier": "", "verifier_fingerprint": ""}


def foreign(base: Snapshot, change: OverlayChange) -> Iterator[Violation]:
    """Find files that no verb writes into an overlay's folder."""
    for path in change.changed:
        if path not in change.after or overlays.is_own(path):
            continue
        if not path.startswith(TRAINING):
            yield Violation(f"{change.folder}/{path}", "is no file that slipway writes", _TAKE_OUT)
        elif base.settings.environment(change.environment).promotes_from is not None:
            problem = f"declares a training, and {change.environment} takes promotions only"
            yield Violation(f"{change.folder}/{path}", problem, _TAKE_OUT)


def unlike(base: Snapshot, change: OverlayChange, after: Overlay, namespace: str) -> Iterator[Violation]:
    """Find files beside the releases' folders that differ from what slipway writes for the same data."""
    if after.namespace != namespace:
        problem = f"deploys to the namespace {after.namespace}, and {change.environment} is {namespace}"
        yield Violation(f"{change.folder}/{KUSTOMIZATION}", problem, _REWRITE)
    files, expected = contents(base.repository, releases_of(change.after)), overlays.format(after)
    for path in sorted(expected.keys() | files.keys()):
        if path not in files:
            yield Violation(f"{change.folder}/{path}", "is missing", _REWRITE)
        elif files[path] != expected.get(path):
            yield Violation(f"{change.folder}/{path}", "is not what slipway writes for what it says", _REWRITE)


def folders(base: Snapshot, change: OverlayChange, move: Move) -> Iterator[Violation]:
    """Find releases' folders that differ from how they were declared, or from what their records give."""
    takes_promotions = base.settings.environment(change.environment).promotes_from is not None
    known = {release.name: release for release in move.before.releases}
    for release in move.after.releases:
        old = known.get(release.name)
        if release == old or release in move.past:
            continue
        if old is None or not takes_promotions:
            yield from _release(base, change, release, old)
            continue
        for path in sorted(old.files.keys() | release.files.keys()):
            if old.files.get(path) != release.files.get(path):
                problem = "was changed, and the folder of a release stays as it was declared"
                yield Violation(move.at(f"{release.name}/{path}"), problem, "take that out of the change")


def _release(base: Snapshot, change: OverlayChange, release: Release, old: Release | None) -> Iterator[Violation]:
    """Compare a release's folder with what the base branch renders from its record.

    `old` is the declared release of the same name, which must have the same image.
    """
    where = f"{change.folder}/{release.name}"
    if old is not None and _identity(old) != _identity(release):
        yield Violation(f"{where}/{RECORD}", f"is another release than {old.name}, which is declared", _REWRITE)
    if release.record.model_id != str(ModelId(change.model, change.environment, release.version)):
        yield Violation(f"{where}/{RECORD}", f"is of {release.record.model_id!r}, and lies in {where}", _REWRITE)
        return
    for problem in _foreign_images(base.settings, change, release, old):
        yield Violation(f"{where}/{RECORD}", problem, _REWRITE)
    try:
        made = release_folder.make(base, release.record)
    except SlipwayError as error:
        yield Violation(where, f"cannot be rendered on the base branch: {error.problem}", error.fix or _REWRITE)
        return
    for path in sorted(made.files.keys() | release.files.keys()):
        if path not in made.files:
            yield Violation(f"{where}/{path}", "is no file that slipway writes", _TAKE_OUT)
        elif release.files[path] != made.files[path]:
            given = "the base branch's manifests/function and slipway.yaml give for its record"
            problem = f"is not what {given if path == MANIFESTS else 'slipway writes for what it says'}"
            yield Violation(f"{where}/{path}", problem, _REWRITE)


def _identity(release: Release) -> object:
    return msgspec.structs.replace(release.record, **_ANEW)


def _foreign_images(settings: Settings, change: OverlayChange, release: Release, old: Release | None) -> Iterator[str]:
    """Find images that neither the environment of the release has, nor the release that it replaces."""
    made_in = settings.environment(change.environment).promotes_from or change.environment
    registry = settings.environment(made_in).registry
    known = {old.record.image, old.record.verifier} if old is not None else set()
    for what, image in (("image", release.record.image), ("verifier", release.record.verifier)):
        if image and image not in known and not lies_under(image, registry):
            yield f"its {what} {image!r} is no digest of {registry}, where {made_in} has its images"


def training(base: Snapshot, change: OverlayChange, namespace: str) -> Iterator[Violation]:
    """Compare a declared training with what the base branch makes of its record."""
    before, after = (below(side, TRAINING) for side in (change.before, change.after))
    if before == after or not after:
        return
    files, where = contents(base.repository, after), f"{change.folder}/training"
    try:
        found = documents.read(files.get(RECORD, b""), f"{where}/{RECORD}", Training)
        workflows = base.files(training_folder.BASE)
        made = training_folder.files(workflows, change.environment, change.model, namespace, found, base.settings.root)
    except SlipwayError as error:
        yield Violation(where, error.problem, error.fix or _REWRITE)
        return
    for problem in _unlike_settings(base.settings, change, found):
        yield Violation(f"{where}/{RECORD}", problem, _REWRITE)
    for path in sorted(made.keys() | files.keys()):
        if files.get(path) != made.get(path):
            problem = "is not what the base branch's workflows/train gives for its record"
            yield Violation(f"{where}/{path}", problem, _REWRITE)


def _unlike_settings(settings: Settings, change: OverlayChange, found: Training) -> Iterator[str]:
    """Find where a declared training differs from the settings: its images, and what its pods get to see."""
    of, at = settings.declared.get(change.model, ModelSettings()), settings.environment(change.environment)
    for name, declared, meant in (
        ("secrets", found.secrets, of.secrets),
        ("variables", found.variables, at.variables),
        ("repository to announce to", found.announce, at.announce),
        ("store", found.store, at.store),
    ):
        if declared != meant:
            yield f"has not the {name} of the base branch's slipway.yaml"
    for image in filter(None, (found.image, found.platform)):
        if not lies_under(image, at.registry):
            yield f"its image {image!r} is no digest of {at.registry}, where {change.environment} has its images"
