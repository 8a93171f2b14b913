"""The Open Inference Protocol over HTTP: which of its paths gets which answer."""

from typing import TYPE_CHECKING, Any

from slipway.serving import routing, v2_body
from slipway.serving.answers import Answer, of
from slipway.serving.inference import EXTENSIONS, PLATFORM, SERVER, Inference
from slipway.serving.paths import MODELS
from slipway.serving.routing import Asked
from slipway.serving.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.artifacts import Loaded
    from slipway.serving.function import Function

__all__ = ["V2"]


class V2:
    """The protocol's paths of one function."""

    def __init__(self, function: "Function", loaded: "Loaded") -> None:
        self.inference = Inference(function, loaded)
        of_models = {"": self._model, "/ready": self._ready, "/infer": self._infer}
        self._answers: dict[str, Callable[[Asked], Answer]] = {
            "/v2": self._server,
            "/v2/health/live": lambda _: of(200, {"live": True}),
            "/v2/health/ready": lambda _: of(200, {"ready": True}),
            **{f"{each}{end}": answer for each in MODELS for end, answer in of_models.items()},
        }

    def answer(self, asked: Asked) -> Answer:
        """Answer a request for one of the paths; raises `Refusal`, and what the model raises."""
        return self._answers[asked.route](asked)

    def _server(self, _asked: Asked) -> Answer:
        told = {"name": SERVER, "version": self.inference.server_version, "extensions": EXTENSIONS}
        return of(200, told)

    def _model(self, asked: Asked) -> Answer:
        found = self._found(asked)
        told: dict[str, Any] = {"name": found.model, "versions": [found.version], "platform": PLATFORM}
        told |= {"inputs": _about(found.inputs), "outputs": _about(found.outputs)}
        return of(200, told)

    def _ready(self, asked: Asked) -> Answer:
        return of(200, {"name": self._found(asked).model, "ready": True})

    def _found(self, asked: Asked) -> Inference:
        self.inference.check(**routing.named(asked.route, asked.path))
        return self.inference

    def _infer(self, asked: Asked) -> Answer:
        found = self._found(asked)
        request, tensors = v2_body.read(asked)
        done = found.infer(tensors, request.wanted)
        told: dict[str, Any] = {"model_name": found.model, "model_version": found.version}
        if request.id is not None:
            told["id"] = request.id
        return v2_body.answer({**told, "parameters": found.told()}, done.outputs, request)._replace(rows=done.rows)


def _about(tensors: list[Tensor]) -> list[dict[str, Any]]:
    return [{"name": each.name, "datatype": each.datatype, "shape": each.shape} for each in tensors]
