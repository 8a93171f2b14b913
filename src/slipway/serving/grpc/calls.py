"""Which call over gRPC gets which answer, and how it is counted and logged: as a request over HTTP is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from slipway.serving import log
from slipway.serving.answers import Answer, Refusal
from slipway.serving.function import Function
from slipway.serving.grpc.messages import message
from slipway.serving.grpc.tensors import fill, read
from slipway.serving.oip.inference import EXTENSIONS, PLATFORM, SERVER
from slipway.serving.process import threads
from slipway.serving.recording import Recorded
from slipway.text import cut

__all__ = ["Calls"]

_SERVICE = "/inference.GRPCInferenceService/"
_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = 1

_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}
# Proxies and clients refuse headers of more than 8 KiB.
_LONGEST = 2000


class _Call(NamedTuple):
    """The class of what is sent, and what makes the answer of it."""

    request: Any
    answer: Callable[[Any], Any]


class Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The calls that a function answers."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._inference = function.inference
        self._calls = {
            _HEALTH: _Call(message("HealthCheckRequest"), self._health),
            **{
                f"{_SERVICE}{name}": _Call(message(f"{name}Request"), call)
                for name, call in (
                    ("ServerLive", lambda _: message("ServerLiveResponse")(live=True)),
                    ("ServerReady", lambda _: message("ServerReadyResponse")(ready=True)),
                    ("ServerMetadata", self._server),
                    ("ModelReady", self._ready),
                    ("ModelMetadata", self._model),
                    ("ModelInfer", self._infer),
                )
            },
        }

    def service(self, details: Any) -> Any:
        """What answers a call, or refuses one that there is not. Called by gRPC, with what the call says of itself."""
        path = details.method

        async def answer(content: bytes, context: Any) -> bytes:
            return await self._answer(path, content, context)

        async def refuse(_contents: Any, context: Any) -> None:
            await self._answer(path, b"", context)

        # Bytes come in and go out: what is no message of ours is refused in our words. Of what sort a call is that
        # there is not nobody knows, and a stream may be of one message or of none.
        if path in self._calls:
            return grpc.unary_unary_rpc_method_handler(answer)
        return grpc.stream_stream_rpc_method_handler(refuse)

    async def _answer(self, path: str, content: bytes, context: Any) -> bytes:
        headers = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
        request_id = log.request_id(headers)
        if path == _HEALTH:
            made, _ = await self._made(path, content, headers, request_id)
        else:
            route = path if path in self._calls else "other"
            with Recorded(self._function, "gRPC", path, route, request_id) as recorded:
                made, told = await self._made(path, content, headers, request_id)
                recorded.end(told)
        trailing = [("x-request-id", request_id)]
        if isinstance(made, Refusal):
            code = _CODES.get(made.status, grpc.StatusCode.INVALID_ARGUMENT)
            return await context.abort(code, _said(made), (*trailing, ("x-error-code", made.code)))  # type: ignore[no-any-return]
        if path == f"{_SERVICE}ServerMetadata":
            identity = self._inference.identity._asdict()
            trailing += [(f"x-{name.replace('_', '-')}", value) for name, value in identity.items()]
        context.set_trailing_metadata(trailing)
        return made

    async def _made(
        self, path: str, content: bytes, headers: dict[str, str], request_id: str
    ) -> tuple[bytes | Refusal, Answer]:
        """The answer, and what is told of it in the log."""
        caller = ""
        noted = {"x-request-id": request_id}
        try:
            if path == _HEALTH:
                self._function.access.check_ready()
            else:
                caller = self._function.access.caller(headers)
            self._check(path, content)
            work = partial(self._function.attempt, path, request_id, partial(self._carried_out, path, content))
            if self._function.is_brief(content, path):
                found = work()
            else:
                found = await asyncio.get_running_loop().run_in_executor(threads(), work)
            return found.SerializeToString(), Answer(200, noted, b"", rows=_rows(found), caller=caller)
        except Refusal as refusal:
            return refusal, Answer(refusal.status, noted, b"", error=refusal.code, caller=caller)

    def _check(self, path: str, content: bytes) -> None:
        if path not in self._calls:
            known = ", ".join(each.removeprefix(_SERVICE) for each in self._calls if each != _HEALTH)
            raise Refusal(
                405, "method_not_allowed", f"there is no call {path[:100]}; {_SERVICE.strip('/')} has {known}"
            )
        self._function.check_size(len(content))

    def _carried_out(self, path: str, content: bytes) -> Any:
        call = self._calls[path]
        try:
            request = call.request.FromString(content)
        except DecodeError:
            raise Refusal(400, "invalid_request", f"the message is no {call.request.DESCRIPTOR.name}") from None
        return call.answer(request)

    def _health(self, request: Any) -> Any:
        if request.service not in ("", _SERVICE.strip("/")):
            raise Refusal(404, "no_service", f"there is no service {request.service[:60]!r} here")
        return message("HealthCheckResponse")(status=_SERVING)

    def _server(self, _request: Any) -> Any:
        return message("ServerMetadataResponse")(
            name=SERVER, version=self._inference.identity.release, extensions=EXTENSIONS
        )

    def _ready(self, request: Any) -> Any:
        self._inference.check(request.name, request.version)
        return message("ModelReadyResponse")(ready=True)

    def _model(self, request: Any) -> Any:
        found = self._inference
        found.check(request.name, request.version)
        made = message("ModelMetadataResponse")(name=found.model, versions=[found.version], platform=PLATFORM)
        for described, tensors in ((made.inputs, found.inputs), (made.outputs, found.outputs)):
            for tensor in tensors:
                described.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        return made

    def _infer(self, request: Any) -> Any:
        found = self._inference
        found.check(request.model_name, request.model_version)
        tensors = read(request.inputs, request.raw_input_contents)
        done = found.infer(tensors, [output.name for output in request.outputs])
        made = message("ModelInferResponse")(model_name=found.model, model_version=found.version, id=request.id)
        for name, value in found.told().items():
            made.parameters[name].string_param = value
        fill(made.outputs, done.outputs, made.raw_output_contents if request.raw_input_contents else None)
        return made


def _rows(response: Any) -> int | None:
    """How many rows were predicted, for the log."""
    outputs = getattr(response, "outputs", ())
    is_inferred = response.DESCRIPTOR.name == "ModelInferResponse"
    return int(outputs[0].shape[0]) if is_inferred and outputs else None


def _said(refusal: Refusal) -> str:
    """The message, and every problem in it."""
    return cut("; ".join(map(str, refusal.problems)) or refusal.message, _LONGEST)
