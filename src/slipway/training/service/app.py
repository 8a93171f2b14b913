"""The service as functions-framework runs it: made of the environment's variables, and connected with ASGI."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from slipway.errors import SlipwayError
from slipway.serving import log
from slipway.serving.access import FOLDER, Access
from slipway.serving.answers import Answer, Refusal
from slipway.serving.http import requests
from slipway.training.service.runs import Parameter, Runs
from slipway.training.service.service import Download, Identity, Service

if TYPE_CHECKING:
    from slipway.store import Store

__all__ = ["load", "respond", "start"]

_PIECE = 1 << 20  # bytes of a file sent at a time
_QUIET = frozenset({requests.LIVE, requests.READY})


def start() -> Service:
    """Return the service; when something is missing, log it in one line and exit with status 1."""
    try:
        return load()
    except SlipwayError as error:
        log.write("CRITICAL", f"the service does not start: {error.problem}", fix=error.fix)
        sys.exit(1)


def load() -> Service:
    """Return the service as the environment describes it; raise `SlipwayError` for a missing or wrong variable.

    With `SLIPWAY_CLUSTER` (a folder with token, CA and namespace) trainings run in the cluster, with `SLIPWAY_ROOT` (a
    repository) on this machine.
    """
    identity = Identity(_given("SLIPWAY_MODEL"), _given("SLIPWAY_ENVIRONMENT"), _parameters())
    url, root = _given("SLIPWAY_STORE"), Path(os.environ.get("SLIPWAY_ROOT", "/"))

    @cache
    def store() -> Store:
        # Google's client takes longer to import than all else; a health check does not wait for it.
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
            problem = f"{folder} is not what a pod gets to speak with its cluster: {error}"
            fix = "mount a token for slipway-training-service there, as workflows/train/service does"
            raise SlipwayError(problem, fix=fix) from error
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


async def respond(service: Service, request: Request) -> Response:
    """Answer a request, and log it in one line without its content and its answer."""
    began = time.perf_counter()
    method, path = request.method, request.scope["path"]
    headers = requests.headers(request.scope)
    caller, found = await _answer(service, request, method, path, headers)
    status = 200 if isinstance(found, Download) else found.status
    if path not in _QUIET or status != 200:
        log.write(
            "INFO" if status < 500 else "ERROR",
            f"{method} {path}",
            method=method,
            path=path,
            status=status,
            milliseconds=round((time.perf_counter() - began) * 1000, 2),
            **({"caller": caller} if caller else {}),
            model=service.identity.model,
            request_id=found.headers["x-request-id"],
        )
    return _sent(found, method) if isinstance(found, Download) else Response(found.body, status, found.headers)


async def _answer(
    service: Service, request: Request, method: str, path: str, headers: Mapping[str, str]
) -> tuple[str, Answer | Download]:
    """Return the name of the caller, and the answer."""
    caller = ""
    try:
        caller = service.check(method, path, headers)
        body = await requests.body(request.receive, service.check_size) if method == "POST" else b""
    except Refusal as refusal:
        return caller, service.refuse(refusal, log.request_id(headers))
    query = request.scope["query_string"].decode("latin-1")
    return caller, await asyncio.to_thread(service.answer, method, path, query, headers, body)


def _sent(found: Download, method: str) -> Response:
    tidy = BackgroundTask(found.folder.cleanup)
    if method == "HEAD":
        return Response(b"", 200, found.headers, background=tidy)
    return StreamingResponse(_pieces(found), 200, found.headers, background=tidy)


def _pieces(found: Download) -> Iterator[bytes]:
    # When the caller goes away in the middle, no background task runs: the folder goes here, too.
    with found.folder, found.file.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
