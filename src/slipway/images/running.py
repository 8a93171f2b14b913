"""A bundle on this machine: started as an image starts it, waited for, and stopped."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.images import clients
from slipway.images.bundle import Bundle
from slipway.models.environment import python_for
from slipway.processes import begin, end, environment
from slipway.serving import access
from slipway.serving.http.requests import READY
from slipway.serving.process import (
    MAX_BODY,
    MAX_ROWS,
    METRICS_PORT,
    ORIGINS,
    PROTOCOL,
    SECRETS,
    THREADS,
    TIMEOUT,
    listed,
)
from slipway.settings.types import ModelSettings, SecretRef

# A function reads these variables, and the user's shell may hold them for something else. Without bytecode,
# scikit-learn would be compiled at each start, which takes many times as long as importing it.
_FOREIGN = frozenset(
    {"DEBUG", "ENTRY_POINT", "FUNCTION_SIGNATURE_TYPE", "FUNCTION_USE_ASGI", "HOST", "PORT", "WORKERS"}
    | {"PYTHONDONTWRITEBYTECODE", access.FOLDER, access.KIND, PROTOCOL, METRICS_PORT, SECRETS}
    | {MAX_BODY, MAX_ROWS, TIMEOUT, THREADS, ORIGINS}
)

# The variables of this machine by which Python and its libraries are found.
_MACHINES = ("LD_LIBRARY_PATH", "LANG", "LC_ALL")

# As Kubernetes does, let a function finish its answers for so many seconds.
_PATIENCE = 10


class Server(NamedTuple):
    """A running function."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def serve(
    bundle: Bundle,
    secrets: Mapping[str, SecretRef] = MappingProxyType({}),
    *,
    model_id: str = "",
    release: str = "",
    python: Path | None = None,
    env: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    """Run the bundle's function until the block ends; yield its address.

    It gets the variables that a cluster sets, those of `secrets` and of `env`, and no other of this process.
    It runs in an environment made of the bundle's lock, or by the interpreter `python`. Without `model_id` and
    `release` it answers as `<model>/dev/1` and `dev`. Raise `SlipwayError` as `start` does.
    """
    named = {"MODEL_ID": model_id, "RELEASE": release, **secret_variables(secrets), **env}
    interpreter = python or python_for(bundle.lock)
    with TemporaryDirectory(prefix="slipway-") as home:
        inherited = {name: os.environ[name] for name in (*secrets, *_MACHINES) if name in os.environ}
        path = os.pathsep.join([str(interpreter.parent), "/usr/local/bin", os.defpath])
        own = {**inherited, "PATH": path, "HOME": home, "TMPDIR": home}
        with start(bundle.folder, python=interpreter, env=named, inherited=own) as server:
            yield server.url


def secret_variables(secrets: Mapping[str, SecretRef]) -> dict[str, str]:
    """Return the variable that tells a function which secrets it needs; none if it needs none."""
    return {SECRETS: listed(secrets)} if secrets else {}


def limit_variables(own: ModelSettings) -> dict[str, str]:
    """Return the variables by which a release limits requests as the settings of its model say."""
    found = {
        MAX_BODY: str(own.limits.bytes),
        MAX_ROWS: str(own.limits.rows),
        TIMEOUT: str(own.scale.timeout),
        THREADS: str(own.scale.concurrency),
    }
    return found | ({ORIGINS: " ".join(own.cors)} if own.cors else {})


@contextmanager
def start(
    folder: Path,
    *,
    python: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    env: Mapping[str, str] | None = None,
    inherited: Mapping[str, str] | None = None,
    patience: float = 60,
    echo: Callable[[str], None] | None = None,
) -> Iterator[Server]:
    """Start the function of the bundle in `folder`; the block begins once it is ready.

    `port` 0 takes a free port; `echo` gets each line of its log; it has to be ready within `patience` seconds. With
    `SLIPWAY_PROTOCOL=grpc` in `env` it speaks gRPC. `inherited` are the variables beside `env` (default: those of this
    process). Raise `SlipwayError` when the port is in use, and with the end of
    its log when it ends or does not get ready.
    """
    port = usable_port(host, port)
    named = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    interpreter = (python or Path(sys.executable)).absolute()  # it starts in another folder
    command = [str(interpreter), "-m", "slipway.serving"]
    own = environment() if inherited is None else inherited
    env = _environment(folder, own, {**(env or {}), "HOST": host, "PORT": str(port)})
    url = f"{env.get(PROTOCOL) or 'http'}://{named}:{port}"
    with process(command, url, cwd=folder, env=env, patience=patience, echo=echo) as server:
        yield server


@contextmanager
def process(
    command: Sequence[str],
    url: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    patience: float = 60,
    echo: Callable[[str], None] | None = None,
    ready: str = READY,
) -> Iterator[Server]:
    """Run a command that serves at `url` until the block ends; the block begins once the path `ready` answers.

    Raise `SlipwayError` as `start` does.
    """
    started = begin(command, cwd=cwd, env=env, stderr=subprocess.STDOUT)
    log: deque[str] = deque(maxlen=50)
    reader = threading.Thread(target=_read, args=(started, log, echo), daemon=True)
    reader.start()
    try:
        server = Server(url, started)
        _wait(server, f"{url}{ready}", reader, log, patience)
        yield server
    finally:
        end(started, _PATIENCE)
        reader.join(5)


def _environment(folder: Path, inherited: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in inherited.items() if name not in _FOREIGN}
    given = {"MODEL_ID": "", "RELEASE": "", **env}
    return own | given | {"PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"}


def usable_port(host: str, port: int) -> int:
    """Return the port to use, a free one for 0; raise `SlipwayError` when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            fix = "stop what uses it, or take another: --port 8081"
            raise SlipwayError(f"port {port} of {host} cannot be used: {error.strerror}", fix=fix) from error
        return int(probe.getsockname()[1])


def _read(process: subprocess.Popen[str], log: deque[str], echo: Callable[[str], None] | None) -> None:
    for line in process.stdout or ():
        log.append(line.rstrip("\n"))
        if echo:
            echo(line.rstrip("\n"))


def _wait(server: Server, ready: str, reader: threading.Thread, log: deque[str], patience: float) -> None:
    deadline = time.monotonic() + patience
    while not clients.is_ready(ready):
        if server.process.poll() is not None:
            reader.join(5)
            raise SlipwayError(f"the function ended with status {server.process.returncode}: {_reason(log)}")
        if time.monotonic() > deadline:
            raise SlipwayError(f"the function was not ready after {patience:g} s: {_reason(log)}")
        time.sleep(0.02)


def _reason(log: deque[str]) -> str:
    """Return the last error in the function's log, or the last line."""
    for line in reversed(log):
        with suppress(ValueError):
            told = json.loads(line)
            if isinstance(told, dict) and told.get("severity") in ("CRITICAL", "ERROR"):
                fix = f"\n  → {told['fix']}" if told.get("fix") else ""
                return f"{told.get('message')}{fix}"
    return next((line for line in reversed(log) if line.strip()), "it wrote nothing")
