"""A second fit in another process, folder and order of sets tells whether a training can be repeated."""

import json
from pathlib import Path

import pytest

from slipway.artifacts.loading import load
from slipway.store.records import SecondFit
from slipway.training import second_fit

MODEL = """
import numpy
from slipway.model import Model

class Fruit(Model):
    source_features = ["length"]
    target_variable = "kind"
    output = float

    def outcome(self, value):
        return float(value == "large")

    def train(self, data):
        self.mean = float(data["length"].mean())
        self.found = FOUND

    def predict(self, rows):
        return [row["length"] - self.mean + NOISE for row in rows]
"""
ELSEWHERE = "with another order of sets, or from another working folder"


@pytest.fixture
def one_fit(monkeypatch):
    """Fit a second time, unlike in the other tests, however busy the machine is."""
    monkeypatch.setattr(second_fit, "LONGEST", 600.0)
    monkeypatch.setattr(second_fit, "_PATIENCE", 600.0)


def fitted(team, found="1", noise="0"):
    """Run the steps up to `fit` with a model that keeps `found`; return its folder and the second fit."""
    (team.folder / "model.py").write_text(MODEL.replace("FOUND", found).replace("NOISE", noise))
    folder = team.run("fetch", "check", "fit")
    return folder, SecondFit(**json.loads((folder / "fit.json").read_bytes())["second_fit"])


@pytest.mark.long(10)
@pytest.mark.parametrize(
    ("found", "only"),
    [
        ("float(numpy.random.default_rng().normal())", None),
        ("__import__('os').urandom(4).hex()", None),
        ("__import__('time').time()", None),
        ("__import__('uuid').uuid4().hex", None),
        ("__import__('tempfile').gettempdir()", None),
        ("id(object())", None),
        ("__import__('os').getcwd()", ELSEWHERE),
    ],
)
def test_what_differs_each_time_is_found(team, found, only):
    """It names the file that differs, and where the answers of both agree. What the platform keeps fixed is told."""
    seen = fitted(team, found)[1]
    assert (seen.result, seen.files, seen.only) == ("different", ["parts/found.json"], only)
    assert seen.rows > 20 and (seen.alike, seen.largest_difference) == (seen.rows, 0.0)


@pytest.mark.long(10)
@pytest.mark.parametrize(
    "found",
    [
        "__import__('random').random()",
        "float(numpy.random.normal())",
        "float(numpy.random.default_rng(7).normal())",
        "{'cherry', 'plum', 'apple', 'pear', 'quince', 'fig'}",
        "{(1.5, 'a'), (1.5, 'b'), ('c', 2)}",
    ],
)
def test_what_begins_with_the_seed_of_the_training_is_the_same(team, found):
    """Sets are saved in an order of their own."""
    assert fitted(team, found)[1] == SecondFit(result="same")


@pytest.mark.long(10)
def test_estimators_without_a_random_state_are_the_same(team):
    """They become the same graph as well, and the second fit leaves nothing behind."""
    team.edit("sklearn.linear_model import LogisticRegression", "sklearn.ensemble import RandomForestClassifier")
    team.edit('LogisticRegression(max_iter=self.parameters["max_iter"])', "RandomForestClassifier(9)")
    folder = team.run("fetch", "check", "fit")
    assert json.loads((folder / "fit.json").read_bytes())["second_fit"]["result"] == "same"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["check", "fetch", "fit"]


@pytest.mark.long(10)
@pytest.mark.parametrize(("scale", "alike"), [(1.0, 0), (1e-9, 28)])
def test_it_tells_how_far_the_answers_differ(team, scale, alike):
    """The numbers of both are compared on the held-out rows, within the tolerance of the model."""
    _, seen = fitted(team, "float(numpy.random.default_rng().uniform(1, 2))", f"self.found * {scale}")
    assert (seen.result, seen.alike, seen.rows) == ("different", alike, 28)
    assert 0 < seen.largest_difference < scale
    assert f"both answer {alike} of 28 held-out rows alike, largest difference" in seen.words


@pytest.mark.long(10)
def test_a_fit_that_fails_in_another_folder_is_told(team, monkeypatch):
    """The training itself goes on, and no secret gets into the record."""
    monkeypatch.setenv("TASTE", "sweet enough")
    monkeypatch.chdir(team.root)
    team.configure("models: {fruit: {secrets: {TASTE: {secret: fruit, key: taste}}}}\n")
    code = "__import__('pathlib').Path('slipway.yaml' if TASTE else '').read_text()[:3]"
    folder, seen = fitted(team, code.replace("TASTE", "__import__('os').environ['TASTE']"))
    assert (seen.result, seen.only) == ("failed", ELSEWHERE)
    assert "No such file or directory: 'slipway.yaml'" in seen.why and "sweet" not in seen.words
    assert load(folder / "artifact").model.found == "env"


@pytest.mark.parametrize(
    ("longest", "models", "why"),
    [
        (-1.0, "", "the first took 0 s, which is more than -1 s"),
        (600.0, "models: {fruit: {second_fit: never}}\n", "models.fruit.second_fit is never"),
    ],
)
def test_a_long_fit_or_one_with_effects_is_not_repeated(team, monkeypatch, longest, models, why):
    """The record says so, and claims nothing."""
    monkeypatch.setattr(second_fit, "LONGEST", longest)
    team.configure(models)
    _, seen = fitted(team)
    assert (seen.result, seen.why) == ("not made", why)
    assert seen.words == f"no second fit was made: {why}" and not seen.is_doubtful


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="only Linux tells it")
def test_a_second_process_has_to_find_room(team, monkeypatch, tmp_path):
    """Where the limit of the container leaves none, it would be killed, and the training with it."""
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(second_fit, "LONGEST", 600.0)
    monkeypatch.setattr(second_fit, "_LIMITS", (limit,))
    limit.write_text(f"{100 * 2**20}\n")
    assert fitted(team)[1].why == "there is no memory for a second process as large as the first"
    limit.write_text("max\n")
    assert second_fit._has_room()
    limit.write_text(f"{2**50}\n")
    assert second_fit._has_room()


@pytest.mark.long(10)
def test_the_artifact_does_not_depend_on_it(team):
    """What is known of an artifact is in the record, and none of it in the artifact."""
    files = second_fit.digest_each(fitted(team)[0] / "artifact")
    team.configure("models: {fruit: {second_fit: never}}\n")
    assert second_fit.digest_each(fitted(team)[0] / "artifact") == files


METRICS = """
    def metrics(self, truth, predictions):
        return {"bound": float(DRAW), "steady": 1.0}
"""


@pytest.mark.long(10)
@pytest.mark.parametrize(
    ("draw", "files"), [("numpy.random.normal()", []), ("numpy.random.default_rng().normal()", ["metrics.json"])]
)
def test_metrics_that_differ_each_time_are_told(team, draw, files):
    """They are in the artifact, so the record says that it would be another one."""
    code = MODEL.replace("FOUND", "1").replace("NOISE", "0")
    (team.folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
    (team.folder / "model.py").write_text(code + METRICS.replace("DRAW", draw))
    folder = team.run("fetch", "check", "fit", "evaluate")
    seen = json.loads((folder / "fit.json").read_bytes())["second_fit"]
    assert (seen["files"], seen["result"]) == (files, "different" if files else "same")
