"""Every kind of estimator on the list, fitted on small data, and rows that were chosen to tell it from its graph."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it makes the next import possible
from sklearn.feature_selection import (
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
    f_classif,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lars,
    LarsCV,
    Lasso,
    LassoCV,
    LassoLars,
    LassoLarsCV,
    LassoLarsIC,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
    OrthogonalMatchingPursuit,
    OrthogonalMatchingPursuitCV,
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

METHODS = ("predict", "predict_proba", "decision_function", "transform")
ROWS = 160


class Case(NamedTuple):
    """An estimator to fit on a kind of data, for a kind of target."""

    name: str
    estimator: Any
    data: str = "plain"
    target: str = "three"
    exact: bool = False
    """True where a graph gives the same numbers to the last digit but some."""
    without: tuple[str, ...] = ()
    """Methods that a graph does not offer."""


def data(kind: str, seed: int = 0) -> Any:
    """Return rows of a kind: an array, or a table."""
    rng = np.random.default_rng(seed)
    plain = np.column_stack(
        [rng.normal(0, 3, ROWS), rng.integers(0, 6, ROWS), rng.exponential(2, ROWS), rng.normal(100, 25, ROWS)]
    )
    if kind == "plain":
        return plain
    if kind == "counts":
        return rng.integers(0, 9, (ROWS, 4)).astype("float64")
    if kind == "ids":
        return np.column_stack([plain[:, :2], 20_000_001 + 12 * rng.integers(0, 40, ROWS)])
    if kind == "codes":
        return np.column_stack(
            [rng.integers(1, 4, ROWS), rng.integers(0, 9, ROWS) / 2, 20_000_001 + 12 * (np.arange(ROWS) % 7)]
        )
    if kind == "gaps":
        return np.where(rng.random(plain.shape) < 0.1, np.nan, plain)
    kinds = np.array(["red", "green", "blue", "Blue", "blue ", "café", "cafe\u0301", "", "a\0", "a"], dtype=object)
    frequent = np.minimum(rng.geometric(0.25, ROWS) - 1, len(kinds) - 1)
    table = pd.DataFrame(
        {
            "amount": plain[:, 0],
            "count": rng.integers(0, 6, ROWS),
            "flag": rng.random(ROWS) < 0.4,
            "kind": kinds[frequent],
            "place": np.array(["north", "south", "east"], dtype=object)[rng.integers(0, 3, ROWS)],
        }
    )
    if kind == "table":
        return table
    if kind == "holes":
        table["amount"] = table["amount"].where(rng.random(ROWS) > 0.1)
        table["kind"] = table["kind"].where(rng.random(ROWS) > 0.1, np.nan)
        table["place"] = table["place"].where(rng.random(ROWS) > 0.1, np.nan)
        return table
    if kind == "texts":
        return table[["kind", "place"]]
    if kind == "nones":
        texts = table[["kind", "place"]].astype(object)
        return texts.where(rng.random(texts.shape) > 0.1, None)
    assert kind == "missing texts"
    texts = table[["kind", "place"]].astype(object)
    return texts.where(rng.random(texts.shape) > 0.1, np.nan)


def target(kind: str, given: Any, seed: int = 0) -> Any:
    """Return the target of rows."""
    rng = np.random.default_rng(seed + 1)
    first = given.iloc[:, 0] if isinstance(given, pd.DataFrame) else given[:, 0]
    numbers = pd.to_numeric(pd.Series(first), errors="coerce").fillna(0.0).to_numpy(dtype="float64")
    score = numbers / (np.abs(numbers).max() or 1) * 3 + rng.normal(0, 1, len(numbers))
    if kind == "number":
        return score * 7 + 3
    if kind == "positive":
        return np.exp(score / 3)
    if kind == "pair":
        return np.column_stack([score, -3 * score + rng.normal(0, 1, len(score))])
    if kind == "two":
        return np.where(score > np.median(score), "yes", "no")
    if kind == "truth":
        return score > np.median(score)
    if kind == "many":
        return np.digitize(score, np.linspace(-2, 2, 13))
    assert kind == "three"
    return np.array(["low", "middle", "high"])[np.digitize(score, np.quantile(score, [1 / 3, 2 / 3]))]


def cases() -> list[Case]:
    """Return a case at least for every entry of the list."""
    return [*_transformers(), *_encoders(), *_linear(), *_trees(), *_categories(), *_others(), *_compositions()]


def _transformers() -> Iterator[Case]:
    for name, scaler in {
        "standard": StandardScaler(),
        "standard, no mean": StandardScaler(with_mean=False),
        "standard, no deviation": StandardScaler(with_std=False),
        "robust": RobustScaler(),
        "robust, only centered": RobustScaler(with_scaling=False),
        "min max": MinMaxScaler(),
        "min max, clipped": MinMaxScaler((-1, 2), clip=True),
        "max abs": MaxAbsScaler(),
        "variance": VarianceThreshold(1.0),
        "unchanged": FunctionTransformer(),
    }.items():
        yield Case(name, scaler, "gaps", exact=True)
    yield Case("max abs, clipped", _clipping(), "plain", exact=True)
    for norm in ("l1", "l2", "max"):
        yield Case(f"norm {norm}", Normalizer(norm), exact=True)
    yield Case("binary", Binarizer(threshold=2.0), "counts", exact=True)
    yield Case("binary of ids", Binarizer(threshold=20_000_013), "ids", exact=True)
    for encode in ("onehot", "onehot-dense", "ordinal"):
        for strategy in ("uniform", "quantile", "kmeans"):
            bins = KBinsDiscretizer(4, encode=encode, strategy=strategy)
            without = ("transform",) if encode == "onehot" else ()
            estimator = make_pipeline(bins, Ridge()) if encode == "onehot" else bins
            yield Case(f"bins {encode} {strategy}", estimator, "ids", "number" if without else "three", exact=True)
    yield Case("products", PolynomialFeatures(3), exact=True)
    yield Case("products of others", PolynomialFeatures((2, 3), interaction_only=True, include_bias=False), exact=True)
    yield Case("squares with a one", PolynomialFeatures((2, 2)), exact=True)
    for name, selector in {
        "best": SelectKBest(f_classif, k=2),
        "percentile": SelectPercentile(percentile=50),
        "fpr": SelectFpr(alpha=0.9),
        "fdr": SelectFdr(alpha=0.9),
        "fwe": SelectFwe(alpha=0.9),
        "any of them": GenericUnivariateSelect(mode="k_best", param=1),
        "by a model": SelectFromModel(RandomForestClassifier(5, random_state=0)),
    }.items():
        yield Case(f"choose {name}", selector, exact=True)
    yield Case("principal", PCA(2))
    yield Case("principal, whitened", PCA(2, whiten=True))
    yield Case("truncated", TruncatedSVD(2, random_state=0))
    for strategy in ("mean", "median", "most_frequent", "constant"):
        yield Case(f"impute {strategy}", SimpleImputer(strategy=strategy), "gaps", exact=True)
    yield Case("impute, and mark", SimpleImputer(add_indicator=True), "gaps", exact=True)
    yield Case("impute zeros", SimpleImputer(missing_values=0), "counts", exact=True)
    yield Case("mark", make_pipeline(MissingIndicator(), Ridge()), "gaps", "number")
    yield Case("mark all", make_pipeline(MissingIndicator(features="all"), Ridge()), "gaps", "number")


def _clipping() -> Any:
    try:
        return MaxAbsScaler(clip=True)
    except TypeError:  # before 1.8
        return MaxAbsScaler()


def _encoders() -> Iterator[Case]:
    for kind in ("codes", "texts", "missing texts", "nones"):
        for unknown in ("error", "ignore", "infrequent_if_exist"):
            for drop in (None, "first", "if_binary"):
                encoder = OneHotEncoder(handle_unknown=unknown, drop=drop, sparse_output=False)
                yield Case(f"one hot {kind} {unknown} drop={drop}", encoder, kind, exact=True)
            for name, rare in {"often": {"min_frequency": 12}, "most": {"max_categories": 3}}.items():
                for drop in (None, "first"):
                    encoder = OneHotEncoder(handle_unknown=unknown, sparse_output=False, drop=drop, **rare)
                    yield Case(f"one hot {kind} {unknown} {name} drop={drop}", encoder, kind, exact=True)
        yield Case(f"ordinal {kind}", OrdinalEncoder(), kind, exact=True)
        for name, more in {
            "": {},
            " often": {"min_frequency": 12},
            " most": {"max_categories": 3},
            " missing": {"encoded_missing_value": -5},
        }.items():
            encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, **more)
            yield Case(f"ordinal, unseen {kind}{name}", encoder, kind, exact=True)
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        yield Case(f"ordinal, nothing for unseen {kind}", encoder, kind, exact=True)
        for wanted in ("number", "two", "three"):
            yield Case(f"target {kind} {wanted}", TargetEncoder(random_state=0), kind, wanted, exact=True)
        if kind != "nones":
            filled = SimpleImputer(strategy="most_frequent")
            encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            yield Case(f"filled {kind}", make_pipeline(filled, encoder), kind, exact=True)
    filled = SimpleImputer(strategy="constant", fill_value="none", add_indicator=True)
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    yield Case("filled by a constant, marked", make_pipeline(filled, hot), "missing texts", exact=True)
    nones = SimpleImputer(missing_values=None, strategy="constant", fill_value="none")
    yield Case("filled in place of None", make_pipeline(nones, hot), "nones", exact=True)
    given = OneHotEncoder(
        categories=[
            [1, 2, 3, 9],
            [x / 2 for x in range(9)],
            [20_000_001 + 12 * x for x in range(7)],
        ],
        sparse_output=False,
    )
    yield Case("one hot of given categories", given, "codes", exact=True)


def _linear() -> Iterator[Case]:
    for name, estimator in {
        "least squares": LinearRegression(),
        "ridge": Ridge(),
        "ridge cv": RidgeCV(),
        "lasso": Lasso(0.1),
        "lasso cv": LassoCV(),
        "elastic net": ElasticNet(0.1),
        "elastic net cv": ElasticNetCV(),
        "lars": Lars(),
        "lars cv": LarsCV(),
        "lasso lars": LassoLars(0.01),
        "lasso lars cv": LassoLarsCV(),
        "lasso lars ic": LassoLarsIC(),
        "pursuit": OrthogonalMatchingPursuit(),
        "pursuit cv": OrthogonalMatchingPursuitCV(),
        "bayesian": BayesianRidge(),
        "relevance": ARDRegression(),
        "huber": HuberRegressor(max_iter=1000),
        "quantile": QuantileRegressor(alpha=0.01),
        "theil sen": TheilSenRegressor(random_state=0, max_subpopulation=50),
        "ransac": RANSACRegressor(random_state=0),
        "vector regression": LinearSVR(max_iter=5000, random_state=0),
    }.items():
        yield Case(name, estimator, target="number")
    for name, estimator in {
        "descent": SGDRegressor(random_state=0),
        "passive": PassiveAggressiveRegressor(random_state=0),
    }.items():
        yield Case(name, make_pipeline(StandardScaler(), estimator), target="number")
    for name, estimator in {
        "two sums": LinearRegression(),
        "two ridges": Ridge(),
        "tasks lasso": MultiTaskLasso(0.1),
        "tasks lasso cv": MultiTaskLassoCV(),
        "tasks net": MultiTaskElasticNet(0.1),
        "tasks net cv": MultiTaskElasticNetCV(),
    }.items():
        yield Case(name, estimator, target="pair")
    for name, estimator in {
        "poisson": PoissonRegressor(),
        "gamma": GammaRegressor(),
        "tweedie": TweedieRegressor(power=1.5),
        "tweedie, normal": TweedieRegressor(power=0),
    }.items():
        yield Case(name, make_pipeline(StandardScaler(), estimator), target="positive")
    for wanted in ("two", "three", "truth"):
        for name, estimator in {
            "logistic": LogisticRegression(max_iter=300),
            "logistic cv": LogisticRegressionCV(max_iter=300, cv=2),
            "ridge classifier": RidgeClassifier(),
            "ridge classifier cv": RidgeClassifierCV(),
            "descent log loss": SGDClassifier(loss="log_loss", random_state=0),
            "descent huber": SGDClassifier(loss="modified_huber", random_state=0),
            "descent hinge": SGDClassifier(random_state=0),
            "perceptron": Perceptron(random_state=0),
            "passive": PassiveAggressiveClassifier(random_state=0),
            "linear vectors": LinearSVC(max_iter=5000, random_state=0),
        }.items():
            yield Case(f"{name} {wanted}", make_pipeline(StandardScaler(), estimator), target=wanted)
    yield Case(
        "logistic liblinear", make_pipeline(StandardScaler(), LogisticRegression(solver="liblinear")), target="two"
    )
    yield Case("ids, weighed", Ridge(), "ids", "number")


def _trees() -> Iterator[Case]:
    for wanted in ("two", "three", "many"):
        for name, estimator in {
            "tree": DecisionTreeClassifier(random_state=0),
            "random tree": ExtraTreeClassifier(random_state=0),
            "forest": RandomForestClassifier(10, random_state=0),
            "shallow forest": RandomForestClassifier(6, max_depth=2, random_state=0),
            "extra trees": ExtraTreesClassifier(8, random_state=0),
            "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
            "boosting from zero": GradientBoostingClassifier(n_estimators=5, init="zero", random_state=0),
            "histograms": HistGradientBoostingClassifier(max_iter=5, random_state=0),
        }.items():
            for kind in ("plain", "ids"):
                yield Case(f"{name} {wanted} {kind}", estimator, kind, wanted, exact=True)
    yield Case(
        "boosting exponential", GradientBoostingClassifier(loss="exponential", random_state=0), target="two", exact=True
    )
    yield Case("tree with gaps", DecisionTreeClassifier(random_state=0), "gaps", exact=True)
    yield Case("forest with gaps", RandomForestClassifier(5, random_state=0), "gaps", exact=True)
    yield Case("histograms with gaps", HistGradientBoostingClassifier(max_iter=5, random_state=0), "gaps", exact=True)
    for name, estimator in {
        "tree": DecisionTreeRegressor(random_state=0),
        "stump": DecisionTreeRegressor(max_depth=1),
        "root": DecisionTreeRegressor(min_samples_leaf=ROWS),
        "random tree": ExtraTreeRegressor(random_state=0),
        "forest": RandomForestRegressor(10, random_state=0),
        "extra trees": ExtraTreesRegressor(8, random_state=0),
        "boosting": GradientBoostingRegressor(n_estimators=5, random_state=0),
        "boosting of quantiles": GradientBoostingRegressor(loss="quantile", n_estimators=5, random_state=0),
        "histograms": HistGradientBoostingRegressor(max_iter=5, random_state=0),
        "histograms of quantiles": HistGradientBoostingRegressor(
            loss="quantile", quantile=0.3, max_iter=5, random_state=0
        ),
    }.items():
        yield Case(f"{name} number", estimator, "ids", "number", exact=True)
    yield Case(
        "histograms poisson", HistGradientBoostingRegressor(loss="poisson", max_iter=5), target="positive", exact=True
    )
    yield Case(
        "histograms gamma", HistGradientBoostingRegressor(loss="gamma", max_iter=5), target="positive", exact=True
    )
    for name, estimator in {
        "tree": DecisionTreeRegressor(),
        "forest": RandomForestRegressor(5, random_state=0),
    }.items():
        yield Case(f"{name} of a pair", estimator, target="pair", exact=True)


def _categories() -> Iterator[Case]:
    few = {"max_iter": 8, "min_samples_leaf": 5, "random_state": 0}
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    kinds = ("kinds", ordinal, ["kind", "place"])
    encoder = ColumnTransformer([("numbers", "passthrough", ["amount", "count", "flag"]), kinds])
    for wanted in ("two", "three"):
        codes = HistGradientBoostingClassifier(categorical_features=[1, 2], **few)
        yield Case(f"histograms of codes {wanted}", codes, "codes", wanted, exact=True)
        texts = HistGradientBoostingClassifier(categorical_features=["kind", "place"], **few)
        for kind in ("table", "holes"):
            yield Case(f"histograms of {kind} {wanted}", texts, kind, wanted, exact=True)
        encoded = HistGradientBoostingClassifier(categorical_features=[3, 4], **few)
        yield Case(
            f"histograms of encoded {wanted}",
            make_pipeline(encoder, encoded),
            "holes",
            wanted,
            exact=True,
        )
    early = HistGradientBoostingClassifier(categorical_features=[1, 2], early_stopping=True, **few)
    yield Case("histograms of codes, early", early, "codes", "two", exact=True)
    numbers = HistGradientBoostingRegressor(categorical_features=[1, 2], max_iter=5, min_samples_leaf=5)
    yield Case("histograms of codes number", numbers, "codes", "number", exact=True)


def _others() -> Iterator[Case]:
    for wanted in ("two", "three", "truth"):
        yield Case(f"gaussian {wanted}", GaussianNB(), target=wanted)
        for name, estimator in {
            "bernoulli": BernoulliNB(binarize=3.0),
            "multinomial": MultinomialNB(),
            "complement": ComplementNB(),
        }.items():
            yield Case(f"{name} {wanted}", estimator, "counts", wanted)
        for activation in ("relu", "tanh", "logistic", "identity"):
            network = MLPClassifier((6, 4), activation=activation, max_iter=30, random_state=0)
            yield Case(f"network {activation} {wanted}", make_pipeline(StandardScaler(), network), target=wanted)
        for kernel in ("rbf", "linear", "poly", "sigmoid"):
            for shape in ("ovr", "ovo"):
                machine = SVC(kernel=kernel, decision_function_shape=shape)
                yield Case(
                    f"vectors {kernel} {shape} {wanted}", make_pipeline(StandardScaler(), machine), target=wanted
                )
        machine = make_pipeline(StandardScaler(), SVC(break_ties=True))
        yield Case(f"vectors, no ties {wanted}", machine, target=wanted)
        yield Case(f"nu vectors {wanted}", make_pipeline(StandardScaler(), NuSVC(nu=0.3)), target=wanted)
        for solver in ("svd", "lsqr", "eigen"):
            without = ("transform",) if solver == "lsqr" else ()
            yield Case(
                f"discriminant {solver} {wanted}",
                LinearDiscriminantAnalysis(solver=solver),
                target=wanted,
                without=without,
            )
        yield Case(f"quadratic {wanted}", QuadraticDiscriminantAnalysis(), target=wanted)
        for strategy in ("prior", "most_frequent"):
            yield Case(f"dummy {strategy} {wanted}", DummyClassifier(strategy=strategy), "gaps", wanted, exact=True)
    yield Case("dummy constant", DummyClassifier(strategy="constant", constant="high"), exact=True)
    yield Case("dummy mean", DummyRegressor(), "gaps", "number", exact=True)
    yield Case("dummy pair", DummyRegressor(), "gaps", "pair", exact=True)
    network = MLPRegressor(hidden_layer_sizes=(6,), max_iter=30, random_state=0)
    yield Case("network number", make_pipeline(StandardScaler(), network), target="number")
    yield Case("network pair", make_pipeline(StandardScaler(), network), target="pair")
    for kernel in ("rbf", "linear", "poly", "sigmoid"):
        yield Case(f"regression {kernel}", make_pipeline(StandardScaler(), SVR(kernel=kernel)), target="number")
    yield Case("nu regression", make_pipeline(StandardScaler(), NuSVR()), target="number")


def _prepared(sparse: bool = False, kinds: tuple[str, ...] = ("kind", "place"), **more: Any) -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["amount", "count"]),
            ("kinds", OneHotEncoder(handle_unknown="ignore", sparse_output=sparse), list(kinds)),
        ],
        **more,
    )


def _compositions() -> Iterator[Case]:
    logistic = LogisticRegression(max_iter=300)
    forest = RandomForestClassifier(6, random_state=0)
    for kind in ("table", "holes"):
        for wanted in ("two", "three"):
            yield Case(f"columns {kind} {wanted}", make_pipeline(_prepared(), logistic), kind, wanted)
            yield Case(f"columns sparse {kind} {wanted}", make_pipeline(_prepared(True), logistic), kind, wanted)
            yield Case(f"columns forest {kind} {wanted}", make_pipeline(_prepared(), forest), kind, wanted)
    yield Case("columns, and their rest", make_pipeline(_prepared(remainder="passthrough"), logistic), "table")
    chosen = ColumnTransformer(
        [
            ("numbers", StandardScaler(), make_column_selector(dtype_include="number")),
            ("flags", "passthrough", ["flag"]),
            ("kinds", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [3]),
            ("none", "drop", ["place"]),
        ],
        transformer_weights={"numbers": 2.0},
    )
    yield Case("columns by their types", make_pipeline(chosen, logistic), "table")
    pandas_out = _prepared(kinds=("place",)).set_output(transform="pandas")
    again = ColumnTransformer([("some", StandardScaler(), ["numbers__amount"])], remainder="passthrough")
    yield Case("columns by their new names", make_pipeline(pandas_out, again, logistic), "table")
    yield Case(
        "columns by place", ColumnTransformer([("a", StandardScaler(), [0, 2]), ("b", "passthrough", [1])]), exact=True
    )
    united = FeatureUnion([("a", StandardScaler()), ("b", PCA(1)), ("c", "passthrough"), ("d", "drop")])
    yield Case("united", make_pipeline(united, logistic))
    yield Case("pipeline that ends in nothing", Pipeline([("a", StandardScaler()), ("b", "passthrough")]), exact=True)
    yield Case(
        "search", GridSearchCV(make_pipeline(StandardScaler(), logistic), {"logisticregression__C": [0.1, 1]}, cv=2)
    )
    tree = DecisionTreeClassifier(random_state=0)
    yield Case("random search", RandomizedSearchCV(tree, {"max_depth": [2, 3]}, n_iter=2, cv=2), exact=True)
    yield Case("halving", HalvingGridSearchCV(tree, {"max_depth": [2, 3]}, cv=2, random_state=0), exact=True)
    halved = HalvingRandomSearchCV(tree, {"max_depth": [2, 3]}, cv=2, random_state=0)
    yield Case("random halving", halved, exact=True)
    for name, function, inverse in (
        ("log1p", np.log1p, np.expm1),
        ("log", np.log, np.exp),
        ("sqrt", np.sqrt, np.square),
    ):
        regressor = TransformedTargetRegressor(Ridge(), func=function, inverse_func=inverse)
        yield Case(f"target by {name}", make_pipeline(StandardScaler(), regressor), target="positive")
    scaled = TransformedTargetRegressor(Ridge(), transformer=StandardScaler())
    yield Case("target scaled", scaled, target="number")
    yield Case("target between", TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler()), target="number")
    yield Case("target as it is", TransformedTargetRegressor(Ridge()), target="number")
    members = [("a", make_pipeline(StandardScaler(), logistic)), ("b", forest), ("c", GaussianNB())]
    regressors = [("a", Ridge()), ("b", RandomForestRegressor(5, random_state=0))]
    scaled_logistic = make_pipeline(StandardScaler(), logistic)
    for wanted in ("two", "three"):
        yield Case(
            f"soft votes {wanted}",
            VotingClassifier(members, voting="soft", weights=[1, 2, 0.5]),
            target=wanted,
            without=("transform",),
        )
        yield Case(f"hard votes {wanted}", VotingClassifier(members), target=wanted, without=("transform",))
        yield Case(f"stack {wanted}", StackingClassifier(members, logistic, cv=2), target=wanted)
        yield Case(f"stack on all {wanted}", StackingClassifier(members, forest, cv=2, passthrough=True), target=wanted)
        for name, member in {
            "forest": forest,
            "logistic": scaled_logistic,
            "vectors": make_pipeline(StandardScaler(), LinearSVC()),
        }.items():
            for method in ("sigmoid", "isotonic"):
                for ensemble in (True, False):
                    calibrated = CalibratedClassifierCV(member, method=method, cv=2, ensemble=ensemble)
                    yield Case(f"calibrated {name} {method} {ensemble} {wanted}", calibrated, target=wanted)
        yield Case(
            f"bags {wanted}",
            BaggingClassifier(tree, 5, random_state=0, max_features=0.7),
            target=wanted,
            exact=True,
            without=("decision_function",),
        )
        yield Case(
            f"bags of votes {wanted}",
            BaggingClassifier(make_pipeline(StandardScaler(), LinearSVC()), 4, random_state=0),
            target=wanted,
            without=("decision_function",),
        )
        yield Case(
            f"boosted stumps {wanted}", AdaBoostClassifier(n_estimators=8, random_state=0, **_samme()), target=wanted
        )
        yield Case(f"each against the rest {wanted}", OneVsRestClassifier(scaled_logistic), target=wanted)
        yield Case(f"each tree against the rest {wanted}", OneVsRestClassifier(tree), target=wanted, exact=True)
    yield Case("votes of numbers", VotingRegressor(regressors, weights=[1, 3]), target="number", without=("transform",))
    yield Case("stack of numbers", StackingRegressor(regressors, cv=2), target="number")
    yield Case("bags of numbers", BaggingRegressor(n_estimators=5, random_state=0), target="number", exact=True)
    yield Case("boosted numbers", AdaBoostRegressor(n_estimators=8, random_state=0), target="number", exact=True)
    yield Case(
        "several of them",
        MultiOutputRegressor(GradientBoostingRegressor(n_estimators=4, random_state=0)),
        target="pair",
        exact=True,
    )


def _samme() -> dict[str, Any]:
    import sklearn

    return {"algorithm": "SAMME"} if sklearn.__version__ < "1.6" else {}


def fitted(case: Case, seed: int = 0) -> tuple[Any, Any]:
    """Return a case's estimator, fitted, and its rows."""
    given = data(case.data, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = clone(case.estimator).fit(given, target(case.target, given, seed))
    return estimator, given


def kinds(estimator: Any) -> Iterator[str]:
    """Yield the names of the classes of an estimator and of those within its parameters."""
    yield type(estimator).__name__
    for value in estimator.get_params().values():
        if hasattr(value, "get_params") and not isinstance(value, type):
            yield type(value).__name__
