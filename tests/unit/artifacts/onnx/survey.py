"""All estimators of scikit-learn for tables, on kinds of data: which become graphs, and why others stay Python.

`python -m tests.unit.artifacts.onnx.survey > model/CONVERSION.md` writes the page.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from typing import Any

import sklearn
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - the list has it wherever it is made
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import all_estimators

from slipway.artifacts.onnx import listing
from slipway.artifacts.onnx.builder import Unconvertible
from tests.unit.artifacts.onnx import adversarial, zoo

KINDS = {"numbers": "ids", "gaps": "gaps", "codes": "codes", "texts": "missing texts"}
"""The kinds of data, by the heads of the table."""

_CLASSIFIERS = [("a", LogisticRegression(max_iter=500)), ("b", RandomForestClassifier(5, random_state=0))]
_REGRESSORS = [("a", Ridge()), ("b", RandomForestRegressor(5, random_state=0))]
_NEEDED: dict[str, dict[str, Any]] = {
    "ColumnTransformer": {"transformers": [("a", StandardScaler(), [0]), ("b", OneHotEncoder(), [1])]},
    "FeatureUnion": {"transformer_list": [("a", StandardScaler())]},
    "GridSearchCV": {"estimator": LogisticRegression(), "param_grid": {"C": [1.0]}},
    "HalvingGridSearchCV": {"estimator": LogisticRegression(), "param_grid": {"C": [1.0, 2.0]}},
    "HalvingRandomSearchCV": {"estimator": LogisticRegression(), "param_distributions": {"C": [1.0, 2.0]}},
    "Pipeline": {"steps": [("a", StandardScaler()), ("b", LogisticRegression())]},
    "RandomizedSearchCV": {"estimator": LogisticRegression(), "param_distributions": {"C": [1.0]}, "n_iter": 1},
    "SparseCoder": {"dictionary": [[1.0, 0.0, 0.0]]},
    "StackingClassifier": {"estimators": _CLASSIFIERS},
    "StackingRegressor": {"estimators": _REGRESSORS},
    "VotingClassifier": {"estimators": _CLASSIFIERS, "voting": "soft"},
    "VotingRegressor": {"estimators": _REGRESSORS},
}
_NOT_FOR_TABLES = ("CountVectorizer", "DictVectorizer", "FeatureHasher", "HashingVectorizer", "PatchExtractor",
                   "TfidfTransformer", "TfidfVectorizer", "LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer",
                   "IsotonicRegression")  # fmt: skip


def surveyed() -> list[str]:
    """Return the names of the classes of scikit-learn that predict or transform tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = all_estimators(type_filter=["classifier", "regressor", "transformer"])
    return sorted(name for name, _ in found if name not in _NOT_FOR_TABLES)


def outcome(kind: Any, data: str) -> str:
    """Return `graph`, `Python`, or nothing where scikit-learn does not take the data.

    Raise `AssertionError` where a graph answers a row otherwise that nobody has seen.
    """
    case = _case(kind, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            zoo.fitted(case)
        except Exception:  # noqa: BLE001 - this data is not for it
            return ""
        verdict = _verdict(case) or _verdict(_followed(case))
    if verdict is None:
        return "Python"
    if verdict.differences:
        raise AssertionError(f"{kind.__name__} on {data}: {verdict.differences[0]}")
    return "graph"


def _verdict(case: zoo.Case) -> adversarial.Verdict | None:
    """Compare the case's graph with its estimator; return None where it has none."""
    try:
        return adversarial.compare(case, most=4, alone=4)
    except Unconvertible:
        return None
    except ValueError:  # scikit-learn does not take what comes before the last step
        return None


def _followed(case: zoo.Case) -> zoo.Case:
    """Return the case with an estimator that takes what it transforms, such as a sparse matrix."""
    return case._replace(estimator=make_pipeline(case.estimator, Ridge()), target="positive")


def _case(kind: Any, data: str) -> zoo.Case:
    more = dict(_NEEDED.get(kind.__name__, {}))
    if "estimator" in _required(kind) and "estimator" not in more:
        regresses = "Regressor" in kind.__name__
        more["estimator"] = Ridge() if regresses else RandomForestClassifier(5, random_state=0)
    names = kind._get_param_names()
    more |= {"random_state": 0} if "random_state" in names else {}
    estimator = kind(**more)
    target = "pair" if kind.__name__.startswith(("MultiTask", "MultiOutput")) else _target(estimator)
    return zoo.Case(kind.__name__, estimator, data, target, without=_without(estimator))


def _target(estimator: Any) -> str:
    from sklearn.base import is_regressor

    return "positive" if is_regressor(estimator) else "three"


def _required(kind: Any) -> tuple[str, ...]:
    given = inspect.signature(kind).parameters.values()
    return tuple(each.name for each in given if each.default is each.empty)


def _without(estimator: Any) -> tuple[str, ...]:
    """Return the methods that no model asks of an estimator that also predicts, or that give no array."""
    found = ("transform",) if hasattr(type(estimator), "predict") else ()
    return (*found, "decision_function") if type(estimator).__name__ == "BaggingClassifier" else found


_HEAD = """# Which estimators become graphs

`python -m tests.unit.artifacts.onnx.survey` writes this page, and a test holds it fresh. An estimator of scikit-learn
becomes a graph where it stands on the list (`src/slipway/artifacts/onnx/listing.py`), which holds for scikit-learn
{oldest} to {newest}. The graph then answers, and refuses, rows that nobody has seen as scikit-learn does. Here each one
is fitted with its defaults on kinds of data, by scikit-learn {used}:

- *numbers*: measurements, codes, and ids of eight digits;
- *gaps*: numbers of which some are missing;
- *codes*: few different numbers;
- *texts*: texts of which some are missing.

A field is empty where scikit-learn does not take such data as it is. Python stays what hands out texts or truth values.

## Graphs

| estimator | {heads} | only with |
| --- | {lines} | --- |
"""

_STAYS = """
## Python

These are not on the list, nor are transformers of your own and estimators of other libraries:

"""


def page() -> str:
    """Return the page."""
    entries = {each.name: each for each in listing.entries()}
    oldest, newest = (".".join(map(str, each)) for each in listing.VERSIONS)
    heads, lines = " | ".join(KINDS), " | ".join("---" for _ in KINDS)
    text = _HEAD.format(oldest=oldest, newest=newest, used=sklearn.__version__, heads=heads, lines=lines)
    for name in sorted(entries):
        words = " | ".join(outcome(entries[name].kind, data) for data in KINDS.values())
        text += f"| `{name}` | {words} | {_limits(entries[name])} |\n"
    return text + _STAYS + "".join(f"- `{name}`\n" for name in surveyed() if name not in entries)


def _limits(entry: listing.Entry) -> str:
    words = []
    for name, allowed in sorted(entry.limits.items()):
        if callable(allowed):
            words += [f"some `{name}`"] if allowed(object()) is False else []
        else:
            words.append(f"`{name}` " + " or ".join(f"`{each!r}`" for each in allowed))
    return ", ".join(words)


if __name__ == "__main__":
    sys.stdout.write(page())
