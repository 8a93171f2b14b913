"""Ensembles of estimators on the list: votes, means, stacks, and calibrated probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.artifacts.onnx.builder import Builder, Column, Table, Unconvertible
from slipway.artifacts.onnx.decisions import above, best, both, expit, flat, places, softmax, span, summed
from slipway.artifacts.onnx.listing import Output, Results, listed, result, version, write


def _members(ensemble: Any) -> Sequence[Any]:
    return [each for each in ensemble.estimators_ if not isinstance(each, str)]


def _mean(graph: Builder, names: Sequence[str], weights: Sequence[float] | None = None) -> str:
    """Write a mean, whose parts are added one after the other."""
    import numpy

    if weights is None:
        return graph.node("Div", summed(graph, names), numpy.array(float(len(names))))
    parts = [graph.node("Mul", name, numpy.array(float(weight))) for name, weight in zip(names, weights, strict=True)]
    return graph.node("Div", summed(graph, parts), numpy.array(float(numpy.sum(weights))))


_VOTING = "estimators flatten_transform n_jobs verbose voting weights"


def _weights(ensemble: Any) -> Sequence[float] | None:
    """Return the weights of the members that were not dropped."""
    if ensemble.weights is None:
        return None
    pairs = zip(ensemble.estimators, ensemble.weights, strict=True)
    return [weight for (_, member), weight in pairs if member != "drop"]


@listed("ensemble", "VotingClassifier", _VOTING, members=_members)
def _vote(ensemble: Any, table: Table, graph: Builder) -> Results:
    import numpy

    classes, members, weights = ensemble.classes_, _members(ensemble), _weights(ensemble)
    if isinstance(classes, list) or any(list(each.classes_) != list(range(len(classes))) for each in members):
        raise Unconvertible("there is no conversion of VotingClassifier whose members know other classes")
    if ensemble.voting == "soft":
        sure = _mean(graph, [result(each, "predict_proba", table, graph).name for each in members], weights)
        return {"predict": best(graph, sure, classes), "predict_proba": Output(sure)}
    marks = numpy.eye(len(classes))
    votes = []
    for member, weight in zip(members, weights or [1.0] * len(members), strict=True):
        place = places(graph, result(member, "predict", table, graph))
        votes.append(graph.node("Gather", marks * float(weight), place))
    return {"predict": best(graph, summed(graph, votes), classes)}


@listed("ensemble", "VotingRegressor", _VOTING, members=_members)
def _average(ensemble: Any, table: Table, graph: Builder) -> Results:
    found = [flat(graph, result(each, "predict", table, graph)) for each in _members(ensemble)]
    return {"predict": Output(_mean(graph, found, _weights(ensemble)), True)}


def _stacked(ensemble: Any) -> Sequence[Any]:
    return [*_members(ensemble), ensemble.final_estimator_]


_STACKING = "cv estimators final_estimator n_jobs passthrough stack_method verbose"


@listed("ensemble", "StackingClassifier", _STACKING, members=_stacked)
@listed("ensemble", "StackingRegressor", _STACKING, members=_stacked)
def _stack(ensemble: Any, table: Table, graph: Builder) -> Results:
    """Write the members' results beside each other, and the last estimator on them."""
    classes = getattr(ensemble, "classes_", None)
    if isinstance(classes, list):
        raise Unconvertible("there is no conversion of StackingClassifier with several labels for a row")
    parts = []
    methods = [method for method in ensemble.stack_method_ if method is not None]
    for member, method in zip(_members(ensemble), methods, strict=True):
        name = flat(graph, result(member, method, table, graph))
        width = _width(member, method)
        if method == "predict_proba" and classes is not None and len(classes) == 2:
            name, width = span(graph, name, 1, 2), 1
        parts.append(Table(name, tuple(Column("number") for _ in range(width))))
    if ensemble.passthrough:
        parts.append(graph.unlooked(table))
    whole = graph.side_by_side(parts)
    found = write(ensemble.final_estimator_, whole, graph)
    if classes is not None:
        found = {method: _relabelled(output, classes) for method, output in found.items() if method != "transform"}
    return {key: value for key, value in found.items() if key != "transform"} | {"transform": whole}


def _width(member: Any, method: str) -> int:
    if method == "predict_proba":
        return len(member.classes_)
    return len(member.classes_) if method == "decision_function" and len(member.classes_) > 2 else 1


def _relabelled(output: Output, classes: Any) -> Output:
    """Return an output whose labels, numbers of classes themselves, are the classes."""
    return output if output.labels is None else output._replace(labels=classes[output.labels])


_BAGGING = "bootstrap bootstrap_features estimator max_features max_samples n_estimators n_jobs oob_score "
_BAGGING += "random_state verbose warm_start"


@listed("ensemble", "BaggingRegressor", _BAGGING, members=_members)
def _bagged_numbers(ensemble: Any, table: Table, graph: Builder) -> Results:
    found = [
        flat(graph, result(member, "predict", graph.select(table, features.tolist()), graph))
        for member, features in zip(ensemble.estimators_, ensemble.estimators_features_, strict=True)
    ]
    return {"predict": Output(_mean(graph, found), True)}


@listed("ensemble", "BaggingClassifier", _BAGGING, members=_members)
def _bagged(ensemble: Any, table: Table, graph: Builder) -> Results:
    import numpy

    width = len(ensemble.classes_)
    found = []
    for member, features in zip(ensemble.estimators_, ensemble.estimators_features_, strict=True):
        part = graph.select(table, features.tolist())
        known = numpy.asarray(member.classes_, "int64")
        marks = numpy.eye(width)[known]
        if not hasattr(member, "predict_proba"):
            found.append(graph.node("Gather", marks, places(graph, result(member, "predict", part, graph))))
            continue
        sure = result(member, "predict_proba", part, graph).name
        found.append(sure if len(known) == width else graph.node("MatMul", sure, marks))
    sure = _mean(graph, found)
    return {"predict": best(graph, sure, ensemble.classes_), "predict_proba": Output(sure)}


@listed("ensemble", "AdaBoostClassifier", "estimator learning_rate n_estimators random_state",
        algorithm=("SAMME", "deprecated"), members=_members)  # fmt: skip
def _boosted(ensemble: Any, table: Table, graph: Builder) -> Results:
    """Write the weight of each member for the class that it names, and a part of it against the others."""
    import numpy

    classes, count = ensemble.classes_, ensemble.n_classes_
    if count < 2:
        raise Unconvertible("it knows a single class")
    table = graph.numbers(table)
    parts = []
    for member, weight in zip(ensemble.estimators_, ensemble.estimator_weights_, strict=False):
        named = numpy.equal.outer(member.classes_, classes)
        marks = numpy.where(named, weight, -1 / (count - 1) * weight)
        parts.append(graph.node("Gather", marks, places(graph, result(member, "predict", table, graph))))
    scores = graph.node("Div", summed(graph, parts), numpy.array(float(ensemble.estimator_weights_.sum())))
    if count == 2:
        scores = graph.node("Sub", span(graph, scores, 1, 2), span(graph, scores, 0, 1))
        halves = graph.node("Div", scores, numpy.array(2.0))
        sure = softmax(graph, graph.node("Concat", graph.node("Neg", halves), halves, axis=1))
        label, score = above(graph, scores, classes), Output(scores, True)
    else:
        sure = softmax(graph, graph.node("Div", scores, numpy.array(float(count - 1))))
        label, score = best(graph, scores, classes), Output(scores)
    return {"predict": label, "predict_proba": Output(sure), "decision_function": score}


@listed("ensemble", "AdaBoostRegressor", "estimator learning_rate loss n_estimators random_state", members=_members)
def _median(ensemble: Any, table: Table, graph: Builder) -> Results:
    """Write the weighted median of what the members say."""
    import numpy

    table = graph.numbers(table)
    found = [flat(graph, result(member, "predict", table, graph)) for member in ensemble.estimators_]
    said = found[0] if len(found) == 1 else graph.node("Concat", *found, axis=1)
    lowest, order = graph.sorted(said, len(found))
    weights = numpy.asarray(ensemble.estimator_weights_[: len(found)], "float64")
    reached = graph.node("CumSum", graph.node("Gather", weights, order), numpy.array(1, "int64"))
    whole = span(graph, reached, len(found) - 1, len(found))
    enough = graph.node("GreaterOrEqual", reached, graph.node("Mul", numpy.array(0.5), whole))
    first = graph.node("ArgMax", graph.cast(enough, "INT32"), axis=1, keepdims=1)
    return {"predict": Output(graph.node("GatherElements", lowest, first, axis=1), True)}


@listed("calibration", "CalibratedClassifierCV", "cv ensemble estimator n_jobs", method=("sigmoid", "isotonic"),
        members=lambda classifier: [each.estimator for each in classifier.calibrated_classifiers_])  # fmt: skip
def _calibrated(classifier: Any, table: Table, graph: Builder) -> Results:
    parts = [_calibration(each, table, graph) for each in classifier.calibrated_classifiers_]
    sure = _mean(graph, parts)
    return {"predict": best(graph, sure, classifier.classes_), "predict_proba": Output(sure)}


def _calibration(one: Any, table: Table, graph: Builder) -> str:
    """Write the probabilities by one calibrated classifier."""
    import numpy

    estimator, classes = one.estimator, one.classes
    method = "decision_function" if hasattr(estimator, "decision_function") else "predict_proba"
    scores = flat(graph, result(estimator, method, table, graph))
    two = len(classes) == 2
    if two and method == "predict_proba":
        scores = span(graph, scores, 1, 2)
    if two:
        return both(graph, _nearly_one(graph, _curve(one.calibrators[0], scores, graph)))
    if len(estimator.classes_) != len(one.calibrators):
        raise Unconvertible("there is no conversion of CalibratedClassifierCV whose parts know other classes")
    nothing = graph.rows_of(table, [0.0])
    places = numpy.searchsorted(classes, estimator.classes_)
    columns = [nothing] * len(classes)
    for at, (place, calibrator) in enumerate(zip(places, one.calibrators, strict=True)):
        columns[place] = _curve(calibrator, span(graph, scores, at, at + 1), graph)
    raw = graph.node("Concat", *columns, axis=1)
    total = graph.reduce("ReduceSum", raw)
    none = graph.node("Equal", total, numpy.array(0.0))
    divisor = graph.node("Where", none, numpy.array(1.0), total)
    shared = graph.node("Where", none, numpy.array(1 / len(classes)), graph.node("Div", raw, divisor))
    return _nearly_one(graph, shared)


def _nearly_one(graph: Builder, name: str) -> str:
    import numpy

    over = graph.node("Greater", name, numpy.array(1.0))
    slightly = graph.node("And", over, graph.node("LessOrEqual", name, numpy.array(1.0 + 1e-5)))
    return graph.node("Where", slightly, numpy.array(1.0), name)


def _curve(calibrator: Any, name: str, graph: Builder) -> str:
    """Write a probability by a logistic curve, or by lines between learned points."""
    import numpy

    if type(calibrator).__name__ == "_SigmoidCalibration":
        line = graph.node("Mul", name, numpy.array(float(calibrator.a_)))
        return expit(graph, graph.node("Neg", graph.node("Add", line, numpy.array(float(calibrator.b_)))))
    if type(calibrator).__name__ != "IsotonicRegression" or calibrator.out_of_bounds != "clip":
        raise Unconvertible(f"there is no conversion of a calibration by {type(calibrator).__name__}")
    points = numpy.asarray(calibrator.X_thresholds_, "float64")
    heights = numpy.asarray(calibrator.y_thresholds_, "float64")
    low, high = numpy.array(float(calibrator.X_min_)), numpy.array(float(calibrator.X_max_))
    within = graph.node("Where", graph.node("Less", name, low), low, name)
    within = graph.node("Where", graph.node("Greater", within, high), high, within)
    reached = graph.reduce("ReduceSum", graph.number(graph.node("GreaterOrEqual", within, points)))
    place = graph.cast(graph.node("Sub", reached, numpy.array(1.0)), "INT64")
    steep = numpy.append(numpy.diff(heights) / numpy.diff(points), 0.0)
    rise = graph.node(
        "Mul", graph.node("Gather", steep, place), graph.node("Sub", within, graph.node("Gather", points, place))
    )
    return graph.node("Add", rise, graph.node("Gather", heights, place))


@listed("multiclass", "OneVsRestClassifier", "estimator n_jobs verbose", members=_members)
def _one_vs_rest(ensemble: Any, table: Table, graph: Builder) -> Results:
    """Write the class whose own estimator is surest, the first of equal ones."""
    kind = ensemble.label_binarizer_.y_type_
    members = _members(ensemble)
    if kind not in ("multiclass", "binary") or len(members) != len(ensemble.estimators_):
        raise Unconvertible("there is no conversion of OneVsRestClassifier with several labels for a row")
    scored = all(hasattr(member, "decision_function") for member in members)
    method = "decision_function" if scored else "predict_proba"
    found = [flat(graph, result(member, method, table, graph)) for member in members]
    found = [each if scored else span(graph, each, 1, 2) for each in found]
    results: Results = {}
    if kind == "binary":
        results["predict"] = above(graph, found[0], ensemble.classes_, 0.0 if scored else 0.5)
    else:
        whole = graph.node("Concat", *found, axis=1)
        # Before 1.8 the last of equal ones won.
        last = int(version() < (1, 8))
        place = graph.node("ArgMax", whole, axis=1, keepdims=0, select_last_index=last)
        results["predict"] = Output(place, True, ensemble.classes_)
    if all(hasattr(member, "predict_proba") for member in members):
        sure = [span(graph, result(member, "predict_proba", table, graph).name, 1, 2) for member in members]
        results["predict_proba"] = Output(
            both(graph, sure[0]) if kind == "binary" else _shares(graph, graph.node("Concat", *sure, axis=1))
        )
    if scored:
        results["decision_function"] = Output(found[0], True) if kind == "binary" else Output(whole)
    return results


def _shares(graph: Builder, name: str) -> str:
    """Write each number as a share of its row's sum; zeros stay, and gave NaN before 1.8."""
    import numpy

    total = graph.reduce("ReduceSum", name)
    if version() >= (1, 8):
        none = graph.node("Equal", total, numpy.array(0.0))
        total = graph.node("Where", none, numpy.array(1.0), total)
    return graph.node("Div", name, total)


@listed("multioutput", "MultiOutputRegressor", "estimator n_jobs", members=_members)
def _several(ensemble: Any, table: Table, graph: Builder) -> Results:
    found = [flat(graph, result(member, "predict", table, graph)) for member in _members(ensemble)]
    return {"predict": Output(found[0] if len(found) == 1 else graph.node("Concat", *found, axis=1))}
