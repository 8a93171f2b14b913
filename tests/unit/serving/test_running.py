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
from slipway.release import running
from slipway.release.bundle import Bundle
from slipway.settings import Scale
from tests.unit.serving import tiny
from tests.waiting import until

STARTER = """
import sys, time
from pathlib import Path
from slipway.release import running
with running.start(Path(sys.argv[1])) as server:
    print(server.process.pid, flush=True)
    time.sleep(60)
"""


def gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be reaped has."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_function_ends_with_who_started_it(bundled: Bundle, way: signal.Signals) -> None:
    """Neither a kill nor ctrl-C leaves a server behind."""
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
    """Waiting has an end, and leaves nothing behind."""
    before = children()
    made = tiny.bundled(tmp_path, code=f"import time\ntime.sleep(3600)\n{tiny.CODE}")
    told = "was not ready after 0.3 s: it wrote nothing"
    with pytest.raises(SlipwayError, match=told), running.start(made.folder, patience=0.3):
        pass
    assert children() <= before


def children() -> set[str]:
    """The processes that this one has started and that have not ended."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_what_was_begun_is_finished(tmp_path: Path) -> None:
    """After SIGTERM a request in flight is answered, and the process ends with status 0."""
    hold = tmp_path / "hold"
    with running.start(tiny.bundled(tmp_path, code=tiny.held(hold)).folder) as server:
        address = urlsplit(server.url)
        connection = HTTPConnection(str(address.hostname), address.port, timeout=60)
        hold.touch()
        connection.request("POST", "/predict", b'{"weight": 2, "wrapping": "box"}')
        until(tiny.begun(hold).exists)
        server.process.terminate()
        hold.unlink()
        assert connection.getresponse().status == 200
        assert server.wait() == 0


def test_nothing_that_was_begun_is_lost_under_load(tmp_path: Path) -> None:
    """Of many requests at once, most of which wait for a thread, each is answered after SIGTERM."""
    hold = tmp_path / "hold"
    with running.start(tiny.bundled(tmp_path, code=tiny.held(hold)).folder) as server, ThreadPoolExecutor(30) as pool:
        hold.touch()
        ends = [pool.submit(predict, server.url) for _ in range(30)]
        until(lambda: re.search(r"in_progress\{.*\} 30\n", metrics(server.url)))
        server.process.terminate()
        hold.unlink()
        assert [end.result() for end in ends] == [200] * 30
        assert server.wait() == 0


def predict(url: str) -> int:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/predict", b'{"weight": 2, "wrapping": "box"}', headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.status)


def test_ending_waits_for_the_longest_request_that_settings_allow() -> None:
    """Gunicorn gives a worker as long as `scale.timeout` may be at the most; Kubernetes is who cuts it off."""
    code = "from slipway.serving import framework; framework.settle(None); from gunicorn.config import Config; "
    code += "print(Config().graceful_timeout)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 600
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"timeout": int(done.stdout) + 1}, Scale)


def metrics(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        return str(answer.read().decode())
