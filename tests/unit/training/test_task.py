"""The steps run in their order, from data to a published version."""

import sys

import msgspec
import pytest

from slipway.cli import main
from slipway.errors import SlipwayError
from slipway.models.discovery import training_digest
from slipway.store import open_store
from slipway.training.task import STEPS, Task, Workspace, begin, step
from tests.unit.training.conftest import KIND, PLAIN

PROD = "  prod: {store: store/prod, namespace: slipway-prod, promotes_from: test}\n"


def store(team):
    return open_store("store/test", root=team.root, environment="test")


def test_all_steps_make_a_version_that_can_be_trained_again(trained, tmp_path):
    """The record names code, data, metrics and reports; the artifact has golden predictions; the data is kept."""
    record = store(trained).record("fruit", 1)
    assert record.metrics["accuracy"] > 0.9
    assert record.data.rows == 120
    assert 0 < record.data.held_out < 60
    assert record.training.digest == training_digest(trained.settings, "fruit")
    assert {"junit.xml", "coverage.json"} < set(record.attachments)
    golden = store(trained).fetch(record, tmp_path / "fetched") / "golden.json"
    assert 0 < len(msgspec.json.decode(golden.read_bytes())["rows"]) <= 20
    snapshot = next(name for name in record.attachments if record.data.sha256 in name)
    assert store(trained).content(record, snapshot) == (trained.folder / "fruit.csv").read_bytes()
    scores = trained.root / "run" / "publish" / "scores"
    assert {path.name: float(path.read_text()) for path in scores.iterdir()} == record.metrics


def test_a_pipeline_becomes_a_graph_that_needs_none_of_what_trained_it(trained, tmp_path):
    """The record has the result and the original estimator. The artifact's lock has neither scikit-learn nor pandas."""
    record = store(trained).record("fruit", 1)
    conversion = record.conversion["fitted"]
    assert (conversion.form, conversion.how, conversion.rows, conversion.tolerance) == ("onnx", "float64", 120, 1e-9)
    assert "originals/fitted.skops" in record.attachments
    lock = (store(trained).fetch(record, tmp_path / "fetched") / "requirements.lock").read_text()
    assert "onnxruntime==" in lock
    assert "scikit-learn==" not in lock
    assert "pandas==" not in lock


NO_TESTS = "def test_nothing():\n    pass\n"


@pytest.mark.long(3)
def test_predicting_with_a_library_of_its_own_keeps_it(team):
    """A model whose code predicts with pandas is served with all its requirements."""
    team.edit("from slipway.model", "import pandas\nfrom slipway.model")
    (team.folder / "test_model.py").write_text(NO_TESTS)
    folder = team.run("fetch", "check", "fit", "evaluate")
    assert (folder / "artifact/parts/fitted.onnx").is_file()
    lock = (folder / "artifact/requirements.lock").read_text()
    assert {"onnxruntime", "pandas", "scikit-learn"} <= {line.partition("==")[0] for line in lock.splitlines()}


def test_conversion_can_be_turned_off(team):
    """Estimators stay Python, and the record has no result."""
    team.configure("models:\n  fruit:\n    convert: never\n")
    folder = team.run("fetch", "check", "fit")
    assert (folder / "artifact/parts/fitted.skops").is_file()
    assert msgspec.json.decode((folder / "conversion.json").read_bytes()) == {}


def test_a_missed_gate_publishes_nothing(team, fitted):
    """The message has the figure and the distance to the limit. No folder is left to publish."""
    team.configure("models:\n  fruit:\n    gates: {accuracy: {min: 1.5}}\n")
    with pytest.raises(SlipwayError, match=r"accuracy 1, at least 1\.5 \(missed by 0\.5\)"):
        step("evaluate", team.settings, fitted, team.root / "run" / "evaluate")
    assert not (team.root / "run" / "evaluate").exists()


def test_a_failing_test_stops_the_training(team):
    """The model's tests run before the training, and pytest's output is shown."""
    (team.folder / "test_model.py").write_text("def test_that_the_kind_is_known():\n    raise KeyError('kind')\n")
    with pytest.raises(SlipwayError, match="test_that_the_kind_is_known"):
        team.run(*STEPS)
    assert not (team.root / "run" / "fit").exists()


@pytest.mark.long(4)
def test_a_served_test_that_fails_stops_the_publication(team, fitted):
    """A test that asks for the served model runs against the fresh one."""
    team.edit('== "ok"', '== "fine"', file="test_model.py")
    with pytest.raises(SlipwayError, match="test_the_served_model_answers_a_row"):
        step("evaluate", team.settings, fitted, team.root / "run" / "evaluate")
    assert not (team.root / "run" / "evaluate").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "return make_pipeline",
            "1 / 0\n        return make_pipeline",
            r"model/fruit/model\.py, line \d+: 1 / 0\n  Zero",
        ),
        ("source_features =", "source =", "source_features is empty"),
        ("from slipway.model", "import nosuch\nfrom slipway.model", r"model\.py, line 1: import nosuch"),
    ],
    ids=["train", "contract", "import"],
)
def test_a_mistake_in_the_model_is_shown_by_the_users_own_line(team, old, new, says):
    """The message has the line in the user's file, and no traceback of the platform."""
    (team.folder / "test_model.py").write_text(NO_TESTS)
    team.edit(old, new)
    with pytest.raises(SlipwayError, match=says):
        team.run("fetch", "check", "fit")


@pytest.mark.parametrize(("call", "value"), [({}, 300), ({"max_iter": "250"}, 250)])
def test_parameters_come_from_the_settings_and_the_call(team, call, value):
    """Parameters of the call replace those of the settings, and get the type of the default."""
    team.configure("models:\n  fruit:\n    parameters: {max_iter: 300}\n")
    folder = team.run("fetch", parameters=call)
    task = msgspec.json.decode((folder / "about.json").read_bytes(), type=Task)
    assert Workspace(team.settings, folder, task).new_model().parameters == {"max_iter": value}


@pytest.mark.parametrize(
    ("parameters", "says"), [({"maxiter": 3}, "did you mean 'max_iter'"), ({"max_iter": "many"}, "not of type int")]
)
def test_a_wrong_parameter_is_refused(team, parameters, says):
    """A misspelt parameter is named."""
    with pytest.raises(SlipwayError, match=says):
        team.run("fetch", "check", parameters=parameters)


def test_a_step_without_the_one_before_says_so(team):
    """A step that is run too early names the missing file."""
    with pytest.raises(SlipwayError, match="run the steps in their order"):
        team.run("fetch", "fit")


def plain(team, prediction, before=""):
    """Make the model one that needs no package to predict."""
    (team.folder / "model.py").write_text(before + PLAIN.replace("PREDICTION", prediction))
    (team.folder / "test_model.py").write_text(NO_TESTS)
    (team.folder / "requirements.txt").write_text("")


@pytest.mark.parametrize(
    ("prediction", "says"),
    [
        (f"{{'label': {KIND}, 'probability': 0.9}}", "predict gives label, probability, and nothing named 'kind'"),
        ("row['size']", r"model/fruit/model\.py, line \d+: .*row\['size'\].*\n  KeyError"),
        ("'medium'", "unknown class 'medium'"),
    ],
    ids=["dict without the target", "exception", "unknown class"],
)
def test_predictions_that_cannot_be_judged_are_refused(team, prediction, says):
    """The message has the missing value or the user's own line."""
    plain(team, prediction)
    with pytest.raises(SlipwayError, match=says):
        team.run("fetch", "check", "fit", "evaluate")


@pytest.mark.long(7)
def test_a_package_missing_in_serving_stops_the_publication(team):
    """The fresh model is started in its serving environment, which lacks packages of training."""
    plain(team, f"{{'kind': {KIND}}}", before="import pandas\n")
    with pytest.raises(SlipwayError, match="pandas"):
        team.run(*STEPS)
    assert store(team).versions("fruit") == []


@pytest.mark.long(7)
def test_an_attribute_that_is_not_saved_is_named(team):
    """An attribute that begins with `_` is not saved; the message proposes another name."""
    plain(team, KIND)
    team.edit('self.limit = float(data["length"].mean())', 'self._limit = float(data["length"].mean())')
    team.edit("self.limit", "self._limit")
    with pytest.raises(SlipwayError, match="has no attribute '_limit'") as caught:
        team.run("fetch", "check", "fit", "evaluate")
    assert caught.value.fix == "names that begin with _ are not saved with a model: call it limit"


SECRET = "models:\n  fruit:\n    secrets: {TOKEN: {secret: fruit, key: token}}\n"


@pytest.mark.parametrize(
    ("value", "train", "says"),
    [
        (None, "self.limit = 1.0", "the secret TOKEN, which training needs, is not set"),
        ("hunter2-hunter2", "raise OSError(f'no access with {os.environ[\"TOKEN\"]}')", "no access with <TOKEN>"),
        ("hunter2-hunter2", "self.limit = os.environ['TOKEN']", "limit.json holds the value of the secret TOKEN"),
        ("hunter2-hunter2", "self.limit = float(len(os.environ['TOKEN']))", None),
    ],
    ids=["missing", "in an error", "in the artifact", "used"],
)
def test_a_secret_is_used_and_neither_shown_nor_saved(team, monkeypatch, value, train, says):
    """Training gets it as a variable; messages and artifacts never hold its value."""
    monkeypatch.delenv("TOKEN", raising=False)
    if value:
        monkeypatch.setenv("TOKEN", value)
    plain(team, KIND, before="import os\n")
    team.edit('self.limit = float(data["length"].mean())', train)
    team.configure(SECRET)
    if says is None:
        team.run("fetch", "check", "fit")
        return
    with pytest.raises(SlipwayError) as caught:
        team.run("fetch", "check", "fit")
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", ["nan", pytest.param("inf", marks=pytest.mark.long(2))])
def test_a_metric_that_is_no_number_passes_no_gate(team, value):
    """It is named before the gates are judged, which it would pass."""
    plain(team, KIND)
    with (team.folder / "model.py").open("a") as file:
        file.write(f"\n    def metrics(self, truth, predictions):\n        return {{'profit': float('{value}')}}\n")
    team.configure("models:\n  fruit:\n    gates: {profit: {min: 0.9}}\n")
    with pytest.raises(SlipwayError, match=f"the metric 'profit' of the fresh model is {value}") as caught:
        team.run("fetch", "check", "fit", "evaluate")
    assert "`metrics` in the model's class" in caught.value.fix


@pytest.mark.long(7)
def test_a_model_that_predicts_something_else_now_is_compared_with_the_record(team, monkeypatch):
    """When a class becomes a number, gates take the metrics of the deployed version's record."""
    plain(team, KIND)
    team.edit(
        'source_features = ["length"]', 'source_features = ["length"]\n    def metrics(self, *_): return {"profit": 2}'
    )
    team.run(*STEPS)
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "1")
    for old, new in (('"kind"', '"width"'), (KIND, "row['length']")):
        team.edit(old, new)
    for name in [name for name in sys.modules if name.partition(".")[0] == "model"]:
        del sys.modules[name]
    team.configure("models:\n  fruit:\n    gates: {profit: {worse_by: 0.1}, mae: {worse_by: 0.1}}\n")
    folder = team.run("fetch", "check", "fit")
    told = step("evaluate", team.settings, folder, team.root / "run" / "evaluate")
    assert "compared with the record of v1 but in mae, which nobody measured of it" in told
    measured = msgspec.json.decode((team.root / "run" / "evaluate" / "metrics.json").read_bytes())
    assert measured["before"] == store(team).record("fruit", 1).metrics
    assert [gate["metric"] for gate in measured["gates"]] == ["profit"]


def test_nothing_is_trained_for_an_environment_that_takes_promotions(team):
    """The message names `slipway promote`."""
    team.configure(PROD)
    with pytest.raises(SlipwayError, match="prod takes only what test has verified") as caught:
        begin(team.settings, "fruit", "prod")
    assert "slipway promote --to prod" in caught.value.fix


def test_the_command_refuses_such_an_environment_at_once(team, capsys):
    """It fails before the model's environment is made."""
    team.configure(PROD)
    assert main(["-C", str(team.root), "train", "fruit", "--env", "prod"]) == 1
    assert "error: prod takes only what test has verified\n  → train for test (--env test)" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["", "0", "3", "'bye'"])
@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("    def train(", "    def read(self, path): import sys; sys.exit(STATUS)\n    def train(", "check"),
        ("    def train(", "    def held_out(self, data): import sys; sys.exit(STATUS)\n    def train(", "check"),
        ("        self.limit = ", "        import sys; sys.exit(STATUS)\n        self.limit = ", "fit"),
    ],
    ids=["read", "held_out", "train"],
)
def test_a_model_that_ends_the_process_fails_the_step(team, old, new, name, status):
    """A status of 0 would pass for a training that is done."""
    (team.folder / "model.py").write_text(PLAIN.replace("PREDICTION", KIND))
    team.edit(old, new.replace("STATUS", status))
    steps = [each for each in STEPS[: STEPS.index(name) + 1] if each != "test"]
    with pytest.raises(SlipwayError, match=r"ends the process: model/fruit/model\.py, line \d+: .*sys\.exit"):
        team.run(*steps)
    assert not (team.root / "run" / name).exists()
