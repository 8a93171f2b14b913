"""KServe's own client, unchanged: its default is version 1 of its protocol; version 2 goes over REST and gRPC."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from slipway.images import running
from slipway.models.environment import python_for
from tests.unit.serving import tiny

FOLDER = Path(__file__).parent / "clients/kserve"
REFUSED = {"v1": "400 Bad Request", "v2": "404 Not Found", "grpc": "NOT_FOUND"}


@pytest.mark.long(60)
@pytest.mark.parametrize("protocol", REFUSED)
def test_kserves_client_predicts(tmp_path: Path, protocol: str) -> None:
    """It gets answers and readiness, and learns of its mistakes by their status."""
    env = {"SLIPWAY_PROTOCOL": "grpc"} if protocol == "grpc" else {}
    with running.start(tiny.bundled(tmp_path).folder, env=env) as server:
        address = urlsplit(server.url).netloc if protocol == "grpc" else server.url
        found = told(protocol, "tiny", address, {"weight": 2.0, "wrapping": "box"})
    assert REFUSED[protocol] in found.pop("refused")
    health = {} if protocol == "v1" else {"live": True, "ready": True}
    assert found == {"answer": [4.0], "model_ready": True, **health}


def told(*words: Any) -> dict[str, Any]:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"no_proxy": "*"}
    command = [python_for(FOLDER / "requirements.lock"), FOLDER / "client.py", *words[:-1], json.dumps(words[-1])]
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
