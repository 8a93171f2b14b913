"""The contract: what a model's class declares, and how rows reach it."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Optional

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import SVC, LinearSVC

from slipway.artifacts import Golden, Loaded
from slipway.artifacts.manifest import Manifest
from slipway.artifacts.values import to_json
from slipway.model import Contract, ContractError, InputError, Model, PipelineModel, Range, bind, given
from slipway.model import Named as NamedInData
from slipway.model import frame as table_of
from slipway.schema import Columns, Field, Schema
from slipway.schema.fields import output_of

if TYPE_CHECKING:
    from decimal import Decimal


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Kind(enum.StrEnum):
    GOOD = "good"
    BAD = "bad"


@dataclasses.dataclass
class Fruit:
    """Types that are text count, as with `from __future__ import annotations`."""

    length: Annotated[float, Range(0, 50, unit="cm", description="From end to end")]
    colour: Colour
    size: Optional[Size] = None  # noqa: UP045 - both spellings are met
    ripe: bool | None = None
    note: ClassVar[str] = "no field"


class Typed(Model):
    input = Fruit
    output = Kind
    target_variable = "kind"

    def train(self, data):
        pass

    def predict(self, rows):
        return [Kind.GOOD for _ in rows]


class Named(Typed):
    input = None
    output = None
    source_features = ("length", "colour")


def test_a_typed_model_has_the_fields_of_its_dataclass():
    """They have their order. A ClassVar is not a field."""
    contract = Contract.of(Typed)
    assert contract.names == ("length", "colour", "size", "ripe")
    assert contract.fields[0] == Field(
        name="length", kind="number", minimum=0.0, maximum=50.0, unit="cm", description="From end to end"
    )
    assert [field.optional for field in contract.fields] == [False, False, True, True]
    assert contract.output == Field(name="kind", kind="string", categories=("good", "bad"))


def test_a_model_of_named_columns_learns_its_fields_from_the_data():
    """The contract has only the names."""
    assert Contract.of(Named) == (("length", "colour"), None, ("kind",), None)


@dataclasses.dataclass
class Both:
    kind: Colour
    weight: float


def test_several_targets_are_the_fields_of_a_dataclass():
    """The prediction is an object; without a declaration, its fields are learned."""
    contract = Contract.of(made(target_variable=["kind", "weight"], output=Both))
    assert contract.targets == ("kind", "weight")
    assert (contract.output.name, contract.output.kind) == ("prediction", "object")
    assert [part.name for part in contract.output.parts] == ["kind", "weight"]


def test_a_model_without_a_target_may_declare_what_it_answers():
    """A list of numbers, an object, or one value."""
    assert Contract.of(made(target_variable="")).targets == ()
    kinds = {list[float]: "array", Both: "object", int: "integer"}
    for declared, kind in kinds.items():
        assert Contract.of(made(target_variable="", output=declared)).output.kind == kind


def made(**declared):
    return type("Iris", (Named,), declared)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (made(target_variable=None), "Iris.target_variable is None: name a column, or a list of columns"),
        (made(target_variable=["kind", 2]), "Iris.target_variable is"),
        (made(target_variable=["kind", "kind"]), "'kind' is named twice"),
        (made(target_variable=["kind", "weight"], output=Fruit), "a dataclass with the fields kind, weight"),
        (made(source_features=()), "Iris.source_features is empty"),
        (made(source_features="length"), "Iris.source_features is one string"),
        (made(source_features={"length"}), "Iris.source_features is not a list"),
        (made(source_features=["length", 1]), "Iris.source_features is not a list"),
        (made(source_features=["a", "b", "a"]), "'a' is named twice"),
        (made(source_features=["a", "kind"]), "'kind' is named twice"),
        (made(input=Fruit), "both source_features and input"),
        (made(source_features=(), input=dict), "it has to be a dataclass"),
        (made(source_features=(), input=Fruit(1, Colour.RED)), "it has to be a dataclass"),
        (made(output=list), "kind has one value in each row"),
        (made(output=dict), "is no type for a field"),
        (made(parameters=["c"]), "Iris.parameters is not a dict"),
        (made(parameters={"c": {}}), "'c' is {}"),
        (made(parameters={"c": math.nan}), "'c' is nan"),
        (made(parameters={"c": (1,)}), r"'c' is \(1,\)"),
        (made(tolerance=-1), "Iris.tolerance is -1"),
        (made(tolerance=math.nan), "Iris.tolerance is nan"),
        *((made(probabilities=said), "Iris.probabilities is") for said in (1, 0, "yes", ["a"])),
        *((made(quantile=said), "Iris.quantile is") for said in (1, 0, "0.9", [0.1, 0.9], True, 1.5, math.nan)),
        (made(train=Model.train), "Iris.train is not written"),
        (made(predict=Model.predict), "Iris.predict is not written"),
        (type("Iris", (PipelineModel,), {"source_features": ["a"], "target_variable": "b"}), "Iris.pipeline is not"),
    ],
)
def test_a_class_that_breaks_the_contract_is_refused(model, says):
    """The message names the class and the attribute."""
    with pytest.raises(ContractError, match=says):
        Contract.of(model)


@dataclasses.dataclass
class OnlyChecked:
    price: Decimal


def test_a_type_that_is_there_for_type_checkers_alone_is_refused():
    """The message says what to do."""
    with pytest.raises(ContractError, match="'Decimal' is not defined; import it outside of"):
        Contract.of(type("Iris", (Typed,), {"input": OnlyChecked}))


@dataclasses.dataclass(kw_only=True)
class Defaults:
    width: float = 2
    colour: Colour = Colour.GREEN
    note: str | None = "none"
    size: Size = dataclasses.field(default_factory=lambda: Size.LARGE)
    area: float = dataclasses.field(init=False, default=0.0)

    def __post_init__(self):
        self.area = self.width * self.width


def test_a_row_may_leave_out_what_has_a_default():
    """It then has the default of the dataclass. A computed attribute is not a field."""
    model = type("Iris", (Typed,), {"input": Defaults})
    contract = Contract.of(model)
    assert [(field.name, field.default) for field in contract.fields] == [
        ("width", 2.0),
        ("colour", "green"),
        ("note", "none"),
        ("size", 2),
    ]
    schema = Schema(fields=contract.fields, target=contract.output)
    assert bind(model, schema.parse([{}, {"width": 3, "note": None}])) == [Defaults(), Defaults(width=3, note=None)]


@pytest.mark.parametrize(("hint", "default"), [(float, None), (int, "1"), (Annotated[float, Range(0, 1)], 2.0)])
def test_a_default_that_does_not_fit_is_refused(hint, default):
    """No caller could send it."""
    row = dataclasses.make_dataclass("Row", [("x", hint, dataclasses.field(default=default))])
    with pytest.raises(ContractError, match=r"Row.x: its default .* does not fit"):
        Contract.of(type("Iris", (Typed,), {"input": row}))


def test_rows_of_named_columns_stay_dicts():
    """They are the same objects, not copies."""
    rows = [{"length": 1.0, "colour": "red"}]
    assert bind(Named, rows) is rows


def test_typed_rows_become_objects_with_members_of_enums():
    """This holds within `| None`, too."""
    row = {"length": 1.0, "colour": "red", "size": 2, "ripe": None}
    (fruit,) = bind(Typed, [row])
    assert fruit == Fruit(1.0, Colour.RED, Size.LARGE, None)
    assert fruit.colour is Colour.RED
    assert bind(Typed, [{**row, "size": None}])[0].size is None
    assert math.isnan(bind(Typed, [{**row, "size": math.nan}])[0].size)
    assert row["colour"] == "red"


def test_a_model_by_column_gets_columns():
    """Its class of rows only declares the fields; any other model gets rows."""
    row = {"length": 1.0, "colour": "red", "size": None, "ripe": None}
    contract = Contract.of(Typed)
    checked = Columns.of(Schema(fields=contract.fields, target=contract.output), [row])
    by_column = type("Iris", (Typed,), {"by_column": True})
    assert given(by_column, checked) is checked
    assert given(Typed, checked) == [Fruit(1.0, Colour.RED)]
    assert given(Named, checked) == [row]
    assert math.isnan(given(Named, checked, math.nan)[0]["size"])


@dataclasses.dataclass
class Penguin:
    length: Annotated[float, Range(0, 100, unit="mm"), NamedInData("Culmen Length (mm)")]
    kind: Annotated[Colour, NamedInData("class")] | None = None
    sex: Annotated[str | None, NamedInData("Sex, as seen")] = "unknown"

    def __post_init__(self):
        if self.length == 0:
            raise InputError("it has a length", field="length")


class OfPenguins(Model):
    input = Penguin
    output = float
    target_variable = "Body Mass (g)"

    def train(self, data):
        pass

    def predict(self, rows):
        if rows[0].length == 1:
            raise InputError("is too short", row=0, field="length")
        return [row.length for row in rows]


PENGUIN = {"Culmen Length (mm)": 39.1, "class": "red", "Sex, as seen": "male"}


def test_a_field_may_stand_for_a_column_that_is_no_name_in_python():
    """Data and callers have the column's name, the class has an attribute; a table has the column's name as well."""
    contract = Contract.of(OfPenguins)
    assert contract.names == tuple(PENGUIN)
    assert (contract.fields[0].maximum, contract.fields[1].categories) == (100, ("red", "green"))
    assert [field.needed for field in contract.fields] == [True, False, False]
    rows = bind(OfPenguins, [PENGUIN])
    assert rows == [Penguin(39.1, Colour.RED, "male")]
    assert table_of(OfPenguins, rows).to_dict("records") == [PENGUIN]


@pytest.mark.parametrize(("length", "message"), [(0.0, "it has a length"), (1.0, "is too short")])
def test_a_refused_field_has_the_name_that_its_caller_knows(length, message):
    """Whether the class of rows refuses it or the model."""
    contract = Contract.of(OfPenguins)
    schema = Schema(fields=contract.fields, target=contract.output)
    manifest = Manifest(format=1, entry="", parameters={}, tolerance=0, python="", parts={})
    with pytest.raises(InputError, match=message) as caught:
        Loaded(OfPenguins(), schema, Golden(rows=[], predictions=[]), manifest).answer(
            [{**PENGUIN, "Culmen Length (mm)": length}]
        )
    assert (caught.value.row, caught.value.field) == (0, "Culmen Length (mm)")


def test_a_prediction_of_columns_that_are_no_names_has_their_names():
    """Several targets as a dataclass answer by the names that the data have."""
    answer = dataclasses.make_dataclass(
        "Answer", [("mass", Annotated[float, NamedInData("Body Mass (g)")]), ("days", int)]
    )
    target = output_of("prediction", answer, "Iris")
    assert [part.name for part in target.parts] == ["Body Mass (g)", "days"]
    assert to_json([answer(1.5, 2)], 1, target) == [{"Body Mass (g)": 1.5, "days": 2}]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([("a", Annotated[float, NamedInData("")])], "has to have one Named"),
        ([("a", Annotated[float, NamedInData("x"), NamedInData("y")])], "has to have one Named"),
        ([("a", Annotated[float, NamedInData("b")]), ("b", float)], "'b' is the name of two fields"),
        (
            [("a", Annotated[float, NamedInData("u\u0308")]), ("b", Annotated[float, NamedInData("\u00fc")])],
            "of two fields",
        ),
    ],
)
def test_a_name_of_a_field_that_cannot_be_is_refused(fields, says):
    """It has one, which no other field has."""
    with pytest.raises(ContractError, match=says):
        Contract.of(type("Iris", (Typed,), {"input": dataclasses.make_dataclass("Row", fields)}))


@dataclasses.dataclass
class Span:
    low: float
    high: float

    def __post_init__(self):
        if self.low > self.high:
            raise ValueError("low is above high")
        if self.low < 0:
            raise InputError("low is below 0", field="low")


@pytest.mark.parametrize(("row", "field"), [({"low": 2, "high": 1}, ""), ({"low": -1, "high": 1}, "low")])
def test_a_row_that_its_own_class_refuses_is_the_callers_mistake(row, field):
    """The caller gets a 400 with the row, not a 500."""
    with pytest.raises(InputError, match="low is") as caught:
        bind(type("Iris", (Typed,), {"input": Span}), [{"low": 0, "high": 1}, row])
    assert (caught.value.row, caught.value.field) == (1, field)


def test_a_class_that_refuses_rows_is_not_for_a_model_by_column():
    """Its method would never run."""
    with pytest.raises(ContractError, match=r"Iris.by_column is True, so no Span is made.*: do that in predict"):
        Contract.of(type("Iris", (Typed,), {"input": Span, "by_column": True}))


def test_parameters_are_the_defaults_but_for_those_given():
    """The class keeps its defaults."""
    model = made(parameters={"c": 1.0, "name": "x"})
    assert model(c=2.0).parameters == {"c": 2.0, "name": "x"}
    assert model.parameters == {"c": 1.0, "name": "x"}


def test_a_parameter_that_the_class_does_not_have_is_refused():
    """Otherwise, a misspelt name would train with the default."""
    with pytest.raises(ContractError, match="Iris has no parameter 'max_itr'; did you mean 'max_iter'"):
        made(parameters={"max_iter": 5})(max_itr=7)


@pytest.mark.parametrize(("output", "value", "outcome"), [(Kind, "bad", Kind.BAD), (str, "bad", "bad"), (None, 1, 1)])
def test_an_outcome_is_a_member_of_the_output(output, value, outcome):
    """An Enum's member is the prediction for its value."""
    assert made(output=output)().outcome(value) is outcome


def test_an_unknown_class_is_no_outcome():
    """The error is not hidden."""
    with pytest.raises(ValueError, match="ugly"):
        Typed().outcome("ugly")


SEEN = []


def seen(frame):
    """Keep the frames that the pipeline gets."""
    SEEN.append(frame.copy())
    return frame


class Piped(PipelineModel):
    source_features = ("length", "count", "colour", "ripe")
    target_variable = "kind"

    def pipeline(self):
        words = make_column_transformer((OneHotEncoder(), ["colour", "ripe"]), remainder="drop")
        return make_pipeline(FunctionTransformer(seen), words, LogisticRegression())


@dataclasses.dataclass
class Full:
    length: float
    count: int | None
    colour: Colour | None
    ripe: bool | None


class TypedPiped(Piped):
    source_features = ()
    input = Full
    output = Kind


DATA = pd.DataFrame(
    {
        "kind": ["good", "bad"] * 4,
        "extra": range(8),
        "ripe": [True, False] * 4,
        "colour": ["red", "green"] * 4,
        "count": [1, 2] * 4,
        "length": [1.5, 2.0] * 4,
    }
)
HOLES = DATA.assign(ripe=[True, None] * 4, colour=["red", None] * 4, count=[1, None] * 4, kind=["good", "bad"] * 4)
ROWS = [
    {"length": 1.5, "count": 1, "colour": "red", "ripe": True},
    {"length": 2.0, "count": None, "colour": None, "ripe": None},
]


def frames(model, data, rows):
    """Return the frame that the pipeline gets from the data, and from each single row."""
    SEEN.clear()
    model.train(data)
    for row in rows:
        model.predict(bind(type(model), [row]))
    return SEEN


@pytest.mark.parametrize(
    ("model", "data", "rows"),
    [
        (Piped, DATA, [{"length": 1.5, "count": 1.0, "colour": "red", "ripe": True}]),
        (TypedPiped, DATA, ROWS[:1]),
        (TypedPiped, HOLES, ROWS),
    ],
    ids=["named columns", "typed", "typed, with holes"],
)
def test_a_pipeline_sees_the_same_in_training_and_in_predicting(model, data, rows):
    """Columns have the same order and types. An Enum's value is that of the data, and a missing one NaN."""
    trained, *predicted = frames(model(), data, rows)
    assert list(trained.columns) == ["length", "count", "colour", "ripe"]
    for index, frame in enumerate(predicted):
        pd.testing.assert_frame_equal(frame, trained.iloc[[index]].reset_index(drop=True))


def test_a_pipeline_predicts_outcomes():
    """There is one prediction per row, and none for no rows."""
    model = TypedPiped()
    model.train(HOLES)
    assert model.predict(bind(TypedPiped, ROWS)) == [Kind.GOOD, Kind.BAD]
    assert model.predict([]) == []


NUMBERS = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0] * 6, "ripe": [0, 1] * 12, "kind": ["a", "b", "b", "a"] * 6})


class Sure(PipelineModel):
    source_features = ("size",)
    target_variable = "ripe"
    probabilities = True
    parameters: ClassVar = {"which": 0}

    def pipeline(self):
        return ESTIMATORS[self.parameters["which"]]


FORESTS = [("one", LogisticRegression()), ("two", DummyClassifier())]
WITH_PROBABILITIES = [
    LogisticRegression(),
    StackingClassifier(FORESTS),
    make_pipeline(FunctionTransformer(), StackingClassifier(FORESTS)),
    GridSearchCV(VotingClassifier(FORESTS), {"voting": ["soft"]}),
    make_pipeline(FunctionTransformer(), GridSearchCV(StackingClassifier(FORESTS), {})),
]
WITHOUT = [
    LinearSVC(),
    SVC(),
    VotingClassifier(FORESTS),
    make_pipeline(FunctionTransformer(), LinearSVC()),
    StackingClassifier(FORESTS, final_estimator=LinearSVC()),
    GridSearchCV(VotingClassifier(FORESTS), {"voting": ["hard"]}),
]
ESTIMATORS = WITH_PROBABILITIES + WITHOUT


@pytest.mark.parametrize("which", range(len(WITH_PROBABILITIES)))
def test_probabilities_that_only_the_fit_decides_are_not_refused_before_it(which):
    """A stack has no final estimator before the fit, and a search changes parameters."""
    model = Sure(which=which)
    model.train(NUMBERS)
    (answer,) = model.predict([{"size": 2.0}])
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize("which", range(len(WITH_PROBABILITIES), len(ESTIMATORS)))
def test_probabilities_that_an_estimator_lacks_are_refused(which):
    """The message names the estimator."""
    with pytest.raises(ContractError, match=f"{type(ESTIMATORS[which]).__name__} has no predict_proba"):
        Sure(which=which).train(NUMBERS)


@pytest.mark.parametrize(
    "estimator",
    [
        ClassifierChain(LogisticRegression()),
        make_pipeline(FunctionTransformer(), ClassifierChain(LogisticRegression())),
        MultiOutputClassifier(LogisticRegression()),
        RandomForestClassifier(3, random_state=0),
    ],
)
def test_classes_of_several_targets_have_the_types_of_the_data(estimator):
    """A chain answers 1.0 for the class 1."""

    class Several(PipelineModel):
        source_features = ("size",)
        target_variable = ("ripe", "sold")

        def pipeline(self):
            return estimator

    model = Several()
    model.train(NUMBERS.assign(sold=1 - NUMBERS["ripe"]))
    assert {type(value) for row in model.predict([{"size": 2.0}, {"size": 3.0}]) for value in row.values()} == {int}


def test_a_column_of_predictions_is_as_good_as_a_list():
    """An estimator that was fitted on a table of one target answers with a table."""

    class Column(Sure):
        probabilities = False

    model = Column()
    model.fitted = LinearRegression().fit(NUMBERS[["size"]], NUMBERS[["ripe"]])
    assert all(type(answer) is float for answer in model.predict([{"size": 2.0}, {"size": 3.0}]))
