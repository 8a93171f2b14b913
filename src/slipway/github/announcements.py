"""Telling GitHub at once what a cluster has done, so that its workflows need not wait for their schedules."""

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
"""The variable with the token, which may write contents of the repository that `GITHUB_REPOSITORY` names."""

VERIFIED = "slipway-verified"
"""The type of the `repository_dispatch` that announces a verified release."""


def is_wanted() -> bool:
    """Whether there is a token to announce by."""
    return bool(os.environ.get(TOKEN, "").strip())


def version(published: ModelId) -> str:
    """Announce a version, so that it is released; says what became of that, and never raises `SlipwayError`."""
    what = {"model": published.model, "environment": published.environment, "version": published.version}
    return _announce(NEW_VERSION, what)


def verified(environment: str, model: str, release: ReleaseName) -> str:
    """Announce a verified release, so that its promotion is proposed; see `version`."""
    return _announce(VERIFIED, {"model": model, "environment": environment, "release": str(release)})


def _announce(kind: str, what: dict[str, object]) -> str:
    if not is_wanted():
        return f"{kind} is not announced: {TOKEN} is not set (announce in slipway.yaml); schedules will find it"
    try:
        place = address()
        GitHub(place.name, os.environ[TOKEN].strip(), place.api).dispatch(kind, what)
    except SlipwayError as error:
        # What was done is done, and found by the workflow's own schedule.
        return f"{kind} could not be announced: {error}"
    return f"{kind} is announced to {place.name}"
