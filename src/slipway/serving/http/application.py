"""An application: paths with what answers them, for the callers whom its access lets in. It knows no transport.

A path may have names in braces, as `/v2/models/{model}/infer`: each stands for one part of a request's path.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from slipway.serving.access import Access
from slipway.serving.answers import Answer, Refusal, of
from slipway.serving.http.requests import INFERENCE, PROBES, V2, Request, check_type

if TYPE_CHECKING:  # the training service needs no modules of artifacts
    from slipway.serving.metrics import Metrics

Handler = Callable[[Request], Answer]
Paths = Mapping[str, Mapping[str, Handler]]


class Application:
    """The `paths` with the handler of each method; a transport calls `admit`, `check`, and then `answer`.

    `named` says in refusals and in the log who answers; `max_body` is the largest body in bytes.
    """

    metrics: Metrics | None = None
    seconds: float = math.inf
    """How long an answer may take."""
    longest = 0
    """The length of the longest body whose answer may be brief."""
    origins: frozenset[str] = frozenset()
    """The origins whose pages may call from a browser."""

    def __init__(self, named: Mapping[str, str], paths: Paths, access: Access, max_body: int) -> None:
        self.named, self.access = named, access
        self._paths, self._max_body = paths, max_body
        # Several steps look up the path of the same request.
        self._known = lru_cache(maxsize=64)(partial(_known, paths))

    def route(self, path: str) -> str:
        """Return the application's own name of a path: `/predict` for `/predict/`, and `other` for unknown paths."""
        return self._known(path) or "other"

    def is_routine(self, request: Request) -> bool:
        """Return whether the request is neither logged nor counted."""
        return request.route in PROBES

    def is_brief(self, request: Request) -> bool:
        """Return whether the answer is so fast that the event loop can compute it."""
        return request.route in PROBES

    def admit(self, request: Request) -> str:
        """Return the caller's name, "" where no access is needed; raise `Refusal` (401, 503) for other callers.

        Call this first, so that strangers learn nothing of paths or of the content of a body.
        """
        return "" if self.is_routine(request) else self.access.caller(request.headers)

    def check(self, request: Request) -> None:
        """Raise `Refusal` for all that is wrong before the body is read: 404, 405, 413 and 415."""
        self.handler(request)
        if request.method == "POST":
            check_type(request.headers, with_bytes=request.route in INFERENCE)
            length = request.headers.get("content-length", "")
            self.check_size(int(length) if length.isdecimal() else 0)

    def check_size(self, size: int) -> None:
        """Raise `Refusal` (413) when `size` bytes of a body, whole or in part, are too many."""
        if size > self._max_body:
            raise Refusal(413, "body_too_large", f"the body is over the limit of {self._max_body} bytes")

    def answer(self, request: Request) -> Answer:
        """Answer a request that was checked; raise `Refusal`, and whatever a model raises."""
        return self.handler(request)(request)

    def refuse(self, refusal: Refusal, request: Request) -> Answer:
        """Return a refusal as an answer; paths of KServe's protocols have their form."""
        error = refusal.content()
        if f"{request.path}/".startswith(("/v1/", f"{V2}/")):
            content = {"error": error.pop("message"), **error}
        else:
            content = {"status": "error", "error": error}
        content |= {**self.named, "request_id": request.id}
        return of(refusal.status, content, refusal.headers, error=refusal.error)

    def handler(self, request: Request) -> Handler:
        """Return the handler of a request; HEAD counts as GET.

        Raise `Refusal`: 404 that lists the paths, or 405 that lists the methods of this one.
        """
        methods = self._paths.get(request.route)
        if methods is None:
            raise Refusal(404, "not_found", f"there is no such path; there are {', '.join(self._paths)}")
        return chosen(methods, request.method)


def chosen(methods: Mapping[str, Handler], method: str) -> Handler:
    """Return the handler for `method`; OPTIONS is answered with the methods.

    Raise `Refusal` (405) that lists them where there is none.
    """
    found = methods.get("GET" if method == "HEAD" else method)
    if found is None:
        allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])
        if method == "OPTIONS":
            return lambda _: Answer(204, {"allow": allowed}, b"")
        message = f"{method[:20]} is not for this path; it takes {allowed}"
        raise Refusal(405, "method_not_allowed", message, headers={"allow": allowed})
    return found


def parts(request: Request) -> dict[str, str]:
    """Return the parts of a request's path by the names in its route: {"model": "iris"}."""
    match = _pattern(request.route).fullmatch(request.path.rstrip("/"))
    return match.groupdict() if match else {}


def _known(paths: Paths, path: str) -> str | None:
    if path in paths:
        return path
    path = path.rstrip("/") or "/"
    if path in paths:
        return path
    return next((route for route in paths if "{" in route and _pattern(route).fullmatch(path)), None)


@cache
def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route))
