"""The tensors of a graph, held to what a function can give and answer: a row is a value for each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from slipway.artifacts.onnx.foreign import ForeignGraph, Tensor
from slipway.errors import SlipwayError
from slipway.training.graph_content import content_of, loaded
from slipway.wrapped.graphs import TYPES, GraphModel

Inputs = dict[str, tuple[str, list[str]]]
"""The type of each input, and the columns that it takes."""

_MAPS = {"seq(map(int64,tensor(float)))": "int64", "seq(map(string,tensor(float)))": "string"}
"""The types of outputs that are a number for each label, and the type of the labels."""

_SHAPES = "export it with inputs of the shape [rows, columns], the rows of any number"


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the maker of a folder for a graph."""

    targets: Sequence[str] = ()
    features: Sequence[str] = ()
    """The columns in the order in which the graph takes them."""
    outputs: Sequence[str] = ()
    """The outputs of the graph to answer with; all of them when empty."""
    classes: Sequence[str] = ()
    """The labels of the target, in the order of their probabilities."""
    rounded: Sequence[str] = ()
    columns: Sequence[str] | None = None
    """The columns that the signature of MLflow names."""

    def given(self) -> str:
        """Return the first option for graphs that was given."""
        options = {"features": "--features", "outputs": "--outputs", "classes": "--classes", "rounded": "--rounded"}
        return next((option for name, option in options.items() if getattr(self, name)), "")


def assigned(graph: ForeignGraph, columns: Sequence[str], wishes: Wishes) -> tuple[Inputs, bool, list[str]]:
    """Return the columns of each input, True if the graph takes one row at a time, and lines to tell.

    Raise `SlipwayError` for inputs that no row of a table can fill, and for columns that are too many or too few.
    """
    ones = [_rows(each) for each in graph.inputs]
    widths = [_width(each) for each in graph.inputs]
    if len(widths) > 1:
        widths = [width or 1 for width in widths]
    rest = [name for name in columns if name not in wishes.targets]
    names, why = _names(graph.inputs, widths, rest, wishes)
    needed = len(names) if None in widths else sum(width or 0 for width in widths)
    if len(names) != needed:
        problem = f"the graph takes {needed} columns ({_shapes(graph.inputs)}), and {why} {len(names)}"
        raise SlipwayError(f"{problem}: {', '.join(names)}", fix="--features names them in the order of the graph")
    found: Inputs = {}
    for tensor, width in zip(graph.inputs, widths, strict=True):
        size = len(names) if width is None else width
        found[tensor.name], names = (tensor.type, names[:size]), names[size:]
    lines = [f"{name} ({kind}) takes, in this order: {', '.join(taken)}" for name, (kind, taken) in found.items()]
    if any(ones):
        lines.append("the graph takes one row at a time: a request of many rows takes as many times as long")
    return found, any(ones), lines


def graph_of(path: Path, kind: type[GraphModel]) -> ForeignGraph:
    """Return the graph in a file; raise `SlipwayError` when the class says something else of it."""
    content = content_of(path)
    graph = loaded(content, str(path))
    fix = "slipway import writes class and graph together; or mend the class"
    if len(content.bytes) != path.stat().st_size:
        raise SlipwayError(f"{path} has its weights in files beside it", fix=fix)
    wanted = {name: taken for name, (taken, _) in kind.inputs.items()}
    if wanted != (given := {each.name: each.type for each in graph.inputs}):
        raise SlipwayError(f"{path} takes {given}, and {kind.__name__}.inputs says {wanted}", fix=fix)
    for tensor in graph.inputs:
        columns = len(kind.inputs[tensor.name][1])
        if _rows(tensor) and not kind.one_by_one:
            raise SlipwayError(f"{path} takes one row at a time, and {kind.__name__}.one_by_one is not True", fix=fix)
        if _width(tensor) not in (None, columns):
            problem = f"{path} takes {_shapes([tensor])}, and {kind.__name__}.inputs gives it {columns} columns"
            raise SlipwayError(problem, fix=fix)
    outputs_of(graph, [output if isinstance(output, str) else output[0] for output in kind.outputs.values()])
    return graph


def _names(
    inputs: Sequence[Tensor], widths: Sequence[int | None], rest: list[str], wishes: Wishes
) -> tuple[list[str], str]:
    """Return the names of the columns in the order of the graph, and whose they are."""
    own = [each.name for each in inputs]
    if wishes.features:
        return list(wishes.features), "--features names"
    single = all(width == 1 for width in widths)
    if single and set(own) <= set(rest):
        return own, "the inputs name"
    if wishes.columns is not None and (len(inputs) == 1 or not single):
        return list(wishes.columns), "the signature names"
    if len(inputs) == 1:
        return rest, "the data has"
    lacking = ", ".join(name for name in own if name not in rest)
    problem = f"the graph has {len(inputs)} inputs ({_shapes(inputs)}), and no columns are called {lacking}"
    raise SlipwayError(problem, fix="--features names the columns in the order of the inputs")


def _shapes(inputs: Sequence[Tensor]) -> str:
    sizes = {each.name: ", ".join("?" if size is None else str(size) for size in each.shape) for each in inputs}
    return ", ".join(f"{name} [{shape}]" for name, shape in sizes.items())


def _rows(tensor: Tensor) -> bool:
    """Return True for an input of one row; raise `SlipwayError` for one that holds no rows of a table."""
    if tensor.type not in TYPES:
        problem = f"the graph's input {tensor.name} is {tensor.type}; a column is one of {', '.join(TYPES)}"
        raise SlipwayError(problem, fix=_SHAPES)
    if len(tensor.shape) not in (1, 2):
        raise SlipwayError(f"the graph's input has no rows and columns: {_shapes([tensor])}", fix=_SHAPES)
    first = tensor.shape[0]
    if first not in (None, 1):
        problem = f"the graph takes exactly {first} rows at a time ({_shapes([tensor])})"
        raise SlipwayError(problem, fix=_SHAPES)
    return first == 1


def _width(tensor: Tensor) -> int | None:
    return 1 if len(tensor.shape) == 1 else tensor.shape[1]


def outputs_of(graph: ForeignGraph, wanted: Sequence[str]) -> list[str]:
    """Return the names of the outputs to answer with; raise `SlipwayError` for one that cannot be in an answer."""
    known = {each.name: each for each in graph.outputs}
    names = list(wanted) or list(known)
    if unknown := [name for name in names if name not in known]:
        raise SlipwayError(f"the graph has no output {unknown[0]!r}", fix=f"it has {', '.join(known)}")
    for name in names:
        if (kind := known[name].type) not in (*TYPES, *_MAPS):
            problem = f"the graph's output {name} is {kind}, which no answer can hold"
            others = [each.name for each in graph.outputs if each.type in (*TYPES, *_MAPS)]
            fix = f"--outputs {' '.join(others)}" if others else "export it with outputs that are tensors of numbers"
            raise SlipwayError(problem, fix=fix)
    return names


def checked(graph: ForeignGraph, names: Sequence[str], answers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the number of values that each output has in a row: 1 for a single one, 0 where it is no list."""
    kinds = {each.name: each for each in graph.outputs}
    found = {}
    for name in names:
        sizes = {_size(answer[name]) for answer in answers}
        if kinds[name].type in _MAPS:
            found[name] = 0
        elif len(sizes) > 1:
            problem = f"the graph's output {name} has rows of {', '.join(map(str, sorted(sizes)))} values"
            raise SlipwayError(problem, fix="leave it out: --outputs names those to answer with")
        else:
            found[name] = sizes.pop()
    return found


def keys_of(
    names: Sequence[str], kinds: Mapping[str, str], kind: str, answers: Sequence[Mapping[str, Any]]
) -> list[Any] | None:
    """Return the labels of the one output that has a number for each label of this type; None if there is none."""
    found = [name for name in names if _MAPS.get(kinds[name]) == kind]
    if len(found) != 1:
        return None
    keys = dict.fromkeys(key for answer in answers for key in answer[found[0]])
    return [key if kind == "string" else int(key) for key in keys]


def _size(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1
