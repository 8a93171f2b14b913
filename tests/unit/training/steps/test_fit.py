"""The step `fit` trains the model on the rows that are not held out."""

import msgspec

from slipway.artifacts.loading import load

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
    folder = team.run("fetch", "check", "test", "fit")
    loaded = load(folder / "artifact")
    assert loaded.model.seen == ["length", "width", "colour", "kind", "ident", "weight"]
    assert 2**53 + 1 < max(loaded.model.idents) < 2**53 + 122
    assert all(type(each) is int for each in loaded.model.idents)
    assert loaded.schema.names == ("length", "width", "colour")
    assert msgspec.json.decode((folder / "rows.json").read_bytes()) == before
