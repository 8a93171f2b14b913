"""How the service starts: from the environment's variables, which the declared training sets, or `slipway serve`."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from slipway.errors import SlipwayError
from slipway.serving import log
from slipway.serving.access import FOLDER, Access
from slipway.training.service.runs import Parameter, Runs
from slipway.training.service.service import Identity, Service

if TYPE_CHECKING:
    from slipway.store import Store

__all__ = ["load", "start"]


def start() -> Service:
    """The service; when something is missing, say so in one line on stderr and exit with status 1."""
    try:
        return load()
    except SlipwayError as error:
        log.write("CRITICAL", f"the service does not start: {error.problem}", fix=error.fix)
        sys.exit(1)


def load() -> Service:
    """The service as the environment describes it; raises `SlipwayError` for a variable that is missing or wrong.

    With `SLIPWAY_CLUSTER` (a folder with token, CA and namespace) trainings run in the cluster, with `SLIPWAY_ROOT` (a
    repository) on this machine.
    """
    identity = Identity(_given("SLIPWAY_MODEL"), _given("SLIPWAY_ENVIRONMENT"), _parameters())
    url, root = _given("SLIPWAY_STORE"), Path(os.environ.get("SLIPWAY_ROOT", "/"))

    @cache
    def store() -> Store:
        # Google's client takes longer to import than all else; who asks after health does not wait for it.
        from slipway.store import open_store

        return open_store(url, root=root, environment=identity.environment)

    access = Access("basic", Path(_given(FOLDER)), "training")
    return Service(identity, _runs(identity, root), store, access)


def _runs(identity: Identity, root: Path) -> Runs:
    if folder := os.environ.get("SLIPWAY_CLUSTER"):
        from slipway.training.service.cluster import Api, ClusterRuns

        try:
            return ClusterRuns(Api.of_pod(Path(folder)), identity.model)
        except (OSError, KeyError) as error:
            fix = "mount a token for slipway-training-service there, as workflows/train/service does"
            raise SlipwayError(
                f"{folder} is not what a pod gets to speak with its cluster: {error}", fix=fix
            ) from error
    from slipway.training.service.local import LocalRuns

    return LocalRuns(root, identity.model, identity.environment)


def _parameters() -> dict[str, Parameter]:
    try:
        return msgspec.json.decode(os.environ.get("SLIPWAY_PARAMETERS") or "{}", type=dict[str, Parameter])
    except msgspec.MsgspecError as error:
        problem = f"SLIPWAY_PARAMETERS is no JSON object of names and values: {error}"
        raise SlipwayError(problem, fix="declare the training again: slipway build, slipway release --built") from error


def _given(variable: str) -> str:
    if text := os.environ.get(variable):
        return text
    raise SlipwayError(f"{variable} is not set", fix="start it by its overlay, or by slipway serve MODEL --training")
