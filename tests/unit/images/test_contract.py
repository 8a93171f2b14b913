"""Calls of containers by the protocol, and the check of a container."""

import pytest

from slipway.images import contract
from slipway.schema import Field, Schema

ROWS = [{"length": 3.0, "width": 2.5}, {"length": 1.0, "width": None}]
TYPES = {"length": "FP64", "width": "FP64"}


def missing(made, user="65532:65532"):
    return contract.missing(made.url, "leaves", user, ROWS, TYPES, "kind")


def test_sound_container_lacks_nothing(container):
    assert missing(container()) == []


def test_server_may_give_a_name_of_its_own(container):
    """A server that was not written for slipway does not know its model id."""
    made = container()
    made.answers["/v2"] = (200, {"name": "mlserver", "version": "1.7.1", "extensions": []})
    assert missing(made) == []


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/v2/health/ready", (503, {}), "GET /v2/health/ready gives 503, and not 200"),
        (
            "/v2",
            (200, {"name": "leaves/prod/1", "version": "v1"}),
            "GET /v2 gives ('leaves/prod/1', 'v1'), and MODEL_ID",
        ),
        ("/v2", (404, {}), "GET /v2 gives 404, and not 200"),
        ("/v2/models/leaves", (404, {}), "GET /v2/models/leaves gives 404"),
        ("/v2/models/leaves", (200, {"name": "trees"}), "names 'trees', and not 'leaves'"),
        ("/v2/models/leaves", (200, {"inputs": [{"name": "size"}]}), "the inputs size; the features are length, width"),
        ("/v2/models/leaves", (200, {"outputs": []}), "has the outputs none, none of which is the target, kind"),
        ("/v2/models/leaves/infer", (200, {}), "POST /v2/models/leaves/infer with no JSON gives 200, and not 400"),
        ("/v2/models/leaves/infer", (500, {}), "with no inputs gives 500, and not 400"),
        ("/v2/models/leaves/infer", (200, {"outputs": [{"name": "kind", "shape": [1], "data": [1]}]}), "2 rows of the"),
    ],
)
def test_each_lack_is_named(container, path, answer, says):
    """The text names the request and the answer."""
    made = container()
    made.answers[path] = answer
    assert any(says in each for each in missing(made))


@pytest.mark.parametrize(("user", "shown"), [("", "'root'"), ("0:0", "'0:0'"), ("app", "'app'")])
def test_a_user_that_a_cluster_refuses_is_named(container, user, shown):
    """A cluster takes the number of a user who is not root."""
    assert missing(container(), user) == [f"it runs as {shown}, and a cluster wants a number that is not 0: USER 65532"]


SCHEMA = Schema(
    fields=(
        Field(name="length", kind="number"),
        Field(name="count", kind="integer"),
        Field(name="ripe", kind="boolean"),
        Field(name="colour", kind="string", optional=True),
    ),
    target=Field(name="kind", kind="string"),
)


def output(name, shape, data):
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


def test_each_field_is_a_tensor_of_its_name():
    """A missing value is null."""
    rows = SCHEMA.parse(
        [{"length": 1, "count": 2, "ripe": True, "colour": "red"}, {"length": 3, "count": 4, "ripe": 0 > 1}]
    )
    assert contract.request(rows, contract.datatypes(SCHEMA)) == {
        "inputs": [
            {"name": "length", "shape": [2], "datatype": "FP64", "data": [1.0, 3.0]},
            {"name": "count", "shape": [2], "datatype": "INT64", "data": [2, 4]},
            {"name": "ripe", "shape": [2], "datatype": "BOOL", "data": [True, False]},
            {"name": "colour", "shape": [2], "datatype": "BYTES", "data": ["red", None]},
        ]
    }


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([output("kind", [2], ["a", "b"])], ["a", "b"]),
        ([output("whatever", [2, 1], [["a"], ["b"]])], ["a", "b"]),
        ([output("kind", [2, 2], [1, 2, 3, 4])], [[1, 2], [3, 4]]),
        (
            [output("kind", [2], ["a", "b"]), output("score", [2], [0.1, 0.2])],
            [{"kind": "a", "score": 0.1}, {"kind": "b", "score": 0.2}],
        ),
    ],
)
def test_outputs_become_one_prediction_for_each_row(outputs, expected):
    """The only output is the prediction. Several outputs are a dict by name."""
    assert contract.predictions({"outputs": outputs}, "kind", 2) == expected


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "no list of outputs"),
        ({"outputs": []}, "no list of outputs"),
        ({"outputs": [output("kind", [3], ["a", "b", "c"])]}, "3 values, the shape"),
        ({"outputs": [output("kind", [], ["a", "b"])]}, "the output 'kind' has 2 values"),
        (
            {"outputs": [output("a", [2], [1, 2]), output("b", [2], [1, 2])]},
            "none of the outputs .a, b. is named 'kind'",
        ),
    ],
)
def test_answer_that_breaks_the_protocol_is_refused(answer, says):
    """The error names the wrong part."""
    with pytest.raises(ValueError, match=says):
        contract.predictions(answer, "kind", 2)
