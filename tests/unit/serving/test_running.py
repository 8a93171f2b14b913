"""Bundles that run on this machine: they end with whoever started them."""

import re
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.images import running
from slipway.images.bundle import Bundle
from slipway.settings.types import Scale
from tests.unit.serving import tiny
from tests.waiting import until

ROW = b'{"weight": 2, "wrapping": "box"}'

BY_H11 = """
import importlib.util
importlib.util.find_spec = lambda name: None
from slipway.serving.__main__ import main
main()
"""

STARTER = """
import signal, sys, time
from pathlib import Path
from slipway.images import running
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background ignore it
with running.start(Path(sys.argv[1])) as server:
    print(server.process.pid, flush=True)
    time.sleep(60)
"""


def gone(pid: int) -> bool:
    """Return whether a process has ended, zombies included."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_function_ends_with_its_parent(bundled: Bundle, way: signal.Signals) -> None:
    """A kill and ctrl-C both end the server."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(bundled.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.send_signal(way)
    until(lambda: gone(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_function_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    """The wait ends, and no process is left."""
    before = children()
    made = tiny.bundled(tmp_path, code=f"import time\ntime.sleep(3600)\n{tiny.CODE}")
    told = "was not ready after 0.3 s: it wrote nothing"
    with pytest.raises(SlipwayError, match=told), running.start(made.folder, patience=0.3):
        pass
    assert children() <= before


def children() -> set[str]:
    """Return the running child processes of this one."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_a_request_in_flight_is_answered_after_sigterm(tmp_path: Path) -> None:
    """The process then ends with status 0."""
    hold = tmp_path / "hold"
    with running.start(tiny.bundled(tmp_path, code=tiny.held(hold)).folder) as server:
        address = urlsplit(server.url)
        connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
        hold.touch()
        connection.request("POST", "/predict", ROW)
        until(tiny.begun(hold).exists)
        server.process.terminate()
        hold.unlink()
        assert connection.getresponse().status == 200
        assert server.process.wait() == 0


def test_many_requests_in_flight_are_answered_after_sigterm(tmp_path: Path) -> None:
    """Most of them wait for a thread."""
    hold = tmp_path / "hold"
    with running.start(tiny.bundled(tmp_path, code=tiny.held(hold)).folder) as server, ThreadPoolExecutor(30) as pool:
        hold.touch()
        ends = [pool.submit(predict, server.url) for _ in range(30)]
        until(lambda: re.search(r"in_progress\{.*\} 30\n", metrics(server.url)))
        server.process.terminate()
        hold.unlink()
        assert [end.result() for end in ends] == [200] * 30
        assert server.process.wait() == 0


def test_a_crash_leaves_lines_in_the_log(tmp_path: Path) -> None:
    """A segfault in a library ends the process, and the log says where the model was."""
    code = tiny.CODE.replace("time.sleep(0.6)", "import ctypes; ctypes.string_at(0)")
    log: list[str] = []
    with running.start(tiny.bundled(tmp_path, code=code).folder, echo=log.append) as server:
        with pytest.raises(ConnectionError):
            predict(server.url, b'{"weight": 668, "wrapping": "box"}')
        assert server.process.wait() == -signal.SIGSEGV
        until(lambda: any("Segmentation fault" in line for line in log))
        until(lambda: any("model.py" in line for line in log))


@pytest.mark.parametrize("command", [["-m", "slipway.serving"], ["-c", BY_H11]], ids=["httptools", "h11"])
def test_kept_connections_announce_their_end(tmp_path: Path, command: list[str]) -> None:
    """After SIGTERM they are answered while any request is, and each answer has `connection: close`."""
    hold, port = tmp_path / "hold", running.usable_port("127.0.0.1", 0)
    folder = tiny.bundled(tmp_path, code=tiny.held(hold)).folder
    env = {"PYTHONPATH": str(folder), "PORT": str(port), "HOST": "127.0.0.1"}
    with running.process([sys.executable, *command], f"http://127.0.0.1:{port}", cwd=folder, env=env) as server:
        kept = [connected(server.url) for _ in range(16)]
        assert [asked(each) for each in kept] == [(200, None)] * 16
        hold.touch()
        held = connected(server.url)
        held.request("POST", "/predict", ROW)
        until(tiny.begun(hold).exists)
        server.process.terminate()
        until(lambda: not listens(server.url))
        assert [asked(each) for each in kept[1:]] == [(200, "close")] * 15
        hold.unlink()
        assert held.getresponse().getheader("connection") == "close"
        assert server.process.wait() == 0  # which one that stays idle does not hold up


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a connection may wait for who accepts it in another way")
def test_connections_that_wait_to_be_accepted_are_answered(tmp_path: Path) -> None:
    """Connections from before SIGTERM are answered, also when their requests come afterwards."""
    hold = tmp_path / "hold"
    with running.start(tiny.bundled(tmp_path, code=tiny.held(hold)).folder) as server:
        hold.touch()
        held = connected(server.url)
        held.request("POST", "/predict", ROW)
        until(tiny.begun(hold).exists)
        server.process.send_signal(signal.SIGSTOP)
        new = [connected(server.url) for _ in range(16)]
        server.process.terminate()
        server.process.send_signal(signal.SIGCONT)
        until(lambda: not listens(server.url))
        assert [asked(each) for each in new] == [(200, "close")] * 16
        hold.unlink()
        assert held.getresponse().status == 200
        assert server.process.wait() == 0


def connected(url: str) -> HTTPConnection:
    address = urlsplit(url)
    made = HTTPConnection(str(address.hostname), address.port, timeout=60)
    made.connect()
    made.auto_open = 0  # a connection that ended is not replaced by another one
    return made


def asked(connection: HTTPConnection) -> tuple[int, str | None]:
    """Return the status of an answer without a prediction, and its header `connection`."""
    connection.request("GET", "/v2")
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("connection")


def listens(url: str) -> bool:
    try:
        connected(url).close()
    except OSError:
        return False
    return True


def predict(url: str, row: bytes = ROW) -> int:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/predict", row, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.status)


def test_the_end_waits_for_the_longest_request() -> None:
    """Gunicorn gives a worker the longest `timeoutSeconds`, 5 above `scale.timeout`; Kubernetes ends it earlier."""
    code = "from slipway.serving.http import framework; from slipway.serving.http.application import Application; "
    code += "framework.settle(None, Application({}, {}, None, 1)); "
    code += "from gunicorn.config import Config; print(Config().graceful_timeout)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 600
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"timeout": int(done.stdout) - 4}, Scale)


def metrics(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        return str(answer.read().decode())
