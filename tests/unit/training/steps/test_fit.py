"""The step `fit` trains the model on the rows that are not held out."""

import zipfile

import msgspec
import numpy as np
import pytest

from slipway.artifacts.loading import load
from slipway.errors import SlipwayError

_TRAIN = """
    def train(self, data):
        self.seen = list(data.columns)
        self.total = float(data["weight"].sum())
        self.idents = data["ident"].tolist()
        super().train(data)
"""


def test_train_gets_all_columns_and_callers_give_the_features_alone(team, trained):
    """Features and target come first; another column changes neither the schema nor which rows are held out."""
    before = msgspec.json.decode((trained.root / "run/check/rows.json").read_bytes())
    heads, *rows = (team.folder / "fruit.csv").read_text().splitlines()
    spare = [f"{2**53 + 1 + at},{row},{at % 3}" for at, row in enumerate(rows)]
    team.data("\n".join([f"ident,{heads},weight", *spare]) + "\n")
    team.edit("    def pipeline(self):", f"{_TRAIN}\n    def pipeline(self):")
    folder = team.run("fetch", "check", "fit")
    loaded = load(folder / "artifact")
    assert loaded.model.seen == ["length", "width", "colour", "kind", "ident", "weight"]
    assert 2**53 + 1 < max(loaded.model.idents) < 2**53 + 122
    assert all(type(each) is int for each in loaded.model.idents)
    assert loaded.schema.names == ("length", "width", "colour")
    assert msgspec.json.decode((folder / "rows.json").read_bytes()) == before


SLOW = """
import time
from slipway.model import PipelineModel

class Fruit(PipelineModel):
    source_features = ["length", "width"]
    target_variable = "kind"

    def pipeline(self):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer

        class Slow(LogisticRegression):
            def fit(self, X, y):
                raise AssertionError("fitted")

        return make_pipeline(FunctionTransformer(MAKE), STEP)
"""


@pytest.mark.parametrize(
    ("make", "step", "says"),
    [
        ("lambda x: x", "LogisticRegression()", "write it at the outermost level"),
        ("None", "Slow()", "write it at the outermost level"),
        ("time.sleep", "LogisticRegression()", "trusted_types = "),
    ],
)
def test_a_pipeline_that_cannot_be_saved_is_refused_before_the_fit(team, make, step, says):
    """Nobody waits for a fit whose result cannot be kept."""
    (team.folder / "model.py").write_text(SLOW.replace("MAKE", make).replace("STEP", step))
    with pytest.raises(SlipwayError, match=r"Fruit.pipeline\(\)") as caught:
        team.run("fetch", "check", "fit")
    assert says in caught.value.fix


DRAWN = """
    def pipeline(self):
        import numpy as np
        from sklearn.tree import DecisionTreeClassifier
        return DecisionTreeClassifier(max_depth=int(np.random.randint(1, 10**6)))
"""


def test_a_pipeline_draws_from_the_seed_of_the_training(team):
    """However often it was looked at before, the same data give the same fit."""
    path = team.folder / "model.py"
    path.write_text(SLOW[: SLOW.index("    def pipeline")] + DRAWN)
    artifact = team.run("fetch", "check", "fit") / "artifact"
    np.random.seed(0)
    assert f'"{np.random.randint(1, 10**6)}"' in _schema_of(artifact)


def _schema_of(artifact):
    original = next(artifact.parent.rglob("fitted.skops"))
    with zipfile.ZipFile(original) as archive:
        return archive.read("schema.json").decode().replace("\\", "")
