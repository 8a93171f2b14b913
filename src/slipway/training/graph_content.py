"""The content of an ONNX file: whole, of operators that onnxruntime has, and the labels that it can answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from slipway.artifacts.onnx import earlier, graphs
from slipway.artifacts.onnx.foreign import ForeignGraph
from slipway.errors import SlipwayError

_POINTER = b"version https://git-lfs"
_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
_KNOWN = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft", "ai.onnx.preview.training")
# Operators that pass values on as they are, and those that choose some; the first input holds the values.
_PASSING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
_CHOOSING = frozenset({"ArrayFeatureExtractor", "Gather"})
_LABELS = ("classlabels_ints", "classlabels_int64s", "classlabels_strings")
# A file of protobuf has to be smaller.
_LARGEST = 2_000_000_000

Labels = list[int | str]


class Content(NamedTuple):
    """A graph: the bytes of a file without any beside it, what is in it, and who made it."""

    bytes: bytes
    model: Any
    about: str


def content_of(path: Path) -> Content:
    """Read a graph and the files of its weights; raise `SlipwayError` when it is no graph that can be served."""
    import onnx

    content = path.read_bytes()
    if content.startswith(_POINTER):
        raise SlipwayError(f"{path} is a pointer of Git LFS, and no graph", fix="git lfs pull")
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise SlipwayError(f"{path} is no ONNX file, or not all of one", fix="export it again") from error
    if not model.graph.output:
        raise SlipwayError(f"{path} is no ONNX file: it has no graph with outputs", fix="export it again")
    told = {each.key for each in model.metadata_props}
    if told & {graphs.KEY, earlier.KEY}:
        fix = "import the estimator that it was made of, or copy its version"
        raise SlipwayError(f"{path} is a graph that slipway made of an estimator", fix=fix)
    if lots := sorted({node.op_type for node in nodes(model)} & _RANDOM):
        problem = f"{path} draws lots ({', '.join(lots)}), so that its answers cannot be reproduced"
        raise SlipwayError(problem, fix="export it as it predicts (model.eval() in PyTorch)")
    if outside := [each for each in _tensors(model) if each.data_location == onnx.TensorProto.EXTERNAL]:
        _load(outside, path)
        content = model.SerializeToString()
    versions = {each.domain or "ai.onnx": each.version for each in model.opset_import}
    named = ", ".join(f"{domain} {version}" for domain, version in sorted(versions.items()))
    maker = " ".join(filter(None, (model.producer_name, model.producer_version))) or "an unnamed program"
    maker = "".join(letter for letter in maker if letter.isalnum() or letter in " ._-")[:80]
    return Content(content, model, f"A graph of {maker} ({named}).")


def loaded(content: Content, where: str) -> ForeignGraph:
    """Return the graph as onnxruntime loads it; raise `SlipwayError` that says why it does not."""
    import onnxruntime

    try:
        return ForeignGraph(content.bytes)
    except Exception as error:
        text = " ".join(str(error).split())
        foreign = sorted(
            {f"{each.domain}.{each.op_type}" for each in nodes(content.model) if each.domain not in _KNOWN}
        )
        own = {f"{each.domain}.{each.name}" for each in content.model.functions}
        if foreign := [each for each in foreign if each not in own]:
            problem = f"{where} has operators that onnxruntime does not have: {', '.join(foreign)}"
            raise SlipwayError(problem, fix="export it with standard operators, or serve it as a container") from error
        if any(word in text for word in ("IR version", "ir_version", "opset", "Opset")):
            problem = f"{where} is of a later version of ONNX than onnxruntime {onnxruntime.__version__} knows: {text}"
            raise SlipwayError(problem, fix="export it for an earlier opset, or upgrade onnxruntime") from error
        fix = "export it otherwise; onnxruntime says the same in a program of your own"
        if "locale" in text:
            fix = "export it without lower case and stop words: functions have no locale but that of C"
        raise SlipwayError(f"onnxruntime cannot load {where}: {text}", fix=fix) from error


def nodes(model: Any) -> Iterator[Any]:
    """Yield every node of a model, those of inner graphs and functions too."""
    for graph in (model.graph, *model.functions):
        yield from _nodes(graph)


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(model: Any) -> Iterator[Any]:
    """Yield every tensor of a model that may lie in a file of its own."""
    inner = [each for node in nodes(model) for attribute in node.attribute for each in (attribute.g, *attribute.graphs)]
    for graph in (model.graph, *inner):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in nodes(model):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)


def _load(tensors: list[Any], path: Path) -> None:
    """Load weights from files beside the graph; raise `SlipwayError` for one that is elsewhere or is missing."""
    from onnx.external_data_helper import load_external_data_for_tensor

    folder, size = path.parent, 0
    for name in sorted({_location(each) for each in tensors}):
        file = folder / name
        if not name or not file.resolve().is_relative_to(folder.resolve()):
            raise SlipwayError(f"{path} has weights in {name!r}, which is not beside it", fix="export it again")
        if not file.is_file():
            raise SlipwayError(f"{path} has weights in {file}, which is missing", fix="put that file beside it")
        size += file.stat().st_size
    if size > _LARGEST:
        fix = "serve it as a container, or export fewer or smaller weights"
        raise SlipwayError(f"{path} has {size / 1e9:.1f} GB of weights; one file holds 2 GB", fix=fix)
    try:
        for tensor in tensors:
            load_external_data_for_tensor(tensor, str(folder))
            tensor.data_location = 0
            del tensor.external_data[:]
    except Exception as error:
        raise SlipwayError(f"the weights of {path} cannot be read: {error}", fix="export it again") from error


def _location(tensor: Any) -> str:
    return next((str(each.value) for each in tensor.external_data if each.key == "location"), "")


def labels_of(model: Any, output: str) -> Labels | None:
    """Return all labels that an output can have, if the graph's operators tell; else None."""
    from onnx import numpy_helper

    makers = {name: node for node in model.graph.node for name in node.output}
    constants = {each.name: each for each in model.graph.initializer}
    name = output
    for _ in range(len(makers) + 1):
        node = makers.get(name)
        if node is None:
            return None
        attributes = {each.name: each for each in node.attribute}
        if node.domain not in _KNOWN:
            return None
        if node.op_type in _PASSING:
            name = node.input[0]
        elif node.op_type in _CHOOSING:
            constant = constants.get(node.input[0])
            return None if constant is None else _plain(numpy_helper.to_array(constant))
        elif node.op_type.endswith("Classifier") and list(node.output).index(name) == 0:
            found = [value for key in _LABELS if key in attributes for value in _values(attributes[key])]
            return list(dict.fromkeys(found)) or None
        else:
            return None
    return None


def _values(attribute: Any) -> list[Any]:
    return [*attribute.ints, *(text.decode() for text in attribute.strings)]


def _plain(array: Any) -> Labels | None:
    values = [value.decode() if isinstance(value, bytes) else value for value in array.reshape(-1).tolist()]
    whole = all(isinstance(value, str) or float(value).is_integer() for value in values)
    return [value if isinstance(value, str) else int(value) for value in dict.fromkeys(values)] if whole else None
