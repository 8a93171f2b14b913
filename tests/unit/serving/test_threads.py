"""Predictions that take too long, and callers who leave: others are answered, and stuck threads end the process."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest

from slipway.images import running
from slipway.serving.grpc.messages import message
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Server
from tests.unit.serving.grpc.test_server import HEALTH, SERVICE, request
from tests.waiting import until

ROW = b'{"weight": 2, "wrapping": "box"}'

# Stuck threads have seconds of patience in a cluster, and none in these tests.
HASTY = """
from slipway.serving import threads
threads.LIVE, threads.EXIT, threads._SILENT, threads._TICK = 0.3, 0.6, 0, 0.1
from slipway.serving.__main__ import main
main()
"""
PROBES = ("/health/ready", "/v2/health/ready", "/v2/models/tiny/ready", "/health/live", "/v2/health/live")


@contextmanager
def served(tmp_path: Path, program: str = HASTY, code: str = "", **env: str) -> Iterator[tuple[Server, Path, Any]]:
    """Serve a model that waits while the yielded file exists, in one thread, for at most one second."""
    hold, log, port = tmp_path / "hold", list[str](), running.usable_port("127.0.0.1", 0)
    folder = tiny.bundled(tmp_path, code=code or tiny.held(hold)).folder
    own = {"PYTHONPATH": str(folder), "PORT": str(port), "HOST": "127.0.0.1", "THREADS": "1", "SLIPWAY_TIMEOUT": "1"}
    url = f"{env.get('SLIPWAY_PROTOCOL', 'http')}://127.0.0.1:{port}"
    command = [sys.executable, "-c", program]
    try:
        with running.process(command, url, cwd=folder, env={**own, **env}, echo=log.append) as started:
            yield Server(url, log), hold, started.process
    finally:
        hold.unlink(missing_ok=True)


def lines(server: Server, severity: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in list(server.log)]
    return [line for line in told if line["severity"] == severity]


PATIENT = HASTY.replace("0.3, 0.6", "600, 600")


def test_prediction_that_does_not_end_is_answered_in_time(tmp_path: Path) -> None:
    """The answer is JSON; it is logged and counted; the function is ready again once its threads are free."""
    with served(tmp_path, PATIENT) as (server, hold, _):
        hold.touch()
        answer = server.ask("POST", "/predict", ROW, x_request_id="late")
        assert (answer.status, answer.json["error"]["code"]) == (504, "too_long")
        assert "within 1 s" in answer.json["error"]["message"]
        until(lambda: server.logged("late"))
        [line] = server.logged("late")
        assert (line["status"], line["error"], line["severity"]) == (504, "too_long", "ERROR")
        assert [server.ask("GET", path).status for path in PROBES] == [503, 503, 503, 200, 200]
        began = time.monotonic()
        assert server.ask("POST", "/predict", ROW).json["error"]["code"] == "stuck"
        assert time.monotonic() - began < 0.5
        until(lambda: any("model.py" in str(line.get("traceback")) for line in lines(server, "ERROR")))
        assert b'route="/predict",code="504"} 1' in server.ask("GET", "/metrics").body
        hold.unlink()
        until(lambda: server.ask("GET", "/health/ready").status == 200)
        assert server.ask("POST", "/predict", ROW).status == 200


def test_call_that_does_not_end_is_answered_in_time(tmp_path: Path) -> None:
    """Over gRPC it is DEADLINE_EXCEEDED, and the health check fails."""
    with (
        served(tmp_path, PATIENT, SLIPWAY_PROTOCOL="grpc") as (server, hold, _),
        grpc.insecure_channel(urlsplit(server.url).netloc, [("grpc.enable_http_proxy", 0)]) as channel,
    ):
        hold.touch()
        codes = []
        for path, asked in ((f"{SERVICE}/ModelInfer", request(2)), (HEALTH, message("HealthCheckRequest")())):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(path)(asked.SerializeToString(), timeout=20)
            codes.append(caught.value.code().name)
        assert codes == ["DEADLINE_EXCEEDED", "UNAVAILABLE"]


@pytest.mark.long(5)
def test_stuck_threads_end_the_process(tmp_path: Path) -> None:
    """It is not ready, then not live, then it ends with status 1, and its last line says where it is stuck."""
    with served(tmp_path) as (server, hold, process):
        hold.touch()
        assert server.ask("POST", "/predict", ROW).status == 504
        assert [server.ask("GET", path).status for path in ("/health/ready", "/health/live")] == [503, 200]
        until(lambda: server.ask("GET", "/health/live").status == 503)
        assert process.wait(5) == 1
        until(lambda: lines(server, "CRITICAL"))
        [last] = lines(server, "CRITICAL")
        assert "all 1 threads have been stuck" in last["message"]
        assert "model.py" in last["traceback"]


@pytest.mark.long(5)
def test_stuck_event_loop_ends_the_process(tmp_path: Path) -> None:
    """A brief prediction needs no thread, and one that does not end stops all."""
    code = tiny.held(tmp_path / "hold").replace("source_features", "waits = False\n    source_features")
    with served(tmp_path, code=code) as (server, hold, process):
        hold.touch()
        with pytest.raises(ConnectionError):
            server.ask("POST", "/predict", ROW)
        assert process.wait(5) == 1
        until(lambda: lines(server, "CRITICAL"))
        assert "model.py" in lines(server, "CRITICAL")[0]["traceback"]


@pytest.mark.long(5)
def test_stuck_threads_do_not_hold_up_the_end(tmp_path: Path) -> None:
    """After SIGTERM the process ends, although Python would wait for its threads."""
    with served(tmp_path, PATIENT) as (server, hold, process):
        hold.touch()
        assert server.ask("POST", "/predict", ROW).status == 504
        process.terminate()
        assert process.wait(5) == 0


def test_callers_who_leave_hold_up_nobody(tmp_path: Path) -> None:
    """They are logged as such, and what waits for a thread is dropped."""
    with served(tmp_path, PATIENT, SLIPWAY_TIMEOUT="600") as (server, hold, _):
        hold.touch()
        leaving = [server.connected() for _ in range(8)]
        for number, each in enumerate(leaving):
            each.request("POST", "/predict", ROW, {"X-Request-Id": f"left-{number}"})
            until(tiny.begun(hold).exists)
        for each in leaving:
            each.close()
        until(lambda: sum('"status":499' in line for line in list(server.log)) == 8)
        [line] = server.logged("left-0")
        assert (line["status"], line["error"], line["severity"]) == (499, "disconnected", "INFO")
        hold.unlink()
        assert server.ask("POST", "/predict", ROW).status == 200
        # The one that had begun, and the one who waited.
        assert (
            b'slipway_request_rows_count{model="tiny",environment="dev",release="dev"} 2'
            in server.ask("GET", "/metrics").body
        )
