"""Servers that tests of several parts need."""

import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests import tools


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
