"""What a container has to do, and that each thing it misses is named."""

import pytest

from slipway.images import contract

ROWS = [{"length": 3.0, "width": 2.5}, {"length": 1.0, "width": None}]
TYPES = {"length": "FP64", "width": "FP64"}


def missing(made, user="65532:65532"):
    return contract.missing(made.url, "leaves", user, ROWS, TYPES, "kind")


def test_a_container_that_keeps_it_misses_nothing(container):
    """Whatever else it may do."""
    assert missing(container()) == []


def test_a_server_that_knows_nothing_of_slipway_need_not_say_who_it_is(container):
    """Its own name is as good."""
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
def test_what_is_missing_is_named(container, path, answer, says):
    """With what was asked, and what came back."""
    made = container()
    made.answers[path] = answer
    assert any(says in each for each in missing(made))


@pytest.mark.parametrize(("user", "shown"), [("", "'root'"), ("0:0", "'0:0'"), ("app", "'app'")])
def test_a_user_that_a_cluster_refuses_is_named(container, user, shown):
    """It takes none but numbers, and not that of root."""
    assert missing(container(), user) == [f"it runs as {shown}, and a cluster wants a number that is not 0: USER 65532"]
