"""ONNX files made by hand, as converters make them."""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

KINDS = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}
ML = "ai.onnx.ml"


def tensor(name: str, kind: str, shape: Any) -> Any:
    return helper.make_tensor_value_info(name, KINDS[kind], shape)


def constant(name: str, values: Any, kind: str = "float32") -> Any:
    return numpy_helper.from_array(np.array(values, dtype=kind), name)


def model(nodes: Any, inputs: Any, outputs: Any, constants: Any = (), **more: Any) -> Any:
    """Return a graph of nodes, held to operators of 2023 unless `opset` says another."""
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(constants))
    opsets = [helper.make_opsetid("", more.pop("opset", 18)), helper.make_opsetid(ML, 3)]
    opsets += [helper.make_opsetid(domain, 1) for domain in more.pop("domains", ())]
    return helper.make_model(graph, opset_imports=opsets, ir_version=more.pop("ir", 8), producer_name="a test")


def linear(*, shape: Any = (None, 2), kind: str = "float32", weights: Any = ((2.0,), (3.0,))) -> Any:
    """Return y = 2 a + 3 b."""
    nodes = [helper.make_node("MatMul", ["X", "W"], ["y"])]
    given = [tensor("X", kind, shape)], [tensor("y", kind, [shape[0], len(weights[0])])]
    return model(nodes, *given, [constant("W", weights, kind)])


def classifier(*, zipmap: bool = True, labels: tuple[str, ...] = ("no", "maybe", "yes")) -> Any:
    """Return a logistic regression of two columns, as skl2onnx writes one."""
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["X"],
            ["label", "scores"],
            domain=ML,
            classlabels_strings=list(labels),
            coefficients=[1.0, 0.0, 0.5, 0.5, 0.0, 1.0],
            intercepts=[0.5, 0.0, -0.5],
            multi_class=1,
            post_transform="SOFTMAX",
        )
    ]
    outputs = [tensor("label", "string", [None])]
    if zipmap:
        nodes.append(helper.make_node("ZipMap", ["scores"], ["chances"], domain=ML, classlabels_strings=list(labels)))
        kind = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        outputs.append(helper.make_value_info("chances", helper.make_sequence_type_proto(kind)))
    else:
        outputs.append(tensor("scores", "float32", [None, 3]))
    return model(nodes, [tensor("X", "float32", [None, 2])], outputs)


def written(made: Any, folder: Path, name: str = "model.onnx") -> Path:
    """Write a graph into a folder."""
    path = folder / name
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    return path
