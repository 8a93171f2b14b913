"""A row is answered alike, alone and among others: held-out rows are asked both ways before anything is published."""

import pytest

from slipway.errors import SlipwayError

ROWS = "length,colour,kind\n" + "\n".join(
    f"{'' if n % 7 == 0 else 3 + n % 2 * 3},{('red', '', 'green')[n % 3]},{('small', 'large')[n % 2]}"
    for n in range(90)
)
TYPED = """
from dataclasses import asdict, dataclass
from typing import Literal
from slipway.model import Model, frame

@dataclass
class Row:
    length: float | None
    colour: Literal["red", "green"] | None

class Fruit(Model):
    input = Row
    target_variable = "kind"

    def train(self, data):
        from sklearn.compose import make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder
        from sklearn.tree import DecisionTreeClassifier

        prepare = make_column_transformer((SimpleImputer(), ["length"]), (OneHotEncoder(), ["colour"]))
        self.tree = make_pipeline(prepare, DecisionTreeClassifier(random_state=0))
        self.tree.fit(data[["length", "colour"]], data["kind"])

    def predict(self, rows):
        return PREDICT
"""
FRAMED = "self.tree.predict(frame(self, rows)).tolist()"
LEARNED = """
from slipway.model import PipelineModel

class Fruit(PipelineModel):
    source_features = ["length", "colour"]
    target_variable = "kind"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder
        from sklearn.tree import DecisionTreeClassifier

        prepare = make_column_transformer((SimpleImputer(), ["length"]), (OneHotEncoder(), ["colour"]))
        return make_pipeline(prepare, DecisionTreeClassifier(random_state=0))
"""
TEST = "def test_nothing():\n    pass\n"


def _evaluated(team, code, test=TEST):
    (team.folder / "model.py").write_text(code)
    (team.folder / "test_model.py").write_text(test)
    team.data(ROWS)
    return team.run("fetch", "check", "test", "fit", "evaluate")


@pytest.mark.parametrize("code", [TYPED.replace("PREDICT", FRAMED), LEARNED], ids=["declared", "learned"])
def test_rows_with_gaps_are_answered_alike_alone_and_among_others(team, code):
    """A single row shows no types, so those of the model's fields decide."""
    assert (_evaluated(team, code) / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("predict", "says"),
    [
        ("['small' if number else 'large' for number in range(len(rows))]", "in another order"),
        ("['small' if len(rows) > 1 else 'large' for row in rows]", "alone"),
        ("self.tree.predict(frame(self, rows[-1:] * len(rows))).tolist()", "(in another order|alone)"),
    ],
)
def test_an_answer_that_depends_on_the_other_rows_fails_the_training(team, predict, says):
    """A caller who sends one row would otherwise get another answer than the metrics tell of."""
    with pytest.raises(SlipwayError, match=f"a row is answered otherwise {says} than among others") as caught:
        _evaluated(team, TYPED.replace("PREDICT", predict))
    assert "frame(self, rows)" in caught.value.fix
    assert not (team.root / "run" / "evaluate").exists()


def test_a_missing_value_reaches_predict_as_it_reached_train(team):
    """It is NaN in the rows of `predict`, for numbers and for text."""
    told = "[('small', 'large')[sum(value != value for value in asdict(row).values()) > 0] for row in rows]"
    _evaluated(team, TYPED.replace("PREDICT", told))
    found = (team.root / "run/evaluate/artifact/golden.json").read_text()
    assert '"large"' in found
    assert '"small"' in found
