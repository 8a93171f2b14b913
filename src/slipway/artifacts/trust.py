"""The types that a saved part may hold, decided by our code and the model's own, never by the artifact.

skops compares names, which is not enough for two reasons. A name in the model's module may be an import
(`from subprocess import run`). And a function that a part may *hold* must not be *called* while the part is loaded,
which skops does with anything in the place of the type of a collection or of a key.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

from slipway.models.imports import closure

_PLAIN_TYPES = frozenset({"builtins.bool", "builtins.float", "builtins.int", "builtins.str"})
_PLAIN_FACTORIES = _PLAIN_TYPES | {"builtins.dict", "builtins.list", "builtins.set", "collections.OrderedDict"}
_PARTIAL = "functools.partial"


class Trust(NamedTuple):
    """The modules whose own classes and functions a part may hold, and the full names of further types."""

    modules: frozenset[str]
    types: frozenset[str]

    @classmethod
    def of(cls, model: type) -> Trust:
        """Return the trust of a model's class."""
        return cls(own_modules(model.__module__), frozenset(getattr(model, "trusted_types", ())))

    def kinds(self, schema: dict[str, Any]) -> dict[str, str]:
        """Return the trusted names in the `schema.json` of a skops file, each as `class` or `function`."""
        names = {_name(node) for node in nodes(schema)}
        return {name: kind for name in sorted(names | self.types) if (kind := self._kind(name))}

    def _kind(self, name: str) -> str:
        if name in CLASSES or name in self.types:
            return "class"
        if name in FUNCTIONS:
            return "function"
        module, _, attribute = name.rpartition(".")
        return _defined(module, attribute) if module in self.modules else ""


def own_modules(module: str) -> frozenset[str]:
    """Return the full names of the model's modules: `module`, and its imports from the same top package."""
    file = getattr(sys.modules[module], "__file__", None)
    if file is None:
        return frozenset()
    path, parts = Path(file), module.split(".")
    root = path.parents[len(parts) - (path.name != "__init__.py")]
    found = (each.relative_to(root).with_suffix("").parts for each in closure(root, [path], parts[0]))
    return frozenset(".".join(each[:-1] if each[-1] == "__init__" else each) for each in found)


def _defined(module: str, name: str) -> str:
    """Return `class` or `function` for a name that `module` itself defines at its outermost level, else ""."""
    found = vars(import_module(module)).get(name)
    if getattr(found, "__module__", None) != module or getattr(found, "__qualname__", None) != name:
        return ""
    if inspect.isclass(found):
        return "class"
    return "function" if type(found) is FunctionType else ""


def misused(schema: dict[str, Any], kinds: dict[str, str]) -> set[str]:
    """Return the names in the `schema.json` of a skops file that skops would call, and must not.

    `kinds` is from `Trust.kinds`. skops itself refuses names that are not in it.
    """
    functions = {name for name, kind in kinds.items() if kind == "function"}
    misplaced = {_name(node) for node in nodes(schema) if node["__loader__"] != "FunctionNode"} & functions
    return misplaced | set(_called(schema)) | set(_bound(schema))


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every node in the `schema.json` of a skops file, each before those below it."""
    if isinstance(value, dict) and isinstance(value.get("__loader__"), str):
        yield value
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in below:
        yield from nodes(each)


def _called(schema: dict[str, Any]) -> Iterator[str]:
    """Yield names that skops, or the loaded dict, would call with a key, and that are no simple type."""
    for node in nodes(schema):
        if "key_types" in node:
            keys = node["key_types"]
            called = [key for key in keys["content"] if not _is_type(key, _PLAIN_TYPES)]
            # An id would let the list, or one of its items, stand for an object elsewhere in the file.
            if "__id__" in keys or keys["__loader__"] != "ListNode" or _name(keys) != "builtins.list":
                called.append(keys)
            yield from map(_name, called)
        if node["__loader__"] == "DefaultDictNode":
            factory = node["content"]["default_factory"]
            if not _is_type(factory, _PLAIN_FACTORIES):
                yield _name(factory)


def _bound(schema: dict[str, Any]) -> Iterator[str]:
    """Yield `functools.partial` where it binds a function that scikit-learn does not bind."""
    for node in nodes(schema):
        if _name(node) == _PARTIAL:
            function = node["content"].get("func", {}) if node["__loader__"] == "PartialNode" else {}
            # An id would let it stand for an object elsewhere in the file.
            known = function.get("__loader__") == "FunctionNode" and "__id__" not in function
            if not known or _name(function) not in FUNCTIONS:
                yield _PARTIAL


def _is_type(node: dict[str, Any], plain: frozenset[str]) -> bool:
    name = _name(node)
    return node["__loader__"] == "TypeNode" and "__id__" not in node and (name in plain or name.startswith("numpy."))


def _name(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"


_DISTANCES = (
    "BrayCurtis Canberra Chebyshev Dice Euclidean Hamming Haversine Jaccard Kulsinski Mahalanobis Manhattan Matching "
    "Minkowski RogersTanimoto RussellRao SEuclidean SokalMichener SokalSneath"
)

_CLASSES = {
    "builtins": "object",  # of a make_column_selector, as are those of numpy
    "functools": "partial",  # of the functions below only
    "numpy": "character dtype floating generic inexact integer number",
    "scipy.interpolate._bsplines": "BSpline",
    "scipy.sparse._csc": "csc_array csc_matrix",
    "scipy.sparse._csr": "csr_array csr_matrix",
    "sklearn._loss.loss": "HalfTweedieLoss HalfTweedieLossIdentity",
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.compose._column_transformer": "make_column_selector",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": (
        "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter Matern PairwiseKernel "
        "Product RBF RationalQuadratic Sum WhiteKernel"
    ),
    # Experimental: not among the estimators that skops knows.
    "sklearn.impute._iterative": "IterativeImputer _ImputerTriplet",
    "sklearn.metrics._dist_metrics": " ".join(
        f"{name}Distance{bits}" for name in _DISTANCES.split() for bits in (32, 64)
    ),
    "sklearn.metrics._scorer": "_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection._search_successive_halving": (
        "HalvingGridSearchCV HalvingRandomSearchCV _SubsampleMetaSplitter"
    ),
    "sklearn.model_selection._split": (
        "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit "
        "RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold "
        "StratifiedShuffleSplit TimeSeriesSplit"
    ),
    "sklearn.multiclass": "_ConstantPredictor",
    "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64",
    "sklearn.neighbors._kd_tree": "KDTree KDTree32 KDTree64",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.tree._tree": "Tree",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
}

_FUNCTIONS = {
    "numpy": "amax amin around clip max mean median min nan_to_num round",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",  # of the SplineTransformer
    "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_oneway f_regression r_regression",
    "sklearn.metrics._classification": (
        "accuracy_score balanced_accuracy_score brier_score_loss f1_score fbeta_score jaccard_score log_loss "
        "matthews_corrcoef precision_score recall_score"
    ),
    "sklearn.metrics._ranking": "average_precision_score roc_auc_score top_k_accuracy_score",
    "sklearn.metrics._regression": (
        "explained_variance_score max_error mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance "
        "mean_poisson_deviance mean_squared_error mean_squared_log_error median_absolute_error r2_score "
        "root_mean_squared_error root_mean_squared_log_error"
    ),
    "sklearn.metrics.pairwise": (
        "cosine_similarity laplacian_kernel linear_kernel polynomial_kernel rbf_kernel sigmoid_kernel"
    ),
    "sklearn.utils.validation": "check_array",  # of histograms with categories
}


def _names(by_module: dict[str, str]) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module, names in by_module.items() for name in names.split())


CLASSES = _names(_CLASSES)
"""Full names of classes."""

FUNCTIONS = _names(_FUNCTIONS)
"""Full names of functions that a part may hold; nothing calls them while it is loaded."""
