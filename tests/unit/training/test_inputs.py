"""Parameters of a model are read in the model's environment."""

import pytest

from slipway.errors import SlipwayError
from slipway.training.inputs import parameters
from tests.unit.conftest import ROOT, Site

MODEL = """
from slipway.model import Model

print("on its way")


class Iris(Model):
    source_features = ["a"]
    target_variable = "b"
    parameters = {"c": 1.0, "steps": 3, "fast": True, "solver": "lbfgs"}

    def train(self, data):
        pass

    def predict(self, rows):
        return rows
"""


@pytest.fixture
def team(site: Site) -> Site:
    site.write("requirements.lock", (ROOT / "requirements.lock").read_text())
    site.write("model/iris/model.py", MODEL)
    site.write("model/iris/requirements.txt", "")
    return site


def test_parameters_have_the_values_of_the_settings(team: Site) -> None:
    """Settings replace the defaults of the class, and get the types of the defaults."""
    team.set("iris: {train: manual}", "iris: {train: manual, parameters: {c: 2, solver: saga}}")
    found = parameters(team.settings, "iris")
    assert found == {"c": 2.0, "steps": 3, "fast": True, "solver": "saga"}
    assert type(found["c"]) is float


def test_a_model_that_cannot_be_loaded_is_an_error(team: Site) -> None:
    """The message has the user's own mistake, and what to do."""
    team.write("model/iris/model.py", "import nothing_like_it\n")
    with pytest.raises(SlipwayError, match=r"the parameters of iris cannot be read: .*nothing_like_it") as caught:
        parameters(team.settings, "iris")
    assert caught.value.fix == "add it, pinned, to model/iris/requirements.txt"


def test_parameters_are_typed_as_a_training_types_them(team: Site) -> None:
    """A text becomes a truth value, and a value that training would refuse is refused."""
    team.set("iris: {train: manual}", "iris: {train: manual, parameters: {fast: 'false', steps: '7'}}")
    assert parameters(team.settings, "iris") == {"c": 1.0, "steps": 7, "fast": False, "solver": "lbfgs"}
    team.set("steps: '7'", "steps: 0.5")
    with pytest.raises(SlipwayError, match=r"of iris cannot be read: parameter steps: 0\.5 is not of type int"):
        parameters(team.settings, "iris")
