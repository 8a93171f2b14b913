"""Start a server, wait for its first answer, measure its memory, and end it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.peers.contestants import Contestant

_PATIENCE = 120  # seconds
_PORTS = 3  # consecutive ones, which MLServer needs


class Running(NamedTuple):
    """A server that has given its first answer."""

    url: str
    pid: int
    milliseconds: float
    """From the start to the first answer."""

    def ask(self, body: str) -> Any:
        """Send a body, and return the answer's JSON."""
        request = urllib.request.Request(self.url, body.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return json.load(answer)

    def memory(self) -> float:
        """Return the MB that its processes hold; shared memory counts once (Pss)."""
        found = [_pss(pid) for pid in _family(self.pid)]
        return sum(found) * 1024 / 1e6

    def cpu(self) -> float:
        """Return the seconds of CPU time that its processes have taken."""
        found = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in _family(self.pid)]
        return sum(int(each[11]) + int(each[12]) for each in found) / os.sysconf("SC_CLK_TCK")

    def keep_to(self, cpus: set[int]) -> None:
        """Restrict all its threads to these CPUs."""
        for pid in _family(self.pid):
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(int(task.name), cpus)


@contextlib.contextmanager
def start(contestant: Contestant) -> Iterator[Running]:
    """Start a server and yield it once it has answered one row; end it with the block."""
    port = _free_port()
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
    env = own | {name: _filled(value, port) for name, value in contestant.env.items()}
    command = [_filled(word, port) for word in contestant.command]
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=contestant.cwd, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            answers = _first_answer(contestant, process, port)
            took = (time.perf_counter() - began) * 1000
            if not answers:
                log.seek(0)
                sys.exit(f"{contestant.name} does not answer:\n{log.read().decode(errors='replace')[-3000:]}")
            yield Running(f"http://127.0.0.1:{port}{contestant.path}", process.pid, took)
        finally:
            _end(process)


def _first_answer(contestant: Contestant, process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
            connection.request("POST", contestant.path, contestant.bodies[1], {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            if answer.status == 200:
                return True
        time.sleep(0.002)
    return False


def _filled(text: str, port: int) -> str:
    return re.sub(r"\{port(?:\+(\d+))?\}", lambda found: str(port + int(found[1] or 0)), text)


def _free_port() -> int:
    """Return the first of `_PORTS` free ports, below the range of outgoing connections."""
    while True:
        (first,) = random.sample(range(20_000, 30_000), 1)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + _PORTS):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def _family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    below = [child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
    return [pid, *(each for child in below for each in _family(int(child)))]


def _pss(pid: int) -> int:
    found = re.search(r"^Pss: +([0-9]+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
