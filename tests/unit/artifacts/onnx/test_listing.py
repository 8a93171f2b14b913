"""The list: each entry answers as scikit-learn does, on rows that nobody has seen."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from slipway.artifacts.onnx import listing, trees
from slipway.artifacts.onnx.builder import Unconvertible
from tests.unit.artifacts.onnx import adversarial, survey, zoo

ROOT = Path(__file__).parents[4]
CASES = zoo.cases()


def _first_of_each() -> dict[str, zoo.Case]:
    """Return, for each entry of the list, the first case that has it."""
    found: dict[str, zoo.Case] = {}
    for case in CASES:
        for kind in zoo.kinds(case.estimator):
            found.setdefault(kind, case)
    return found


FIRST = _first_of_each()


def test_every_entry_of_the_list_has_a_case():
    """No entry is without a test."""
    assert {entry.name for entry in listing.entries()} <= FIRST.keys()


@pytest.mark.parametrize(
    "case", list({case.name: case for case in FIRST.values()}.values()), ids=lambda case: case.name
)
def test_a_graph_answers_and_refuses_as_scikit_learn_does(case):
    """A case of each entry, on some hundred rows."""
    verdict = adversarial.compare(case, most=3, alone=4)

    assert verdict.differences == []
    assert verdict.answered > 50


@pytest.mark.parametrize("case", [each for each in CASES if "forest" in each.name], ids=lambda case: case.name)
def test_a_large_forest_is_written_by_its_leaves(case, monkeypatch):
    """Not once for each class; sums and ties are the same."""
    monkeypatch.setattr(trees, "_MOST_NODES", 0)

    assert adversarial.compare(case, most=3, alone=2).differences == []


@pytest.mark.long(2)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_graph_is_faithful(case, seed):
    """All cases, on thousands of rows: every threshold and edge, and its neighbours."""
    assert adversarial.compare(case, most=120, seed=seed, alone=40).differences == []


@pytest.mark.long(40)
def test_the_page_of_conversions_is_fresh():
    """It says what becomes of each estimator of scikit-learn."""
    assert survey.page() == (ROOT / "model/CONVERSION.md").read_text(), survey.__doc__


class Mine(LinearRegression):
    """A subclass, which may compute otherwise."""


def fitted(estimator):
    return estimator.fit([[0.0], [1.0], [2.0]], [0, 1, 1])


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (Mine(), r"no conversion of tests\.unit\.artifacts\.onnx\.test_listing\.Mine"),
        (SVC(kernel=np.inner), "no conversion of SVC with kernel=<"),
        (
            make_pipeline(StandardScaler(), FunctionTransformer(abs), LinearRegression()),
            "no conversion of FunctionTransformer with func=<built-in function abs>",
        ),
    ],
    ids=["subclass", "parameter", "within"],
)
def test_what_is_not_on_the_list_is_told_by_its_name(estimator, why):
    """With the parameter, where that decides; nothing is computed for it."""
    with pytest.raises(Unconvertible, match=why):
        listing.check(fitted(estimator))


def test_a_parameter_that_the_list_does_not_name_is_not_trusted(monkeypatch):
    """A newer scikit-learn may have it, and compute otherwise by it."""
    estimator = fitted(LogisticRegression())
    monkeypatch.setattr(LogisticRegression, "get_params", lambda *_, **__: {"C": 1.0, "novel": True})

    with pytest.raises(Unconvertible, match="no conversion of LogisticRegression with novel=True"):
        listing.check(estimator)


def test_a_whole_number_that_float64_has_not_is_no_category():
    """Two ids would become one."""
    given = [[2**53], [2**53 + 1]]

    with pytest.raises(Unconvertible, match="a column of numbers has the category"):
        adversarial.converted(OneHotEncoder(sparse_output=False).fit(given), given)


@pytest.mark.parametrize("version", ["1.4.2", "1.10.0", "2.0.dev0"])
def test_another_version_of_scikit_learn_is_not_trusted(monkeypatch, version):
    """Models pin their own."""
    monkeypatch.setattr("sklearn.__version__", version)

    with pytest.raises(Unconvertible, match=r"scikit-learn .* is not among those that conversion knows: 1\.5 to 1\.9"):
        listing.check(fitted(RandomForestClassifier(2)))
