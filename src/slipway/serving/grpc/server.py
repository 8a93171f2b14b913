"""The gRPC server (`SLIPWAY_PROTOCOL=grpc`): the Open Inference Protocol and gRPC's own health checks.

It serves the same function as HTTP: the same checks at the start, limits, access, log and metrics. A port speaks
either HTTP/1.1 or gRPC, and Prometheus asks over HTTP/1.1: the metrics are on another port.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from typing import Any, NoReturn

import grpc.aio
import msgspec
from google.protobuf.message import DecodeError

from slipway.errors import SlipwayError
from slipway.serving import log
from slipway.serving.answers import Answer, Refusal, common
from slipway.serving.function import Function
from slipway.serving.grpc import farewell, reflection
from slipway.serving.grpc.messages import METHODS, STREAMS, fill, message, read
from slipway.serving.http.requests import METRICS, Request, combined
from slipway.serving.metrics import CONTENT_TYPE, Metrics
from slipway.serving.oip.tensors import row_count
from slipway.serving.process import GRACE, METRICS_PORT, PATIENCE, metrics_port
from slipway.serving.threads import finish, threads, watch
from slipway.text import cut

_SERVICE = "inference.GRPCInferenceService"
_HEALTH = "/grpc.health.v1.Health/Check"
_LIVE, _READY = f"/{_SERVICE}/ServerLive", f"/{_SERVICE}/ServerReady"

# As over HTTP, they need no access, and are neither logged nor counted.
_PROBES = frozenset({_HEALTH, _LIVE, _READY})

_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
# Proxies and clients refuse headers of more than 8 KiB, which have three bytes for each that is not printable ASCII.
_LONGEST = 6000

# Many clients send pings while they wait. By default, a server throws those out who send more than one in five minutes.
_PINGS = [("grpc.http2.max_ping_strikes", 0), ("grpc.keepalive_permit_without_calls", 1)]

# gRPC knows no larger limit.
_MOST = 2**31 - 1


def run(function: Function, host: str, port: int) -> None:
    """Serve until SIGTERM, and then until every call that has begun is answered.

    Raise `SlipwayError` when a port is in use or invalid.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    at = metrics_port()
    with _metrics(function.metrics, host, at) if at else nullcontext():
        asyncio.run(_serve(function, address, port))
    finish()


async def _serve(function: Function, address: str, port: int) -> None:
    largest = min(function.limits.body, _MOST)
    options = [("grpc.max_receive_message_length", largest), ("grpc.so_reuseport", 0), *_PINGS]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((_Calls(function),))
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise SlipwayError(f"{address} cannot be listened at: {error}", fix="set PORT to a free one") from error
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    await server.start()
    watch(asyncio.get_running_loop(), function.seconds)
    await ended.wait()
    await farewell.say(port)
    await server.stop(GRACE)


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The calls that a function answers: each is counted and logged as a request over HTTP is."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._inference = function.inference
        answers: dict[str, Callable[[Any], Any]] = {
            "Check": self._health,
            "ServerLive": self._live,
            "ServerReady": self._server_ready,
            "ServerMetadata": lambda _: message("ServerMetadataResponse")(**self._inference.server_metadata),
            "ModelReady": self._ready,
            "ModelMetadata": self._model,
            "ModelInfer": self._infer,
            "ServerReflectionInfo": reflection.answer,
        }
        self._answers = {path: answers[path.rpartition("/")[2]] for path in METHODS}

    def service(self, details: Any) -> Any:
        """Return the handler of a call; gRPC calls this with the call's details."""
        path = details.method

        async def answer(_contents: Any, context: Any) -> bytes:
            return await self._answer(path, await self._content(context), context)

        async def answer_each(_contents: Any, context: Any) -> None:
            # A stream whose caller is silent would hold up the end of the process.
            with suppress(TimeoutError):
                while (content := await _message(context)) is not grpc.aio.EOF:
                    await context.write(await self._answer(path, content, context))

        async def refuse(_contents: Any, context: Any) -> None:
            await self._answer(path, b"", context)

        # As one call of a stream it is told, too, when its message was too large: gRPC has then refused it by itself.
        # Handlers take and return bytes, so that we word the refusal of a malformed message. An unknown call may be of
        # any kind, and only a stream accepts no message, one or several.
        if path in STREAMS:
            return grpc.stream_stream_rpc_method_handler(answer_each)
        if path in METHODS:
            return grpc.stream_unary_rpc_method_handler(answer)
        return grpc.stream_stream_rpc_method_handler(refuse)

    async def _content(self, context: Any) -> bytes | Refusal:
        """Return the one message of a call, or why there is none."""
        try:
            content = await _message(context)
        except TimeoutError:
            return Refusal(408, "too_slow", f"the message was not there after {PATIENCE} seconds")
        limit = self._function.limits.body
        too_large = Refusal(413, "body_too_large", f"there is no message, or it is over the limit of {limit} bytes")
        return too_large if content is grpc.aio.EOF else content

    async def _answer(self, path: str, content: bytes | Refusal, context: Any) -> bytes:
        headers = combined([each for each in context.invocation_metadata() or () if isinstance(each[1], str)])
        route = path if path in METHODS else "other"
        request = Request("gRPC", path, route, headers, log.request_id(headers))
        outcome = self._outcome(request, content)
        if path in _PROBES:
            found = await outcome
        else:
            found = await log.recorded(request, self._function.named, self._function.metrics, outcome)
        trailing = [*common(request.id).items()]
        if isinstance(found, Refusal):
            code = _CODES.get(found.status, grpc.StatusCode.INVALID_ARGUMENT)
            return await _abort(context, code, _details(found), (*trailing, ("x-error-code", found.error)))
        if path == f"/{_SERVICE}/ServerMetadata":
            identity = self._inference.identity._asdict()
            trailing += [(f"x-{name.replace('_', '-')}", value) for name, value in identity.items()]
        context.set_trailing_metadata(trailing)
        return found.body

    async def _outcome(self, request: Request, content: bytes | Refusal) -> Answer | Refusal:
        if isinstance(content, Refusal):
            return content
        request.body = content
        try:
            if request.path in (_HEALTH, _READY):
                self._function.access.check_ready()
            elif request.path != _LIVE:
                request.caller = self._function.access.caller(request.headers)
            self._check(request)
        except Refusal as refusal:
            return refusal
        if self._function.is_brief(request):
            return self._handled(request)
        try:
            return await threads().run(partial(self._handled, request), request.began, self._function.seconds)
        except Refusal as refusal:
            return refusal

    def _check(self, request: Request) -> None:
        if request.path not in METHODS:
            known = ", ".join(each.rpartition("/")[2] for each in METHODS if each.startswith(f"/{_SERVICE}/"))
            raise Refusal(405, "method_not_allowed", f"there is no call {request.path[:100]}; {_SERVICE} has {known}")

    def _handled(self, request: Request) -> Answer | Refusal:
        try:
            response = self._answers[request.path](self._parsed(request))
            rows = row_count(response.outputs) if request.path == f"/{_SERVICE}/ModelInfer" else None
            return Answer(200, {}, response.SerializeToString(), rows=rows)
        except BaseException as error:  # noqa: BLE001 - whatever a model does, its caller gets an answer
            return log.refusal(error, request)

    def _parsed(self, request: Request) -> Any:
        kind = METHODS[request.path]
        try:
            return kind.FromString(request.body)
        except DecodeError:
            raise Refusal(400, "invalid_request", f"the message is no {kind.DESCRIPTOR.name}") from None

    def _health(self, request: Any) -> Any:
        if request.service not in ("", _SERVICE):
            raise Refusal(404, "no_service", f"there is no service {request.service[:60]!r} here")
        self._function.health()
        return message("HealthCheckResponse")(status="SERVING")

    def _live(self, _request: Any) -> Any:
        self._function.check_live()
        return message("ServerLiveResponse")(live=True)

    def _server_ready(self, _request: Any) -> Any:
        self._function.health()
        return message("ServerReadyResponse")(ready=True)

    def _ready(self, request: Any) -> Any:
        self._inference.check(request.name, request.version)
        self._function.health()
        return message("ModelReadyResponse")(ready=True)

    def _model(self, request: Any) -> Any:
        self._inference.check(request.name, request.version)
        return message("ModelMetadataResponse")(**self._inference.metadata)

    def _infer(self, request: Any) -> Any:
        model = self._inference
        model.check(request.model_name, request.model_version)
        tensors = read(request.inputs, request.raw_input_contents)
        outputs = model.infer(tensors, [output.name for output in request.outputs])
        response = message("ModelInferResponse")(model_name=model.model, model_version=model.version, id=request.id)
        for name, value in {**(model.tags() if row_count(outputs) else {}), **self._function.named}.items():
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            response.parameters[name].string_param = text
        fill(response.outputs, outputs, response.raw_output_contents if request.raw_input_contents else None)
        return response


async def _message(context: Any) -> Any:
    """Return the next message of a call, or EOF; raise `TimeoutError` where it does not come in time."""
    async with asyncio.timeout(PATIENCE):
        return await context.read()


async def _abort(context: Any, *status: Any) -> NoReturn:
    try:
        await context.abort(*status)
    except grpc.aio.AbortError:
        raise
    except Exception as error:
        # gRPC has already refused the call. It writes a traceback of any other error.
        raise asyncio.CancelledError from error
    raise AssertionError("abort always raises")


def _details(refusal: Refusal) -> str:
    """Return the message of the refusal with all its problems, cut."""
    text = ("; ".join(map(str, refusal.problems)) or refusal.message)[:_LONGEST]
    sizes = accumulate(1 if " " <= letter <= "~" and letter != "%" else 3 * len(letter.encode()) for letter in text)
    return cut(text, sum(size <= _LONGEST for size in sizes))


@contextmanager
def _metrics(metrics: Metrics, host: str, port: int) -> Iterator[None]:
    """Answer `GET /metrics` while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds

        def do_GET(self) -> None:
            found = self.path == METRICS
            body = metrics.format() if found else f"there is {METRICS}\n".encode()
            self.send_response(200 if found else 404)
            self.send_header("content-type", CONTENT_TYPE if found else "text/plain")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log no scrape."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        fix = f"set {METRICS_PORT} to a free one"
        raise SlipwayError(f"port {port} of {host} cannot be used: {error}", fix=fix) from error
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
