"""Sums of decision trees, by which forests and boosting predict, exact in float64.

The operator `TreeEnsemble` knows float64 and one number for each leaf, and adds tree after tree, as scikit-learn does;
ties fall as they do there. A tree with a number for each class is written once for each class. Where that is too much,
it gives the number of its leaf instead, and a table has the leaf's numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from slipway.artifacts.onnx.builder import TREES, Builder, Table, Unconvertible
from slipway.artifacts.onnx.decisions import above, best, both, expit, softmax
from slipway.artifacts.onnx.listing import Output, Results, listed, takes_missing, transform

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


_TREE = "ccp_alpha class_weight criterion max_depth max_features max_leaf_nodes min_impurity_decrease min_samples_leaf "
_TREE += "min_samples_split min_weight_fraction_leaf monotonic_cst random_state splitter"
_FOREST = f"{_TREE} bootstrap max_samples n_estimators n_jobs oob_score verbose warm_start"


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
    listed("tree", _name, _TREE)(_forest)
for _name in ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"):
    listed("ensemble", _name, _FOREST)(_forest)


_BOOSTED = f"{_TREE} alpha learning_rate loss n_estimators n_iter_no_change subsample tol validation_fraction verbose "
_BOOSTED += "warm_start"


@listed("ensemble", "GradientBoostingClassifier", _BOOSTED, init=(None, "zero"))
@listed("ensemble", "GradientBoostingRegressor", _BOOSTED, init=(None, "zero"))
def _boosted(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    name = rounded(graph, table, missing=False)
    begin = estimator._raw_predict_init(numpy.zeros((1, estimator.n_features_in_))).ravel()  # noqa: SLF001 - nobody else says
    trees, targets = [], []
    for stage in estimator.estimators_:
        for target, member in enumerate(stage):
            tree = tree_of(member)
            trees.append(tree._replace(values=estimator.learning_rate * tree.values))
            targets.append([target])
    raw = sums(graph, name, trees, targets, begin.tolist())
    # At 0 gradient boosting takes the second class, and others take the first.
    return _linked(estimator, raw, graph, "GreaterOrEqual")


_HISTOGRAM = "class_weight early_stopping interaction_cst l2_regularization learning_rate loss max_bins max_depth "
_HISTOGRAM += "max_features max_iter max_leaf_nodes min_samples_leaf monotonic_cst n_iter_no_change quantile "
_HISTOGRAM += "random_state scoring tol validation_fraction verbose warm_start categorical_features"


@listed("ensemble", "HistGradientBoostingClassifier", _HISTOGRAM)
@listed("ensemble", "HistGradientBoostingRegressor", _HISTOGRAM)
def _histogram(estimator: Any, table: Table, graph: Builder) -> Results:
    members = list(chain.from_iterable(estimator._predictors))  # noqa: SLF001 - it has no public name
    if estimator.is_categorical_ is not None and any(estimator.is_categorical_):
        name, nodes = _with_categories(estimator, members, table, graph)
    else:
        # It looks for no missing or infinite number.
        name, nodes = graph.unlooked(table).name, [member.nodes for member in members]
    trees = [_histogram_tree(each) for each in nodes]
    width = estimator.n_trees_per_iteration_
    targets = [[at % width] for at in range(len(trees))]
    begin = estimator._baseline_prediction.ravel().tolist()  # noqa: SLF001
    return _linked(estimator, sums(graph, name, trees, targets, begin), graph, "Greater")


def _with_categories(estimator: Any, members: Sequence[Any], table: Table, graph: Builder) -> tuple[str, list[Any]]:
    """Write a column for each set of categories by which a tree branches; return the columns, and the trees by them.

    A column is 0 in the set, 1 beyond it, and NaN for a missing or unknown category.
    """
    import numpy

    mask = numpy.asarray(estimator.is_categorical_)
    encoder = estimator._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - it has no public name
    codes = transform(encoder, graph.select(table, numpy.flatnonzero(mask).tolist()), graph)
    rest = graph.select(table, numpy.flatnonzero(~mask).tolist())
    known, places = estimator._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001
    sets: dict[tuple[int, bytes], int] = {}
    found = []
    for member in members:
        nodes = member.nodes.copy()
        for node in nodes[(nodes["is_categorical"] != 0) & (nodes["is_leaf"] == 0)]:
            bits = member.raw_left_cat_bitsets[node["bitset_idx"]]
            sets.setdefault((int(node["feature_idx"]), bits.tobytes()), table.width + len(sets))
        for node in nodes:
            if node["is_categorical"] and not node["is_leaf"]:
                bits = member.raw_left_cat_bitsets[node["bitset_idx"]]
                node["feature_idx"] = sets[int(node["feature_idx"]), bits.tobytes()]
                node["num_threshold"] = 0.5
        found.append(nodes)
    parts = [codes.name, *([graph.unlooked(rest).name] if rest.width else [])]
    for feature, bits in sets:
        size = len(encoder.categories_[feature])
        inside, seen = _members(numpy.frombuffer(bits, "uint32"), size), _members(known[places[feature]], size)
        marks = numpy.append(numpy.where(inside, 0.0, numpy.where(seen, 1.0, numpy.nan)), numpy.nan)
        own = graph.select(codes, [feature]).name
        absent = graph.node("IsNaN", own)
        at = graph.cast(graph.node("Where", absent, numpy.array(float(size)), own), "INT64")
        parts.append(graph.node("Gather", marks, at))
    return graph.node("Concat", *parts, axis=1), found


def _members(bits: Any, size: int) -> Any:
    """Return which of the numbers from 0 are in a set of bits."""
    import numpy

    numbers = numpy.arange(size)
    return (bits[numbers // 32] >> (numbers % 32).astype("uint32")) & 1 != 0


def _histogram_tree(nodes: Any) -> Tree:
    import numpy

    leaf = nodes["is_leaf"].astype(bool)
    low = numpy.where(leaf, -1, nodes["left"].astype("int64"))
    high = numpy.where(leaf, -1, nodes["right"].astype("int64"))
    missing = nodes["missing_go_to_left"].astype(bool)
    return Tree(low, high, nodes["feature_idx"], nodes["num_threshold"], missing, nodes["value"].reshape(-1, 1))


def _linked(estimator: Any, raw: str, graph: Builder, operator: str) -> Results:
    """Return the results of boosting from its sums, by the link of its loss."""
    import numpy

    loss = getattr(estimator, "_loss", None)
    link = type(loss.link).__name__ if loss is not None else "IdentityLink"
    if not hasattr(estimator, "classes_"):
        if link not in ("IdentityLink", "LogLink"):
            raise Unconvertible(f"there is no conversion of {type(estimator).__name__} with a {link}")
        return {"predict": Output(graph.node("Exp", raw) if link == "LogLink" else raw, True)}
    if link == "MultinomialLogit":
        sure = softmax(graph, raw)
        found = best(graph, raw, estimator.classes_)
        return {"predict": found, "predict_proba": Output(sure), "decision_function": Output(raw)}
    if link not in ("LogitLink", "HalfLogitLink"):
        raise Unconvertible(f"there is no conversion of {type(estimator).__name__} with a {link}")
    doubled = graph.node("Mul", raw, numpy.array(2.0)) if link == "HalfLogitLink" else raw
    return {
        "predict": above(graph, raw, estimator.classes_, operator=operator),
        "predict_proba": Output(both(graph, expit(graph, doubled))),
        "decision_function": Output(raw, True),
    }
