"""The files of `overlays/<environment>/<model>/`, read as data and written whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from slipway import digests
from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays.documents import damaged
from slipway.overlays.types import Hold, Overlay, Release, ReleaseRecord, folder_of, ordered

__all__ = [
    "KUSTOMIZATION",
    "MANIFESTS",
    "RECORD",
    "ROUTE",
    "STATE",
    "Overlay",
    "Release",
    "State",
    "format",
    "is_own",
    "parse",
    "read_folder",
    "shares",
]

ROUTE, STATE, KUSTOMIZATION = "route.yaml", "state.yaml", "kustomization.yaml"
RECORD, MANIFESTS = "record.yaml", "manifests.yaml"


def parse(files: Mapping[str, bytes], environment: str, model: str, namespace: str) -> Overlay:
    """Read an overlay from its files, given by their path within its folder. Ignore other files.

    `namespace` is the default for an overlay without one. Raise `SlipwayError` with the path of a damaged file.
    """
    folder = folder_of(environment, model)
    read = {
        path: documents.parse(files[path], f"{folder}/{path}")
        for path in files
        if path in (ROUTE, STATE, KUSTOMIZATION) or path.endswith(f"/{RECORD}")
    }
    names = {PurePosixPath(path).parts[0] for path in files if is_own(path) and "/" in path}
    releases = ordered([_release(name, files, read, folder) for name in names])
    state = _state(read.get(STATE, {}), f"{folder}/{STATE}")
    route = _route(read.get(ROUTE), model, {release.name for release in releases}, f"{folder}/{ROUTE}")
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
    files[STATE] = documents.format(
        {
            "hold": msgspec.to_builtins(overlay.hold),
            "rejected": sorted(str(name) for name in overlay.rejected),
        }
    )
    files[KUSTOMIZATION] = documents.format(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": overlay.namespace,
            "labels": [
                {
                    "pairs": {
                        "app.kubernetes.io/name": overlay.model,
                        "app.kubernetes.io/managed-by": "slipway",
                    },
                    "includeSelectors": False,
                }
            ],
            "resources": resources,
        }
    )
    return files


def is_own(path: str) -> bool:
    """Return True if a file belongs to the overlay. The files of training lie in the same folder."""
    return path in (ROUTE, STATE, KUSTOMIZATION) or ("/" in path and _is_release(path.partition("/")[0]))


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


def _release(name: str, files: Mapping[str, bytes], read: Mapping[str, dict[str, Any]], folder: str) -> Release:
    own = {path.removeprefix(f"{name}/"): files[path] for path in files if path.startswith(f"{name}/")}
    for path in (RECORD, MANIFESTS, KUSTOMIZATION):
        if path not in own:
            raise damaged(f"{folder}/{name}/{path}", "is missing")
    path = f"{folder}/{name}/{RECORD}"
    try:
        record = msgspec.convert(read[f"{name}/{RECORD}"], ReleaseRecord)
    except msgspec.ValidationError as error:
        raise damaged(path, f"does not hold what slipway writes there: {error}") from error
    if record.release != name or ReleaseName.of(record.version, record.fingerprint) != ReleaseName.parse(name):
        raise damaged(path, "belongs to another release")
    return Release(record=record, files=own)


def _state(document: dict[str, Any], path: str) -> State:
    try:
        return msgspec.convert(document, State)
    except msgspec.ValidationError as error:
        raise damaged(path, f"does not hold what slipway writes there: {error}") from error


def _name(text: str, path: str) -> ReleaseName:
    try:
        return ReleaseName.parse(text)
    except SlipwayError as error:
        raise damaged(path, f"names {text!r}, which is not a release") from error


def _knative_route(overlay: Overlay) -> dict[str, Any]:
    shares = [
        (release.name, overlay.route[release.name]) for release in overlay.releases if release.name in overlay.route
    ]
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Route",
        "metadata": {"name": overlay.model},
        "spec": {
            "traffic": [
                {"configurationName": f"{overlay.model}-{name}", "latestRevision": True, "percent": percent}
                for name, percent in shares
            ]
        },
    }


def _route(
    document: dict[str, Any] | None, model: str, declared: set[ReleaseName], path: str
) -> dict[ReleaseName, int]:
    if document is None:
        return {}
    route = shares(document, model, path)
    for name in route:
        if name not in declared:
            raise damaged(path, f"sends requests to {name}, which has no folder beside it")
    return route


def shares(document: dict[str, Any], model: str, path: str) -> dict[ReleaseName, int]:
    """Return the percentages of a Knative Route by release. Raise `SlipwayError` when slipway did not write it."""
    try:
        targets = msgspec.convert(document["spec"]["traffic"], list[_Target])
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise damaged(path, "does not hold what slipway writes there") from error
    route = {_name(target.configuration.removeprefix(f"{model}-"), path): target.percent for target in targets}
    if sum(route.values()) != 100 or len(route) != len(targets):
        raise damaged(path, "does not share out 100 percent")
    return route


class _Target(Struct, frozen=True):
    configuration: str = field(name="configurationName")
    percent: Annotated[int, Meta(ge=1, le=100)]
