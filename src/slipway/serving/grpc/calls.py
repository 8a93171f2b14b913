"""The calls over gRPC: each is answered, counted and logged as a request over HTTP is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from slipway.serving import log
from slipway.serving.answers import Answer, Refusal
from slipway.serving.function import Function
from slipway.serving.grpc.messages import METHODS, fill, message, read
from slipway.serving.oip.inference import EXTENSIONS, PLATFORM, SERVER
from slipway.serving.process import threads
from slipway.text import cut

__all__ = ["Calls"]

_SERVICE = "/inference.GRPCInferenceService/"
_HEALTH = "/grpc.health.v1.Health/Check"

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


class Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The calls that a function answers."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._inference = function.inference
        answers: dict[str, Callable[[Any], Any]] = {
            "Check": self._health,
            "ServerLive": lambda _: message("ServerLiveResponse")(live=True),
            "ServerReady": lambda _: message("ServerReadyResponse")(ready=True),
            "ServerMetadata": self._server,
            "ModelReady": self._ready,
            "ModelMetadata": self._model,
            "ModelInfer": self._infer,
        }
        self._answers = {path: answers[path.rpartition("/")[2]] for path in METHODS}

    def service(self, details: Any) -> Any:
        """Return the handler of a call; gRPC calls this with the call's details."""
        path = details.method

        async def answer(content: bytes, context: Any) -> bytes:
            return await self._answer(path, content, context)

        async def refuse(_contents: Any, context: Any) -> None:
            await self._answer(path, b"", context)

        # Handlers take and return bytes, so that we word the refusal of a malformed message. An unknown call may be of
        # any kind, and only a stream accepts no message, one or several.
        if path in METHODS:
            return grpc.unary_unary_rpc_method_handler(answer)
        return grpc.stream_stream_rpc_method_handler(refuse)

    async def _answer(self, path: str, content: bytes, context: Any) -> bytes:
        headers = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
        request_id = log.request_id(headers)
        if path == _HEALTH:
            made, _ = await self._outcome(path, content, headers, request_id)
        else:
            route = path if path in METHODS else "other"
            with log.Recorded(
                self._function.metrics, self._inference.identity, "gRPC", path, route, request_id
            ) as recorded:
                made, answer = await self._outcome(path, content, headers, request_id)
                recorded.end(answer)
        trailing = [("x-request-id", request_id)]
        if isinstance(made, Refusal):
            code = _CODES.get(made.status, grpc.StatusCode.INVALID_ARGUMENT)
            return await context.abort(code, _details(made), (*trailing, ("x-error-code", made.code)))  # type: ignore[no-any-return]
        if path == f"{_SERVICE}ServerMetadata":
            identity = self._inference.identity._asdict()
            trailing += [(f"x-{name.replace('_', '-')}", value) for name, value in identity.items()]
        context.set_trailing_metadata(trailing)
        return made

    async def _outcome(
        self, path: str, content: bytes, headers: dict[str, str], request_id: str
    ) -> tuple[bytes | Refusal, Answer]:
        """Return the message or the refusal, and the answer as the log and the metrics take it."""
        caller = ""
        ids = {"x-request-id": request_id}
        try:
            if path == _HEALTH:
                self._function.access.check_ready()
            else:
                caller = self._function.access.caller(headers)
            self._check(path, content)
            work = partial(self._function.attempt, path, request_id, partial(self._respond, path, content))
            if self._function.is_brief(content, path):
                response = work()
            else:
                response = await asyncio.get_running_loop().run_in_executor(threads(), work)
            return response.SerializeToString(), Answer(200, ids, b"", rows=_rows(response), caller=caller)
        except Refusal as refusal:
            return refusal, Answer(refusal.status, ids, b"", error=refusal.code, caller=caller)

    def _check(self, path: str, content: bytes) -> None:
        if path not in METHODS:
            known = ", ".join(each.removeprefix(_SERVICE) for each in METHODS if each != _HEALTH)
            raise Refusal(
                405, "method_not_allowed", f"there is no call {path[:100]}; {_SERVICE.strip('/')} has {known}"
            )
        self._function.check_size(len(content))

    def _respond(self, path: str, content: bytes) -> Any:
        try:
            request = METHODS[path].FromString(content)
        except DecodeError:
            raise Refusal(400, "invalid_request", f"the message is no {METHODS[path].DESCRIPTOR.name}") from None
        return self._answers[path](request)

    def _health(self, request: Any) -> Any:
        if request.service not in ("", _SERVICE.strip("/")):
            raise Refusal(404, "no_service", f"there is no service {request.service[:60]!r} here")
        return message("HealthCheckResponse")(status="SERVING")

    def _server(self, _request: Any) -> Any:
        release = self._inference.identity.release
        return message("ServerMetadataResponse")(name=SERVER, version=release, extensions=EXTENSIONS)

    def _ready(self, request: Any) -> Any:
        self._inference.check(request.name, request.version)
        return message("ModelReadyResponse")(ready=True)

    def _model(self, request: Any) -> Any:
        model = self._inference
        model.check(request.name, request.version)
        response = message("ModelMetadataResponse")(name=model.model, versions=[model.version], platform=PLATFORM)
        for described, tensors in ((response.inputs, model.inputs), (response.outputs, model.outputs)):
            for tensor in tensors:
                described.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        return response

    def _infer(self, request: Any) -> Any:
        model = self._inference
        model.check(request.model_name, request.model_version)
        tensors = read(request.inputs, request.raw_input_contents)
        inferred = model.infer(tensors, [output.name for output in request.outputs])
        response = message("ModelInferResponse")(model_name=model.model, model_version=model.version, id=request.id)
        for name, value in model.identity.named().items():
            response.parameters[name].string_param = value
        fill(response.outputs, inferred.outputs, response.raw_output_contents if request.raw_input_contents else None)
        return response


def _rows(response: Any) -> int | None:
    """Return the number of predicted rows; None for a response without predictions."""
    outputs = getattr(response, "outputs", ())
    is_inferred = response.DESCRIPTOR.name == "ModelInferResponse"
    return int(outputs[0].shape[0]) if is_inferred and outputs else None


def _details(refusal: Refusal) -> str:
    """Return the message of the refusal with all its problems, cut."""
    return cut("; ".join(map(str, refusal.problems)) or refusal.message, _LONGEST)
