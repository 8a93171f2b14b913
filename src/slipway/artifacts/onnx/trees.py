"""Sums of decision trees, by which forests and boosting predict, as a graph that is exact in float64.

The operator `TreeEnsemble` knows float64 and one number for each leaf, so a tree that has one for each class is written
once for each class. Older operators sum in float32, where ties fall otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["Branch", "Leaf", "Sum", "boosted", "constant", "forest", "histogram", "node", "settle", "write"]

# skl2onnx stops at version 3 of this domain, so the operator has another domain until it is done.
_DOMAIN, _VERSION = "ai.onnx.ml", 5
_MEANWHILE = "slipway"
_MOST_CLASSES = 10


class Leaf(NamedTuple):
    """The number that a tree adds, and the sum to add it to."""

    value: float
    target: int


class Branch(NamedTuple):
    """A branch: at or below the threshold the tree goes on at `low`, else at `high` (places in its list)."""

    feature: int
    threshold: float
    low: int
    high: int
    missing_low: bool


Tree = list[Branch | Leaf]


class Sum(NamedTuple):
    """Trees, each from its root; `start` is added to their sums after `scale` divides them."""

    trees: list[Tree]
    start: list[float]
    scale: float
    rounded: bool
    """True when numbers are rounded to float32 before they are compared with thresholds."""


def forest(estimator: Any) -> Sum:
    """Return the sums of a tree or a forest: of the numbers, or of the shares of each class, in the leaves.

    Raise `NotImplementedError` for several outputs, and for more classes than are worth it.
    """
    classes = len(getattr(estimator, "classes_", "1"))
    if estimator.n_outputs_ != 1 or classes > _MOST_CLASSES:
        raise NotImplementedError("trees with several outputs, or many classes")
    members = getattr(estimator, "estimators_", [estimator])
    trees = [list(_tree(member.tree_, target, target)) for member in members for target in range(classes)]
    return Sum(trees, [0.0] * classes, float(len(members)), True)


def boosted(estimator: Any) -> Sum:
    """Return the sums of gradient boosting; raise `NotImplementedError` where it begins with an estimator."""
    import numpy

    if estimator.init is not None and estimator.init != "zero":
        raise NotImplementedError("boosting that begins with another estimator")
    begin = estimator._raw_predict_init(numpy.zeros((1, estimator.n_features_in_)))  # noqa: SLF001 - nobody else says
    rate = estimator.learning_rate
    trees = [
        list(_tree(member.tree_, target, rate=rate))
        for stage in estimator.estimators_
        for target, member in enumerate(stage)
    ]
    return Sum(trees, begin.ravel().tolist(), 1.0, True)


def histogram(estimator: Any) -> Sum:
    """Return the sums of boosting on histograms; raise `NotImplementedError` where it has categories."""
    if any(estimator.is_categorical_ if estimator.is_categorical_ is not None else ()):
        raise NotImplementedError("boosting on histograms with categories")
    trees = [
        list(_histogram(member.nodes, target))
        for stage in estimator._predictors  # noqa: SLF001 - it has no public name
        for target, member in enumerate(stage)
    ]
    return Sum(trees, estimator._baseline_prediction.ravel().tolist(), 1.0, False)  # noqa: SLF001


def _tree(tree: Any, target: int, place: int = 0, *, rate: float = 1.0) -> Iterator[Branch | Leaf]:
    """Yield the nodes of a tree; `place` is that of the number to take of a leaf."""
    missing = getattr(tree, "missing_go_to_left", None)
    for at in range(tree.node_count):
        if tree.children_left[at] < 0:
            yield Leaf(float(rate * tree.value[at, 0, place]), target)
        else:
            low, high = int(tree.children_left[at]), int(tree.children_right[at])
            goes_low = missing is not None and bool(missing[at])
            yield Branch(int(tree.feature[at]), float(tree.threshold[at]), low, high, goes_low)


def _histogram(nodes: Any, target: int) -> Iterator[Branch | Leaf]:
    for node in nodes:
        if node["is_leaf"]:
            yield Leaf(float(node["value"]), target)
        else:
            low, high = int(node["left"]), int(node["right"])
            yield Branch(
                int(node["feature_idx"]), float(node["num_threshold"]), low, high, bool(node["missing_go_to_left"])
            )


def write(sums: Sum, given: str, scope: Any, container: Any) -> str:
    """Write the sums for the numbers `given` into skl2onnx's container; return the name of the result."""
    import numpy
    from onnx import TensorProto

    if sums.rounded:
        single = node(scope, container, "Cast", [given], to=TensorProto.FLOAT)
        given = node(scope, container, "Cast", [single], to=TensorProto.DOUBLE)
    found = str(scope.get_unique_variable_name("trees"))
    attributes = _attributes(sums)
    container.add_node("TreeEnsemble", given, found, op_domain=_MEANWHILE, op_version=1, **attributes)
    if sums.scale != 1.0:
        found = node(scope, container, "Div", [found, constant(scope, container, numpy.array([sums.scale]))])
    if any(sums.start):
        found = node(scope, container, "Add", [found, constant(scope, container, numpy.array([sums.start]))])
    return found


def settle(model: Any) -> Any:
    """Give the trees in an ONNX model of skl2onnx their domain."""
    from onnx import helper

    found = [node for node in model.graph.node if node.domain == _MEANWHILE]
    for each in found:
        each.domain = _DOMAIN
    others = {each.domain: each.version for each in model.opset_import if each.domain != _MEANWHILE}
    if found:
        others[_DOMAIN] = _VERSION
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(*each) for each in sorted(others.items()))
    return model


def node(scope: Any, container: Any, operator: str, given: list[str], **attributes: Any) -> str:
    """Write one of ONNX's operators; return the name of its result."""
    name = str(scope.get_unique_variable_name(operator.lower()))
    container.add_node(operator, given, name, op_version=17, **attributes)
    return name


def constant(scope: Any, container: Any, values: Any) -> str:
    """Write an array of numbers; return its name."""
    from onnx import helper

    name: str = scope.get_unique_variable_name("constant")
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    container.add_initializer(name, kind, list(values.shape), values.ravel().tolist())
    return name


def _attributes(sums: Sum) -> dict[str, Any]:
    """Return the attributes of the operator: all branches in one list, and all leaves in another."""
    import numpy
    from onnx import numpy_helper

    roots: list[int] = []
    branches: list[Branch] = []
    leaves: list[Leaf] = []
    for tree in map(_grown, sums.trees):
        roots.append(len(branches))
        places = list(_places(tree, len(branches), len(leaves)))
        branches += [
            node._replace(low=places[node.low], high=places[node.high]) for node in tree if isinstance(node, Branch)
        ]
        leaves += [node for node in tree if isinstance(node, Leaf)]
    # The places of leaves are below 0.
    return {
        "n_targets": len(sums.start),
        "tree_roots": roots,
        "nodes_featureids": [node.feature for node in branches],
        "nodes_modes": numpy_helper.from_array(numpy.zeros(len(branches), "uint8")),  # at or below
        "nodes_splits": numpy_helper.from_array(numpy.array([node.threshold for node in branches])),
        "nodes_truenodeids": [_index(node.low) for node in branches],
        "nodes_trueleafs": [int(node.low < 0) for node in branches],
        "nodes_falsenodeids": [_index(node.high) for node in branches],
        "nodes_falseleafs": [int(node.high < 0) for node in branches],
        "nodes_missing_value_tracks_true": [int(node.missing_low) for node in branches],
        "leaf_targetids": [leaf.target for leaf in leaves],
        "leaf_weights": numpy_helper.from_array(numpy.array([leaf.value for leaf in leaves])),
    }


def _grown(tree: Tree) -> Tree:
    """Return a tree with at least one branch, as the operator wants it."""
    return tree if isinstance(tree[0], Branch) else [Branch(0, 0.0, 1, 1, True), *tree]


def _places(tree: Tree, branches: int, leaves: int) -> Iterator[int]:
    """Yield the place of each node in the list of its kind: `place` of a branch, `-1 - place` of a leaf."""
    for node in tree:
        if isinstance(node, Leaf):
            yield -1 - leaves
            leaves += 1
        else:
            yield branches
            branches += 1


def _index(place: int) -> int:
    return place if place >= 0 else -1 - place
