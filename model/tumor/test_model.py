"""`make test` runs these, and so does every training before it trains."""

import json
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from model.tumor.diagnosis import Diagnosis
from model.tumor.model import MEASUREMENTS, TumorModel
from slipway.model import InputError


@pytest.fixture(scope="module")
def data():
    return TumorModel().read(Path(__file__).with_name("tumor.csv"))


@pytest.fixture(scope="module")
def tumors(data):
    """The first twenty of the data, most of them malignant."""
    return data[MEASUREMENTS][:20]


@pytest.fixture(scope="module")
def trained(data):
    model = TumorModel(trees=10)
    model.train(data[::3])
    return model


@pytest.mark.parametrize("diagnosis", Diagnosis)
def test_a_diagnosis_is_its_class(diagnosis):
    """Predicting reads the numbers of the classes as training writes them."""
    assert Diagnosis.from_class(diagnosis.as_class) is diagnosis


def test_an_unknown_class_is_no_diagnosis():
    """A class that the classifier never learned is an error, never a guess."""
    with pytest.raises(ValueError, match="class 2 stands for no diagnosis"):
        Diagnosis.from_class(2)


def test_it_learns_the_diagnosis(trained, tumors, data):
    """A small forest trained on a third of the data is right on most of the first twenty."""
    right = [
        found == trained.outcome(known)
        for found, known in zip(trained.predict(tumors), data["diagnosis"], strict=False)
    ]

    assert sum(right) >= 18


def test_impossible_measurements_are_refused(trained, tumors):
    """The caller hears which row and which measurement cannot be."""
    impossible = tumors.copy()
    impossible.loc[2, "worst_radius"] = 1.0
    impossible.loc[1, "worst_area"] = 1.0

    with pytest.raises(InputError, match="below mean_area") as refusal:
        trained.predict(impossible)

    assert (refusal.value.row, refusal.value.field) == (1, "worst_area")


def test_the_served_model_tells_tumors_apart(served_url, tumors):
    """A list of tumours gets a list of diagnoses; the model asked is the one just trained."""
    body = json.dumps(tumors.iloc[[0, 19]].to_dict("records")).encode()
    request = Request(f"{served_url}/predict", data=body, headers={"Content-Type": "application/json"})

    with urlopen(request) as response:
        answer = json.load(response)

    assert answer["status"] == "ok"
    assert answer["prediction"] == ["malignant", "benign"]
