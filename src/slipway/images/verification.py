"""Verification: a running function has to reproduce the golden predictions of its artifact."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from slipway.artifacts import Golden, differences, golden, manifest
from slipway.artifacts.loading import SCHEMA
from slipway.errors import OutOfReach, SlipwayError
from slipway.images import bundle, clients, comparison, contract, engines, running
from slipway.images.addresses import Called
from slipway.names import ModelId, ReleaseName, nearest
from slipway.overlays import overlay
from slipway.overlays.types import Release
from slipway.schema import Schema
from slipway.settings import Settings
from slipway.settings.types import secrets_for
from slipway.store import Record, Store, store_of
from slipway.store.records import now, user

_PAUSE = 2.0  # seconds, between two tries


class Verified(NamedTuple):
    """A verified release: the evidence in the store, and whether it was there before."""

    environment: str
    model: str
    release: ReleaseName
    evidence: dict[str, Any]
    repeated: bool


def verify_url(open_store: Callable[[str], Store], url: str, environment: str | None = None) -> Verified:
    """Compare the function at `url` with the golden predictions of the version that it names, and record the result.

    `open_store` returns an environment's store. Raise `SlipwayError`, and record nothing, when it is no function of
    slipway, serves what was not published, is not of `environment`, or answers differently. Raise `OutOfReach` when the
    function, the store or the version may be there later.
    """
    called = contract.describe(url)
    model_id, release = _published(called)
    if environment not in (None, model_id.environment):
        raise SlipwayError(f"{url} is {model_id}, which is not of {environment}", fix="give its own: --env")
    store = open_store(model_id.environment)
    return _verify(store, _record(store, model_id), release, called, where=url)


def verify_at(store: Store, model: str, release: ReleaseName, url: str) -> Verified:
    """Compare the function at `url`, which has to be this release, with its golden predictions; see `verify_url`.

    A verified release is not asked again.
    """
    if known := _known(store, model, release):
        return known
    record = _record(store, ModelId(model, store.environment, release.version))
    return _verify(store, record, release, _who(url, record, release), where=url)


def verify_declared(
    settings: Settings, environment: str, text: str, at: str | None = None, python: Path | None = None
) -> Verified:
    """Verify a declared release, named as `find` takes it: served on this machine, or where it runs, `at` a URL.

    A verified release is not served again. `python` is as `running.serve` takes it. Raise `SlipwayError`, and record
    nothing, when this checkout makes another image than the release's, or the function answers differently.
    """
    model, declared = find(settings, environment, text)
    name, model_id = declared.name, ModelId.parse(declared.record.model_id)
    store = store_of(settings, model_id.environment)
    if at is None and (known := _known(store, model, name)):
        return known
    record = store.record(model, model_id.version)
    with nullcontext(at) if at else _served(settings, store, record, declared, python) as url:
        return _verify(store, record, name, _who(url, record, name), where=at or f"served on {socket.gethostname()}")


def patiently(verify: Callable[[], Verified], seconds: float, report: Callable[[str], None]) -> Verified:
    """Return what `verify` returns; try again for `seconds` while something is out of reach."""
    deadline, told = time.monotonic() + seconds, ""
    while True:
        try:
            return verify()
        except OutOfReach as error:
            if time.monotonic() + _PAUSE > deadline:
                raise
            if error.problem != told:
                report(f"{error.problem}; trying again")
            told = error.problem
            time.sleep(_PAUSE)


def find(settings: Settings, environment: str, text: str) -> tuple[str, Release]:
    """Return the model and the declared release that `v7-1a2b3c4d` or `test/iris/v7-1a2b3c4d` names.

    Raise `SlipwayError` when no release of that name is declared.
    """
    within, model, name = parse(text)
    environment = within or environment
    settings.environment(environment)
    overlays = settings.root / "overlays" / environment
    models = [model] if model else sorted(folder.name for folder in overlays.glob("*") if folder.is_dir())
    known: dict[str, tuple[str, Release]] = {}
    for each in models:
        found = overlay.read_folder(settings.root, environment, each)
        known = {str(release.name): (each, release) for release in (found.releases if found else ())} | known
    if str(name) not in known:
        raise SlipwayError(f"{name} is not declared in {environment}", fix=nearest(str(name), known))
    return known[str(name)]


def parse(text: str) -> tuple[str, str, ReleaseName]:
    """Return environment, model and release of `test/iris/v7-1a2b3c4d`; the first two are empty for `v7-1a2b3c4d`."""
    *path, last = text.split("/")
    name = ReleaseName.parse(last)
    if len(path) not in (0, 2):
        raise SlipwayError(f"{text!r} is not a release", fix="write v7-1a2b3c4d or test/iris/v7-1a2b3c4d")
    return (*(path or ("", "")), name)


def golden_difference(url: str, expected: Golden, predictions: list[Any], tolerance: float) -> float:
    """Compare the predictions of the function at `url` with the golden ones; return the largest difference of a number.

    Raise `SlipwayError` that names the predictions that are off, and by how much.
    """
    if wrong := differences(expected, predictions, tolerance):
        shown = "\n  ".join(wrong[:10])
        problem = f"{url} does not reproduce its golden predictions:\n  {shown}"
        raise SlipwayError(problem, fix="compare the libraries it runs with (GET /) with those it was trained with")
    return max(comparison.apart(expected.predictions, predictions, (int, float)), default=0.0)


def _known(store: Store, model: str, release: ReleaseName) -> Verified | None:
    evidence = store.verified(model, release)
    return None if evidence is None else Verified(store.environment, model, release, evidence, repeated=True)


def _verify(store: Store, record: Record, release: ReleaseName, called: Called, *, where: str) -> Verified:
    if record.image is not None:
        # A container only knows its name; the digest of its image settles its content.
        called = called._replace(artifact=record.artifact.digest, fingerprint=bundle.of_container(record))
    _same(called, record, release)
    expected, tolerance, schema = _golden(store, record)
    if record.image is None:
        predictions = clients.reproduce(called.url, expected)
    else:
        rows, types = schema.parse(expected.rows), contract.datatypes(schema)
        predictions = contract.predict(called.url, record.model, rows, types, schema.target.name)
    evidence = {
        "where": where,
        "rows": len(expected.rows),
        "max_difference": golden_difference(called.url, expected, predictions, tolerance),
        "tolerance": tolerance,
        "model_id": str(record.id),
        "fingerprint": called.fingerprint,
        "when": now(),
        "by": user(),
    }
    new = store.verify(record.model, release, evidence)
    found = evidence if new else store.verified(record.model, release) or evidence
    return Verified(store.environment, record.model, release, found, repeated=not new)


def _who(url: str, record: Record, release: ReleaseName) -> Called:
    """Ask who answers at `url`; a container that does not say is taken for the release."""
    if record.image is None:
        return clients.describe(url)
    named = contract.identity(url) or (str(record.id), str(release))
    return Called(url.rstrip("/"), *named)


def _same(called: Called, record: Record, release: ReleaseName) -> None:
    """Raise `SlipwayError` unless this release of this version answers."""
    for word, expected, found in (
        ("the model id", str(record.id), called.model_id),
        ("the release", str(release), called.release),
        ("the artifact", record.artifact.digest, called.artifact),
        ("the fingerprint", f"{release.short}…", f"{called.fingerprint[:8]}…"),
    ):
        if expected != found:
            fix = "look at the release's overlay and at what was deployed"
            raise SlipwayError(f"{called.url}: {word} is {found}, and {expected} is expected", fix=fix)


def _record(store: Store, model_id: ModelId) -> Record:
    """Return the record of a version; raise `OutOfReach` without one, because a promotion is copied after its merge."""
    if model_id.version not in store.versions(model_id.model):
        fix = f"after a promotion: slipway copy {model_id.model} --env {model_id.environment}"
        raise OutOfReach(f"{model_id.environment} has no version {model_id.version} of {model_id.model}", fix=fix)
    return store.record(model_id.model, model_id.version)


def _published(called: Called) -> tuple[ModelId, ReleaseName]:
    model_id = ModelId.parse(called.model_id)
    if model_id.environment == "dev" or called.release == "dev":
        problem = f"{called.url} serves {model_id} ({called.release}), which is no release"
        raise SlipwayError(problem, fix="publish a version and release it; there is nothing to compare this with")
    return model_id, ReleaseName.parse(called.release)


def _golden(store: Store, record: Record) -> tuple[Golden, float, Schema]:
    names = {golden.FILE, manifest.FILE, SCHEMA} & record.artifact.files.keys()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store.blobs.get({name: record.artifact.files[name] for name in names}, folder, what=str(record.id))
        expected = manifest.read_file(folder, golden.FILE, Golden)
        tolerance, schema = manifest.read(folder).tolerance, manifest.read_file(folder, SCHEMA, Schema)
    if not expected.rows:
        raise SlipwayError(f"{record.id} has no golden predictions to compare a function with", fix="train it again")
    return expected, tolerance, schema


@contextmanager
def _served(settings: Settings, store: Store, record: Record, declared: Release, python: Path | None) -> Iterator[str]:
    if record.image is not None:
        with engines.serve(record.image, model_id=str(record.id), release=str(declared.name)) as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        made = bundle.make(settings, store, record, Path(scratch) / "bundle")
        if made.fingerprint != declared.record.fingerprint:
            problem = (
                f"{declared.name} cannot be served from this checkout: its fingerprint is "
                f"{declared.record.fingerprint[:8]}, and this code and these settings give {made.fingerprint[:8]}"
            )
            fix = f"git checkout {declared.record.commit[:12]}, which it was made from; or give its URL where it runs"
            raise SlipwayError(problem, fix=fix)
        secrets = secrets_for(settings.model(record.model).secrets, "serving")
        with running.serve(made, secrets, model_id=str(record.id), release=str(declared.name), python=python) as url:
            yield url
