"""The service itself, without a transport: it answers requests."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from slipway import digests
from slipway.errors import OutOfReach, SlipwayError
from slipway.serving import log
from slipway.serving.access import Access
from slipway.serving.answers import Answer, Refusal, of
from slipway.serving.http.requests import LIVE, READY, check_length, check_size, check_type, choose, known
from slipway.store.versions import published_by
from slipway.training.service import requests
from slipway.training.service.runs import Parameter, Run, Runs

if TYPE_CHECKING:
    from slipway.store import Record, Store

__all__ = ["MAX_BODY", "Download", "Identity", "Service"]

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


class Download(NamedTuple):
    """An answer whose body is a file; its folder is deleted after it was sent."""

    headers: dict[str, str]
    file: Path
    folder: tempfile.TemporaryDirectory[str]


class _Request(NamedTuple):
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Service:
    """The service of one model, for callers whom `access` lets in."""

    def __init__(self, identity: Identity, runs: Runs, store: Callable[[], Store], access: Access) -> None:
        self.identity, self.runs, self.access = identity, runs, access
        self._store = store
        self._starting = threading.Lock()
        self._paths: dict[str, dict[str, Callable[[_Request], Answer | Download]]] = {
            "/": {"GET": self._describe},
            "/start": {"POST": self._start},
            "/finished": {"GET": self._finished},
            "/getmodel": {"GET": self._getmodel},
            LIVE: {"GET": self._healthy},
            READY: {"GET": self._healthy},
        }

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer | Download:
        """Answer one request; never raises. `headers` have lower-case names."""
        request_id = log.request_id(headers)
        try:
            self.check(method, path, headers)
            found = self._route(method, path)(_Request(_query(query), headers, body))
        except Refusal as refusal:
            return self.refuse(refusal, request_id)
        except SlipwayError as error:
            return self.refuse(_explained(error), request_id)
        except Exception as error:  # noqa: BLE001 - whatever happens, the caller gets an answer
            said = "".join(traceback.format_exception(error))
            log.write("ERROR", f"{type(error).__name__} while answering", request_id=request_id, traceback=said)
            failure = f"the service failed; its log has the reason under request id {request_id}"
            return self.refuse(Refusal(500, "internal", failure), request_id)
        found.headers["x-request-id"] = request_id
        return found

    def refuse(self, refusal: Refusal, request_id: str) -> Answer:
        """Return the answer to a request that is refused."""
        content = {"status": "error", "error": refusal.content(), "model": self.identity.model}
        content["request_id"] = request_id
        return of(refusal.status, content, {**refusal.headers, "x-request-id": request_id})

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        """Return the caller's name; raise `Refusal` for an unknown one, and for what is wrong before its body."""
        caller = "" if path.startswith("/health/") else self.access.caller(headers)
        self._route(method, path)
        if method == "POST" and headers.get("content-length") != "0":
            check_type(headers)
            check_length(headers, MAX_BODY)
        return caller

    def check_size(self, size: int) -> None:
        """Raise `Refusal` (413) when a body of `size` bytes, or one that has them so far, is too large."""
        check_size(size, MAX_BODY)

    def _route(self, method: str, path: str) -> Callable[[_Request], Answer | Download]:
        path = known(self._paths, path) or path
        return choose(self._paths, self._paths.get(path), method)

    def _describe(self, _request: _Request) -> Answer:
        store, model = self._store(), self.identity.model
        newest = store.record(model, versions[-1]) if (versions := store.versions(model)) else None
        training = self._training(self.runs.last(), newest)
        return of(200, {"status": "ok", "endpoints": _ENDPOINTS, "training": training})

    def _start(self, request: _Request) -> Answer:
        wanted = requests.read(request.body, self.identity.parameters)
        with self._starting:
            if going := self.runs.under_way():
                message = f"{going.name} is under way ({going.phase}), and one training of a model runs at a time"
                raise Refusal(409, "under_way", f"{message}; GET /finished tells when it is over")
            run = self.runs.start(wanted.parameters, wanted.data)
        log.write("INFO", f"{run.name} started", run=run.name, model=self.identity.model)
        training = self._training(run, None) | {"asked": wanted._asdict()}
        return of(202, {"status": "ok", "training": training}, {"location": f"/finished?run={run.name}"})

    def _finished(self, request: _Request) -> Answer:
        name = request.query.get("run")
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

    def _getmodel(self, request: _Request) -> Download:
        store, wanted = self._store(), request.query.get("version")
        if wanted is not None and not (wanted.isascii() and wanted.isdecimal() and len(wanted) < 10):
            raise Refusal(400, "invalid_version", "a version is a whole number: ?version=7")
        versions = store.versions(self.identity.model)
        number = int(wanted) if wanted else max(versions, default=0)
        if number not in versions:
            some = f"version {number}" if wanted else "version"
            there = f"; there are {', '.join(map(str, versions[-10:]))}" if versions else " yet; POST /start makes one"
            raise Refusal(404, "no_version", f"{self.identity.model} has no {some} in {store.environment}{there}")
        record = store.record(self.identity.model, number)
        folder = tempfile.TemporaryDirectory(prefix="slipway-")
        try:
            packed = _pack(store, record, Path(folder.name))
        except BaseException:
            folder.cleanup()
            raise
        headers = {
            "content-type": "application/gzip",
            "content-length": str(packed.stat().st_size),
            "content-disposition": f'attachment; filename="{packed.name}"',
            "x-model-id": str(record.id),
            "x-artifact-digest": record.artifact.digest,
        }
        return Download(headers, packed, folder)

    def _healthy(self, _request: _Request) -> Answer:
        return of(200, {"status": "ok"})

    def _training(self, run: Run | None, record: Record | None) -> dict[str, Any]:
        return {**self.identity._asdict(), "run": run and _run(run), "artifact": record and _artifact(record)}


def _query(text: str) -> dict[str, str]:
    try:
        return {key: values[-1] for key, values in parse_qs(text, max_num_fields=20).items()}
    except ValueError:
        raise Refusal(400, "invalid_query", "the query is not one, or has too many parts") from None


def _explained(error: SlipwayError) -> Refusal:
    """Return the refusal for an error of the store or the cluster, which a caller can only wait for, or report."""
    code = "out_of_reach" if isinstance(error, OutOfReach) else "refused"
    log.write("ERROR", error.problem, fix=error.fix)
    return Refusal(503, code, str(error).replace("\n  → ", "; "), headers={"retry-after": "30"})


def _run(run: Run) -> dict[str, Any]:
    return {**run._asdict(), "is_over": run.is_over}


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


def _pack(store: Store, record: Record, folder: Path) -> Path:
    """Pack the artifact's files, each checked, as a .tar.gz in the empty `folder`, and return its path.

    Raise `SlipwayError` when the store cannot be reached, or a file is corrupted there.
    """
    name = str(record.id).replace("/", "-")
    source = store.fetch(record, folder / name)
    target = folder / f"{name}.tar.gz"
    with (
        target.open("wb") as file,
        # It holds neither a name nor a time.
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, each in sorted(digests.walk(source).items()):
            archive.add(each, f"{name}/{path}", filter=_anonymous)
    return target


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Drop who made the file, and when, so that the same files give the same bytes."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info
