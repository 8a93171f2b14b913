"""Bundles that run on this machine: they end with whoever started them."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.release import running
from slipway.release.bundle import Bundle

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
    deadline = time.monotonic() + 10
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(pid)


def test_function_that_is_not_ready_in_time_is_ended(bundled: Bundle) -> None:
    """Waiting has an end, and leaves nothing behind."""
    main = bundled.folder / "main.py"
    main.write_text("import time\ntime.sleep(3600)\n")
    told = "was not ready after 0.3 s: it wrote nothing"
    with pytest.raises(SlipwayError, match=told), running.start(bundled.folder, patience=0.3):
        pass
