"""A release in an overlay: its folder, its share of the route, and its words in messages."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import parts, rendering
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays.overlay import KUSTOMIZATION, MANIFESTS, RECORD
from slipway.overlays.types import Overlay, Release, ReleaseRecord

__all__ = ["announced", "make", "share", "shown", "shown_metrics", "with_share"]


def make(code: Snapshot, record: ReleaseRecord) -> Release:
    """Return a release with all its files, rendered from `manifests/function` and the settings of the code."""
    settings = code.settings
    model, environment, _ = record.model_id.split("/")
    base = code.files(rendering.BASE)
    own = settings.model(model).within(environment)
    at = settings.environment(environment)
    verification = parts.verification_values(base, at, model, record, own.access, own.protocol)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [MANIFESTS],
    }
    files = {
        KUSTOMIZATION: documents.format(kustomization),
        MANIFESTS: rendering.manifests(base, model, record, own, settings.root, verification),
        RECORD: documents.format(msgspec.to_builtins(record)),
    }
    return Release(record=record, files=files)


def share(route: Mapping[ReleaseName, int], name: ReleaseName, percent: int) -> dict[ReleaseName, int]:
    """Return the route with `percent` for `name`; the others divide the rest in their present proportions.

    A release whose share rounds to 0 leaves the route. Raise `SlipwayError` for an impossible share.
    """
    others = {other: part for other, part in route.items() if other != name}
    if not 1 <= percent <= 100:
        raise SlipwayError(f"{percent} % is no share of the requests", fix="give 1 to 100")
    if not others and percent != 100:
        raise SlipwayError(f"{name} has nothing to share the requests with", fix="leave --traffic out, or give 100")
    total, left = sum(others.values()), 100 - percent
    divided = {other: part * left // total for other, part in others.items()}
    # The largest remainders get the points that rounding left over; of equal ones, the newer release.
    order = sorted(others, key=lambda other: (others[other] * left % total, other), reverse=True)
    for other in order[: left - sum(divided.values())]:
        divided[other] += 1
    return {name: percent} | {other: part for other, part in divided.items() if part}


def with_share(overlay: Overlay, release: Release, percent: int) -> Overlay:
    """Return the overlay with `percent` of its route for a release; declare the release if it is new."""
    declared = overlay if release in overlay.releases else overlay.with_release(release)
    return msgspec.structs.replace(declared, route=share(overlay.route, release.name, percent))


def shown(route: Mapping[ReleaseName, int]) -> str:
    """Describe a route in words, newest release first."""
    ordered = sorted(route.items(), reverse=True)
    return ", ".join(f"{name} {percent} %" for name, percent in ordered) or "nothing runs"


def shown_metrics(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items())) or "none recorded"


def announced(subject: str, facts: Mapping[str, str]) -> str:
    """Return a commit message: the subject, and below it one line for each fact."""
    return "\n".join([subject, "", *(f"{name}: {value}" for name, value in facts.items()), ""])
