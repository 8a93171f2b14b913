"""The function itself: it answers requests and knows no transport, so that every transport can share it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from slipway.artifacts import Loaded
from slipway.artifacts.manifest import ModelCard
from slipway.model import InputError
from slipway.schema import InvalidRows, Problem
from slipway.serving import log
from slipway.serving.access import OPEN, Access
from slipway.serving.answers import Answer, Refusal, invalid_rows, of
from slipway.serving.bundled import Identity
from slipway.serving.http import requests
from slipway.serving.http.requests import (
    INFERENCE,
    LIVE,
    PAGE,
    PREDICT,
    PROBES,
    READY,
    V2,
    V2_READY,
    Request,
    is_scrape,
)
from slipway.serving.metrics import CONTENT_TYPE, Metrics

if TYPE_CHECKING:  # a start needs neither
    from slipway.serving.oip.inference import Inference
    from slipway.serving.oip.rest import Rest

__all__ = ["Function", "Limits"]

T = TypeVar("T")

# A request that takes less time (in seconds) may run on the event loop: a thread costs about a tenth of this.
_BRIEF = 0.001

# A row as tensors can be this many times shorter than as a JSON object, which repeats the fields' names.
_DENSER = 8

_NO_CARD = ModelCard()


class Limits(NamedTuple):
    """The largest request: bytes of its body, and rows."""

    body: int = 1 << 20
    rows: int = 10_000


class Function:
    """A loaded model that answers requests; `slipway.serving.start.load` makes it after all checks."""

    def __init__(
        self, loaded: Loaded, identity: Identity, limits: Limits, access: Access = OPEN, card: ModelCard = _NO_CARD
    ) -> None:
        self.identity, self.limits, self.access = identity, limits, access
        self._loaded, self._card = loaded, card
        self._paths: dict[str, dict[str, Callable[[Request], Answer]]] = {
            "/": {"GET": self._document},
            PREDICT: {"POST": self._predict},
            LIVE: {"GET": self._healthy},
            READY: {"GET": self._healthy},
            PAGE: {"GET": self._document},
            "/openapi.json": {"GET": self._document},
            **{path: {method: self._infer} for path, method in INFERENCE.items()},
        }
        # Several steps look up the path of the same request.
        self._known = lru_cache(maxsize=64)(partial(requests.known, self._paths))
        self._brief_body = self._measure()
        self.metrics = Metrics(identity, loaded.schema.target, loaded.golden)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request; never raise. `headers` have lower-case names, `path` has no query."""
        request_id = log.request_id(headers)
        try:
            answer = self.attempt(f"{method} {path}", request_id, lambda: self._answer(method, path, headers, body))
        except Refusal as refusal:
            return self.refuse(refusal, request_id, path)
        answer.headers["x-request-id"] = request_id
        return answer

    def attempt(self, what: str, request_id: str, make: Callable[[], T]) -> T:
        """Return the result of `make`; log any error but a `Refusal`, and raise a `Refusal` (500) in its place."""
        try:
            return make()
        except Refusal:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a model does, its caller gets an answer
            raise self.failure(error, what, request_id) from None

    def failure(self, error: BaseException, what: str, request_id: str) -> Refusal:
        """Log `error` with its traceback, and return the refusal (500) that names the request id."""
        log.write(
            "ERROR",
            f"{type(error).__name__} while answering {what}",
            request_id=request_id,
            traceback="".join(traceback.format_exception(error)),
        )
        message = f"the function failed; its log has the reason under request id {request_id}"
        return Refusal(500, "internal", message)

    def predict(self, rows: list[Any]) -> list[Any]:
        """Return the predictions of a caller's `rows`, and count them.

        Raise `Refusal`: 413 for too many rows, 400 for rows that do not fit or that the model refuses.
        """
        self.check_rows(len(rows))
        predictions = self._predictions(rows)
        self.metrics.predicted(predictions)
        return predictions

    @cached_property
    def inference(self) -> Inference:
        """The model in the terms of the Open Inference Protocol, which a start does not need."""
        from slipway.serving.oip.inference import Inference

        return Inference(self.identity, self._loaded, self.check_rows, self.predict)

    def refuse(self, refusal: Refusal, request_id: str, path: str = "") -> Answer:
        """Return a refusal as an answer; paths of the Open Inference Protocol have that protocol's form."""
        error = refusal.content()
        if path == V2 or path.startswith(f"{V2}/"):
            content = {"error": error.pop("message"), **error}
        else:
            content = {"status": "error", "error": error}
        content |= {**self.identity.named(), "request_id": request_id}
        answer = of(refusal.status, content, {**refusal.headers, "x-request-id": request_id})
        return answer._replace(error=refusal.code)

    def admit(self, path: str, headers: Mapping[str, str]) -> str:
        """Return the caller's name, "" where no access is needed; raise `Refusal` (401, 503) for other callers.

        Call this first, so that strangers learn nothing of paths or of the content of a body.
        """
        route = self.route(path)
        if route in (READY, V2_READY):
            self.access.check_ready()
        return "" if route == PAGE or self.is_routine(path, headers) else self.access.caller(headers)

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raise `Refusal` for all that is wrong before the body is read: 404, 405, 413 and 415."""
        self._find(method, path, headers)
        if method == "POST":
            requests.check_type(headers, with_bytes=self.route(path) in INFERENCE)
            requests.check_length(headers, self.limits.body)

    def check_size(self, size: int) -> None:
        """Raise `Refusal` (413) when `size` bytes of a body, whole or in part, are too many."""
        requests.check_size(size, self.limits.body)

    def check_rows(self, count: int) -> None:
        """Raise `Refusal` (413) when `count` rows are too many for one request."""
        if count > self.limits.rows:
            raise Refusal(413, "too_many_rows", f"{count} rows; the limit is {self.limits.rows} in one request")

    def is_brief(self, body: bytes, path: str = PREDICT) -> bool:
        """Return whether the answer is so fast, as measured at the start, that the event loop can compute it."""
        return len(body) * (1 if path == PREDICT else _DENSER) <= self._brief_body

    def route(self, path: str) -> str:
        """Return the function's own name of a path: `/predict` for `/predict/`, and `other` for unknown paths."""
        return self._known(path) or "other"

    def is_routine(self, path: str, headers: Mapping[str, str]) -> bool:
        """Return whether the request is a probe or a scrape of metrics, which is neither logged nor counted."""
        return self.route(path) in PROBES or is_scrape(path, headers)

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return self._find(method, path, headers)(Request(path, self.route(path), headers, body))

    def _find(self, method: str, path: str, headers: Mapping[str, str]) -> Callable[[Request], Answer]:
        methods = {"GET": self._scrape} if is_scrape(path, headers) else self._paths.get(self.route(path))
        return requests.choose(self._paths, methods, method)

    def _predict(self, request: Request) -> Answer:
        requests.check_type(request.headers)
        self.check_size(len(request.body))
        value = requests.parse(request.body)
        if not isinstance(value, dict | list):
            raise Refusal(400, "invalid_json", "the body is neither a JSON object (a row) nor a list of them")
        rows = value if isinstance(value, list) else [value]
        predictions = self.predict(rows)
        prediction = predictions if rows is value else predictions[0]
        answer = of(200, {"status": "ok", "prediction": prediction, **self.identity.named()})
        return answer._replace(rows=len(rows))

    def _infer(self, request: Request) -> Answer:
        self.check_size(len(request.body))
        return self._rest.answer(request)

    @cached_property
    def _rest(self) -> Rest:
        from slipway.serving.oip.rest import Rest

        return Rest(self.inference)

    def _predictions(self, rows: list[Any]) -> list[Any]:
        if not rows:
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
    def _docs(self) -> dict[str, Answer]:
        """The documentation by its path, which a start does not need."""
        from slipway.serving.http import docs

        description = docs.description(self._loaded, self.identity, self.limits._asdict(), self._card)
        openapi = docs.openapi(self._loaded, self.identity, self.inference, self.access.kind)
        return {"/": of(200, description), "/openapi.json": of(200, openapi), PAGE: docs.page()}

    def _healthy(self, _request: Request) -> Answer:
        """Answer both probes: nothing listens until digests and golden predictions hold, so live means ready."""
        return of(200, {"status": "ok", **self.identity.named()})

    def _scrape(self, _request: Request) -> Answer:
        return Answer(200, {"content-type": CONTENT_TYPE}, self.metrics.format())

    def _measure(self) -> int:
        """Return the length of the longest body with a brief answer; 0 when one row may already take too long."""
        golden = list(self._loaded.golden.rows)
        if not golden or not self._loaded.only_computes:
            return 0
        one, all_ = msgspec.json.encode(golden[:1]), msgspec.json.encode(golden)
        if self._seconds(one) > _BRIEF:
            return 0
        return int(len(all_) * _BRIEF / self._seconds(all_))

    def _seconds(self, body: bytes) -> float:
        """Return the best time of five: the first may import, and others may wait for a CPU. Try slow models less."""
        seconds: list[float] = []
        while len(seconds) < 5 and sum(seconds) < 20 * _BRIEF:
            start = time.perf_counter()
            self._predictions(requests.parse(body))
            seconds.append(time.perf_counter() - start)
        return min(seconds)
