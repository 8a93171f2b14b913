"""Clients of others: NVIDIA's for the Open Inference Protocol, and tools that read OpenAPI."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.unit.serving.conftest import Server

Client = Callable[..., str]


@pytest.fixture(scope="module", params=["http", "grpc"])
def told(request: pytest.FixtureRequest, client: Client) -> dict[str, Any]:
    """Return what the client received, over either transport."""
    server = request.getfixturevalue("server" if request.param == "http" else "grpc_server")
    return {"way": request.param, **json.loads(client("triton.py", request.param, urlsplit(server.url).netloc))}


def test_clients_read_readiness_and_metadata(told: dict[str, Any]) -> None:
    """Server, model and version are ready; the inputs are the schema's fields."""
    assert told["health"] == [True, True, True]
    assert told["inputs"] == [["weight", "FP64"], ["wrapping", "BYTES"], ["fragile", "BOOL"]]


def test_predictions_come_as_json_and_as_bytes(told: dict[str, Any]) -> None:
    """In either form the answer is that of `/predict`, with the caller's id."""
    assert len(told["prices"]) == (4 if told["way"] == "http" else 2)
    assert all(each == [[4.0, 8.0], "mine"] for each in told["prices"])


@pytest.mark.parametrize(
    ("case", "statuses", "message"),
    [
        ("missing", ("400", "INVALID_ARGUMENT"), "input tensors are missing: wrapping"),
        ("wrong", ("400", "INVALID_ARGUMENT"), "row 1: weight: -1.0 is below the minimum 0 kg"),
        ("failing", ("500", "INTERNAL"), "the function failed; its log has the reason under request id"),
        ("too many", ("413", "RESOURCE_EXHAUSTED"), "60 rows; the limit is 50"),
        ("unknown output", ("400", "INVALID_ARGUMENT"), "no output 'prize'; did you mean 'price'?"),
        ("unknown model", ("404", "NOT_FOUND"), "no model 'tinny' here; there is tiny"),
    ],
)
def test_refusals_reach_the_caller(told: dict[str, Any], case: str, statuses: tuple[str, str], message: str) -> None:
    """The client's exception has the status and our message: the row, the field, what to mend."""
    status, words = told[case]
    assert status in (statuses[0], f"StatusCode.{statuses[1]}")
    assert message in words
    assert "swordfish" not in words


def test_openapi_document_is_valid(server: Server, client: Client, tmp_path: Path) -> None:
    """An OpenAPI validator accepts it."""
    (tmp_path / "openapi.json").write_bytes(server.ask("GET", "/openapi.json").body)
    client("-m", "openapi_spec_validator", str(tmp_path / "openapi.json"))
