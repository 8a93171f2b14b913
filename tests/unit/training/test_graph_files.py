"""An ONNX file becomes a model's folder whose answers are those of onnxruntime; what is not sure is refused."""

from importlib import import_module

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from onnx import helper

from slipway.artifacts.golden import Golden
from slipway.artifacts.loading import load
from slipway.artifacts.saving import save
from slipway.errors import SlipwayError
from slipway.model import Contract, InputError
from slipway.schema import Field, InvalidRows, Schema
from slipway.training import graph_files
from slipway.training.foreign import import_file
from slipway.training.graph_tensors import Wishes, graph_of
from slipway.wrapped import GraphModel
from tests.unit.training.onnx_files import ML, classifier, constant, linear, model, tensor, written

ROWS = pd.DataFrame({"a": [0.5, 1.25, -2.0, 7.0], "b": [1.0, 0.0, 3.5, -1.0]})


@pytest.fixture
def taken(team, monkeypatch):
    """Return a function that imports a graph, and gives the artifact of what it wrote; all in this process."""

    def ask(_python, module, question, **_more):
        return import_module(module).answer(question)

    monkeypatch.setattr(graph_files.processes, "ask", ask)

    def take(made, rows=ROWS, targets=(), name="wine", **wishes):
        path = written(made, team.root) if not isinstance(made, type(team.root)) else made
        rows.to_csv(team.root / "rows.csv", index=False)
        done = import_file(
            path, name, team.root / "rows.csv", list(targets), settings=team.settings, wishes=Wishes(**wishes)
        )
        take.told = "\n".join(done.told)
        return artifact(team, done.folder)

    return take


def artifact(team, folder):
    """Return the loaded artifact of a folder, as the step `fit` saves it."""
    import sys

    sys.path.insert(0, str(team.root))
    kind = next(
        each
        for each in vars(import_module(f"model.{folder.name}.model")).values()
        if isinstance(each, type) and each.__module__ == f"model.{folder.name}.model"
    )
    trained = kind()
    trained.fitted = graph_of(folder / "graph.onnx", kind)
    contract = Contract.of(kind)
    schema = Schema(
        fields=contract.fields,
        target=contract.output or Field(name="prediction", kind="any"),
        truth=contract.output is not None,
    )
    target = team.root / f"artifact-{folder.name}"
    save(trained, schema, Golden(rows=[], predictions=[]), target)
    return load(target)


def computed(made, fed):
    """Return what onnxruntime answers, as a program of one's own asks it."""
    return onnxruntime.InferenceSession(made.SerializeToString()).run(None, fed)


def rows_of(table):
    return table.to_dict("records")


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_numbers_are_answered_as_onnxruntime_does(taken, kind):
    """Of each width; the answer is the graph's number, exactly."""
    made = linear(kind=kind)
    if kind == "float16":
        made = model(
            [helper.make_node("Mul", ["X", "W"], ["y"])],
            [tensor("X", kind, [None, 2])],
            [tensor("y", kind, [None, 2])],
            [constant("W", [2.0, 3.0], kind)],
        )
    loaded = taken(made)
    (expected,) = computed(made, {"X": ROWS.to_numpy(kind)})
    assert loaded.answer(rows_of(ROWS)) == (expected.tolist() if kind == "float16" else expected[:, 0].tolist())
    assert "takes, in this order: a, b" in taken.told


@pytest.mark.parametrize("zipmap", [True, False])
def test_labels_and_probabilities_are_found(taken, zipmap):
    """A sequence of maps and a table of numbers both become probabilities by label; metrics know all classes."""
    made = classifier(zipmap=zipmap)
    loaded = taken(made, ROWS.assign(kind=["no", "no", "yes", "no"]), ["kind"])
    labels, scores = computed(made, {"X": ROWS.to_numpy("float32")})
    scores = scores if zipmap else [dict(zip(("no", "maybe", "yes"), row, strict=True)) for row in scores.tolist()]
    expected = [{"kind": label, "probabilities": chances} for label, chances in zip(labels, scores, strict=True)]
    assert loaded.answer(rows_of(ROWS)) == expected
    assert loaded.schema.target.categories == ("no", "maybe", "yes")
    assert type(loaded.model).probabilities is True


def test_scores_that_are_no_probabilities_keep_their_name(taken):
    """They do not add up to 1, so nothing may measure them as chances."""
    made = classifier(zipmap=False)
    made.graph.node[0].attribute[-1].s = b"NONE"
    loaded = taken(made, ROWS.assign(kind=["no", "no", "yes", "no"]), ["kind"])
    assert set(loaded.answer(rows_of(ROWS))[0]) == {"kind", "scores"}
    assert type(loaded.model).probabilities is False


def test_an_input_for_each_column_takes_texts_integers_and_truth(taken):
    """Columns are found by the inputs' names, in whatever order the data has them."""
    made = model(
        [
            helper.make_node("Cast", ["flag"], ["f"], to=1),
            helper.make_node("Cast", ["count"], ["c"], to=1),
            helper.make_node("Add", ["f", "c"], ["sum"]),
            helper.make_node("Identity", ["city"], ["town"]),
        ],
        [tensor("city", "string", [None, 1]), tensor("flag", "bool", [None]), tensor("count", "int32", [None])],
        [tensor("sum", "float32", [None]), tensor("town", "string", [None, 1])],
    )
    rows = pd.DataFrame({"count": [3, 2**24 - 1], "flag": [True, False], "city": ["01234", "NA"]})
    loaded = taken(made, rows)
    assert loaded.answer(rows_of(rows)) == [
        {"sum": 4.0, "town": "01234"},
        {"sum": 16777215.0, "town": "NA"},
    ]
    kinds = {field.name: (field.kind, field.maximum) for field in loaded.schema.fields}
    assert kinds == {"city": ("string", None), "flag": ("boolean", None), "count": ("integer", 2.0**31 - 1)}
    for bad in ({"count": 2**31}, {"count": 1.5}, {"flag": 1}, {"city": None}, {"city": 5}):
        with pytest.raises(InvalidRows):
            loaded.answer([{**rows_of(rows)[0], **bad}])
    with pytest.raises(InputError) as caught:
        loaded.answer([rows_of(rows)[0], {**rows_of(rows)[0], "city": "a\0b"}])
    assert (caught.value.row, caught.value.field) == (1, "city")


def test_several_targets_come_from_one_output_or_from_outputs_of_their_names(taken):
    """In the order of the targets; each prediction is a dict by target."""
    made = linear(weights=((2.0, 1.0), (3.0, 0.0)))
    loaded = taken(made, ROWS.assign(p=1, q=2), ["p", "q"])
    assert loaded.answer(rows_of(ROWS))[1] == {"p": 2.5, "q": 1.25}
    assert [part.kind for part in loaded.schema.target.parts] == ["number", "number"]
    nodes = [helper.make_node("Neg", ["X"], ["q"]), helper.make_node("Abs", ["X"], ["p"])]
    given = [tensor("X", "float32", [None, 1])], [tensor("q", "float32", [None, 1]), tensor("p", "float32", [None, 1])]
    loaded = taken(model(nodes, *given), ROWS[["b"]].assign(p=1, q=2), ["p", "q"], name="other")
    assert loaded.answer([{"b": -1.0}]) == [{"p": 1.0, "q": 1.0}]


@pytest.mark.parametrize(
    ("value", "held"),
    [(16777217, "16777216"), (20000001, "20000000"), (-16777219, "-16777220"), (1e20, "1.00000002e"), (1e-50, "0 in")],
)
def test_a_number_that_float32_would_change_is_refused_by_its_field(taken, value, held):
    """A whole number may be an identifier; a fraction loses digits, as in training."""
    loaded = taken(linear())
    with pytest.raises(InputError, match="float32, which the graph takes") as caught:
        loaded.answer([{"a": 1.0, "b": 1.0}, {"a": 0.5, "b": value}])
    assert (caught.value.row, caught.value.field) == (1, "b")
    assert held in str(caught.value)
    assert loaded.answer([{"a": 0.1, "b": 1.0}]) == [pytest.approx(3.2)]
    assert loaded.answer([{"a": 0.0, "b": 2.0**25}]) == [3.0 * 2**25]


@pytest.mark.parametrize("value", [3.5e38, -3.5e38, 1e300])
def test_a_number_beyond_float32_is_refused_by_its_field(taken, value):
    """The schema says so, and so does the documentation."""
    loaded = taken(linear())
    with pytest.raises(InvalidRows, match=r"b: .* is (above the maximum|below the minimum)"):
        loaded.answer([{"a": 1.0, "b": value}])
    with pytest.raises(InputError, match="no finite number"):
        loaded.answer([{"a": 2.0**127, "b": 2.0**127}])


def test_whole_numbers_may_be_rounded_where_someone_says_so(taken):
    """In the data, too; the field says it to callers."""
    large = ROWS.assign(b=[20000001.0, 1.0, 2.0, 3.0])
    with pytest.raises(SlipwayError, match="row 1, b: 20000001 would be 20000000") as caught:
        taken(linear(), large)
    assert "--rounded b" in caught.value.fix
    loaded = taken(linear(), large, rounded=["b"])
    assert loaded.answer([{"a": 0.0, "b": 20000001}]) == [60000000.0]
    assert loaded.schema.fields[1].description == "rounded to float32"


def test_missing_numbers_are_nan_where_the_data_has_gaps(taken):
    """In no other column."""
    made = model(
        [helper.make_node("IsNaN", ["X"], ["gaps"])],
        [tensor("X", "float32", [None, 2])],
        [tensor("gaps", "bool", [None, 2])],
    )
    loaded = taken(made, ROWS.assign(b=[1.0, np.nan, 2.0, 3.0]))
    assert loaded.answer([{"a": 1, "b": None}, {"a": 1}]) == [[False, True], [False, True]]
    with pytest.raises(InvalidRows, match="a: has no value"):
        loaded.answer([{"a": None, "b": 1}])


def test_rows_without_an_answer_in_the_data_are_refused(taken):
    """A gap that makes NaN of the answer."""
    with pytest.raises(SlipwayError, match=r"row 2: .*is no finite number"):
        taken(linear(), ROWS.assign(b=[1.0, np.nan, 2.0, 3.0]))


def test_rounding_that_depends_on_the_number_of_rows_is_no_other_answer(taken, monkeypatch):
    """Large numbers that cancel out keep few digits; rows are asked one by one then, to be answered alike."""
    answers = GraphModel._answers

    def rounded(model, rows):
        return [value + 0.002 * (len(rows) > 1) for value in answers(model, rows)]

    monkeypatch.setattr(GraphModel, "_answers", rounded)
    loaded = taken(linear(), ROWS.assign(a=[1e5 + 0.1, 0.5, 100.25, 3.0]))
    assert (type(loaded.model).one_by_one, loaded.manifest.tolerance) == (True, 1e-4)
    assert "depend a little on how many rows" in taken.told
    monkeypatch.setattr(GraphModel, "_answers", lambda model, rows: [v + (len(rows) > 1) for v in answers(model, rows)])
    with pytest.raises(SlipwayError, match="otherwise alone than among others"):
        taken(linear(), ROWS.assign(a=[1e5 + 0.1, 0.5, 100.25, 3.0]), name="other")


def test_a_graph_of_one_row_is_asked_one_by_one(taken):
    """It says so, and refuses by the row's own place."""
    made = linear(shape=[1, 2])
    loaded = taken(made)
    assert loaded.answer(rows_of(ROWS)) == [computed(made, {"X": row[None]})[0].item() for row in ROWS.to_numpy("f")]
    assert "one row at a time" in taken.told
    with pytest.raises(InputError) as caught:
        loaded.answer([rows_of(ROWS)[0], {"a": 0.0, "b": 20000001}])
    assert caught.value.row == 1


def batch():
    """Return a graph that takes the mean over all rows away."""
    nodes = [
        helper.make_node("ReduceMean", ["X"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["X", "mean"], ["y"]),
    ]
    return model(nodes, [tensor("X", "float32", [None, 2])], [tensor("y", "float32", [None, 2])], opset=13)


def drawn(inner=False):
    """Return a graph that adds a random number, in an inner graph if asked."""
    node = helper.make_node("RandomNormalLike", ["X"], ["noise"])
    if inner:
        branch = helper.make_graph([node], "branch", [], [tensor("noise", "float32", None)])
        node = helper.make_node("If", ["yes"], ["noise"], then_branch=branch, else_branch=branch)
    nodes = [node, helper.make_node("Add", ["X", "noise"], ["y"])]
    return model(
        nodes,
        [tensor("X", "float32", [None, 2])],
        [tensor("y", "float32", [None, 2])],
        [constant("yes", True, "bool")],
    )


def custom():
    nodes = [helper.make_node("Magic", ["X"], ["y"], domain="org.example")]
    given = [tensor("X", "float32", [None, 2])], [tensor("y", "float32", [None, 2])]
    return model(nodes, *given, domains=["org.example"])


def total():
    """Return a graph with one answer for all rows."""
    nodes = [helper.make_node("ReduceSum", ["X"], ["y"], keepdims=0)]
    return model(nodes, [tensor("X", "float32", [None, 2])], [tensor("y", "float32", [])])


def own():
    made = linear()
    helper.set_model_props(made, {"slipway.graph": "{}"})
    return made


def sequence():
    nodes = [helper.make_node("SequenceConstruct", ["X"], ["y"])]
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [None, 2]))
    return model(nodes, [tensor("X", "float32", [None, 2])], [helper.make_value_info("y", kind)])


@pytest.mark.parametrize(
    ("made", "says", "way"),
    [
        (batch, "answers a row otherwise alone than among others", "export it"),
        (drawn, "draws lots .RandomNormalLike", "model.eval"),
        (lambda: drawn(inner=True), "draws lots .RandomNormalLike", "model.eval"),
        (custom, "operators that onnxruntime does not have: org.example.Magic", "container"),
        (lambda: linear(shape=[4, 2]), "takes exactly 4 rows at a time", "rows of any number"),
        (
            lambda: linear(shape=[None, 3], weights=((1.0,),) * 3),
            "takes 3 columns .* the data has 2: a, b",
            "--features",
        ),
        (
            lambda: model([], [tensor("X", "float32", [None, 3, 8])], [tensor("X", "float32", None)]),
            "rows and columns",
            "",
        ),
        (lambda: model([], [tensor("X", "float32", [])], [tensor("X", "float32", [])]), "rows and columns", "export"),
        (total, "y has no value for each of 4 rows", "--features|--outputs"),
        (own, "that slipway made of an estimator", "import the estimator"),
        (sequence, "which no answer can hold", "export"),
        (lambda: model([], [], [], opset=18), "no graph with outputs", ""),
        (lambda: b"", "no graph with outputs", "export"),
        (lambda: b"hello", "no ONNX file, or not all of one", "export"),
        (lambda: linear().SerializeToString()[:40], "no ONNX file|cannot load", "export"),
        (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer of Git LFS", "git lfs pull"),
    ],
)
def test_a_graph_that_is_not_sure_is_refused(taken, team, made, says, way):
    """With what to do; nothing is written."""
    with pytest.raises(SlipwayError, match=says) as caught:
        taken(made())
    import re

    assert re.search(way, caught.value.fix)
    assert not (team.root / "model" / "wine").exists()


@pytest.mark.parametrize("change", [{"opset": 200}, {"ir": 200}])
def test_a_later_version_of_onnx_is_refused_by_name(taken, change):
    """The installed onnxruntime cannot know what its operators mean."""
    nodes = [helper.make_node("Relu", ["X"], ["y"])]
    made = model(nodes, [tensor("X", "float32", [None, 2])], [tensor("y", "float32", [None, 2])], **change)
    with pytest.raises(SlipwayError, match="later version of ONNX than onnxruntime") as caught:
        taken(made)
    assert "earlier opset" in caught.value.fix


@pytest.mark.parametrize(
    ("rows", "wishes", "says"),
    [
        (ROWS[:0], {}, "has no rows"),
        (ROWS.assign(b="x"), {}, "row 1: b: a number is needed, not a string"),
        (ROWS, {"features": ["a"]}, "takes 2 columns .* --features names 1"),
        (ROWS, {"features": ["a", "c"]}, "no column 'c'"),
        (ROWS, {"outputs": ["z"]}, "no output 'z'"),
        (ROWS, {"rounded": ["z"]}, "--rounded names 'z'"),
        (ROWS, {"targets": ["z"]}, "no column 'z'"),
        (ROWS, {"targets": ["a"], "features": ["a", "b"]}, "'a' is the target, and the graph takes it"),
        (ROWS.assign(y="low"), {"targets": ["y"]}, "row 1: the target y: a number is needed"),
        (ROWS.assign(y=[1, 2, None, 3]), {"targets": ["y"]}, "row 3: the target y: has no value"),
        (ROWS.assign(y=1), {"targets": ["y"], "classes": ["1", "2"]}, "float32, and no label"),
    ],
)
def test_rows_and_wishes_that_do_not_fit_are_refused(taken, rows, wishes, says):
    """By row and column where there is one."""
    with pytest.raises(SlipwayError, match=says):
        taken(linear(), rows, wishes.pop("targets", ()), **wishes)


def test_features_and_outputs_are_chosen(taken):
    """Columns in the graph's order, whatever the data has beside them."""
    nodes = [helper.make_node("MatMul", ["X", "W"], ["y"]), helper.make_node("Neg", ["X"], ["hidden"])]
    outputs = [tensor("y", "float32", [None, 1]), tensor("hidden", "float32", [None, 2])]
    made = model(nodes, [tensor("X", "float32", [None, 2])], outputs, [constant("W", [[2.0], [3.0]])])
    loaded = taken(made, ROWS.assign(name="x", t=1.0), ["t"], features=["b", "a"], outputs=["y"])
    assert loaded.answer([{"a": 1.0, "b": 0.0}]) == [3.0]


def test_labels_are_given_where_the_graph_has_none(taken):
    """A network that ends in ArgMax; what is no label of these is refused at once."""
    nodes = [helper.make_node("ArgMax", ["X"], ["kind"], axis=1, keepdims=0)]
    made = model(nodes, [tensor("X", "float32", [None, 2])], [tensor("kind", "int64", [None])])
    rows = ROWS.assign(kind=[1, 0, 1, 0])
    taken(made, rows, ["kind"])
    assert "measured as a quantity" in taken.told
    loaded = taken(made, rows, ["kind"], name="other", classes=["0", "1"])
    assert loaded.schema.target.categories == (0, 1)
    with pytest.raises(SlipwayError, match="answers 1, which is none of 0, 7"):
        taken(made, rows, ["kind"], name="third", classes=["0", "7"])


def test_labels_are_followed_to_the_list_they_are_chosen_from(taken):
    """As skl2onnx writes trees, forests and pipelines of them."""
    nodes = [
        helper.make_node("ArgMax", ["X"], ["place"], axis=1, keepdims=0),
        helper.make_node("ArrayFeatureExtractor", ["names", "place"], ["chosen"], domain=ML),
        helper.make_node("Reshape", ["chosen", "shape"], ["kind"]),
    ]
    given = [tensor("X", "float32", [None, 2])], [tensor("kind", "int64", [None])]
    constants = [constant("names", [[4, 9]], "int64"), constant("shape", [-1], "int64")]
    loaded = taken(model(nodes, *given, constants), ROWS.assign(kind=[9, 4, 9, 4]), ["kind"])
    assert loaded.schema.target.categories == (4, 9)
    assert loaded.answer(rows_of(ROWS)) == [9, 4, 9, 4]


def test_weights_in_files_beside_the_graph_are_taken_in(taken, team):
    """They are one file then, and others are refused."""
    folder = team.root / "exported"
    folder.mkdir()
    made, expected = linear(), linear()
    onnx.save_model(made, folder / "m.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    loaded = taken(folder / "m.onnx")
    assert loaded.answer(rows_of(ROWS)) == computed(expected, {"X": ROWS.to_numpy("f")})[0][:, 0].tolist()
    (folder / "weights.bin").rename(team.root / "weights.bin")
    with pytest.raises(SlipwayError, match="which is missing"):
        taken(folder / "m.onnx", name="other")
    (folder / "weights.bin").symlink_to(team.root / "weights.bin")
    with pytest.raises(SlipwayError, match="which is not beside it"):
        taken(folder / "m.onnx", name="other")


def test_the_step_fit_holds_class_and_graph_together(taken, team):
    """Another graph under the same class would answer something else."""
    taken(linear())
    kind = import_module("model.wine.model").Wine
    for made, says in (
        (linear(kind="float64"), "inputs says"),
        (linear(shape=[None, 3], weights=((1.0,),) * 3), "gives it 2 columns"),
        (linear(shape=[1, 2]), "one_by_one is not True"),
        (batch(), ""),
    ):
        path = written(made, team.root, "later.onnx")
        if says:
            with pytest.raises(SlipwayError, match=says):
                graph_of(path, kind)
        else:
            assert graph_of(path, kind)
