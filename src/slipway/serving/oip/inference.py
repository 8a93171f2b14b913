"""The Open Inference Protocol, version 2, as every transport of it answers: https://github.com/kserve/open-inference-protocol."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from slipway.artifacts import Loaded
from slipway.names import ModelId
from slipway.serving.answers import Refusal
from slipway.serving.bundled import Identity
from slipway.serving.oip import tensors
from slipway.serving.oip.outputs import Outputs
from slipway.serving.oip.tensors import Tensor

__all__ = ["EXTENSIONS", "PLATFORM", "SERVER", "Inference", "Inferred"]

SERVER = "slipway"

PLATFORM = "slipway_python"
"""What the protocol calls the framework of a model."""

EXTENSIONS = ("binary_tensor_data",)


class Inferred(NamedTuple):
    """What was predicted for so many rows."""

    rows: int
    outputs: list[Tensor]


class Inference:
    """A model and its predictions in the terms of the protocol.

    `check_rows` raises for too many rows; `predict` returns the predictions of rows.
    """

    def __init__(
        self,
        identity: Identity,
        loaded: Loaded,
        check_rows: Callable[[int], None],
        predict: Callable[[list[Any]], list[Any]],
    ) -> None:
        named = ModelId.parse(identity.model_id)
        self.identity = identity
        self.model, self.version = named.model, str(named.version)
        self.inputs = [tensors.about(field) for field in loaded.schema.fields]
        self._schema, self._check_rows, self._predict = loaded.schema, check_rows, predict
        self._outputs = Outputs(loaded.schema.target, loaded.golden.predictions)
        self.outputs = self._outputs.described

    def check(self, model: str, version: str = "") -> None:
        """Raise `Refusal` (404) unless this is the model, and its version where one is named."""
        if model != self.model:
            message = f"there is no model {model[:60]!r} here; there is {self.model}"
            raise Refusal(404, "no_model", message)
        if version not in ("", self.version):
            message = f"{self.model} has no version {version[:60]!r} here; there is {self.version}"
            raise Refusal(404, "no_version", message)

    def infer(self, given: Sequence[Tensor], wanted: Collection[str] = ()) -> Inferred:
        """Predict what the tensors hold; all outputs, or those that are `wanted`, in their order.

        Raises `Refusal` when the tensors or an output's name do not fit; what else a model raises passes through.
        """
        chosen = self._outputs.choose(wanted)
        rows = tensors.to_rows(self._schema, given, self._check_rows)
        return Inferred(len(rows), self._outputs.tensors(chosen, self._predict(rows)))

    def parameters(self) -> dict[str, str]:
        """Who answers, as the parameters of an answer."""
        return {"model_id": self.identity.model_id, "release": self.identity.release}
