"""Classes of other conventions are adapted to models."""

import math
import textwrap
from datetime import date
from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from slipway.artifacts import Golden, load, save
from slipway.model import ContractError, InputError, Model
from slipway.schema import Field, Schema
from slipway.wrapped import Metric, ModelWrapper, Remarks, adapted, check_methods, stand_in

DATA = pd.DataFrame({"length": [1.0, 4.0, 5.0], "width": [1.0, 2.0, 3.0], "kind": ["small", "large", "large"]})
ROWS = [{"length": 1.0, "width": 1.0}, {"length": 5.0, "width": None}]


TOLD = """
def predict(self, X, features_names):
    self.seen = (X, features_names)
    return ["small"] * len(X)
"""


def written(methods, name="Written"):
    """Return a class with the methods in the text."""
    own = {}
    exec(textwrap.dedent(methods), {"np": np}, own)  # noqa: S102
    return type(name, (), own)


def model(found, data=DATA, **parameters):
    """Return an object of the adapted class, trained on data whose last column is the target."""
    *features, target = data.columns
    made = adapted(found, parameters, features=features, target=target)(**parameters)
    made.train(data)
    return made


def answering(value, **more):
    """Return a class whose `predict` gives the same value for each row."""
    same = written("def predict(self, X, names): return np.array([self.value] * len(X))", "Same")
    return type("Same", (same,), {"value": value, **more})


def test_a_class_gets_an_array_of_numbers_and_the_names():
    """The columns have their order, and a missing value is NaN."""
    made = model(written(TOLD))
    assert made.predict(ROWS) == ["small", "small"]
    array, names = made.component._made.seen
    assert array.dtype == float
    assert array.shape == (2, 2)
    assert math.isnan(array[1, 1])
    assert names == ["length", "width"]


def test_an_array_with_texts_is_one_of_objects():
    """The type does not depend on the values of the rows."""
    made = model(written(TOLD), DATA.assign(width=["a", "b", "c"]))
    made.predict([{"length": 1.0, "width": None}])
    assert made.component._made.seen[0].dtype == object


def test_dates_are_texts_and_lists_are_cells_of_an_array():
    """A class sees what callers send; lists make no dimensions of their own."""
    days = pd.Series(["2026-01-31"] * 3).astype("datetime64[s]")
    at = pd.Series([np.array([1.0, 2.0])] * 3, dtype=object)
    made = model(written(TOLD), pd.DataFrame({"day": days, "at": at, "kind": DATA["kind"]}))
    made.predict([{"day": date(2026, 1, 31), "at": [1.0, 2.0]}, {"day": None, "at": [3.0, 4.0]}])
    array = made.component._made.seen[0]
    assert (array.dtype, array.shape) == (object, (2, 2))
    assert array[0].tolist() == ["2026-01-31", [1.0, 2.0]]
    assert math.isnan(array[1, 0])
    lists = model(written(TOLD), pd.DataFrame({"at": at, "kind": DATA["kind"]}))
    lists.predict([{"at": [1.0, 2.0]}])
    assert lists.component._made.seen[0].tolist() == [[[1.0, 2.0]]]
    assert lists.component._made.seen[0].shape == (1, 1)


@pytest.mark.parametrize(
    "predict",
    [
        "def predict(self, X): return [len(X)]",
        "def predict(self, X, names=None): return [len(names)]",
        "def predict(self, X, features_names, meta): return [f'{len(features_names)}{meta}']",
        "def predict(self, X, features_names=None, **kwargs): return [len(features_names)]",
        "def predict(self, *rows_and_names): return [len(rows_and_names[1])]",
        "def predict(self, X, *names): return [len(names[0])]",
        "def predict(self, X, names, *, meta): return [f'{len(names)}{meta}']",
        "def predict(self, X, *, names, meta=None, more=3): return [f'{len(names)}{meta}'] * (more == 3)",
    ],
)
def test_every_form_of_predict_is_called_as_it_wants(predict):
    """It may take names, no names, or names and Seldon's `meta`, which is empty."""
    made = model(written(predict))
    assert made.predict(ROWS[:1]) in ([1], [2], ["2{}"])


@pytest.mark.parametrize("names", [None, ["large", "small"], ["small", "large"], ["a", "b"]])
def test_probabilities_become_the_likeliest_class(names):
    """The class may name them. Unknown names stand in the order of the classes."""
    made = model(answering([0.9, 0.1], **({"class_names": names} if names else {})))
    first = "small" if names == ["small", "large"] else "large"
    told = names or ["large", "small"]
    expected = {"kind": first, "probabilities": {told[0]: 0.9, told[1]: 0.1}}
    assert made.predict(ROWS) == [expected, expected]


@pytest.mark.parametrize("order", [["small", "large"], ["large", "small"]])
@pytest.mark.parametrize("named", [None, ["large", "small"]])
def test_columns_that_are_named_as_the_classes_are_in_their_own_order(order, named):
    """They say more than names that stand apart from them."""
    frame = pd.DataFrame([[0.9, 0.1]] * 2, columns=order)
    found = written("def predict(self, X, names): return self.frame")
    made = model(type("Framed", (found,), {"frame": frame, **({"class_names": named} if named else {})}))
    expected = {"kind": order[0], "probabilities": dict(zip(order, (0.9, 0.1), strict=True))}
    assert made.predict(ROWS) == [expected, expected]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("{'small': 1, 'large': 2}", "dict"), ("'ab'", "str"), ("b'ab'", "bytes"), ("1.0", "float"), ("None", "NoneType")],
)
def test_an_answer_that_has_no_rows_is_refused(answer, kind):
    """A dict would count by its keys, and a text by its letters."""
    made = model(written(f"def predict(self, X, names): return {answer}"))
    with pytest.raises(ContractError, match=rf"Written\.predict gave a {kind}: give an array, or a list"):
        made.predict(ROWS)


def test_names_of_classes_may_be_a_method():
    """Seldon's convention has an attribute and a method."""
    made = model(answering([0.9, 0.1], class_names=lambda _self: ["small", "large"]))
    assert made.predict(ROWS)[0]["kind"] == "small"


@pytest.mark.parametrize(("value", "expected"), [(1.0, 1), (True, 1), ([0], 0), ([0.2, 0.8], 1)])
def test_a_number_stands_for_a_class_that_is_one(value, expected):
    """The type of the number does not matter. A list of one value counts as the value."""
    (found,) = model(answering(value), DATA.assign(kind=[0, 1, 1])).predict(ROWS[:1])
    found = found["kind"] if isinstance(found, dict) else found
    assert (found, type(found)) == (expected, int)


def test_a_quantity_is_answered_as_predicted():
    """Floats are not classes."""
    assert model(answering(2.5), DATA.assign(kind=[0.5, 1.5, 2.5])).predict(ROWS) == [2.5, 2.5]


def test_several_values_for_a_quantity_are_refused():
    """They are not one answer."""
    with pytest.raises(ContractError, match=r"Same\.predict gave 2 values for one row of kind"):
        model(answering([0.1, 0.2]), DATA.assign(kind=[0.5, 1.5, 2.5])).predict(ROWS)


@pytest.mark.parametrize(
    ("takes", "given", "expected"),
    [
        ("limit=0.5", {"limit": 1}, {"limit": 0.5}),  # the type; the value comes with the object
        ("limit", {"limit": 1}, {"limit": 1}),
        ("limit=None", {"limit": "high"}, {"limit": None}),
        ("limit=None", {}, {"limit": None}),
        ("limit=[1, 2]", {}, {"limit": [1, 2]}),
        ("limit=0.5, **more", {"depth": 3}, {"limit": 0.5, "depth": 3}),
        ("*more", {}, {}),
    ],
)
def test_parameters_are_the_arguments_of_the_class(takes, given, expected):
    """Its defaults give the types. The settings give values where it has no default."""
    assert adapted(written(f"def __init__(self, {takes}): pass\n{TOLD}"), given).parameters == expected


def test_a_parameter_without_a_value_is_asked_for():
    """The message names it."""
    with pytest.raises(ContractError, match="__init__ needs 'limit'"):
        adapted(written(f"def __init__(self, limit): pass\n{TOLD}"))


def test_a_class_without_init_has_no_parameters():
    """A parameter that it is given is refused."""
    with pytest.raises(ContractError, match="no parameter 'limit'"):
        model(answering(1.0), limit=2)


def test_a_model_is_one_already():
    """It is returned as it is."""
    assert adapted(ModelWrapper) is ModelWrapper
    assert adapted(Model) is Model


def test_a_class_of_no_convention_is_refused():
    """The message names the methods of the conventions."""
    with pytest.raises(ContractError, match="neither prep_and_train"):
        adapted(dict)


BOXES = """
def prep_and_train(self, data):
    self.rate = float(data["kind"].mean() / data["length"].mean())

def prep_and_predict(self, data):
    return (data["length"] * self.rate).to_frame()
"""


def test_a_wrapper_predicts_a_frame():
    """The frame has the types of training. A column of answers counts as a list."""
    made = type("Boxes", (written(BOXES), ModelWrapper), {"source_features": ["length"], "target_variable": "kind"})()
    made.train(DATA.assign(kind=[10, 40, 50]))
    assert list(made.predict([{"length": 2.0, "width": None}])) == [20.0]


def test_a_wrapper_gets_dates_and_lists_as_in_training():
    """The frame of a request has the types of the data."""
    methods = """
    def prep_and_train(self, data):
        self.seen = [str(data["day"].dtype), data["at"].iloc[0].tolist()]

    def prep_and_predict(self, data):
        assert [str(data["day"].dtype), data["at"].iloc[0].tolist()] == self.seen
        return [float(day.day) for day in data["day"]]
    """
    own = {"source_features": ["day", "at"], "target_variable": "kind"}
    made = type("Days", (written(methods), ModelWrapper), own)()
    days = pd.Series(["2026-01-31"] * 3).astype("datetime64[s]")
    at = pd.Series([np.array([1.0, 2.0])] * 3, dtype=object)
    made.train(pd.DataFrame({"day": days, "at": at, "kind": [1.0, 2.0, 3.0]}))
    assert list(made.predict([{"day": date(2026, 2, 5), "at": [1.0, 2.0]}])) == [5.0]


def test_a_wrapper_that_lacks_a_method_says_which():
    """Nothing has been learned yet."""
    unwritten = type("Half", (written("def prep_and_train(self, data): pass"), ModelWrapper), {})
    with pytest.raises(ContractError, match=r"Half\.prep_and_predict is not written"):
        unwritten().train(DATA)


def test_the_attributes_of_a_foreign_wrapper_are_saved(monkeypatch, tmp_path):
    """Its attributes are saved, and the artifact names its own class."""
    methods = f"def __init__(self, factor=1.0): self.factor = factor\n{BOXES}"
    (tmp_path / "foreign_boxes.py").write_text(f"class Boxes:\n{textwrap.indent(methods, '    ')}")
    monkeypatch.syspath_prepend(tmp_path)
    made = model(import_module("foreign_boxes").Boxes, DATA.assign(kind=[1.0, 2.0, 3.0]), factor=2.0)
    fields = tuple(Field(name=name, kind="number") for name in ("length", "width"))
    schema = Schema(fields=fields, target=Field(name="kind", kind="number"))
    save(made, schema, Golden(rows=[], predictions=[]), tmp_path / "artifact")
    loaded = load(tmp_path / "artifact")
    assert loaded.manifest.entry == "foreign_boxes:Boxes"
    assert loaded.model.factor == 2.0
    assert loaded.answer([{"length": 2, "width": 1}]) == [pytest.approx(1.2)]


def test_lists_in_a_dict_become_a_dict_per_row():
    """`prediction` is the target, and one text counts for each row."""
    answer = "def prep_and_predict(self, data): return {'prediction': [1, 2], 'share': [0.5, 0.6], 'version': 'a'}"
    made = type("Told", (written(answer), ModelWrapper), {"source_features": ["length"], "target_variable": "kind"})()
    assert made.predict(ROWS) == [
        {"kind": 1, "share": 0.5, "version": "a"},
        {"kind": 2, "share": 0.6, "version": "a"},
    ]
    with pytest.raises(ContractError, match="gave 2 values under 'prediction' for 1 rows"):
        made.predict(ROWS[:1])


def test_a_class_that_transforms_its_rows_itself_is_not_given_transformed_ones():
    """Rows are transformed once."""
    twice = """
    def transform_input(self, X, names): return X * 10
    def predict(self, X, names): return self.transform_input(X, names)[:, 0]
    """
    quantity = DATA.assign(kind=[0.5, 1.5, 2.5])
    assert model(written(twice), quantity).predict(ROWS) == [10.0, 50.0]
    once = twice.replace("self.transform_input(X, names)", "X")
    assert model(written(once), quantity).predict(ROWS) == [10.0, 50.0]


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ("def offline(self, X): return self.transform_input(X, [])", 10.0),
        ("def helped(self, X): return self.transform_input(X, [])", 10.0),
        ("def load(self): self.transform_input(np.ones((1, 2)), [])", 10.0),
        ("def unused(self): return self.predict(self.transform_input(0, []), [])", 10.0),
    ],
)
def test_rows_are_transformed_unless_predict_does_it(more, first):
    """What other methods call says nothing about a request."""
    calls = "self.helped(X)" if "helped" in more else "X"
    methods = f"""
    def transform_input(self, X, names): return X * 10
    def predict(self, X, names): return {calls}[:, 0]
    {more}
    """
    made = model(written(methods), DATA.assign(kind=[0.5, 1.5, 2.5]))
    assert made.predict(ROWS[:1]) == [first]


@pytest.mark.parametrize("names", ["['size']", "lambda self: ['size']"])
def test_names_of_transformed_columns_may_be_an_attribute(names):
    """As names of classes may."""
    methods = f"""
    feature_names = {names}
    def transform_input(self, X, names): return X[:, :1]
    def predict(self, X, names): return [names[0]] * len(X)
    """
    assert model(written(methods), DATA.assign(kind=["size", "b", "c"])).predict(ROWS) == ["size", "size"]


@pytest.mark.parametrize("name", ["tags", "metrics", "health_status", "transform_input", "init_metadata", "load"])
def test_a_value_in_the_place_of_a_method_is_refused(name):
    """Nothing would call it."""
    with pytest.raises(ContractError, match=rf"Written\.{name} is a dict: write a method that returns it"):
        check_methods(type("Written", (written(TOLD),), {name: {}}))


def test_tags_that_are_no_dict_are_refused():
    """They are named values."""
    methods = "def predict(self, X, names): return X[:, 0]\ndef tags(self): return ['a']"
    with pytest.raises(ContractError, match=r"Written\.tags gave a list: give a dict"):
        model(written(methods), DATA.assign(kind=[0.5, 1.5, 2.5])).predict(ROWS[:1])


def test_a_frame_with_predictions_names_the_target():
    """As lists in a dict do."""
    answer = "def prep_and_predict(self, data): return data.assign(prediction=1)[['prediction', 'length']]"
    made = type("Told", (written(answer), ModelWrapper), {"source_features": ["length"], "target_variable": "kind"})()
    assert made.predict([{"length": 2.0}]) == [{"kind": 1, "length": 2.0}]


def test_an_answer_may_bring_its_own_tags_and_metrics():
    """They go before those of the methods, and a refusal of the class is one for the caller."""
    stand_in()
    methods = """
    def predict(self, X, names):
        from seldon_core.user_model import SeldonMicroserviceException, SeldonResponse
        if X[0, 0] > 4:
            raise SeldonMicroserviceException("too long", status_code=400)
        return SeldonResponse([1.0], tags={"own": 1}, metrics=[{"type": "GAUGE", "key": "seen", "value": 2}])
    def tags(self): return {"own": 0, "all": 2}
    """
    made = model(written(methods), DATA.assign(kind=[0.5, 1.5, 2.5]))
    made.predict(ROWS[:1])
    assert made.remarks() == Remarks({"own": 1, "all": 2}, [Metric("GAUGE", "seen", 2.0)])
    with pytest.raises(InputError, match="too long"):
        made.predict(ROWS[1:])


@pytest.mark.parametrize(
    "given", ["{}", "{'type': 'SUM', 'key': 'a', 'value': 1}", "{'type': 'GAUGE', 'key': 'slipway_a', 'value': 1}"]
)
def test_a_metric_that_prometheus_cannot_have_is_refused(given):
    """The message has the metric."""
    methods = f"def predict(self, X, names): return X[:, 0]\ndef metrics(self): return [{given}]"
    with pytest.raises(ContractError, match=r"metrics gave \{"):
        model(written(methods), DATA.assign(kind=[0.5, 1.5, 2.5])).predict(ROWS[:1])
