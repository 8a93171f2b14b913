"""The function itself: a loaded model as an application, which every transport shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from slipway.artifacts import Loaded
from slipway.artifacts.manifest import ModelCard
from slipway.model import InputError
from slipway.schema import Columns, InvalidRows, Problem
from slipway.schema.decoder import Decoded, Decoder
from slipway.serving import log
from slipway.serving.access import OPEN, Access
from slipway.serving.answers import Answer, Refusal, invalid_rows, of
from slipway.serving.bundled import Identity
from slipway.serving.http import requests
from slipway.serving.http.application import Application, Handler, Paths, chosen
from slipway.serving.http.requests import PREDICT, READY, V2_READY, Request
from slipway.serving.metrics import Metrics
from slipway.serving.threads import LIVE, threads

if TYPE_CHECKING:  # a start does without it
    from slipway.serving.oip.forms import Form
    from slipway.serving.oip.inference import Inference

# A request that takes less time (in seconds) may run on the event loop. A thread costs about a quarter of a
# millisecond more, and keeps the event loop waiting as well: the interpreter lets it go on for 5 ms.
_BRIEF = 0.0025

# In seconds, to find out at the start what is brief.
_PATIENCE = 0.5

# A row as tensors can be this many times shorter than as a JSON object, which repeats the fields' names.
_DENSER = 8

_NO_CARD = ModelCard()


class Limits(NamedTuple):
    """The largest request: bytes of its body, and rows; and the seconds that it may take."""

    body: int = 10_000 << 10
    rows: int = 10_000
    seconds: int = 60


class _Brief(NamedTuple):
    """The lengths of the longest bodies with a brief answer: of those read field by field, and of those that fit."""

    slow: int
    quick: int


class Function(Application):
    """A loaded model that answers requests; `slipway.serving.start.load` makes it after all checks."""

    metrics: Metrics

    with_scrapes = True
    """True if metrics are at the function's own port; a cluster gives them another, which no proxy passes on."""

    def __init__(
        self, loaded: Loaded, identity: Identity, limits: Limits, access: Access = OPEN, card: ModelCard = _NO_CARD
    ) -> None:
        self.identity, self.limits = identity, limits
        self._loaded, self._card = loaded, card
        paths: Paths = {
            "/": {"GET": self._document, "POST": self._event},
            PREDICT: {"POST": self._predict},
            requests.LIVE: {"GET": self._alive},
            READY: {"GET": self._ready},
            requests.PAGE: {"GET": self._document},
            requests.OPENAPI: {"GET": self._document},
            **{path: {method: self._infer} for path, method in requests.INFERENCE.items()},
            **{path: {method: self._instances} for path, method in requests.KSERVE.items()},
        }
        super().__init__(identity.named(), paths, access, limits.body)
        self.seconds = limits.seconds
        self._decoder = Decoder.of(loaded.schema)
        self._brief = self._measure()
        self.longest = max(self._brief)
        self.metrics = Metrics(identity, loaded.schema.target, loaded.golden)

    def predict(self, rows: list[Any] | Columns) -> list[Any]:
        """Return the predictions of a caller's `rows`, and count them; `Columns` are checked already.

        Raise `Refusal`: 413 for too many rows, 400 for rows that do not fit or that the model refuses.
        """
        self.check_rows(len(rows))
        predictions = self._predictions(rows)
        self.metrics.predicted(predictions)
        if len(rows):
            for metric in self._loaded.remarks().metrics:
                self.metrics.add(metric)
        return predictions

    def tags(self) -> Mapping[str, Any]:
        """Return what a foreign class says about the predictions that this thread made last."""
        return self._loaded.remarks().tags

    def health(self) -> dict[str, Any]:
        """Return {"health": …} as the model's class tells it, or {}.

        Raise `Refusal` (503) when it raises, or all threads are stuck.
        """
        threads().check()
        if not self._loaded.tells_health:
            return {}
        try:
            return {"health": self._loaded.health()}
        except BaseException as error:
            log.write("ERROR", f"not ready: health_status fails: {type(error).__name__}: {error}")
            raise Refusal(503, "not_healthy", "the model's health_status fails; the log says how") from error

    def check_live(self) -> None:
        """Raise `Refusal` (503) when all threads have been stuck for so long that only a new process helps."""
        threads().check(LIVE)

    @cached_property
    def inference(self) -> Inference:
        """The model in the terms of the Open Inference Protocol, which a start does not need."""
        from slipway.serving.oip.inference import Inference

        return Inference(self.identity, self._loaded, self.check_rows, self.predict, self.tags)

    def admit(self, request: Request) -> str:
        """See `Application.admit`; nobody is admitted, nor is this ready, before access was set once."""
        if request.route in (READY, V2_READY):
            self.access.check_ready()
        return "" if request.route == requests.PAGE else super().admit(request)

    def check_rows(self, count: int) -> None:
        """Raise `Refusal` (413) when `count` rows are too many for one request."""
        if count > self.limits.rows:
            raise Refusal(413, "too_many_rows", f"{count} rows; the limit is {self.limits.rows} in one request")

    def is_brief(self, request: Request) -> bool:
        """See `Application.is_brief`; the start has measured the longest body with a brief answer."""
        if self._loaded.tells_health and request.route != requests.LIVE:
            return False
        size = len(request.body) * (1 if request.route == PREDICT else _DENSER)
        if size <= self._brief.slow or request.route != PREDICT:
            return size <= self._brief.slow
        # Rows that do not fit take many times as long as others to be read, so the others are read first.
        request.rows = self._decoded(request.body) if size <= self._brief.quick else None
        return request.rows is not None

    def is_routine(self, request: Request) -> bool:
        """See `Application.is_routine`: probes and scrapes of metrics."""
        return super().is_routine(request) or self._is_scrape(request)

    def handler(self, request: Request) -> Handler:
        """See `Application.handler`; metrics are on no list of paths."""
        if self._is_scrape(request):
            return chosen({"GET": self._scrape}, request.method)
        return super().handler(request)

    def _predict(self, request: Request) -> Answer:
        rows, many = request.rows or self._decoded(request.body) or _parsed(request.body)
        return of(200, self._content(rows, many), rows=len(rows))

    def _event(self, request: Request) -> Answer:
        from slipway.serving.http import events

        event = events.read(request)
        return event.answer(self._content(event.rows, event.many), self.identity.model_id)

    def _content(self, rows: list[Any] | Columns, many: bool) -> dict[str, Any]:
        predictions = self._checked(rows)
        prediction = predictions if many else predictions[0]
        tags = self.tags() if len(rows) else {}
        return {"status": "ok", "prediction": prediction, **({"tags": tags} if tags else {}), **self.named}

    def _checked(self, rows: list[Any] | Columns) -> list[Any]:
        predictions = self.predict(rows)
        self._form.check(predictions)
        return predictions

    def _infer(self, request: Request) -> Answer:
        from slipway.serving.oip import rest

        if request.route in requests.V2_READINESS:
            self.health()
        if request.route == requests.V2_LIVE:
            self.check_live()
        return rest.answer(self.inference, request)

    def _instances(self, request: Request) -> Answer:
        from slipway.serving.oip import kserve

        if request.route == requests.V1_MODEL:
            self.health()
        return kserve.answer(self.inference, request, self._checked)

    def _predictions(self, rows: list[Any] | Columns) -> list[Any]:
        if not len(rows):
            return []
        try:
            return self._loaded.answer(rows)
        except InvalidRows as error:
            raise invalid_rows(error.problems) from None
        except InputError as error:
            row = 0 if len(rows) == 1 else error.row
            raise invalid_rows([Problem(row, error.field, str(error))]) from None

    def _document(self, request: Request) -> Answer:
        answer = self._docs[request.route]
        return answer._replace(headers=dict(answer.headers))

    @cached_property
    def _form(self) -> Form:
        """The form of predictions, which a start does not need."""
        from slipway.serving.oip.forms import Form

        return Form(self._loaded.schema.target, self._loaded.golden.predictions)

    @cached_property
    def _docs(self) -> dict[str, Answer]:
        """The documentation by its path, which a start does not need."""
        from slipway.serving.http import docs

        description = docs.description(self._loaded, self.identity, self.limits._asdict(), self._card)
        openapi = docs.openapi(self._loaded, self.identity, self.inference, self.access.kind)
        return {
            "/": of(200, description),
            requests.OPENAPI: of(200, openapi),
            requests.PAGE: docs.page(self.access.kind),
        }

    def _alive(self, _request: Request) -> Answer:
        self.check_live()
        return of(200, {"status": "ok", **self.named})

    def _ready(self, _request: Request) -> Answer:
        """Nothing listens until digests and golden predictions hold: live means ready, but for the class's word."""
        return of(200, {"status": "ok", **self.health(), **self.named})

    def _is_scrape(self, request: Request) -> bool:
        return self.with_scrapes and requests.is_scrape(request)

    def _scrape(self, _request: Request) -> Answer:
        return self.metrics.answer()

    def _decoded(self, body: bytes) -> Decoded | None:
        return self._decoder.read(body) if self._decoder else None

    def _measure(self) -> _Brief:
        """Return the longest bodies with a brief answer; 0 when one row may already take too long."""
        golden = list(self._loaded.golden.rows)
        if not golden or not self._loaded.only_computes:
            return _Brief(0, 0)
        one, all_ = msgspec.json.encode(golden[:1]), msgspec.json.encode(golden)
        fit = self._decoded(one) and self._decoded(all_)
        return _Brief(self._longest(one, all_, _parsed), self._longest(one, all_, self._decoded) if fit else 0)

    def _longest(self, one: bytes, all_: bytes, read: Callable[[bytes], Any]) -> int:
        if self._seconds(one, read) > _BRIEF:
            return 0
        return int(len(all_) * _BRIEF / self._seconds(all_, read))

    def _seconds(self, body: bytes, read: Callable[[bytes], Any]) -> float:
        """Return the best time of five: the first may import, and others may wait for a CPU, as in a pod with a share.

        Try a model less that is slow by itself: by its CPU time, or by more time than any wait for a CPU takes.
        """
        seconds: list[float] = []
        began = time.thread_time()
        while len(seconds) < 5 and time.thread_time() - began < 20 * _BRIEF and sum(seconds) < _PATIENCE:
            start = time.perf_counter()
            self._predictions(read(body)[0])
            seconds.append(time.perf_counter() - start)
        return min(seconds)


def _parsed(body: bytes) -> tuple[list[Any], bool]:
    """Return the rows in a body, still to be checked, and False for a single one; raise `Refusal` (400)."""
    return requests.rows_in(requests.parse(body), "the body is")
