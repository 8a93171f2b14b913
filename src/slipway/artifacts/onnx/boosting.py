"""Boosting of decision trees: by gradients, and on histograms."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from slipway.artifacts.onnx.builder import Builder, Table, Unconvertible
from slipway.artifacts.onnx.decisions import above, best, both, expit, softmax
from slipway.artifacts.onnx.listing import Output, Results, listed, transform
from slipway.artifacts.onnx.trees import PARAMETERS, Tree, rounded, sums, tree_of

_BOOSTED = (
    f"{PARAMETERS} alpha learning_rate loss n_estimators n_iter_no_change subsample tol validation_fraction verbose "
)
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
