"""A fitted scikit-learn estimator as a graph, in ways of which the first that is faithful is to be taken."""

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
from slipway.artifacts.onnx.graphs import About, Graph, Method
from slipway.artifacts.onnx.watching import METHODS, Watched
from slipway.errors import SlipwayError
from slipway.text import cut, one_line

__all__ = ["Converted", "Unconvertible", "Way", "is_array", "methods", "ways"]

_NO_CONVERTER = re.compile(r"Unable to find a (?:shape calculator|converter) for type '<class '([\w.]+)'>'")
# The newest version of ONNX's operators that may be used.
_OPERATORS = 21

# They know ASCII alone, and need a locale that images have not.
_OF_TEXTS = frozenset({"StringNormalizer", "Tokenizer"})

_COMMON = ("classes_", "n_features_in_", "feature_names_in_", "n_outputs_")


class Converted(NamedTuple):
    """One way in which an estimator was converted: in words, as bytes, and ready to use."""

    how: str
    content: bytes
    graph: Graph


class Way(NamedTuple):
    """A way to convert what was watched: `numbers` computed in, and `convert`, which raises `Unconvertible`."""

    numbers: str
    convert: Callable[[], Converted]


def ways(watched: Watched) -> Iterator[Way]:
    """The ways to convert what was watched, the most exact first.

    float64 is what scikit-learn computes in; with conversions of our own first, which are exact, then with those of
    skl2onnx alone, of which trees sum in float32. Raises `Unconvertible` when it is used for what no graph offers, or
    takes what none takes.
    """
    attributes = _attributes(watched)
    if watched.beyond_:
        raise Unconvertible(f"predict uses its {', '.join(sorted(watched.beyond_))}, which a graph has not")
    if not watched.used_:
        raise Unconvertible("predict does not use it")
    columns = _columns(watched.inputs_)
    about = _about(watched, columns, attributes)
    for numbers, own in (("float64", True), ("float64", False), ("float32", False)):
        if columns is None or "text" not in columns.values():
            whole = msgspec.structs.replace(about, merged=columns is not None)
            yield Way(numbers, partial(_converted, watched, numbers, own, None, whole))
        if columns is not None:
            yield Way(numbers, partial(_converted, watched, numbers, own, columns, about))


def _columns(inputs: Sequence[Any]) -> dict[str, str] | None:
    """The kind (`number`, `text` or `truth`) of each column that it takes by name; None when it takes rows of numbers.

    Raises `Unconvertible` for anything else.
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
    """What predicting reads of the estimator, and what it is likely to read some day."""
    found = {name: _kept(name, value) for name, value in watched.read_.items()}
    for name in _COMMON:
        try:
            found.setdefault(name, _kept(name, getattr(watched.estimator_, name)))
        except (AttributeError, Unconvertible):
            continue
    return dict(sorted(found.items()))


def _about(watched: Watched, columns: dict[str, str] | None, attributes: dict[str, Any]) -> About:
    kind = type(watched.estimator_)
    return graphs.About(
        type=f"{kind.__module__}.{kind.__qualname__}",
        columns=None if columns is None else tuple(columns),
        width=_width(watched.inputs_[0]),
        gaps=tuple(sorted({place for given in watched.inputs_ for place in _gaps(given)})),
        methods={},
        attributes=attributes,
    )


def _kept(name: str, value: Any) -> Any:
    """An attribute as `About` has it."""
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


def _converted(watched: Watched, numbers: str, own: bool, columns: dict[str, str] | None, about: About) -> Converted:
    try:
        content = _graph(watched, numbers, own, columns, about.width)
        if any(node.op_type in _OF_TEXTS for node in content.graph.node):
            raise Unconvertible("ONNX takes texts apart otherwise, where not all letters are ASCII")
        how = numbers
        if numbers == "float64":
            how += ", sums of trees in float32" if doubles.has_trees(content) else ""
            content = doubles.settled(content)
        # Without its methods it can be computed, and it shows which of its outputs is which method's.
        _describe(content, about)
        bare = graphs.session(content.SerializeToString(deterministic=True))
        _describe(content, msgspec.structs.replace(about, methods=methods(watched, bare, about)))
        made = content.SerializeToString(deterministic=True)
        return Converted(how, made, graphs.load(graphs.session(made)))
    except Unconvertible:
        raise
    except Exception as error:
        raise Unconvertible(_short(error)) from error


def _graph(watched: Watched, numbers: str, own: bool, columns: dict[str, str] | None, width: int) -> Any:
    """The estimator as an ONNX model."""
    import skl2onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = skl2onnx.convert_sklearn(
            watched.estimator_,
            name="estimator",  # else it draws one
            initial_types=_types(columns, numbers, width),
            options=_options(watched),
            custom_conversion_functions=converters() if own else None,
            target_opset=_OPERATORS,
        )
    return trees.settle(made)


def _options(watched: Watched) -> dict[int, dict[str, bool]]:
    """What skl2onnx is told of a classifier, by its `id`: the one at the end of a pipeline, which hands on not all."""
    from sklearn.pipeline import Pipeline
    from sklearn.svm import LinearSVC

    last = watched.estimator_
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if not hasattr(last, "classes_"):
        return {}
    # It gives no probabilities, and does not know the option that has them as rows of numbers.
    options = {"nocl": False} if isinstance(last, LinearSVC) else {"zipmap": False}
    return {id(last): options | ({"raw_scores": True} if "decision_function" in watched.used_ else {})}


def _types(columns: dict[str, str] | None, numbers: str, width: int) -> list[tuple[str, Any]]:
    from skl2onnx.common import data_types

    number = data_types.DoubleTensorType if numbers == "float64" else data_types.FloatTensorType
    if columns is None:
        return [("X", number([None, width]))]
    kinds = {"number": number, "text": data_types.StringTensorType, "truth": data_types.Int64TensorType}
    return [(name, kinds[kind]([None, 1])) for name, kind in columns.items()]


def _describe(content: Any, about: About) -> None:
    del content.metadata_props[:]
    entry = content.metadata_props.add()
    entry.key, entry.value = graphs.ABOUT, msgspec.json.encode(about).decode()


def _short(error: Exception) -> str:
    if unknown := _NO_CONVERTER.match(str(error)):
        return f"there is no conversion of {unknown[1]}"
    return cut(one_line(f"{type(error).__name__}: {error}"), 200)


def _article(value: Any) -> str:
    return f"a {type(value).__module__}.{type(value).__qualname__}"


_ALIKE = 1e-5
"""How far a method that predicting does not use may be off to be offered all the same."""


class Unconvertible(Exception):  # noqa: N818 - it is a verdict, and no error
    """Why an estimator, or one way to convert it, is out of the question."""


def methods(watched: Watched, computing: Any, about: About) -> dict[str, Method]:
    """The methods that the graph has, by the results of the estimator's own for what it was given.

    One that predicting uses has to be there, however far off: the whole model's answers are judged. Others are there
    when they are alike.
    """
    given = watched.inputs_[0]
    outputs = [each.name for each in computing.get_outputs()]
    found = {}
    for name in METHODS:
        if not hasattr(watched.estimator_, name):
            continue
        nearest = _nearest(getattr(watched.estimator_, name)(given), outputs, computing, about, given)
        if nearest is not None and (name in watched.used_ or nearest[0] < _ALIKE):
            found[name] = nearest[1]
    if lacking := sorted(watched.used_ - found.keys()):
        raise Unconvertible(f"the graph has no {', '.join(lacking)}")
    return found


def _nearest(
    expected: Any, outputs: list[str], computing: Any, about: About, given: Any
) -> tuple[float, Method] | None:
    """The output that is nearest to what a method gave, and how far off it is; None when none has its shape."""
    if not is_array(expected) or expected.ndim > 2:
        return None
    best: tuple[float, Method] | None = None
    for output in outputs:
        for column in (None, -1):
            method = graphs.Method(output=output, dtype=expected.dtype.str, flat=expected.ndim == 1, column=column)
            asked = graphs.Graph(computing, msgspec.structs.replace(about, methods={"asked": method}))
            try:
                off = _off(expected, asked.asked(given))
            except (ValueError, TypeError, IndexError):
                continue
            if off is not None and (best is None or off < best[0]):
                best = off, method
    return best


def _off(expected: Any, found: Any) -> float | None:
    import numpy

    if found.shape != expected.shape:
        return None
    if expected.dtype.kind not in "fc":
        return float(numpy.mean(found != expected))
    return float(numpy.max(numpy.abs(found - expected), initial=0.0))


def is_array(value: Any) -> bool:
    """Also one of objects, as which classes that are text may stand there."""
    return type(value).__module__ == "numpy" and getattr(value, "ndim", 0) > 0
