"""The ASGI application: unforeseen errors, and callers who leave."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from slipway.artifacts import Golden, Loaded
from slipway.artifacts.manifest import Manifest
from slipway.model import Model
from slipway.schema import Field, Schema
from slipway.serving.bundled import Identity
from slipway.serving.function import Function, Limits
from slipway.serving.http import asgi

SCOPE = {"method": "POST", "path": "/predict", "query_string": b"", "headers": [(b"x-request-id", b"mine")]}


class Nothing(Model):
    """Predicts nothing."""

    source_features = ("weight",)
    target_variable = "price"


@pytest.fixture
def function() -> Function:
    schema = Schema(fields=(Field(name="weight", kind="number"),), target=Field(name="price", kind="number"))
    manifest = Manifest(entry="model:Nothing", parameters={}, tolerance=0, format=1, python="3.11", parts={})
    return Function(
        Loaded(Nothing(), schema, Golden(rows=[], predictions=[]), manifest), Identity("tiny/test/7", "v7"), Limits()
    )


async def broken() -> Mapping[str, Any]:
    raise RuntimeError("a secret of the server: 4711")


async def silent() -> Mapping[str, Any]:
    await asyncio.Event().wait()
    return {}


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_unforeseen_errors_are_answered_as_failures(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is JSON with the request's id; only the log has the reason; it is counted."""
    answer = asyncio.run(asgi.respond(function, SCOPE, broken))
    assert (answer.status, answer.headers["x-request-id"], b"4711" in answer.body) == (500, "mine", False)
    assert json.loads(answer.body)["error"]["code"] == "internal"
    reason, line = logged(capsys)
    assert "4711" in reason["traceback"]
    assert (line["status"], line["error"], line["request_id"]) == (500, "internal", "mine")
    assert b'code="500"} 1' in function.metrics.format()


def test_request_that_is_given_up_is_recorded(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts as that of a caller who left, and is no longer in progress."""

    async def given_up() -> None:
        asked = asyncio.create_task(asgi.respond(function, SCOPE, silent))
        await asyncio.sleep(0)
        asked.cancel()
        await asked

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(given_up())
    [line] = logged(capsys)
    assert (line["status"], line["error"], line["request_id"]) == (499, "disconnected", "mine")
    assert b'in_progress{model="tiny",environment="test",release="v7"} 0' in function.metrics.format()
