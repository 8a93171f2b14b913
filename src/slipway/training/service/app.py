"""The training service: trainings are started, and their artifacts had, over HTTP.

The environment's variables describe it, and functions-framework serves it.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import parse_qs

import msgspec

from slipway import digests
from slipway.errors import OutOfReach, SlipwayError
from slipway.model import Parameter
from slipway.serving import log
from slipway.serving.access import FOLDER, Access
from slipway.serving.answers import Answer, Refusal, of
from slipway.serving.http.application import Application, Paths
from slipway.serving.http.requests import LIVE, READY, Request
from slipway.store import Record, Store, open_store
from slipway.store.versions import published_by
from slipway.training.service.runs import ClusterRuns, LocalRuns, Run, Runs, read

MAX_BODY = 64 << 10
"""Bytes of a request."""

_ENDPOINTS = {
    "GET /": "this description, with the last run and the newest artifact",
    "POST /start": 'start a training; {"parameters": {…}, "data": "gs://…"}, each of which may be left out',
    "GET /finished": "whether the last run (?run=NAME: that one) is over, how it ended, and which version came of it",
    "GET /getmodel": "the newest artifact (?version=N: that one) as a .tar.gz",
    f"GET {LIVE}, {READY}": "200 while the service answers; nobody has to say who they are",
}


class Identity(NamedTuple):
    """The model that is trained, its environment, and its parameters with the values that they have unless given."""

    model: str
    environment: str
    parameters: Mapping[str, Parameter]


class Service(Application):
    """The service of one model, for callers whom `access` lets in."""

    def __init__(self, identity: Identity, runs: Runs, store: Callable[[], Store], access: Access) -> None:
        self.identity, self.runs = identity, runs
        self._store = store
        self._starting = threading.Lock()
        paths: Paths = {
            "/": {"GET": self._describe},
            "/start": {"POST": self._start},
            "/finished": {"GET": self._finished},
            "/getmodel": {"GET": self._getmodel},
            **{path: {"GET": lambda _: of(200, {"status": "ok"})} for path in (LIVE, READY)},
        }
        super().__init__({"model": identity.model}, paths, access, MAX_BODY)

    def check(self, request: Request) -> None:
        """See `Application.check`; without a body, nobody has to name its type."""
        if request.headers.get("content-length") == "0":
            self.handler(request)
        else:
            super().check(request)

    def answer(self, request: Request) -> Answer:
        """See `Application.answer`; raise `Refusal` (503) for what a caller can only wait for, or report."""
        try:
            return super().answer(request)
        except SlipwayError as error:
            log.write("ERROR", error.problem, fix=error.fix)
            code = "out_of_reach" if isinstance(error, OutOfReach) else "refused"
            message = str(error).replace("\n  → ", "; ")
            raise Refusal(503, code, message, headers={"retry-after": "30"}) from None

    def _describe(self, _request: Request) -> Answer:
        store, model = self._store(), self.identity.model
        newest = store.record(model, versions[-1]) if (versions := store.versions(model)) else None
        training = self._training(self.runs.last(), newest)
        return of(200, {"status": "ok", "endpoints": _ENDPOINTS, "training": training})

    def _start(self, request: Request) -> Answer:
        wanted = read(request.body, self.identity.parameters)
        with self._starting:
            if going := self.runs.under_way():
                message = f"{going.name} is under way ({going.phase}), and one training of a model runs at a time"
                raise Refusal(409, "under_way", f"{message}; GET /finished tells when it is over")
            run = self.runs.start(wanted.parameters, wanted.data)
        log.write("INFO", f"{run.name} started", run=run.name, model=self.identity.model)
        training = self._training(run, None) | {"asked": wanted._asdict()}
        return of(202, {"status": "ok", "training": training}, {"location": f"/finished?run={run.name}"})

    def _finished(self, request: Request) -> Answer:
        name = _query(request).get("run")
        run = self.runs.find(name) if name else self.runs.last()
        if run is None:
            which = f"no run {name!r}" if name else "no run"
            raise Refusal(
                404, "no_run", f"there is {which} of {self.identity.model} here (any more); POST /start makes one"
            )
        record = None
        if run.phase == "Succeeded":
            record = published_by(self._store(), self.identity.model, run.name)
        return of(200, {"status": "ok", "finished": run.is_over, "training": self._training(run, record)})

    def _getmodel(self, request: Request) -> Answer:
        store, wanted = self._store(), _query(request).get("version")
        if wanted is not None and not (wanted.isascii() and wanted.isdecimal() and len(wanted) < 10):
            raise Refusal(400, "invalid_version", "a version is a whole number: ?version=7")
        versions = store.versions(self.identity.model)
        number = int(wanted) if wanted else max(versions, default=0)
        if number not in versions:
            some = f"version {number}" if wanted else "version"
            there = f"; there are {', '.join(map(str, versions[-10:]))}" if versions else " yet; POST /start makes one"
            raise Refusal(404, "no_version", f"{self.identity.model} has no {some} in {store.environment}{there}")
        record = store.record(self.identity.model, number)
        name = str(record.id).replace("/", "-")
        file = _pack(store, record, name)
        headers = {
            "content-type": "application/gzip",
            "content-length": str(file.seek(0, os.SEEK_END)),
            "content-disposition": f'attachment; filename="{name}.tar.gz"',
            "x-model-id": str(record.id),
            "x-artifact-digest": record.artifact.digest,
        }
        file.seek(0)
        return Answer(200, headers, b"", file=file)

    def _training(self, run: Run | None, record: Record | None) -> dict[str, Any]:
        described = run and {**run._asdict(), "is_over": run.is_over}
        return {**self.identity._asdict(), "run": described, "artifact": record and _artifact(record)}


def start() -> Service:
    """Return the service; when something is missing, log it in one line and exit with status 1."""
    with log.or_exit():
        return load()


def load() -> Service:
    """Return the service as the environment describes it; raise `SlipwayError` for a missing or wrong variable.

    With `SLIPWAY_CLUSTER` (a folder with token, CA and namespace) trainings run in the cluster, with `SLIPWAY_ROOT` (a
    repository) on this machine.
    """
    identity = Identity(_given("SLIPWAY_MODEL"), _given("SLIPWAY_ENVIRONMENT"), _parameters())
    url, root = _given("SLIPWAY_STORE"), Path(os.environ.get("SLIPWAY_ROOT", "/"))
    store = cache(partial(open_store, url, root=root, environment=identity.environment))
    access = Access("basic", Path(_given(FOLDER)), "training")
    return Service(identity, _runs(identity, root), store, access)


def _runs(identity: Identity, root: Path) -> Runs:
    if folder := os.environ.get("SLIPWAY_CLUSTER"):
        try:
            return ClusterRuns.of_pod(Path(folder), identity.model)
        except (OSError, KeyError) as error:
            problem = f"{folder} is not what a pod gets to speak with its cluster: {error}"
            fix = "mount a token for slipway-training-service there, as workflows/train/service does"
            raise SlipwayError(problem, fix=fix) from error
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


def _query(request: Request) -> dict[str, str]:
    try:
        parts = parse_qs(request.query.decode("latin-1"), max_num_fields=20)
    except ValueError:
        raise Refusal(400, "invalid_query", "the query is not one, or has too many parts") from None
    return {key: values[-1] for key, values in parts.items()}


def _artifact(record: Record) -> dict[str, Any]:
    """Describe a published version: its files, its training and data, and its metrics."""
    training, data = record.training, record.data
    return {
        "model_id": str(record.id),
        "version": record.version,
        "digest": record.artifact.digest,
        "files": {path: file.size for path, file in sorted(record.artifact.files.items())},
        "created": record.created,
        "run": training and training.run,
        "commit": training and training.commit,
        "parameters": training.parameters if training else {},
        "data": data and {"uri": data.uri, "sha256": data.sha256, "rows": data.rows},
        "metrics": dict(record.metrics),
    }


def _pack(store: Store, record: Record, name: str) -> BinaryIO:
    """Return a file with the artifact's files, each checked, as a .tar.gz with the folder `name` in it.

    Raise `SlipwayError` when the store cannot be reached, or a file is corrupted there.
    """
    target: BinaryIO = tempfile.TemporaryFile(prefix="slipway-")  # noqa: SIM115 - it is closed after it was sent
    with (
        tempfile.TemporaryDirectory(prefix="slipway-") as folder,
        # It holds neither a name nor a time.
        gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        source = store.fetch(record, Path(folder) / name)
        for path, each in sorted(digests.walk(source).items()):
            archive.add(each, f"{name}/{path}", filter=_anonymous)
    return target


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Drop who made the file, and when, so that the same files give the same bytes."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info
