"""`make test` runs these, and so does every training before it trains."""

import json
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest

from model.common.cleaning import limits_of, within, without_repeats
from model.iris.features import features_of
from model.iris.model import Iris

FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


@pytest.fixture(scope="module")
def flowers():
    """Every fifth flower: ten of each species."""
    return Iris().read(Path(__file__).with_name("iris.csv"))[::5]


@pytest.fixture(scope="module")
def trained(flowers):
    model = Iris(c=10.0)
    model.train(flowers)
    return model


def test_features_of_a_flower():
    """A sepal of 5.1 by 3.5 cm has 17.85 cm², a petal of 1.4 by 0.2 cm has 0.28."""
    *measurements, sepal_area, petal_area = features_of(np.array([list(FLOWER.values())]))[0].tolist()

    assert measurements == list(FLOWER.values())
    assert (sepal_area, petal_area) == pytest.approx((17.85, 0.28))


def test_repeated_flowers_count_once(flowers):
    """A row that stands twice in the data is trained on once."""
    assert len(without_repeats(flowers.iloc[[0, 1, 0]])) == 2


def test_a_flower_beyond_all_known_ones_is_moved_to_the_edge(flowers):
    """Nobody has seen a petal of two metres; the model treats it as the longest that it knows."""
    moved = within(pd.DataFrame([{**FLOWER, "petal_length": 200.0}]), limits_of(flowers[list(FLOWER)]))

    assert moved.tolist() == [[5.1, 3.5, flowers["petal_length"].max(), 0.2]]


def test_it_learns_the_species(trained, flowers):
    """On the few flowers that it was trained on it is nearly always right."""
    predicted = trained.predict(flowers)

    assert sum(predicted == flowers["species"]) >= 0.95 * len(flowers)


def test_parameters_reach_the_classifier(trained):
    """The regression is fitted with the `c` of `slipway.yaml`."""
    assert trained.classifier[-1].C == 10.0


def test_the_served_model_knows_a_setosa(served_url):
    """One object gets one prediction; the model asked is the one just trained."""
    body = json.dumps(FLOWER).encode()
    request = Request(f"{served_url}/predict", data=body, headers={"Content-Type": "application/json"})

    with urlopen(request) as response:
        answer = json.load(response)

    assert answer["status"] == "ok"
    assert answer["prediction"] == "setosa"
