"""One function for all tests of this folder, started as in an image."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from slipway.images import running
from slipway.images.bundle import Bundle
from slipway.models import environment
from tests.unit.serving import tiny

MAX_BODY, MAX_ROWS = 4096, 50

CLIENTS = Path(__file__).parent / "clients"
"""The environment of other people's clients; its lock is made by `uv pip compile --universal --python-version 3.11
--generate-hashes --no-header --no-annotate requirements.txt -o requirements.lock`."""


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server(NamedTuple):
    """A running function, and the lines of its log."""

    url: str
    log: list[str]

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 0)

    def connected(self) -> HTTPConnection:
        """Return a connection that the test closes."""
        connection = HTTPConnection(*self.address, timeout=10)
        connection.connect()
        return connection

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        connection = HTTPConnection(*self.address, timeout=10)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def logged(self, request_id: str) -> list[dict[str, Any]]:
        """Return the lines about one request."""
        told = [json.loads(line) for line in list(self.log) if line.startswith("{")]
        return [line for line in told if line.get("request_id") == request_id]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = tiny.bundled(tmp_path_factory.mktemp("served"))
    env = {
        "MODEL_ID": "tiny/test/7",
        "RELEASE": "v7-1a2b3c4d",
        "SLIPWAY_MAX_BODY": str(MAX_BODY),
        "SLIPWAY_MAX_ROWS": str(MAX_ROWS),
    }
    log: list[str] = []
    with running.start(made.folder, env=env, echo=log.append) as started:
        yield Server(started.url, log)


@pytest.fixture(scope="session")
def grpc_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the same bundle over gRPC."""
    made = tiny.bundled(tmp_path_factory.mktemp("called"))
    env = {"MODEL_ID": "tiny/test/7", "RELEASE": "v7-1a2b3c4d", "SLIPWAY_PROTOCOL": "grpc"}
    env |= {"SLIPWAY_MAX_BODY": str(MAX_BODY), "SLIPWAY_MAX_ROWS": str(MAX_ROWS)}
    log: list[str] = []
    with running.start(made.folder, env=env, echo=log.append) as started:
        yield Server(started.url, log)


@pytest.fixture(scope="session")
def client() -> Callable[..., str]:
    """Return a call that runs a program in the environment of the clients, and returns its output."""
    python = environment.python_for(CLIENTS / "requirements.lock")

    def run(*words: str, cwd: Path = CLIENTS) -> str:
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run([python, *words], cwd=cwd, env=own, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout

    return run


@pytest.fixture
def bundled(tmp_path: Path) -> Bundle:
    """Return a bundle that the test may damage."""
    return tiny.bundled(tmp_path)


@pytest.fixture
def start() -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Return a call that starts a function without a server: exit status, last line of the log, whole output."""

    def run(folder: Path, **env: str) -> tuple[int, dict[str, Any], str]:
        code = "from pathlib import Path; from slipway.serving.start import start; start(Path.cwd())"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **env},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stderr.splitlines()
        assert len(lines) == 1, done.stderr
        return done.returncode, json.loads(lines[0]), done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a function that predicts on the event loop."""
    code = tiny.CODE.replace("source_features", "waits = False\n    source_features")
    log: list[str] = []
    with running.start(tiny.bundled(tmp_path_factory.mktemp("brief"), code=code).folder, echo=log.append) as started:
        yield Server(started.url, log)
