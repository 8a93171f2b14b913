"""The repository's own models, through saving and loading."""

import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from model.iris.model import Iris
from model.tumor.diagnosis import Diagnosis
from model.tumor.measurements import Tumor
from model.tumor.model import MEASUREMENTS, TumorModel
from slipway.artifacts import Golden, differences, load, save
from slipway.model import Columns, Contract, InputError
from slipway.schema import Field, Schema

ROOT = Path(__file__).parents[4]
MODULES = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "model"}


@pytest.fixture(scope="module", autouse=True)
def modules():
    """Have the repository's own models loaded, where other tests loaded others of the same names."""
    sys.modules.update(MODULES)


def artifact(model, schema, rows, data, folder):
    """Train `model`, and save it with golden predictions of its own."""
    model.train(data)
    save(model, schema, Golden(rows=[], predictions=[]), folder / "draft")
    answers = load(folder / "draft").answer(rows)
    save(model, schema, Golden(rows=rows, predictions=answers), folder / "artifact")
    return load(folder / "artifact")


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    data = Iris().read(ROOT / "model/iris/iris.csv")
    kinds = tuple(sorted(set(data["species"])))
    schema = Schema(
        fields=tuple(Field(name=name, kind="number") for name in Iris.source_features),
        target=Field(name="species", kind="string", categories=kinds),
    )
    rows = data[list(Iris.source_features)][::10].to_dict("records")
    return artifact(Iris(c=2.0), schema, rows, data, tmp_path_factory.mktemp("iris"))


@pytest.fixture(scope="module")
def tumor(tmp_path_factory):
    data = TumorModel().read(ROOT / "model/tumor/tumor.csv")
    contract = Contract.of(TumorModel)
    schema = Schema(fields=contract.fields, target=contract.output)
    rows = data[MEASUREMENTS][::40].to_dict("records")
    return artifact(TumorModel(trees=10), schema, rows, data, tmp_path_factory.mktemp("tumor"))


@pytest.mark.parametrize("name", ["iris", "tumor"])
def test_a_loaded_example_reproduces_its_golden_predictions(name, request):
    """Every release has to do that."""
    loaded = request.getfixturevalue(name)

    answers = loaded.answer(loaded.golden.rows)

    assert differences(loaded.golden, answers, loaded.manifest.tolerance) == []
    assert set(answers) <= set(loaded.schema.target.categories)


def test_iris_keeps_its_limits_and_parameters(iris):
    """Plain values as JSON, the pipeline as skops."""
    assert {name: part.form for name, part in iris.manifest.parts.items()} == {"classifier": "skops", "limits": "json"}
    assert iris.model.limits["petal_width"] == (0.1, 2.5)
    assert iris.model.parameters["c"] == 2.0


def test_tumor_answers_with_a_diagnosis(tumor):
    """JSON holds it as text."""
    assert tumor.answer(tumor.golden.rows[:1]) == ["malignant"]
    columns = Columns.of(tumor.schema, tumor.golden.rows[:1])
    assert tumor.model.predict(columns) == [Diagnosis.MALIGNANT]


def test_tumor_refuses_what_cannot_be(tumor):
    """The model's own refusal passes through, for the caller to hear."""
    impossible = asdict(Tumor(**tumor.golden.rows[0])) | {"worst_radius": 1.0}

    with pytest.raises(InputError, match="below mean_radius"):
        tumor.answer([impossible])


def test_the_limits_of_a_tumor_hold_all_data():
    """They leave room for unseen values."""
    data = TumorModel().read(ROOT / "model/tumor/tumor.csv")

    for field in Contract.of(TumorModel).fields:
        assert field.minimum <= data[field.name].min()
        assert field.maximum >= 1.5 * data[field.name].max()
