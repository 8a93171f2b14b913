"""The filter and the dispatcher of Knative's broker, unchanged: a Trigger feeds a function, and gets its answer."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slipway.images import running
from tests.unit.serving import tiny

FOLDER = Path(__file__).parent / "clients/broker"
DATA = [tiny.ROWS[0], tiny.ROWS, [], {**tiny.ROWS[0], "weight": -1}, {**tiny.ROWS[0], "weight": 666}]
EVENT = {"specversion": "1.0", "source": "/orders", "type": "order", "datacontenttype": "application/json"}


@pytest.mark.long(400)
def test_trigger_feeds_a_function(tmp_path: Path) -> None:
    """Answers go back as events; wrong rows go to the dead letters at once, and failures after a second try."""
    events = [{**EVENT, "id": f"order {at}", "data": data} for at, data in enumerate(DATA)]
    events.append({**events[0], "type": "slipway.prediction"})
    broker = built(tmp_path / "broker")
    with running.start(tiny.bundled(tmp_path).folder) as server:
        for kind in ("binary", "json"):
            found = sent(broker, server.url, kind, events)
            assert [each["reply"]["data"]["prediction"] for each in found[:3]] == [4.0, tiny.PREDICTIONS, []]
            assert [each["reply"]["causationid"] for each in found[:3]] == ["order 0", "order 1", "order 2"]
            assert [dead(each) for each in found[3:5]] == [("400", "invalid_rows"), ("500", "internal")]
            assert [each["tries"] for each in found] == [1, 1, 1, 1, 3, 1]
            assert set(found[-1]) == {"tries"}, "the filter takes no answers"


def built(path: Path) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is missing")
    subprocess.run([go, "build", "-o", path, "."], cwd=FOLDER, check=True)
    return path


def sent(broker: Path, url: str, kind: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(event) + "\n" for event in events)
    told = subprocess.run([broker, url, kind], input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [json.loads(line) for line in told.splitlines()]


def dead(outcome: dict[str, Any]) -> tuple[str, str]:
    """Return what the dead letter says of the refusal: its status, and the function's own code."""
    event = outcome["dead"]
    told = json.loads(base64.b64decode(event["knativeerrordata"]))
    body = json.loads(base64.b64decode(told["errresponsebody"]))
    return event["knativeerrorcode"], body["error"]["code"]
