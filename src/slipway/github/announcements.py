"""Events from a cluster to GitHub, so that workflows start at once and not only by schedule."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.github.address import address
from slipway.github.api import GitHub
from slipway.github.events import NEW_VERSION

if TYPE_CHECKING:
    from slipway.names import ModelId, ReleaseName

__all__ = ["TOKEN", "VERIFIED", "is_wanted", "verified", "version"]

TOKEN = "SLIPWAY_DISPATCH_TOKEN"  # noqa: S105 - its name
"""Variable with a token that may write contents of the repository of `GITHUB_REPOSITORY`."""

VERIFIED = "slipway-verified"
"""Type of the `repository_dispatch` that announces a verified release."""


def is_wanted() -> bool:
    """Return True if a token for announcements is set."""
    return bool(os.environ.get(TOKEN, "").strip())


def version(published: ModelId) -> str:
    """Announce a version, which starts its release. Return the outcome as text, also after a failure."""
    what = {"model": published.model, "environment": published.environment, "version": published.version}
    return _announce(NEW_VERSION, what)


def verified(environment: str, model: str, release: ReleaseName) -> str:
    """Announce a verified release, which starts the proposal of its promotion. See `version`."""
    return _announce(VERIFIED, {"model": model, "environment": environment, "release": str(release)})


def _announce(kind: str, what: dict[str, object]) -> str:
    if not is_wanted():
        return f"{kind} is not announced: {TOKEN} is not set (announce in slipway.yaml); schedules will find it"
    try:
        place = address()
        GitHub(place.name, os.environ[TOKEN].strip(), place.api).dispatch(kind, what)
    except SlipwayError as error:
        # The work itself is done, and the schedule of the workflow finds it later.
        return f"{kind} could not be announced: {error}"
    return f"{kind} is announced to {place.name}"
