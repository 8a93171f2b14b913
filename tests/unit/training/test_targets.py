"""Models without a target, and models with several."""

import pytest

from slipway.artifacts.loading import load
from slipway.errors import SlipwayError
from slipway.serving.bundled import Identity
from slipway.serving.http import docs
from slipway.serving.oip.inference import Inference
from slipway.store import store_of
from slipway.training.task import STEPS

ROW = {"length": 4.1, "width": 2.0}

GROUPS = """from slipway.model import PipelineModel


class Fruit(PipelineModel):
    source_features = ["length", "width"]

    def pipeline(self):
        {pipeline}

    def metrics(self, truth, predictions):
        assert truth == []
        return {{"groups": len({{str(each) for each in predictions}})}}
"""
TEST = "from model.fruit.model import Fruit\n\n\ndef test_it_is_a_model():\n    assert Fruit()\n"
CLUSTERS = "from sklearn.cluster import KMeans; return KMeans(4, random_state=0)"


def written(team, text):
    (team.folder / "model.py").write_text(text)
    (team.folder / "test_model.py").write_text(TEST)


def published(team):
    team.run(*(each for each in STEPS if each != "test"))
    record = store_of(team.settings, "test").record("fruit", 1)
    return record, load(team.root / "run/publish/artifact")


def described(loaded):
    """Return what `/`, `/openapi.json` and the Open Inference Protocol say of the prediction."""
    identity = Identity("fruit/test/1", "v1-1a2b3c4d")
    told = docs.description(loaded, identity, {}, docs.ModelCard())
    inference = Inference(identity, loaded, lambda _: None, loaded.answer, dict)
    document = docs.openapi(loaded, identity, inference, "none")
    assert told["example"]["request"] == loaded.golden.rows[0]
    outputs = {each["name"]: (each["datatype"], each["shape"]) for each in inference.metadata["outputs"]}
    return told["schema"]["prediction"], document["components"]["schemas"]["Prediction"], outputs


@pytest.mark.long(5)
def test_clusters_have_golden_predictions_and_their_own_metrics_alone(team):
    """Nothing is made up of a truth that is not there; the kind of the answer is learned from answers."""
    written(team, GROUPS.format(pipeline=CLUSTERS))
    team.configure("models: {fruit: {gates: {groups: {min: 2}}}}\n")
    record, loaded = published(team)
    assert record.metrics == {"groups": 4.0}
    assert (loaded.schema.target.kind, loaded.schema.target.categories, loaded.schema.truth) == ("integer", (), False)
    assert len(loaded.golden.rows) == 20
    told, documented, outputs = described(loaded)
    assert told == documented == {"title": "prediction", "type": "integer"}
    assert outputs == {"prediction": ("INT64", (-1,))}


@pytest.mark.long(4)
def test_an_embedding_is_a_list_of_numbers(team):
    """An estimator without `predict` answers by `transform`."""
    written(team, GROUPS.format(pipeline="from sklearn.decomposition import PCA; return PCA(2)"))
    _, loaded = published(team)
    (answer,) = loaded.answer([ROW])
    assert [type(each) for each in answer] == [float, float]
    told, documented, outputs = described(loaded)
    assert told == documented == {"title": "prediction", "type": "array", "items": {"type": "number"}}
    assert outputs == {"prediction": ("FP64", (-1, 2))}


@pytest.mark.long(2)
def test_a_gate_on_a_metric_that_needs_a_truth_is_refused(team):
    """Clusters have no accuracy."""
    written(team, GROUPS.format(pipeline=CLUSTERS))
    team.configure("models: {fruit: {gates: {accuracy: {min: 0.9}}}}\n")
    with pytest.raises(SlipwayError, match="the gate 'accuracy'"):
        team.run(*(each for each in STEPS if each != "test"))


@pytest.mark.parametrize(
    ("pipeline", "says"),
    [
        ("from sklearn.linear_model import Ridge; return Ridge()", "learns from a target: name the column"),
        ("from sklearn.cluster import DBSCAN; return DBSCAN()", "DBSCAN has neither predict nor transform"),
    ],
)
def test_an_estimator_that_cannot_do_without_a_target_is_refused_by_name(team, pipeline, says):
    """A forgotten target, and a clustering that knows only the rows that it was fitted on."""
    written(team, GROUPS.format(pipeline=pipeline))
    with pytest.raises(SlipwayError, match=says):
        team.run("fetch", "check", "fit")


SEVERAL = """from slipway.model import PipelineModel


class Fruit(PipelineModel):
    source_features = ["length", "colour"]
    target_variable = ["width", "weight_loss"]

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        prepare = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
        return make_pipeline(prepare, RandomForestRegressor(10, random_state=0))
"""


@pytest.mark.long(4)
def test_several_targets_are_a_dict_and_each_has_its_metrics(team):
    """A gate names target and metric; the name of the target says nothing about which direction is better."""
    heads, *rows = (team.folder / "fruit.csv").read_text().splitlines()
    team.data("\n".join([f"{heads},weight_loss", *(f"{row},{float(row[:3]) * 2}" for row in rows)]) + "\n")
    written(team, SEVERAL)
    team.configure("models: {fruit: {gates: {weight_loss/r2: {min: 0.5, worse_by: 0.1}}}}\n")
    record, loaded = published(team)
    assert set(record.metrics) == {
        f"{name}/{each}" for name in ("width", "weight_loss") for each in ("r2", "mae", "rmse")
    }
    assert record.metrics["weight_loss/r2"] > 0.5
    (answer,) = loaded.answer([{"length": 4.1, "colour": "red"}])
    assert set(answer) == {"width", "weight_loss"}
    told, documented, outputs = described(loaded)
    assert told == documented
    assert told["required"] == ["width", "weight_loss"]
    assert outputs == {"width": ("FP64", (-1,)), "weight_loss": ("FP64", (-1,))}
