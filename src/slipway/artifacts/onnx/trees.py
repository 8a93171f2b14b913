"""Sums of decision trees, by which forests and boosting predict, exact in float64.

The operator `TreeEnsemble` knows float64 and one number for each leaf, and adds tree after tree, as scikit-learn does;
ties fall as they do there. A tree with a number for each class is written once for each class. Where that is too much,
it gives the number of its leaf instead, and a table has the leaf's numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from slipway.artifacts.onnx.builder import TREES, Builder, Table, Unconvertible
from slipway.artifacts.onnx.decisions import best
from slipway.artifacts.onnx.listing import Output, Results, listed, takes_missing

_MOST_NODES = 200_000
"""The most nodes to write anew for each class."""

_AT_OR_BELOW = 0


class Tree(NamedTuple):
    """A tree as arrays by node; `values` has a row of numbers for each node, and counts only for leaves."""

    low: Any
    """The node to go on at when the number is at or below the threshold; below 0 for a leaf."""
    high: Any
    feature: Any
    threshold: Any
    missing_low: Any
    values: Any


def tree_of(member: Any) -> Tree:
    """Return the tree of one of scikit-learn's decision trees; its values are those of all outputs and classes."""
    import numpy

    tree = member.tree_
    missing = getattr(tree, "missing_go_to_left", None)
    return Tree(
        tree.children_left,
        tree.children_right,
        tree.feature,
        tree.threshold,
        numpy.zeros(tree.node_count, bool) if missing is None else numpy.asarray(missing, bool),
        tree.value.reshape(tree.node_count, -1),
    )


def sums(
    graph: Builder, name: str, trees: Sequence[Tree], targets: Sequence[Sequence[int]], start: Sequence[float]
) -> str:
    """Write sums of the leaves' numbers: the k-th number of a leaf adds to the k-th target of its tree.

    A sum begins with its `start`.
    """
    import numpy

    parts = [_constant(value, target) for target, value in enumerate(start) if value]
    for tree, into in zip(trees, targets, strict=True):
        parts += [(tree._replace(values=tree.values[:, place]), target) for place, target in enumerate(into)]
    return _ensemble(graph, name, [tree for tree, _ in parts], numpy.array([at for _, at in parts]), len(start))


def forest_sums(graph: Builder, name: str, trees: Sequence[Tree]) -> str:
    """Write the sums over all trees of each number of their leaves."""
    import numpy

    width = trees[0].values.shape[1]
    nodes = sum(len(tree.low) for tree in trees)
    if nodes * width <= _MOST_NODES or width == 1:
        return sums(graph, name, trees, [range(width)] * len(trees), [0.0] * width)
    leaves = [numpy.flatnonzero(tree.low < 0) for tree in trees]
    starts = numpy.cumsum([0, *map(len, leaves)])
    numbered = []
    for tree, own, begin in zip(trees, leaves, starts[:-1], strict=True):
        places = numpy.zeros(len(tree.low))
        places[own] = numpy.arange(begin, begin + len(own))
        numbered.append(tree._replace(values=places))
    found = _ensemble(graph, name, numbered, numpy.arange(len(trees)), len(trees))
    table = numpy.concatenate([tree.values[own] for tree, own in zip(trees, leaves, strict=True)])
    numbers = graph.node("Gather", table, graph.cast(found, "INT64"), axis=0)
    # Sums that grow from tree to tree, of which the last is wanted: the order matters to the last digit.
    growing = graph.node("CumSum", numbers, numpy.array(1, "int64"))
    return graph.node("Gather", growing, numpy.array(len(trees) - 1, "int64"), axis=1)


def _constant(value: float, target: int) -> tuple[Tree, int]:
    """Return a tree of one leaf."""
    import numpy

    one = numpy.full(1, -1)
    return Tree(one, one, one, numpy.zeros(1), numpy.zeros(1, bool), numpy.full(1, value)), target


def _ensemble(graph: Builder, name: str, trees: Sequence[Tree], targets: Any, width: int) -> str:
    """Write the operator: all branches in one list, all leaves in another."""
    import numpy

    trees = [_grown(tree) for tree in trees]
    inner = [tree.low >= 0 for tree in trees]
    branches = numpy.cumsum([0, *(int(each.sum()) for each in inner)])
    leaves = numpy.cumsum([0, *(int((~each).sum()) for each in inner)])
    columns: dict[str, list[Any]] = {each: [] for each in ("true", "false", "true_leaf", "false_leaf")}
    for tree, branch, first, first_leaf in zip(trees, inner, branches[:-1], leaves[:-1], strict=True):
        place = numpy.where(branch, first + numpy.cumsum(branch) - 1, first_leaf + numpy.cumsum(~branch) - 1)
        for side, following in (("true", tree.low[branch]), ("false", tree.high[branch])):
            columns[side].append(place[following])
            columns[f"{side}_leaf"].append(~branch[following])
    kept = list(zip(trees, inner, strict=True))
    missing = numpy.concatenate([tree.missing_low[branch] for tree, branch in kept])
    splits = numpy.concatenate([tree.threshold[branch] for tree, branch in kept]).astype("float64")
    counts = [int((~branch).sum()) for branch in inner]
    attributes = {
        "tree_roots": branches[:-1],
        "nodes_featureids": numpy.concatenate([tree.feature[branch] for tree, branch in kept]),
        "nodes_truenodeids": numpy.concatenate(columns["true"]),
        "nodes_trueleafs": numpy.concatenate(columns["true_leaf"]),
        "nodes_falsenodeids": numpy.concatenate(columns["false"]),
        "nodes_falseleafs": numpy.concatenate(columns["false_leaf"]),
        "nodes_missing_value_tracks_true": missing,
        "leaf_targetids": numpy.repeat(targets, counts),
    }
    tensors = {
        "nodes_modes": numpy.full(len(splits), _AT_OR_BELOW, "uint8"),
        "nodes_splits": splits,
        "leaf_weights": numpy.concatenate([tree.values[~branch] for tree, branch in kept]).astype("float64"),
    }
    return graph.wide_node("TreeEnsemble", name, attributes, tensors, n_targets=width, domain=TREES)


def _grown(tree: Tree) -> Tree:
    """Return a tree with at least one branch, as the operator wants it."""
    import numpy

    if tree.low[0] >= 0:
        return tree
    return Tree(
        numpy.array([1, -1, -1]),
        numpy.array([2, -1, -1]),
        numpy.zeros(3, "int64"),
        numpy.zeros(3),
        numpy.ones(3, bool),
        numpy.repeat(tree.values[:1], 3),
    )


def rounded(graph: Builder, table: Table, *, missing: bool) -> str:
    """Write the numbers of a table as trees see them: rounded to float32, beyond which rows are refused."""
    table = graph.unlooked(table)
    single = graph.number(graph.cast(table.name, "FLOAT"))
    if missing:
        graph.refuse(graph.node("IsInf", single), table.columns, "is too large for a tree, or infinite")
    else:
        nothing = graph.node("Sub", single, single)
        graph.refuse(graph.node("IsNaN", nothing), table.columns, "is missing, or too large for a tree")
    return single


PARAMETERS = (
    "ccp_alpha class_weight criterion max_depth max_features max_leaf_nodes min_impurity_decrease min_samples_leaf "
)
PARAMETERS += "min_samples_split min_weight_fraction_leaf monotonic_cst random_state splitter"
_FOREST = f"{PARAMETERS} bootstrap max_samples n_estimators n_jobs oob_score verbose warm_start"


def _forest(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    members = list(getattr(estimator, "estimators_", [estimator]))
    name = rounded(graph, table, missing=supports_missing(members[0]))
    raw = forest_sums(graph, name, [tree_of(member) for member in members])
    if len(members) > 1:
        raw = graph.node("Div", raw, numpy.array(float(len(members))))
    if not hasattr(estimator, "classes_"):
        return {"predict": Output(raw, estimator.n_outputs_ == 1)}
    if estimator.n_outputs_ != 1:
        raise Unconvertible(f"there is no conversion of {type(estimator).__name__} with several labels for a row")
    return {"predict": best(graph, raw, estimator.classes_), "predict_proba": Output(raw)}


def supports_missing(tree: Any) -> bool:
    """Tell whether a fitted tree takes NaN."""
    return takes_missing(tree) and getattr(tree, "monotonic_cst", None) is None


for _name in ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"):
    listed("tree", _name, PARAMETERS)(_forest)
for _name in ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"):
    listed("ensemble", _name, _FOREST)(_forest)
