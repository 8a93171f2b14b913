"""Linear models: weighted sums of a row, and what follows from them."""

from __future__ import annotations

from typing import Any

from slipway.artifacts.onnx.builder import Builder, Table, Unconvertible
from slipway.artifacts.onnx.decisions import both, by_scores, expit, shares, softmax
from slipway.artifacts.onnx.listing import Output, Results, listed, result, version

_COMMON = "fit_intercept copy_X tol max_iter n_jobs random_state positive verbose warm_start"


def weighed(table: Table, graph: Builder, slopes: Any, offset: Any) -> str:
    """Write the sums of a row by weights (a row of them for each sum) and an offset."""
    import numpy

    table = graph.numbers(table)
    slopes = numpy.atleast_2d(slopes.toarray() if hasattr(slopes, "toarray") else numpy.asarray(slopes))
    name = graph.node("MatMul", table.name, numpy.ascontiguousarray(_exact(slopes).T))
    return graph.node("Add", name, _exact(numpy.atleast_1d(numpy.asarray(offset))))


def _exact(numbers: Any) -> Any:
    if numbers.dtype != "float64":
        raise Unconvertible(f"it has learned numbers of the type {numbers.dtype}")
    return numbers


def _regression(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    intercept = numpy.asarray(estimator.intercept_, "float64")
    sums = weighed(table, graph, estimator.coef_, intercept)
    return {"predict": Output(sums, numpy.ndim(estimator.coef_) == 1)}


def _classification(estimator: Any, table: Table, graph: Builder) -> Results:
    if str(getattr(getattr(estimator, "_label_binarizer", None), "y_type_", "")).startswith("multilabel"):
        raise Unconvertible(f"there is no conversion of {type(estimator).__name__} with several labels for a row")
    return by_scores(graph, weighed(table, graph, estimator.coef_, estimator.intercept_), estimator.classes_)


_REGRESSIONS = {
    "LinearRegression": "",
    "Ridge": "alpha solver",
    "RidgeCV": "alphas alpha_per_target cv gcv_mode scoring store_cv_results store_cv_values",
    "Lasso": "alpha precompute selection",
    "LassoCV": "alphas cv eps n_alphas precompute selection",
    "ElasticNet": "alpha l1_ratio precompute selection",
    "ElasticNetCV": "alphas cv eps l1_ratio n_alphas precompute selection",
    "MultiTaskLasso": "alpha selection",
    "MultiTaskLassoCV": "alphas cv eps n_alphas selection",
    "MultiTaskElasticNet": "alpha l1_ratio selection",
    "MultiTaskElasticNetCV": "alphas cv eps l1_ratio n_alphas selection",
    "Lars": "eps fit_path jitter n_nonzero_coefs precompute",
    "LarsCV": "cv eps max_n_alphas precompute",
    "LassoLars": "alpha eps fit_path jitter precompute",
    "LassoLarsCV": "cv eps max_n_alphas precompute",
    "LassoLarsIC": "criterion eps noise_variance precompute",
    "OrthogonalMatchingPursuit": "n_nonzero_coefs precompute",
    "OrthogonalMatchingPursuitCV": "copy cv",
    "BayesianRidge": "alpha_1 alpha_2 alpha_init compute_score lambda_1 lambda_2 lambda_init",
    "ARDRegression": "alpha_1 alpha_2 compute_score lambda_1 lambda_2 threshold_lambda",
    "HuberRegressor": "alpha epsilon",
    "QuantileRegressor": "alpha quantile solver solver_options",
    "TheilSenRegressor": "max_subpopulation n_subsamples",
    "SGDRegressor": "alpha average early_stopping epsilon eta0 l1_ratio learning_rate loss n_iter_no_change penalty "
    "power_t shuffle validation_fraction",
    "PassiveAggressiveRegressor": "C average early_stopping epsilon loss n_iter_no_change shuffle validation_fraction",
}
for _name, _free in _REGRESSIONS.items():
    listed("linear_model", _name, f"{_COMMON} {_free}")(_regression)
listed("svm", "LinearSVR", f"{_COMMON} C dual epsilon intercept_scaling loss")(_regression)

_CLASSIFICATIONS = {
    "RidgeClassifier": "alpha class_weight solver",
    "RidgeClassifierCV": "alphas class_weight cv scoring store_cv_results store_cv_values",
    "Perceptron": "alpha class_weight early_stopping eta0 l1_ratio n_iter_no_change penalty shuffle "
    "validation_fraction",
    "PassiveAggressiveClassifier": "C average class_weight early_stopping loss n_iter_no_change shuffle "
    "validation_fraction",
}
for _name, _free in _CLASSIFICATIONS.items():
    listed("linear_model", _name, f"{_COMMON} {_free}")(_classification)
listed("svm", "LinearSVC", f"{_COMMON} C class_weight dual intercept_scaling loss multi_class penalty")(_classification)


@listed("linear_model", "SGDClassifier", f"{_COMMON} alpha average class_weight early_stopping epsilon eta0 l1_ratio "
        "learning_rate loss n_iter_no_change penalty power_t shuffle validation_fraction")  # fmt: skip
def _descent(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    found = _classification(estimator, table, graph)
    scores, two = found["decision_function"].name, len(estimator.classes_) == 2
    if estimator.loss == "log_loss":
        found["predict_proba"] = Output(_one_by_one(graph, scores, two))
    elif estimator.loss == "modified_huber":
        raised = graph.node("Where", graph.node("Less", scores, numpy.array(-1.0)), numpy.array(-1.0), scores)
        within = graph.node("Where", graph.node("Greater", raised, numpy.array(1.0)), numpy.array(1.0), raised)
        sure = graph.node("Div", graph.node("Add", within, numpy.array(1.0)), numpy.array(2.0))
        found["predict_proba"] = Output(both(graph, sure) if two else shares(graph, sure))
    return found


def _one_by_one(graph: Builder, scores: str, two: bool) -> str:
    """Write probabilities from the scores of each class against the others."""
    sure = expit(graph, scores)
    if two:
        return both(graph, sure)
    # Before 1.9 probabilities that are all 0 gave NaN.
    return shares(graph, sure) if version() >= (1, 9) else graph.node("Div", sure, graph.reduce("ReduceSum", sure))


_LOGISTIC = f"{_COMMON} C Cs class_weight cv dual intercept_scaling l1_ratio l1_ratios multi_class penalty refit "


@listed("linear_model", "LogisticRegression", f"{_LOGISTIC} solver")
@listed("linear_model", "LogisticRegressionCV", f"{_LOGISTIC} scoring solver use_legacy_attributes")
def _logistic(estimator: Any, table: Table, graph: Builder) -> Results:
    found = _classification(estimator, table, graph)
    scores, two = found["decision_function"].name, len(estimator.classes_) == 2
    # Since 1.8 two classes have one way, and more have another.
    kind = getattr(estimator, "multi_class", "auto")
    apart = kind in ("ovr", "warn") or (kind in ("auto", "deprecated") and (two or estimator.solver == "liblinear"))
    if apart:
        sure = _one_by_one(graph, scores, two)
    else:
        sure = softmax(graph, graph.node("Concat", graph.node("Neg", scores), scores, axis=1) if two else scores)
    return found | {"predict_proba": Output(sure)}


@listed("linear_model", "PoissonRegressor", f"{_COMMON} alpha solver")
@listed("linear_model", "GammaRegressor", f"{_COMMON} alpha solver")
@listed("linear_model", "TweedieRegressor", f"{_COMMON} alpha link power solver")
def _generalized(estimator: Any, table: Table, graph: Builder) -> Results:
    sums = weighed(table, graph, estimator.coef_, _as_float(estimator.intercept_))
    link = type(estimator._base_loss.link).__name__  # noqa: SLF001 - it has no public name
    if link not in ("IdentityLink", "LogLink"):
        raise Unconvertible(f"there is no conversion of {type(estimator).__name__} with a {link}")
    return {"predict": Output(graph.node("Exp", sums) if link == "LogLink" else sums, True)}


def _as_float(number: Any) -> Any:
    import numpy

    return numpy.asarray(number, "float64")


@listed("linear_model", "RANSACRegressor", "estimator min_samples residual_threshold is_data_valid is_model_valid "
        "max_trials max_skips stop_n_inliers stop_score stop_probability loss random_state",
        members=lambda estimator: [estimator.estimator_])  # fmt: skip
def _robust(estimator: Any, table: Table, graph: Builder) -> Results:
    return {"predict": result(estimator.estimator_, "predict", graph.numbers(table), graph)}
