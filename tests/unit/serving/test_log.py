"""The log of a function: no answer depends on it."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slipway.images import running
from slipway.images.bundle import Bundle
from tests.unit.serving.conftest import Server
from tests.waiting import until

COMMAND = [sys.executable, "-m", "slipway.serving"]
ROW = b'{"weight": 2, "wrapping": "box"}'


@contextmanager
def run(folder: Path, stderr: int) -> Iterator[tuple[Server, subprocess.Popen[bytes]]]:
    """Run a function that logs to a file descriptor, until its health is answered."""
    port = running.usable_port("127.0.0.1", 0)
    env = {"PYTHONPATH": str(folder), "PORT": str(port), "HOST": "127.0.0.1"}
    process = subprocess.Popen(COMMAND, cwd=folder, env=env, stderr=stderr)
    try:
        until(lambda: answers(port))
        yield Server(f"http://127.0.0.1:{port}", []), process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(params=["full disk", "broken pipe"])
def unwritable(request: pytest.FixtureRequest) -> Iterator[int]:
    """Yield a file descriptor that takes nothing."""
    if request.param == "full disk":
        with Path("/dev/full").open("wb") as full:
            yield full.fileno()
        return
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_lost_line_costs_no_answer(bundled: Bundle, unwritable: int) -> None:
    """Answers, refusals and failures are sent, lines are counted, and the process ends as any other."""
    with run(bundled.folder, unwritable) as (server, process):
        asked = [server.ask("POST", "/predict", body).status for body in (ROW, b"{", ROW.replace(b"2", b"666"), ROW)]
        assert asked == [200, 400, 500, 200]
        lost = [
            line for line in server.ask("GET", "/metrics").body.decode().splitlines() if "lines_lost_total{" in line
        ]
        assert int(lost[0].rpartition(" ")[2]) == 1 + 5  # the start, and two lines of the failure
        process.terminate()
        assert process.wait(timeout=60) == 0
