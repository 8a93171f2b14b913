"""The files of `overlays/<environment>/<model>/`, read as data and written whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from slipway import digests
from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays.documents import damaged
from slipway.overlays.types import Hold, Overlay, Release, ReleaseRecord, folder_of, ordered

ROUTE, STATE, KUSTOMIZATION = "route.yaml", "state.yaml", "kustomization.yaml"
RECORD, MANIFESTS = "record.yaml", "manifests.yaml"


def parse(files: Mapping[str, bytes], environment: str, model: str, namespace: str) -> Overlay:
    """Read an overlay from its files, given by their path within its folder. Ignore other files.

    `namespace` is the default for an overlay without one. Raise `SlipwayError` with the path of a damaged file.
    """
    folder = folder_of(environment, model)
    read = {
        path: documents.parse(files[path], f"{folder}/{path}")
        for path in (ROUTE, STATE, KUSTOMIZATION)
        if path in files
    }
    names = {path.partition("/")[0] for path in files if is_own(path) and "/" in path}
    releases = ordered(_release(name, files, folder) for name in names)
    state = documents.convert(read.get(STATE, {}), f"{folder}/{STATE}", State)
    route = shares(read[ROUTE], model, f"{folder}/{ROUTE}") if ROUTE in read else {}
    for name in sorted(route.keys() - {release.name for release in releases}):
        raise damaged(f"{folder}/{ROUTE}", f"sends requests to {name}, which has no folder beside it")
    return Overlay(
        environment=environment,
        model=model,
        namespace=str(read.get(KUSTOMIZATION, {}).get("namespace", namespace)),
        releases=releases,
        route=route,
        hold=state.hold,
        rejected=tuple(_name(text, f"{folder}/{STATE}") for text in state.rejected),
    )


def format(overlay: Overlay) -> dict[str, bytes]:  # noqa: A001 - the other half of `parse`
    """Return all files of an overlay by their path within its folder. Keep the files of releases unchanged."""
    files = {
        f"{release.name}/{path}": content for release in overlay.releases for path, content in release.files.items()
    }
    resources = [str(release.name) for release in overlay.releases]
    if overlay.route:
        files[ROUTE] = documents.format(_knative_route(overlay))
        resources.append(ROUTE)
    rejected = sorted(str(name) for name in overlay.rejected)
    files[STATE] = documents.format({"hold": msgspec.to_builtins(overlay.hold), "rejected": rejected})
    files[KUSTOMIZATION] = documents.kustomization(resources, overlay.model, namespace=overlay.namespace)
    return files


def is_own(path: str) -> bool:
    """Return True if a file belongs to the overlay. The files of training lie in the same folder."""
    return path in (ROUTE, STATE, KUSTOMIZATION) or ("/" in path and _is_release(path.partition("/")[0]))


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return the digest of the files in a release's folder, without its record."""
    return digests.of_files({path: digests.of_bytes(content) for path, content in files.items() if path != RECORD})


def is_altered(release: Release) -> bool:
    """Return True if somebody changed the folder of a release: its files are not those that its record names."""
    return release.record.manifests not in ("", digest_of(release.files))


def altered(overlay: Overlay) -> list[ReleaseName]:
    """Return the declared releases whose folders somebody changed."""
    return [release.name for release in overlay.releases if is_altered(release)]


def refuse_altered(release: Release, overlay: Overlay) -> None:
    """Raise `SlipwayError` when somebody changed the folder of a release."""
    if is_altered(release):
        problem, fix = told_altered(overlay.environment, overlay.model, release.name)
        raise SlipwayError(problem, fix=fix)


def told_altered(environment: str, model: str, name: ReleaseName) -> tuple[str, str]:
    """Return the problem of a changed release, and what to do."""
    folder = f"{folder_of(environment, model)}/{name}"
    problem = f"{folder} was changed by hand: its files are not those that its record names"
    return problem, f"git log -- {folder}, and bring its files back as the release wrote them"


def read_folder(root: Path, environment: str, model: str) -> Overlay | None:
    """Return the overlay in the work tree, or None. Use `slipway.git` to read the overlay of a commit."""
    folder = root / folder_of(environment, model)
    if not folder.is_dir():
        return None
    files = {path: file.read_bytes() for path, file in digests.walk(folder).items()}
    return parse(files, environment, model, "")


class State(Struct, frozen=True, kw_only=True):
    hold: Hold | None = None
    rejected: list[str] = field(default_factory=list)


def _is_release(text: str) -> bool:
    try:
        ReleaseName.parse(text)
    except SlipwayError:
        return False
    return True


def _release(name: str, files: Mapping[str, bytes], folder: str) -> Release:
    own = {path.removeprefix(f"{name}/"): files[path] for path in files if path.startswith(f"{name}/")}
    for path in (RECORD, MANIFESTS, KUSTOMIZATION):
        if path not in own:
            raise damaged(f"{folder}/{name}/{path}", "is missing")
    path = f"{folder}/{name}/{RECORD}"
    record = documents.read(own[RECORD], path, ReleaseRecord)
    if record.release != name or ReleaseName.of(record.version, record.fingerprint) != ReleaseName.parse(name):
        raise damaged(path, "belongs to another release")
    return Release(record=record, files=own)


def _name(text: str, path: str) -> ReleaseName:
    try:
        return ReleaseName.parse(text)
    except SlipwayError as error:
        raise damaged(path, f"names {text!r}, which is not a release") from error


def _knative_route(overlay: Overlay) -> dict[str, Any]:
    traffic = [
        {"configurationName": f"{overlay.model}-{name}", "latestRevision": True, "percent": overlay.route[name]}
        for name in (release.name for release in overlay.releases)
        if name in overlay.route
    ]
    head = {"apiVersion": "serving.knative.dev/v1", "kind": "Route", "metadata": {"name": overlay.model}}
    return {**head, "spec": {"traffic": traffic}}


def shares(document: dict[str, Any], model: str, path: str) -> dict[ReleaseName, int]:
    """Return the percentages of a Knative Route by release. Raise `SlipwayError` when slipway did not write it."""
    spec = document.get("spec")
    targets = documents.convert(spec.get("traffic") if isinstance(spec, dict) else None, path, list[_Target])
    route = {_name(target.configuration.removeprefix(f"{model}-"), path): target.percent for target in targets}
    if sum(route.values()) != 100 or len(route) != len(targets):
        raise damaged(path, "does not share out 100 percent")
    return route


class _Target(Struct, frozen=True):
    configuration: str = field(name="configurationName")
    percent: Annotated[int, Meta(ge=1, le=100)]
