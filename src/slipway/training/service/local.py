"""The training service on this machine, started as its image starts it."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from slipway.images.bundle import platform_root
from slipway.images.running import Server, process, usable_port
from slipway.processes import SOURCE
from slipway.serving.access import FILES, FOLDER
from slipway.settings import Settings
from slipway.training.inputs import parameters

_NAME = "slipway"


class LocalService(NamedTuple):
    """The running service, with the name and the new password that it accepts."""

    server: Server
    name: str
    password: str


@contextmanager
def serve(
    settings: Settings,
    model: str,
    environment: str,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    echo: Callable[[str], None] | None = None,
) -> Iterator[LocalService]:
    """Serve the trainings of a model within the block, which begins when the service is ready.

    `port` 0 takes a free one, `echo` gets each line of the log. Raise `SlipwayError` when the port is in use, when the
    model cannot be loaded, and with the end of the log when the service does not start.
    """
    port, password = usable_port(host, port), secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        for name, content in zip(FILES, (_NAME, password), strict=True):
            (Path(scratch) / name).write_text(content)
        env = {
            **os.environ,
            "PYTHONPATH": SOURCE,
            "PYTHONUNBUFFERED": "1",
            FOLDER: scratch,
            "SLIPWAY_CLUSTER": "",
            "SLIPWAY_ENVIRONMENT": environment,
            "SLIPWAY_MODEL": model,
            "SLIPWAY_PARAMETERS": msgspec.json.encode(parameters(settings, model)).decode(),
            "SLIPWAY_ROOT": str(settings.root),
            "SLIPWAY_STORE": settings.environment(environment).store,
        }
        source = platform_root(settings) / "functions" / "training" / "main.py"
        command = [sys.executable, "-P", "-m", "functions_framework", "--target", "training", "--source", str(source)]
        command += ["--host", host, "--port", str(port)]
        with process(command, f"http://{host}:{port}", cwd=settings.root, env=env, echo=echo) as server:
            yield LocalService(server, _NAME, password)
