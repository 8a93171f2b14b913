"""Graphs that compute in float64 throughout, as scikit-learn does.

Some operators return float32 for any input: the sums of trees by skl2onnx, one-hot columns. Operators that join them
with float64 refuse that. And scikit-learn's trees compare float64 thresholds with numbers rounded to float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["has_trees", "settled"]

# Operators whose inputs have to be of one type.
_JOINING = frozenset(
    {"Add", "Concat", "Div", "Gemm", "MatMul", "Max", "Mean", "Min", "Mul", "Pow", "Sub", "Sum", "Where"}
)
_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
_NESTED = frozenset({"If", "Loop", "Scan"})


def has_trees(model: Any) -> bool:
    """Tell whether an ONNX model has decision trees whose sums are float32."""
    return any(_is_trees(node) for node in model.graph.node)


def settled(model: Any) -> Any:
    """Return `model`, which takes float64, with float64 everywhere but in the sums of trees."""
    _round(model)
    _join(model)
    return model


def _round(model: Any) -> None:
    """Round the inputs of trees to float32."""
    from onnx import TensorProto

    found: list[Any] = []
    done: set[str] = set()
    for node in model.graph.node:
        if _is_trees(node):
            given = node.input[0]
            if given not in done:
                done.add(given)
                found.append(_cast(given, f"{given}.float32", TensorProto.FLOAT))
                found.append(_cast(f"{given}.float32", f"{given}.rounded", TensorProto.DOUBLE))
            node.input[0] = f"{given}.rounded"
        found.append(node)
    _replace(model, found)


def _join(model: Any) -> None:
    """Widen to float64 wherever float32 and float64 meet, and correct the types of the outputs."""
    from onnx import TensorProto

    versions = {each.domain: each.version for each in model.opset_import}
    types: dict[str, int] = {each.name: each.type.tensor_type.elem_type for each in model.graph.input}
    types |= {each.name: each.data_type for each in model.graph.initializer}
    found: list[Any] = []
    for node in model.graph.node:
        if node.op_type in _JOINING and {TensorProto.FLOAT, TensorProto.DOUBLE} <= {types.get(at) for at in node.input}:
            found += _widened(node, types)
        found.append(node)
        types |= _given(node, types, versions)
    _replace(model, found)
    for output in model.graph.output:
        if types.get(output.name) in (TensorProto.FLOAT, TensorProto.DOUBLE):
            output.type.tensor_type.elem_type = types[output.name]


def _widened(node: Any, types: dict[str, int]) -> Iterator[Any]:
    """Yield casts to float64 for the float32 inputs of `node`, and have it take those."""
    from onnx import TensorProto

    for at, name in enumerate(node.input):
        if types.get(name) == TensorProto.FLOAT:
            node.input[at] = f"{name}.float64"
            if node.input[at] not in types:
                types[node.input[at]] = TensorProto.DOUBLE
                yield _cast(name, node.input[at], TensorProto.DOUBLE)


def _given(node: Any, types: Mapping[str, int], versions: Mapping[str, int]) -> dict[str, int]:
    """Return the types of a node's outputs, as far as its operator's definition says."""
    from onnx import defs, helper

    told = {each.name: helper.get_attribute_value(each) for each in node.attribute if each.name in ("to", "value")}
    if "to" in told or "value" in told:
        kind = told["to"] if "to" in told else getattr(told["value"], "data_type", 0)
        return dict.fromkeys(node.output, int(kind))
    if node.op_type in _NESTED:
        return {}
    schema = defs.get_schema(node.op_type, versions[node.domain], node.domain)
    bound = {"tensor(float)": 1, "tensor(double)": 11}
    for at, name in enumerate(node.input):
        bound.setdefault(schema.inputs[min(at, len(schema.inputs) - 1)].type_str, types.get(name, 0))
    kinds = [schema.outputs[min(at, len(schema.outputs) - 1)].type_str for at in range(len(node.output))]
    return {name: bound.get(kind, 0) for name, kind in zip(node.output, kinds, strict=True)}


def _is_trees(node: Any) -> bool:
    return node.op_type in _TREES


def _cast(name: str, to: str, type_: int) -> Any:
    from onnx import helper

    return helper.make_node("Cast", [name], [to], to=type_)


def _replace(model: Any, nodes: list[Any]) -> None:
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
