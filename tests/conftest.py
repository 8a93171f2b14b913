"""Samples of the long tests, and servers that tests of several parts need."""

import os
import random
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests import tools

# Every worker of pytest takes a core; more threads than that only wait for each other.
for _library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")


# Models that tests train; what stands there are their own tests.
collect_ignore = ["models"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take how many minutes the selected tests may last, and the seed of the sample that fits into them."""
    parser.addoption("--sample", type=float, metavar="MINUTES", help="run a random sample of about this length")
    parser.addoption("--seed", default="", help="any text; the same text selects the same sample")


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than the cores: tests wait for processes and servers a fifth of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: "list[pytest.Item]") -> None:
    """Keep a sample that fits into the minutes, by the seconds that each test declares in its marker `long`."""
    if (minutes := config.getoption("--sample")) is None:
        return
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    left = minutes * 60 * min(workers, os.cpu_count() or 1)
    chosen, others = [], []
    for item in random.Random(config.getoption("--seed")).sample(items, len(items)):  # noqa: S311 - no secret
        marker = item.get_closest_marker("long")
        seconds = marker.args[0] if marker and marker.args else 1
        (chosen if seconds <= left else others).append(item)
        left -= seconds if seconds <= left else 0
    config.hook.pytest_deselected(items=others)
    items[:] = chosen


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[str]:
    """The address of a fake-gcs-server with no bucket in it."""
    binary = tools.find("fake-gcs-server", "github.com/fsouza/fake-gcs-server@v1.56.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    listen = ["-scheme", "http", "-host", "127.0.0.1", "-port", host.split(":")[1]]
    names = ["-public-host", host, "-external-url", f"http://{host}"]
    command = [binary, "-backend", "memory", "-log-level", "error", *listen, *names]
    with subprocess.Popen(command) as server:
        try:
            _wait_for(f"http://{host}/storage/v1/b", server)
            yield f"http://{host}"
        finally:
            server.terminate()


def _wait_for(url: str, server: "subprocess.Popen[bytes]", seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.02)
        else:
            return
