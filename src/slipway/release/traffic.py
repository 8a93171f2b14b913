"""`slipway traffic`: divide the requests among declared releases, in one commit."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import edits, release_folder
from slipway.gitops.branches import Place
from slipway.gitops.edits import Edited
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.types import Overlay, pick
from slipway.release.due import held
from slipway.settings import Settings

__all__ = ["traffic"]


def traffic(
    settings: Settings, model: str, environment: str, shares: Mapping[str, int], place: Place | None = None
) -> Edited:
    """Divide the requests among declared releases. `shares` maps a release to its percentage.

    `v6` is short for `v6-1a2b3c4d`. Raise `SlipwayError` when a share is not 1 to 100, the sum is not 100, or a release
    is not declared.
    """
    for name, percent in shares.items():
        if not 1 <= percent <= 100:
            raise SlipwayError(
                f"{name}={percent} is no share: a route names only what gets requests, 1 to 100 percent",
                fix="leave a release out that shall get none",
            )
    if (total := sum(shares.values())) != 100:
        raise SlipwayError(f"the shares are {total} percent, not 100", fix="slipway traffic MODEL v6=90 v7=10")

    def change(_snapshot: Snapshot, before: Overlay) -> tuple[Overlay, str, list[str]]:
        names = [release.name for release in before.releases]
        route = {pick(names, text, f"{environment}/{model}"): percent for text, percent in shares.items()}
        if len(route) != len(shares):
            raise SlipwayError("a release is named twice", fix="give each release one share")
        after = msgspec.structs.replace(before, route=route)
        facts = {"Before": release_folder.shown(before.route), "Now": release_folder.shown(route)}
        lines = [f"{environment}: {model} {release_folder.shown(route)}"]
        if after.hold:
            lines.append(f"{held(after.hold)}; the hold stays")
        return (
            after,
            release_folder.announced(f"{environment}/{model}: traffic {release_folder.shown(route)}", facts),
            lines,
        )

    return edits.edit(settings, environment, model, change, place)
