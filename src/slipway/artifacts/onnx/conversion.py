"""Ways to convert a fitted scikit-learn estimator into a graph; the caller takes the first faithful one."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from slipway.artifacts import values as plain
from slipway.artifacts.onnx import doubles, graphs, trees
from slipway.artifacts.onnx.converters import converters
from slipway.artifacts.onnx.graphs import Graph, Source
from slipway.artifacts.onnx.watching import Unconvertible, Watched, is_array, methods
from slipway.errors import SlipwayError
from slipway.text import cut, one_line

__all__ = ["Converted", "Unconvertible", "Way", "ways"]

_NO_CONVERTER = re.compile(r"Unable to find a (?:shape calculator|converter) for type '<class '([\w.]+)'>'")
# The newest version of ONNX's operators to use.
_OPERATORS = 21

# These operators know only ASCII, and need a locale that images do not have.
_OF_TEXTS = frozenset({"StringNormalizer", "Tokenizer"})

_COMMON = ("classes_", "n_features_in_", "feature_names_in_", "n_outputs_")


class Converted(NamedTuple):
    """A converted estimator: how, as bytes, and ready to use."""

    how: str
    content: bytes
    graph: Graph


class Way(NamedTuple):
    """A way to convert: the type of `numbers`, and a function that raises `Unconvertible` where it fails."""

    numbers: str
    convert: Callable[[], Converted]


def ways(watched: Watched) -> Iterator[Way]:
    """Yield the ways to convert a watched estimator, the most exact first.

    scikit-learn computes in float64. Our own conversions are exact; trees of skl2onnx sum in float32. Raise
    `Unconvertible` when predicting uses what no graph offers, or passes what no graph takes.
    """
    attributes = _attributes(watched)
    if watched.beyond_:
        raise Unconvertible(f"predict uses its {', '.join(sorted(watched.beyond_))}, which a graph has not")
    if not watched.used_:
        raise Unconvertible("predict does not use it")
    columns = _columns(watched.inputs_)
    source = _source(watched, columns, attributes)
    for numbers, own in (("float64", True), ("float64", False), ("float32", False)):
        if columns is None or "text" not in columns.values():
            whole = msgspec.structs.replace(source, merged=columns is not None)
            yield Way(numbers, partial(_converted, watched, numbers, own, None, whole))
        if columns is not None:
            yield Way(numbers, partial(_converted, watched, numbers, own, columns, source))


def _columns(inputs: Sequence[Any]) -> dict[str, str] | None:
    """Return the kind (`number`, `text` or `truth`) of each column in the inputs; None for rows of numbers.

    Raise `Unconvertible` for anything else.
    """
    import numpy
    import pandas

    found = [
        {str(name): _kind(column) for name, column in given.items()} if isinstance(given, pandas.DataFrame) else None
        for given in inputs
    ]
    if any(each != found[0] for each in found):
        raise Unconvertible("it takes now one thing and now another")
    if found[0] is None:
        for given in inputs:
            if hasattr(given, "toarray") or numpy.asarray(given).dtype.kind not in "biuf":
                raise Unconvertible(f"it takes {_article(given)} that is no table and no rows of numbers")
    return found[0]


def _kind(column: Any) -> str:
    from pandas.api import types

    if types.is_bool_dtype(column):
        return "truth"
    if types.is_numeric_dtype(column):
        return "number"
    if all(isinstance(value, str) for value in column):
        return "text"
    raise Unconvertible(f"its column {column.name} is neither all numbers nor all text")


def _attributes(watched: Watched) -> dict[str, Any]:
    """Return the attributes that predicting read, and those that it often reads."""
    found = {name: _kept(name, value) for name, value in watched.read_.items()}
    for name in _COMMON:
        try:
            found.setdefault(name, _kept(name, getattr(watched.estimator_, name)))
        except (AttributeError, Unconvertible):
            continue
    return dict(sorted(found.items()))


def _source(watched: Watched, columns: dict[str, str] | None, attributes: dict[str, Any]) -> Source:
    kind = type(watched.estimator_)
    return graphs.Source(
        type=f"{kind.__module__}.{kind.__qualname__}",
        columns=None if columns is None else tuple(columns),
        width=_width(watched.inputs_[0]),
        gaps=tuple(sorted({place for given in watched.inputs_ for place in _gaps(given)})),
        methods={},
        attributes=attributes,
    )


def _kept(name: str, value: Any) -> Any:
    """Return an attribute in the form of `Source.attributes`."""
    if is_array(value):
        return {"$array": [value.dtype.str, value.tolist()]}
    try:
        return msgspec.json.decode(plain.encode(value, name))
    except (plain.NotPlainError, SlipwayError) as error:
        raise Unconvertible(f"predict reads its {name}, which a graph cannot keep") from error


def _width(given: Any) -> int:
    import numpy

    shape = numpy.shape(given)
    if len(shape) != 2:
        raise Unconvertible(f"it takes something of the shape {shape}")
    return int(shape[1])


def _gaps(given: Any) -> list[int]:
    import pandas

    return [place for place, (_, column) in enumerate(pandas.DataFrame(given).items()) if column.isna().any()]


def _converted(watched: Watched, numbers: str, own: bool, columns: dict[str, str] | None, source: Source) -> Converted:
    try:
        content = _graph(watched, numbers, own, columns, source.width)
        if any(node.op_type in _OF_TEXTS for node in content.graph.node):
            raise Unconvertible("ONNX takes texts apart otherwise, where not all letters are ASCII")
        how = numbers
        if numbers == "float64":
            how += ", sums of trees in float32" if doubles.has_trees(content) else ""
            content = doubles.settled(content)
        # A graph without methods can be computed, which shows the output of each method.
        _describe(content, source)
        bare = graphs.session(content.SerializeToString(deterministic=True))
        _describe(content, msgspec.structs.replace(source, methods=methods(watched, bare, source)))
        made = content.SerializeToString(deterministic=True)
        return Converted(how, made, graphs.load(graphs.session(made)))
    except Unconvertible:
        raise
    except Exception as error:
        raise Unconvertible(_short(error)) from error


def _graph(watched: Watched, numbers: str, own: bool, columns: dict[str, str] | None, width: int) -> Any:
    """Return the estimator as an ONNX model."""
    import skl2onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = skl2onnx.convert_sklearn(
            watched.estimator_,
            name="estimator",  # else it is drawn by chance
            initial_types=_types(columns, numbers, width),
            options=_options(watched),
            custom_conversion_functions=converters() if own else None,
            target_opset=_OPERATORS,
        )
    return trees.settle(made)


def _options(watched: Watched) -> dict[int, dict[str, bool]]:
    """Return skl2onnx's options by the `id` of a classifier: the last of a pipeline, which does not pass on all."""
    from sklearn.pipeline import Pipeline
    from sklearn.svm import LinearSVC

    last = watched.estimator_
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if not hasattr(last, "classes_"):
        return {}
    # It has no probabilities, nor the option that returns them as rows of numbers.
    options = {"nocl": False} if isinstance(last, LinearSVC) else {"zipmap": False}
    return {id(last): options | ({"raw_scores": True} if "decision_function" in watched.used_ else {})}


def _types(columns: dict[str, str] | None, numbers: str, width: int) -> list[tuple[str, Any]]:
    from skl2onnx.common import data_types

    number = data_types.DoubleTensorType if numbers == "float64" else data_types.FloatTensorType
    if columns is None:
        return [("X", number([None, width]))]
    kinds = {"number": number, "text": data_types.StringTensorType, "truth": data_types.Int64TensorType}
    return [(name, kinds[kind]([None, 1])) for name, kind in columns.items()]


def _describe(content: Any, source: Source) -> None:
    del content.metadata_props[:]
    entry = content.metadata_props.add()
    entry.key, entry.value = graphs.KEY, msgspec.json.encode(source).decode()


def _short(error: Exception) -> str:
    if unknown := _NO_CONVERTER.match(str(error)):
        return f"there is no conversion of {unknown[1]}"
    return cut(one_line(f"{type(error).__name__}: {error}"), 200)


def _article(value: Any) -> str:
    return f"a {type(value).__module__}.{type(value).__qualname__}"
