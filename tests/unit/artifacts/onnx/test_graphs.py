"""Converted estimators predict as before, and refuse what the estimator refused."""

import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC

from slipway.artifacts import load, manifest
from slipway.artifacts.loading import Loaded
from slipway.artifacts.onnx import graphs
from slipway.artifacts.onnx.conversion import convert
from slipway.artifacts.onnx.watching import Watched
from slipway.artifacts.refusals import Refusal
from slipway.errors import SlipwayError
from slipway.model import Contract, InputError, PipelineModel
from slipway.schema import Columns, Field, Schema

ROOT = Path(__file__).parents[4]
ROWS = [[0.0, 1.0], [1.0, 0.0], [0.9, 0.1], [0.2, 0.8]]


def converted(estimator, given, target):
    """An estimator that is fitted, and converted."""
    watched = Watched(estimator.fit(given, target))
    watched.predict(given)
    return convert(watched)


@pytest.fixture
def graph():
    return converted(LogisticRegression(), ROWS, ["no", "yes", "yes", "no"]).graph


def test_it_gives_what_scikit_learn_gives(graph):
    """An array of the classes' own type, and how sure it is; attributes are there as well."""
    labels, sure = graph.predict(ROWS), graph.predict_proba(np.array(ROWS))

    assert (labels.dtype.str, labels.tolist()) == ("<U3", ["no", "yes", "yes", "no"])
    assert (sure.dtype, sure.shape) == (np.float64, (4, 2))
    assert graph.classes_.tolist() == ["no", "yes"]
    assert graph.n_features_in_ == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([1.0, 2.0], r"rows of 2 numbers are needed; the shape is \(2,\)"),
        ([[1.0, 2.0, 3.0]], r"the shape is \(1, 3\)"),
        ([[0.5, 0.5], [1.0, float("nan")]], "row 1, column 1: is missing, or no finite number"),
        ([[1.0, float("inf")]], "row 0, column 1: is missing, or no finite number"),
        ([["a", "b"]], "could not convert string"),
    ],
)
def test_what_it_cannot_take_is_refused(graph, given, says):
    """scikit-learn refuses it too; a wrong answer is worse than none."""
    with pytest.raises(ValueError, match=says):
        graph.predict(given)


class Whole(PipelineModel):
    source_features = ("length", "width")
    target_variable = "kind"


class Careful(Whole):
    def predict(self, rows):
        return super().predict(rows)


class Computing(Careful):
    waits = False


@pytest.mark.parametrize(("kind", "only"), [(Whole, True), (Careful, False), (Computing, True)])
def test_only_a_graph_is_known_to_wait_for_nothing(kind, only):
    """A model's own code may wait at any time, unless its class says that it does not; so it needs a thread."""
    model = kind()
    given = pd.DataFrame(ROWS, columns=["length", "width"])
    model.fitted = converted(LogisticRegression(), given, ["no", "yes", "yes", "no"]).graph
    assert Loaded(model, schema=None, golden=None, manifest=None).only_computes is only


def test_a_python_estimator_may_wait():
    """Transformers of a pipeline may be anybody's."""
    model = Whole()
    model.fitted = LogisticRegression()
    assert not Loaded(model, schema=None, golden=None, manifest=None).only_computes


def test_what_was_not_converted_is_missing_by_name(graph):
    """The message says what there is."""
    with pytest.raises(AttributeError, match=r"LogisticRegression was converted, with classes_, .* without 'coef_'"):
        _ = graph.coef_


def test_it_takes_columns_in_any_form():
    """A DataFrame, a dict of columns, dicts by name: in any order, and with others beside them."""
    table = pd.DataFrame(ROWS, columns=["a", "b"])
    graph = converted(LogisticRegression(), table, [0, 1, 1, 0]).graph

    for given in (table[["b", "a"]], {"b": table["b"].tolist(), "a": table["a"].tolist(), "c": [0] * 4}):
        assert graph.predict(given).tolist() == [0, 1, 1, 0]
    assert graph.predict(table.to_dict("records")).tolist() == [0, 1, 1, 0]
    fields = tuple(Field(name=name, kind="number") for name in ("b", "a"))
    columns = Columns.of(Schema(fields=fields, target=fields[0]), table.to_dict("records"))
    assert graph.predict(columns).tolist() == [0, 1, 1, 0]
    assert graph._table(columns).tolist() == graph._table(table).tolist() == ROWS


@dataclass
class Mixed:
    size: float | None
    kind: str
    count: int
    old: bool


@dataclass
class Refusing(Mixed):
    def __post_init__(self):
        if self.count == 0:
            raise ValueError("there is none")


@pytest.mark.parametrize("row", [Mixed, Refusing])
def test_a_converted_pipeline_is_asked_by_column_or_by_row_alike(row, monkeypatch):
    """It has texts, gaps, whole numbers and truth values; a class of rows that refuses some makes rows of them."""
    given = [Mixed(1.5, "a", 3, True), Mixed(None, "b", 2**53 + 1, False), Mixed(2.5, "b", 2, True)]
    table = pd.DataFrame(given)
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["kind"]), remainder="passthrough")
    pipeline = make_pipeline(encoder, HistGradientBoostingRegressor(min_samples_leaf=1))
    own = {"input": row, "target_variable": "y", "output": float, "pipeline": lambda _: pipeline}
    kind = type("Model", (PipelineModel,), own)
    model = kind()
    model.fitted = converted(pipeline, table, [1.0, 2.0, 3.0]).graph
    schema = Schema(fields=Contract.of(kind).fields, target=Field(name="y", kind="number"))
    found = manifest.Manifest(entry="", parameters={}, tolerance=0, format=1, python="3.11", parts={}, missing="nan")
    loaded = Loaded(model, schema, golden=None, manifest=found)
    rows = [asdict(each) for each in (*given, Mixed(0.0, "c", -1, False))]
    answers = loaded.answer(rows)
    assert loaded.takes_columns == (row is Mixed)
    monkeypatch.setattr(Loaded, "takes_columns", False)
    assert loaded.answer(rows) == answers == pipeline.predict(pd.DataFrame(rows)).tolist()
    if row is Refusing:
        with pytest.raises(InputError, match="there is none"):
            loaded.answer([*rows, rows[0] | {"count": 0}])


def test_a_refusal_names_the_column():
    """The caller of a function knows it by that."""
    table = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "kind": ["a", "b", "b", "a"]})
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    graph = converted(make_pipeline(encoder, LogisticRegression()), table, [0, 1, 1, 0]).graph

    with pytest.raises(Refusal, match="is none of the known categories") as refusal:
        graph.predict({"size": [1.0, 2.0], "kind": ["a", "c"]})
    assert (refusal.value.row, refusal.value.column) == (1, "kind")
    with pytest.raises(Refusal, match="column size: is no number"):
        graph.predict({"size": ["big"], "kind": ["a"]})
    with pytest.raises(Refusal, match="column kind: is neither text nor number"):
        graph.predict({"size": [1.0], "kind": [["a"]]})


def test_many_rows_are_computed_some_at_a_time():
    """Kernels need a number for each row, vector and column at once; a refusal still names its row."""
    graph = converted(SVC(), ROWS, ["no", "yes", "yes", "no"]).graph
    expected = graph.decision_function(ROWS)
    graph._source = msgspec.structs.replace(graph._source, most_rows=3)

    assert np.array_equal(graph.decision_function(ROWS), expected)
    with pytest.raises(Refusal, match="row 3, column 0"):
        graph.predict([*ROWS[:3], [float("nan"), 1.0]])


def test_an_artifact_with_a_damaged_graph_is_refused(saved):
    """The message names the file."""
    folder = saved(value=1)
    found = manifest.read(folder)
    (folder / "parts" / "value.onnx").write_bytes(b"no graph")
    part = manifest.Part(form="onnx", file="parts/value.onnx")
    manifest.write(manifest.Manifest(**{**_fields(found), "parts": {"value": part}}), folder)

    with pytest.raises(SlipwayError, match=r"value\.onnx cannot be loaded"):
        load(folder)


def _fields(found):
    return {name: getattr(found, name) for name in found.__struct_fields__}


@pytest.mark.parametrize("domain", ["ai.onnx.contrib", "evil"])
def test_an_operator_that_is_not_onnxruntimes_own_is_refused(domain):
    """It would be code of a library, and none is registered."""
    model = onnx.load_from_string(converted(LogisticRegression(), ROWS, [0, 1, 1, 0]).content)
    model.graph.node[0].domain = domain
    model.opset_import.append(onnx.helper.make_opsetid(domain, 1))

    with pytest.raises(SlipwayError, match="cannot be loaded"):
        graphs.decode(model.SerializeToString(), "classifier")


_CONVERT = """
import sys
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from tests.unit.artifacts.onnx.test_graphs import ROWS, converted
sys.stdout.buffer.write(converted(RandomForestClassifier(3, random_state=0), ROWS, ["no", "yes", "yes", "no"]).content)
"""


@pytest.mark.long(6)
def test_the_same_estimator_gives_the_same_bytes_in_every_process():
    """Names, their order and the versions of what made it are fixed."""
    here = converted(RandomForestClassifier(3, random_state=0), ROWS, ["no", "yes", "yes", "no"]).content
    env = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONHASHSEED": "7"}

    done = subprocess.run([sys.executable, "-c", _CONVERT], cwd=ROOT, env=env, capture_output=True, check=True)

    assert done.stdout == here
