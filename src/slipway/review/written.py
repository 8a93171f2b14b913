"""Whether the files of an overlay are, byte for byte, what slipway writes; nothing else gets in beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import release_folder, training_folder
from slipway.gitops.training_folder import Training
from slipway.images.build import lies_under
from slipway.names import ModelId
from slipway.overlays import documents
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import KUSTOMIZATION, MANIFESTS, RECORD
from slipway.review.claims import Claim, Entry, Violation
from slipway.settings import ModelSettings

if TYPE_CHECKING:
    from slipway.git import Repository
    from slipway.gitops.snapshot import Snapshot
    from slipway.overlays.types import Overlay, Release
    from slipway.settings import Settings

__all__ = ["contents", "foreign", "overlay_of", "rendered", "training", "unlike"]

TRAINING = "training/"

_REWRITE = "git checkout the base branch's overlays, and let the verb of slipway make the change anew"
# What may differ between two releases of one image under one name.
_ANEW = {"created": "", "by": "", "commit": "", "branch": "", "run": "", "size": 0}
_ANEW |= {"verifier": "", "verifier_fingerprint": ""}


def contents(repository: Repository, files: Mapping[str, Entry]) -> dict[str, bytes]:
    """The contents of files, by the same paths."""
    found = repository.read(sorted({entry.blob for entry in files.values()}))
    return {path: found[entry.blob] or b"" for path, entry in files.items()}


def overlay_of(repository: Repository, claim: Claim, files: Mapping[str, Entry], namespace: str) -> Overlay:
    """Read one side of a claim; raises `SlipwayError` when a file of it is damaged."""
    return overlays.parse(contents(repository, files), claim.environment, claim.model, namespace)


def foreign(claim: Claim, settings: Settings) -> Iterator[Violation]:
    """Files that no verb writes into an overlay's folder."""
    takes = settings.environment(claim.environment).promotes_from is None
    for path in claim.changed:
        if path not in claim.after or overlays.is_own(path):
            continue
        if not path.startswith(TRAINING):
            yield Violation(f"{claim.folder}/{path}", "is no file that slipway writes", "take it out of the change")
        elif not takes:
            problem = f"declares a training, and {claim.environment} takes promotions only"
            yield Violation(f"{claim.folder}/{path}", problem, "take it out of the change")


def unlike(claim: Claim, files: Mapping[str, bytes], after: Overlay, namespace: str) -> Iterator[Violation]:
    """Files beside the releases' folders that differ from what slipway writes for the same data."""
    if after.namespace != namespace:
        problem = f"deploys to the namespace {after.namespace}, and {claim.environment} is {namespace}"
        yield Violation(f"{claim.folder}/{KUSTOMIZATION}", problem, _REWRITE)
    expected = overlays.format(after)
    for path in sorted(expected.keys() | {path for path in files if overlays.is_own(path)}):
        if path not in files:
            yield Violation(f"{claim.folder}/{path}", "is missing", _REWRITE)
        elif files[path] != expected.get(path):
            yield Violation(f"{claim.folder}/{path}", "is not what slipway writes for what it says", _REWRITE)


def rendered(ground: Snapshot, claim: Claim, release: Release, old: Release | None) -> Iterator[Violation]:
    """What of a release's folder differs from what slipway makes of its record on the base branch as it is now.

    `old` is the declared release of the same name, whose image it then has to have.
    """
    where = f"{claim.folder}/{release.name}"
    if old is not None and _identity(old) != _identity(release):
        yield Violation(f"{where}/{RECORD}", f"is another release than {old.name}, which is declared", _REWRITE)
    if release.record.model_id != str(ModelId(claim.model, claim.environment, release.version)):
        yield Violation(f"{where}/{RECORD}", f"is of {release.record.model_id!r}, and lies in {where}", _REWRITE)
        return
    for problem in _foreign_images(ground.settings, claim, release, old):
        yield Violation(f"{where}/{RECORD}", problem, _REWRITE)
    try:
        made = release_folder.make(ground, release.record)
    except SlipwayError as error:
        yield Violation(where, f"cannot be rendered on the base branch: {error.problem}", error.fix or _REWRITE)
        return
    for path in sorted(made.files.keys() | release.files.keys()):
        if path not in made.files:
            yield Violation(f"{where}/{path}", "is no file that slipway writes", "take it out of the change")
        elif release.files[path] != made.files[path]:
            yield Violation(f"{where}/{path}", _differs(path), _REWRITE)


def _foreign_images(settings: Settings, claim: Claim, release: Release, old: Release | None) -> Iterator[str]:
    """Images that are not those of the environment where the release was made, nor of the one that it replaces."""
    made_in = settings.environment(claim.environment).promotes_from or claim.environment
    registry = settings.environment(made_in).registry
    known = {old.record.image, old.record.verifier} if old is not None else set()
    for what, image in (("image", release.record.image), ("verifier", release.record.verifier)):
        if image and image not in known and not lies_under(image, registry):
            yield f"its {what} {image!r} is no digest of {registry}, where {made_in} has its images"


def training(ground: Snapshot, claim: Claim, namespace: str) -> Iterator[Violation]:
    """What of a declared training differs from what slipway makes of its record on the base branch as it is now."""
    sides = [
        {path: entry for path, entry in files.items() if path.startswith(TRAINING)}
        for files in (claim.before, claim.after)
    ]
    if sides[0] == sides[1] or not sides[1]:
        return
    files = {path.removeprefix(TRAINING): content for path, content in contents(ground.repository, sides[1]).items()}
    where = f"{claim.folder}/training"
    try:
        found = _training_record(files, f"{where}/{RECORD}")
        base, root = ground.files(training_folder.BASE), ground.settings.root
        made = training_folder.files(base, claim.environment, claim.model, namespace, found, root)
    except SlipwayError as error:
        yield Violation(where, error.problem, error.fix or _REWRITE)
        return
    for problem in _unlike_settings(ground.settings, claim, found):
        yield Violation(f"{where}/{RECORD}", problem, _REWRITE)
    for path in sorted(made.keys() | files.keys()):
        if files.get(path) != made.get(path):
            problem = "is not what the base branch's workflows/train gives for its record"
            yield Violation(f"{where}/{path}", problem, _REWRITE)


def _unlike_settings(settings: Settings, claim: Claim, found: Training) -> Iterator[str]:
    """What a declared training says otherwise than the settings: images of others, and what its pods get to see."""
    of, at = settings.declared.get(claim.model, ModelSettings()), settings.environment(claim.environment)
    for name, said, meant in (
        ("secrets", found.secrets, of.secrets),
        ("variables", found.variables, at.variables),
        ("repository to announce to", found.announce, at.announce),
        ("store", found.store, at.store),
    ):
        if said != meant:
            yield f"has not the {name} of the base branch's slipway.yaml"
    for image in filter(None, (found.image, found.platform)):
        if not lies_under(image, at.registry):
            yield f"its image {image!r} is no digest of {at.registry}, where {claim.environment} has its images"


def _training_record(files: Mapping[str, bytes], path: str) -> Training:
    try:
        return msgspec.convert(documents.parse(files.get(RECORD, b""), path), Training)
    except msgspec.ValidationError as error:
        raise documents.damaged(path, f"does not hold what slipway writes there: {error}") from error


def _differs(path: str) -> str:
    if path == MANIFESTS:
        return "is not what the base branch's manifests/function and slipway.yaml give for its record"
    return "is not what slipway writes for what it says"


def _identity(release: Release) -> object:
    return msgspec.structs.replace(release.record, **_ANEW)
