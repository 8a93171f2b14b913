"""The function itself: which request gets which answer. It knows no transport, so that each can share it."""

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from slipway.artifacts import Loaded
from slipway.model import InputError
from slipway.schema import InvalidRows, Problem
from slipway.serving import log, payload, routing
from slipway.serving.answers import Answer, Refusal, of
from slipway.serving.description import Identity, describe
from slipway.serving.exposition import CONTENT_TYPE
from slipway.serving.metrics import Metrics

__all__ = ["Function", "Limits"]

# A request that takes less than this (in seconds) may run on the event loop: a thread costs about a tenth of it.
_BRIEF = 0.001

_LONGEST_NAME = 100

# Not for callers: what Kubernetes asks every few seconds, and what Prometheus does.
_PROBES = frozenset({"/health/live", "/health/ready"})
_METRICS = "/metrics"

# Every proxy before the function adds it, Knative's own to each request that comes by a Route or a Service.
_FORWARDED = "x-forwarded-for"


class Limits(NamedTuple):
    """What one request may hold at the most: bytes of its body, and rows."""

    body: int = 1 << 20
    rows: int = 10_000


class Function:
    """A loaded model, and how it answers; made by `slipway.serving.start.load`, after all checks held."""

    def __init__(self, loaded: Loaded, identity: Identity, limits: Limits) -> None:
        self.identity = identity
        self.limits = limits
        self._loaded = loaded
        self._named = {"model_id": identity.model_id, "release": identity.release}
        self._paths: dict[str, dict[str, Callable[[Mapping[str, str], bytes], Answer]]] = {
            "/": {"GET": self._describe},
            "/predict": {"POST": self._predict},
            "/health/live": {"GET": self._healthy},
            "/health/ready": {"GET": self._healthy},
        }
        self._brief_body = self._measure()
        self.metrics = Metrics(identity, loaded.schema.target, loaded.golden)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request; never raises. `headers` have lower-case names, `path` is without the query."""
        request_id = log.request_id(headers)
        try:
            answer = self._find(method, path, headers)(headers, body)
        except Refusal as refusal:
            return self.refuse(refusal, request_id)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a model does, its caller gets an answer
            log.write(
                "ERROR",
                f"{type(error).__name__} while answering {method} {path}",
                request_id=request_id,
                traceback="".join(traceback.format_exception(error)),
            )
            failure = f"the function failed; its log has the reason under request id {request_id}"
            return self.refuse(Refusal(500, "internal", failure), request_id)
        answer.headers["x-request-id"] = request_id
        return answer

    def refuse(self, refusal: Refusal, request_id: str) -> Answer:
        """The answer to a request that is not carried out."""
        content = {"status": "error", "error": refusal.content(), **self._named, "request_id": request_id}
        answer = of(refusal.status, content, {**refusal.headers, "x-request-id": request_id})
        return answer._replace(error=refusal.code)

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raise `Refusal` for what can be told before the body is read: 404, 405, 413 and 415."""
        self._find(method, path, headers)
        if method == "POST":
            payload.check_type(headers)
            payload.check_length(headers, self.limits.body)

    def check_size(self, size: int) -> None:
        """Raise `Refusal` (413) when a body of `size` bytes, or of so many by now, is too large."""
        payload.check_size(size, self.limits.body)

    def is_brief(self, body: bytes) -> bool:
        """Whether answering is so fast, by what was measured at the start, that it need not leave the event loop."""
        return len(body) <= self._brief_body

    def route(self, path: str) -> str:
        """The path that answers, as its own name: `/predict` for `/predict/`; `other` for all that there are not."""
        return routing.known(self._paths, path) or "other"

    def is_routine(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether it is a probe or a scrape of the metrics, of which there is nothing to tell while all is well."""
        return self.route(path) in _PROBES or _is_scrape(path, headers)

    def _find(self, method: str, path: str, headers: Mapping[str, str]) -> Callable[[Mapping[str, str], bytes], Answer]:
        methods = {"GET": self._tell} if _is_scrape(path, headers) else self._paths.get(self.route(path))
        return routing.choose(self._paths, methods, method)

    def _predict(self, headers: Mapping[str, str], body: bytes) -> Answer:
        payload.check_type(headers)
        self.check_size(len(body))
        value = payload.parse(body)
        if not isinstance(value, dict | list):
            raise Refusal(400, "invalid_json", "the body is neither a JSON object (a row) nor a list of them")
        rows = value if isinstance(value, list) else [value]
        if len(rows) > self.limits.rows:
            raise Refusal(413, "too_many_rows", f"{len(rows)} rows; the limit is {self.limits.rows} in one request")
        predictions = self._answers(rows)
        self.metrics.predicted(predictions)
        answer = of(
            200,
            {"status": "ok", "prediction": predictions if rows is value else predictions[0], **self._named},
        )
        return answer._replace(rows=len(rows))

    def _answers(self, rows: list[Any]) -> list[Any]:
        if not rows:
            return []
        try:
            return self._loaded.answer(rows)
        except InvalidRows as error:
            raise _invalid(error.problems) from None
        except InputError as error:
            raise _invalid([Problem(error.row, error.field, str(error))]) from None

    def _describe(self, _headers: Mapping[str, str], _body: bytes) -> Answer:
        return of(200, describe(self._loaded, self.identity, self.limits._asdict()))

    def _healthy(self, _headers: Mapping[str, str], _body: bytes) -> Answer:
        """Live and ready are the same here: until digests and golden predictions held, nothing listens."""
        return of(200, {"status": "ok", **self._named})

    def _tell(self, _headers: Mapping[str, str], _body: bytes) -> Answer:
        return Answer(200, {"content-type": CONTENT_TYPE}, self.metrics.format())

    def _measure(self) -> int:
        """How long a body may be (in bytes) to be answered briefly; 0 when one row takes too long already."""
        golden = list(self._loaded.golden.rows)
        if not golden:
            return 0
        one, all_ = msgspec.json.encode(golden[:1]), msgspec.json.encode(golden)
        if self._seconds(one) > _BRIEF:
            return 0
        return int(len(all_) * _BRIEF / self._seconds(all_))

    def _seconds(self, body: bytes) -> float:
        """The better of two tries, for the first may still import; of a slow model's only that one."""
        took: list[float] = []
        while len(took) < 2 and sum(took) < 20 * _BRIEF:
            start = time.perf_counter()
            self._answers(payload.parse(body))
            took.append(time.perf_counter() - start)
        return min(took)


def _is_scrape(path: str, headers: Mapping[str, str]) -> bool:
    """Whether the metrics are asked of the pod itself: what came through a proxy came from outside, or might have."""
    return path == _METRICS and _FORWARDED not in headers


def _invalid(problems: "tuple[Problem, ...] | list[Problem]") -> Refusal:
    shortened = [problem._replace(field=problem.field[:_LONGEST_NAME]) for problem in problems]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Refusal(400, "invalid_rows", f"{problems[0]}"[:500] + more, problems=shortened)
