"""Encoders of categories, which are texts, numbers, truth values, or missing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from slipway.artifacts.onnx.builder import Builder, Column, Table, Unconvertible
from slipway.artifacts.onnx.listing import Results, listed

_REFUSED = "is none of the known categories"


def _is_float(kind: Any) -> bool:
    return kind == "float64" or getattr(kind, "__name__", "") in ("float", "float64")


def _is_number(kind: Any) -> bool:
    return _is_float(kind) or getattr(kind, "__name__", "") in ("int", "int64", "int32", "int8", "uint8")


def is_nan(value: Any) -> bool:
    """Tell whether a category is NaN."""
    return isinstance(value, float) and value != value


def matches(graph: Builder, table: Table, wanted: Sequence[Sequence[Any]]) -> str:
    """Write whether each column holds each of its wanted values: a column of truth values for each."""
    import numpy

    pairs = [(place, value) for place, values in enumerate(wanted) for value in values]
    places = numpy.array([place for place, _ in pairs], "int64")
    codes = [_comparable(graph, table.columns[place], value) for place, value in pairs]
    wide = graph.node("Gather", table.name, places, axis=1)
    found = graph.node("Equal", wide, numpy.array(codes))
    if any(map(is_nan, codes)):
        missing = graph.node("And", graph.node("IsNaN", wide), numpy.array([is_nan(code) for code in codes]))
        found = graph.node("Or", found, missing)
    return found


def _comparable(graph: Builder, column: Column, value: Any) -> float:
    if column.kind == "code":
        return graph.code(value)
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise Unconvertible(f"a column of numbers has the category {value!r}") from error
    # Python compares whole numbers exactly, also beyond 2**53.
    exact = value.item() if hasattr(value, "item") else value
    if isinstance(value, str) or (not is_nan(number) and number != exact):
        raise Unconvertible(f"a column of numbers has the category {value!r}")
    return number


def spread(graph: Builder, table: Table, categories: Sequence[Any], *, refuse: bool) -> str:
    """Write a column for each category of each column, 1 where it is that; have rows with others refused.

    Infinity is refused in a column of numbers, as scikit-learn does.
    """
    import numpy

    limited = [place for place, values in enumerate(categories) if _takes_numbers(table.columns[place], values)]
    unsure = graph.select(table, [place for place in limited if table.columns[place].kind == "number"])
    if limited and unsure.width:
        graph.refuse(graph.node("IsInf", unsure.name), unsure.columns, "is infinite")
    found = graph.number(matches(graph, table, categories))
    if refuse:
        sizes = [len(values) for values in categories]
        belongs = numpy.repeat(numpy.eye(len(sizes)), sizes, axis=0)
        known = graph.node("MatMul", found, belongs)
        graph.refuse(graph.node("Less", known, numpy.array(0.5)), table.columns, _REFUSED)
    return found


def _takes_numbers(column: Column, categories: Any) -> bool:
    return column.kind != "code" and getattr(categories, "dtype", None) is not None and categories.dtype.kind != "O"


def groups(encoder: Any, place: int) -> list[int]:
    """Return the group of each category: the frequent ones in their order, then one of all infrequent ones.

    `OrdinalEncoder` leaves a category of missing values out of that.
    """
    categories = encoder.categories_[place]
    rare = getattr(encoder, "infrequent_categories_", None) if _has_rare(encoder) else None
    if rare is None or rare[place] is None:
        return list(range(len(categories)))
    infrequent = {_key(value) for value in rare[place]}
    frequent = [_key(value) for value in categories if _key(value) not in infrequent]
    if type(encoder).__name__ == "OrdinalEncoder":
        frequent = [value for value in frequent if value != "nan"]
    return [frequent.index(_key(value)) if _key(value) in frequent else len(frequent) for value in categories]


def _has_rare(encoder: Any) -> bool:
    return getattr(encoder, "max_categories", None) is not None or getattr(encoder, "min_frequency", None) is not None


def _key(value: Any) -> Any:
    return "nan" if is_nan(value) else (type(value).__name__ == "str", value)


@listed("preprocessing", "OneHotEncoder", "categories drop min_frequency max_categories feature_name_combiner "
        "sparse_output handle_unknown", dtype=_is_number)  # fmt: skip
def _one_hot(encoder: Any, table: Table, graph: Builder) -> Results:
    """Write a column for each group of categories but the dropped ones."""
    import numpy

    found = spread(graph, table, encoder.categories_, refuse=encoder.handle_unknown == "error")
    blocks, origins = [], []
    for place in range(len(encoder.categories_)):
        group = groups(encoder, place)
        dropped = None if encoder.drop_idx_ is None else encoder.drop_idx_[place]
        kept = [each for each in range(max(group) + 1) if dropped is None or each != group[int(dropped)]]
        blocks.append(numpy.array([[float(of == each) for each in kept] for of in group]).reshape(len(group), -1))
        origins += [table.columns[place].origin] * len(kept)
    infrequent = [_unseen_group(encoder, place, blocks[place]) for place in range(table.width)]
    name = _grouped(graph, found, blocks)
    if any(each.any() for each in infrequent):
        name = _with_unseen(graph, found, name, encoder.categories_, infrequent)
    outward = "its transform gives a sparse matrix" if encoder.sparse_output else _outward(encoder)
    return {"transform": Table(name, tuple(Column("finite", origin) for origin in origins), outward)}


def _outward(encoder: Any) -> str:
    return "" if _is_float(encoder.dtype) else "its transform gives other numbers than float64"


def _grouped(graph: Builder, found: str, blocks: Sequence[Any]) -> str:
    """Write the columns of groups from those of categories: the same, some of them, or sums."""
    import numpy

    sizes = [len(block) for block in blocks]
    total, width = sum(sizes), sum(block.shape[1] for block in blocks)
    if all(numpy.array_equal(block, numpy.eye(len(block))) for block in blocks):
        return found
    if not width:
        raise Unconvertible("OneHotEncoder drops all that it knows")
    if all((block.sum(axis=0) == 1).all() for block in blocks):
        starts = numpy.cumsum([0, *sizes[:-1]])
        kept = numpy.concatenate([start + block.argmax(axis=0) for start, block in zip(starts, blocks, strict=True)])
        return graph.node("Gather", found, kept.astype("int64"), axis=1)
    whole = numpy.zeros((total, width))
    row = column = 0
    for block in blocks:
        whole[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return graph.node("MatMul", found, whole)


def _unseen_group(encoder: Any, place: int, block: Any) -> Any:
    """Return which of a column's groups an unseen category belongs to: the infrequent one, or none."""
    import numpy

    marked = numpy.zeros(block.shape[1])
    rare = encoder.infrequent_categories_[place] if _has_rare(encoder) else None
    if encoder.handle_unknown in ("infrequent_if_exist", "warn") and rare is not None:
        first = [_key(value) for value in encoder.categories_[place]].index(_key(rare[0]))
        marked = block[first]
    return marked


def _with_unseen(graph: Builder, found: str, name: str, categories: Sequence[Any], infrequent: Sequence[Any]) -> str:
    """Add 1 to the infrequent group of each column whose category is unseen."""
    import numpy

    sizes = [len(values) for values in categories]
    known = graph.node("MatMul", found, numpy.repeat(numpy.eye(len(sizes)), sizes, axis=0))
    unseen = graph.node("Sub", numpy.ones(1), known)
    widths = [len(each) for each in infrequent]
    spread_out = numpy.zeros((len(widths), sum(widths)))
    for place, start in enumerate(numpy.cumsum([0, *widths[:-1]])):
        spread_out[place, start : start + widths[place]] = infrequent[place]
    return graph.node("Add", name, graph.node("MatMul", unseen, spread_out))


def chosen(graph: Builder, table: Table, categories: Sequence[Any], values: Sequence[Any], unseen: Any) -> str:
    """Write, for each column, the value of its category, or that of `unseen` where it has none (None: refused)."""
    import numpy

    found = spread(graph, table, categories, refuse=unseen is None)
    columns = []
    start = 0
    for place, each in enumerate(values):
        span = numpy.arange(start, start + len(each), dtype="int64")
        start += len(each)
        mine = graph.node("Gather", found, span, axis=1)
        at = graph.node("ArgMax", mine, axis=1, keepdims=1)
        given = graph.node("Gather", numpy.asarray(each, "float64"), at)
        if unseen is not None:
            known = graph.cast(graph.reduce("ReduceMax", mine), "BOOL")
            given = graph.node("Where", known, given, numpy.array(float(unseen[place])))
        columns.append(given)
    return columns[0] if len(columns) == 1 else graph.node("Concat", *columns, axis=1)


@listed("preprocessing", "OrdinalEncoder", "categories handle_unknown unknown_value encoded_missing_value "
        "min_frequency max_categories", dtype=_is_number)  # fmt: skip
def _ordinal(encoder: Any, table: Table, graph: Builder) -> Results:
    """Write the number of each group, the value for what is missing, or the one for what is unseen."""
    values = []
    for place, categories in enumerate(encoder.categories_):
        group = [float(each) for each in groups(encoder, place)]
        if len(categories) and is_nan(categories[-1]):
            group[-1] = float(encoder.encoded_missing_value)
        values.append(group)
    unseen = [encoder.unknown_value] * table.width if encoder.handle_unknown == "use_encoded_value" else None
    name = chosen(graph, table, encoder.categories_, values, unseen)
    finite = not any(map(is_nan, [*chain.from_iterable(values), *(unseen or [])]))
    columns = tuple(Column("finite" if finite else "number", column.origin) for column in table.columns)
    return {"transform": Table(name, columns, _outward(encoder))}


@listed("preprocessing", "TargetEncoder", "categories target_type smooth cv shuffle random_state")
def _target(encoder: Any, table: Table, graph: Builder) -> Results:
    """Write the learned mean of the target for each category, and the whole mean for others."""
    import numpy

    means = numpy.ravel(encoder.target_mean_)
    times = len(means)
    wide = graph.select(table, [place for place in range(table.width) for _ in range(times)])
    categories = [values for values in encoder.categories_ for _ in range(times)]
    unseen = list(means) * table.width
    name = chosen(graph, wide, categories, [numpy.asarray(each) for each in encoder.encodings_], unseen)
    return {"transform": Table(name, tuple(Column("finite", column.origin) for column in wide.columns))}
