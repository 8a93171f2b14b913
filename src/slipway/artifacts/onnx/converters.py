"""Conversions of our own, exact in float64, where those of skl2onnx are not or fail."""

from __future__ import annotations

from functools import partial
from typing import Any

from slipway.artifacts.onnx import trees
from slipway.artifacts.onnx.trees import constant, node

__all__ = ["converters"]

# Numbers of ONNX's types.
_INT64, _STRING = 7, 8

_LINKS = {"HalfLogitLink": "Sigmoid", "LogitLink": "Sigmoid", "LogLink": "Exp", "MultinomialLogit": "Softmax"}


def converters() -> dict[type, Any]:
    """Return the function that skl2onnx calls for each class of scikit-learn: `convert(scope, operator, container)`.

    It raises `NotImplementedError` for an estimator with settings that it does not know.
    """
    from sklearn import ensemble, impute, linear_model, svm, tree

    summed = {
        ensemble.ExtraTreesClassifier: trees.forest,
        ensemble.RandomForestClassifier: trees.forest,
        tree.DecisionTreeClassifier: trees.forest,
        tree.ExtraTreeClassifier: trees.forest,
        ensemble.ExtraTreesRegressor: trees.forest,
        ensemble.RandomForestRegressor: trees.forest,
        tree.DecisionTreeRegressor: trees.forest,
        tree.ExtraTreeRegressor: trees.forest,
        ensemble.GradientBoostingClassifier: trees.boosted,
        ensemble.GradientBoostingRegressor: trees.boosted,
        ensemble.HistGradientBoostingClassifier: trees.histogram,
        ensemble.HistGradientBoostingRegressor: trees.histogram,
    }
    linear = (
        linear_model.PassiveAggressiveClassifier,
        linear_model.Perceptron,
        linear_model.RidgeClassifier,
        linear_model.RidgeClassifierCV,
        linear_model.SGDClassifier,
        svm.LinearSVC,
    )
    return {
        impute.SimpleImputer: _impute,
        **{kind: partial(_sum, read) for kind, read in summed.items()},
        **dict.fromkeys(linear, _linear),
    }


def _impute(scope: Any, operator: Any, container: Any) -> None:
    """Replace missing numbers by the learned statistic."""
    import numpy

    imputer, given = operator.raw_operator, operator.inputs[0].full_name
    known = imputer.statistics_
    if known.dtype.kind != "f" or not numpy.isnan(imputer.missing_values) or imputer.add_indicator:
        raise NotImplementedError("an imputer of something else than missing numbers")
    if numpy.isnan(known).any():
        raise NotImplementedError("an imputer that drops a column")
    missing = node(scope, container, "IsNaN", [given])
    filled = node(scope, container, "Where", [missing, constant(scope, container, known), given])
    _give(container, filled, operator, 0)


def _linear(scope: Any, operator: Any, container: Any) -> None:
    """Write a plane for each class, or one between two classes; the scores are the second output."""
    import numpy

    estimator = operator.raw_operator
    if hasattr(estimator, "predict_proba"):
        raise NotImplementedError("a linear classifier with probabilities")
    slopes = constant(scope, container, numpy.asarray(estimator.coef_, dtype="float64").T)
    offset = constant(scope, container, numpy.atleast_1d(numpy.asarray(estimator.intercept_, dtype="float64")))
    weighed = node(scope, container, "MatMul", [operator.inputs[0].full_name, slopes])
    scores = node(scope, container, "Add", [weighed, offset])
    two = len(estimator.classes_) == 2
    place = _above(estimator, scores, scope, container) if two else node(scope, container, "ArgMax", [scores], axis=1)
    _give(container, _label(estimator, place, scope, container), operator, 0)
    _give(container, scores, operator, 1)


def _sum(read: Any, scope: Any, operator: Any, container: Any) -> None:
    """Write a sum of trees, and the estimator's predictions from it."""
    from sklearn.base import is_classifier

    estimator = operator.raw_operator
    sums = read(estimator)
    raw = trees.write(sums, operator.inputs[0].full_name, scope, container)
    if not is_classifier(estimator):
        _give(container, _linked(estimator, raw, scope, container), operator, 0)
        return
    two = len(sums.start) == 1
    place = _above(estimator, raw, scope, container) if two else node(scope, container, "ArgMax", [raw], axis=1)
    _give(container, _label(estimator, place, scope, container), operator, 0)
    scored = hasattr(estimator, "decision_function")
    if scored and container.get_options(estimator, {"raw_scores": False})["raw_scores"]:
        _give(container, raw, operator, 1)
    else:
        sure = _linked(estimator, raw, scope, container)
        _give(container, _both(sure, scope, container) if two else sure, operator, 1)


def _label(estimator: Any, place: str, scope: Any, container: Any) -> str:
    """Write the class of each row from its place among the classes; return the name."""
    flat = node(scope, container, "Reshape", [place, constant(scope, container, _integers([-1]))])
    return node(scope, container, "Gather", [_classes(estimator, scope, container), flat])


def _above(estimator: Any, raw: str, scope: Any, container: Any) -> str:
    """Write which of two classes it is; at 0, gradient boosting takes the second and others the first."""
    import numpy
    from sklearn.ensemble import GradientBoostingClassifier

    operator = "GreaterOrEqual" if isinstance(estimator, GradientBoostingClassifier) else "Greater"
    above = node(scope, container, operator, [raw, constant(scope, container, numpy.array([0.0]))])
    return node(scope, container, "Cast", [above], to=_INT64)


def _both(second: str, scope: Any, container: Any) -> str:
    """Write the probabilities of both classes from that of the second."""
    import numpy

    first = node(scope, container, "Sub", [constant(scope, container, numpy.array([1.0])), second])
    return node(scope, container, "Concat", [first, second], axis=1)


def _linked(estimator: Any, raw: str, scope: Any, container: Any) -> str:
    """Write the predictions from a sum of trees by the link of the estimator's loss."""
    import numpy

    link = type(estimator._loss.link).__name__ if hasattr(estimator, "_loss") else "IdentityLink"  # noqa: SLF001
    if link == "IdentityLink":
        return raw
    if link == "HalfLogitLink":
        raw = node(scope, container, "Mul", [raw, constant(scope, container, numpy.array([2.0]))])
    if link not in _LINKS:
        raise NotImplementedError(f"boosting with {link}")
    return node(scope, container, _LINKS[link], [raw])


def _classes(estimator: Any, scope: Any, container: Any) -> str:
    values = estimator.classes_
    if values.dtype.kind in "biu":
        return constant(scope, container, _integers(values))
    if all(isinstance(value, str) for value in values):
        name: str = scope.get_unique_variable_name("classes")
        container.add_initializer(name, _STRING, [len(values)], [value.encode() for value in values])
        return name
    raise NotImplementedError("classes that are neither whole numbers nor texts")


def _integers(values: Any) -> Any:
    import numpy

    return numpy.array(values, dtype="int64")


def _give(container: Any, name: str, operator: Any, place: int) -> None:
    """Write a value as one of the operator's outputs."""
    container.add_node("Identity", [name], [operator.outputs[place].full_name], op_version=13)
