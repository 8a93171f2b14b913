"""A class of another convention is found in a repository, trained, and loaded again."""

import http.client
import json
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from slipway import settings
from slipway.artifacts import load
from slipway.errors import SlipwayError
from slipway.images import bundle, running
from slipway.models import discovery
from slipway.models.discovery import training_digest
from slipway.training.task import Workspace, begin, step

CASES = Path(__file__).parents[2] / "models"
LEAF = "models: {leaf: {target: kind, parameters: {limit: 7}}}\n"


class Team:
    """A scratch repository with a copy of a case."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copy(CASES.parents[1] / "requirements.lock", root)

    def copy(self, case, models=""):
        shutil.copytree(CASES / case, self.root / "model" / case, dirs_exist_ok=True)
        text = "environments: {test: {store: store, namespace: test}}\n"
        (self.root / "slipway.yaml").write_text(text + models)
        return settings.load(self.root)


@pytest.fixture
def team(tmp_path):
    """Make a scratch repository, and forget the modules of its models afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    yield Team(tmp_path)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")) or name.startswith("model"):
            del sys.modules[name]


def test_a_class_is_found_in_the_file_of_its_name(team):
    """Its columns are those of the data. Its parameters have the types of their defaults."""
    of = team.copy("leaf", LEAF)
    found = discovery.load_class(of, "leaf")
    assert (found.__name__, found.__doc__) == ("Leaf", "Says which leaf is large.")
    assert (found.source_features, found.target_variable) == (["length", "width"], "kind")
    assert found.parameters == {"limit": 6.0, "file": "kinds.json"}
    assert discovery.entry(of, "leaf") == "model.leaf.Leaf"
    assert of.models() == ["leaf"]


def test_all_that_it_needs_is_part_of_the_model(team):
    """Modules and files beside it belong to it. Its columns are part of the training digest."""
    of = team.copy("leaf", LEAF)
    names = [Path(path).name for path in discovery.model_files(of, "leaf")]
    assert names == ["Leaf.py", "kinds.json", "measures.py"]
    before = training_digest(of, "leaf")
    assert (
        training_digest(team.copy("leaf", LEAF.replace("kind,", "kind, features: [width, length],")), "leaf") != before
    )


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ("models: {leaf: {target: kind, features: [kind]}}", "models.leaf.features: 'kind' is named twice"),
        ("models: {leaf: {features: [length]}}", "models.leaf.features: of which target?"),
        ("", "slipway.yaml does not say which column Leaf of model/leaf predicts"),
        ("models: {other: {target: kind}}", "models.other: there is no model/other"),
        ("models: {leaf: {target: kind, data: 'gs://bucket/leaf.csv'}}", "the columns of gs://bucket/leaf.csv are not"),
        ("models: {leaf: {target: kind, parameters: {depth: 3}}}", "Leaf has no parameter 'depth'"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(team, models, says):
    """A message names each mistake before the training."""
    with pytest.raises(SlipwayError) as caught:
        of = team.copy("leaf", models)
        task = begin(of, "leaf", "test")
        discovery.load_class(of, "leaf")
        Workspace(of, team.root, task).new_model()
    assert says in str(caught.value)


def test_a_class_that_says_itself_what_it_predicts_is_not_told(team):
    """Two declarations of a target could differ."""
    of = team.copy("good", "models: {good: {target: kind}}\n")
    with pytest.raises(SlipwayError, match=r"models\.good\.target is set, and model/good/model\.py says itself"):
        discovery.load_class(of, "good")


def test_a_wrapper_needs_no_base(team):
    """It names its columns, so the settings need not."""
    found = discovery.load_class(team.copy("boxes"), "boxes")
    assert (found.source_features, found.target_variable) == (["length", "width", "colour"], "content")


def test_a_wrapper_that_names_no_target_is_told_where_to(team):
    """The message has the line to write."""
    of = team.copy("boxes")
    path = team.root / "model/boxes/model.py"
    path.write_text(path.read_text().replace("target_variable", "label"))
    with pytest.raises(SlipwayError, match="does not say which column ModelWrapper predicts") as caught:
        discovery.load_class(of, "boxes")
    assert "models: {boxes: {target: COLUMN}}" in caught.value.fix


def test_the_class_is_trained_unchanged_and_loaded_again(team):
    """It needs no tests, and finds its files and modules in the repository and in the artifact."""
    of = team.copy("leaf", LEAF)
    source = None
    for name in ("fetch", "check", "test"):
        task = begin(of, "leaf", "test") if source is None else None
        step(name, of, source, team.root / "run" / name, task)
        source = team.root / "run" / name
    for name in ("fit",):
        step(name, of, source, team.root / "run" / name)
    artifact = team.root / "run/fit/artifact"
    shutil.rmtree(team.root / "model")
    for name in [each for each in sys.modules if each.startswith(("model", "measures"))]:
        del sys.modules[name]
    loaded = load(artifact)
    assert loaded.model.parameters == {"limit": 7.0, "file": "kinds.json"}
    large = {"kind": "large", "probabilities": {"large": 1.0, "small": 0.0}}
    assert loaded.answer([{"length": 4, "width": 2}]) == [large]


def trained(team, of, name):
    """Run the steps that make an artifact, golden predictions included; return its folder."""
    source, said = None, {}
    for each in ("fetch", "check", "test", "fit", "evaluate"):
        target = team.root / "run" / each
        said[each] = step(each, of, source, target, begin(of, name, "test") if source is None else None)
        source = target
    return source / "artifact", said


@contextmanager
def served(of, name, artifact, folder):
    """Serve the artifact; yield a function that asks for a path, and sends rows if there are any."""
    made = bundle.make_local(of, name, artifact, folder)
    with running.serve(made) as url:

        def ask(path, rows=None):
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
            body = None if rows is None else json.dumps(rows)
            connection.request("GET" if rows is None else "POST", path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, text if path == "/metrics" else json.loads(text)

        yield ask


CARGO = "models: {cargo: {target: cost}}\n"


def test_a_class_of_seldon_is_served_as_it_is(team):
    """All that it says is called, without the package that it imports, and shown where it belongs."""
    of = team.copy("cargo", CARGO)
    artifact, _ = trained(team, of, "cargo")
    with served(of, "cargo", artifact, team.root / "bundle") as ask:
        status, answer = ask("/predict", [{"weight": 1500, "height": 1}, {"weight": 250, "height": 2}])
        assert (status, answer["prediction"]) == (200, [3.0, 0.5])
        assert answer["tags"] == {"rows": 2, "source": "tariff"}
        tensors = [{"name": name, "shape": [1], "datatype": "FP64", "data": [500]} for name in ("weight", "height")]
        assert ask("/v2/models/cargo/infer", {"inputs": tensors})[1]["parameters"]["rows"] == 1
        assert ask("/")[1]["metadata"] == {"name": "cargo", "versions": ["tariff-2026"]}
        assert ask("/health/ready")[1]["health"] == ["tariff"]
        metrics = ask("/metrics")[1]
        assert 'cargo_rows_total{model="cargo",environment="dev",release="dev"} 3' in metrics
        assert 'cargo_time_sum{model="cargo",environment="dev",release="dev",step="tariff"} 0.04' in metrics
        assert ask("/predict", {"weight": 5e6, "height": 1})[0] == 200
        assert ask("/health/ready")[0] == ask("/v2/health/ready")[0] == ask("/v2/models/cargo/ready")[0] == 503
        assert ask("/health/live")[0] == 200


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("send_feedback", "Cargo.send_feedback is not called: leave it out until a later version"),
        ("route", "Cargo.route is not called"),
        ("aggregate", "Cargo.aggregate is not called"),
        ("predict_raw", "Cargo.predict_raw is not called: messages of Seldon are not known here"),
        ("metadata", "Cargo.metadata is not called: call it init_metadata"),
    ],
)
def test_a_method_that_nothing_would_call_is_refused(team, name, says):
    """Its author learns of it before the training."""
    of = team.copy("cargo", CARGO)
    with (team.root / "model/cargo/Cargo.py").open("a") as file:
        file.write(f"\n    def {name}(self, *given): pass\n")
    with pytest.raises(SlipwayError) as caught:
        discovery.load_class(of, "cargo")
    assert says in str(caught.value)


def test_names_of_features_without_their_transformation_are_refused(team):
    """Nothing would ask for them."""
    of = team.copy("cargo", CARGO)
    path = team.root / "model/cargo/Cargo.py"
    path.write_text(path.read_text().replace("def transform_input", "def prepared"))
    with pytest.raises(SlipwayError, match=r"Cargo\.feature_names is not called"):
        discovery.load_class(of, "cargo")


@pytest.mark.long(8)
def test_the_class_of_open_dev_stack_is_served_as_it_is(team):
    """It names its columns in `__init__`, takes a frame, and answers with a dict of lists."""
    of = team.copy("parcels")
    artifact, said = trained(team, of, "parcels")
    assert "save and load of the class are not called" in said["check"]
    with served(of, "parcels", artifact, team.root / "bundle") as ask:
        rows = [{"length": 1, "width": 2}, {"length": 8, "width": 9}]
        assert ask("/predict", rows)[1]["prediction"] == ["small", "large"]
        assert ask("/predict", rows[1])[1]["prediction"] == "large"


def test_texts_of_a_class_of_arrays_stay_texts(team):
    """It takes them as callers send them, so dates of its data are none of ours."""
    of = team.copy("leaf", LEAF)
    data = team.root / "model/leaf/leaf.csv"
    heads, *rows = data.read_text().splitlines()
    lines = [f"{heads},day", *(f"{row},2026-01-{at % 28 + 1:02} 10:00" for at, row in enumerate(rows))]
    data.write_text("\n".join(lines))
    step("fetch", of, None, team.root / "fetch", begin(of, "leaf", "test"))
    step("check", of, team.root / "fetch", team.root / "check")
    fields = json.loads((team.root / "check/schema.json").read_text())["fields"]
    assert {field["name"]: field["kind"] for field in fields}["day"] == "string"
