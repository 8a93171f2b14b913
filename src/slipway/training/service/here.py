"""The training service on this machine: as its image starts it, with the steps as a process beside it."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from slipway.images.bundle import platform
from slipway.images.running import Server, process, usable_port
from slipway.models.environment import SOURCE
from slipway.models.parameters import parameters
from slipway.serving.access import FILES

if TYPE_CHECKING:
    from slipway.settings import Settings

__all__ = ["Here", "serve"]

_NAME = "slipway"


class Here(NamedTuple):
    """The running service, and the name and password that it lets in; they are new each time."""

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
) -> Iterator[Here]:
    """Start the training service of a model; the block begins once it is ready, and ends it.

    `port` 0 takes a free one, `echo` gets each line of its log. Raises `SlipwayError` when the port is in use, when the
    model cannot be loaded, and with the last of its log when it does not start.
    """
    port, password = usable_port(host, port), secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        for name, content in zip(FILES, (_NAME, password), strict=True):
            (Path(scratch) / name).write_text(content)
        env = {
            **os.environ,
            "PYTHONPATH": SOURCE,
            "PYTHONUNBUFFERED": "1",
            "SLIPWAY_ACCESS": scratch,
            "SLIPWAY_CLUSTER": "",
            "SLIPWAY_ENVIRONMENT": environment,
            "SLIPWAY_MODEL": model,
            "SLIPWAY_PARAMETERS": msgspec.json.encode(parameters(settings, model)).decode(),
            "SLIPWAY_ROOT": str(settings.root),
            "SLIPWAY_STORE": settings.environment(environment).store,
        }
        source = platform(settings.root) / "functions" / "training" / "main.py"
        command = [sys.executable, "-P", "-m", "functions_framework", "--target", "training", "--source", str(source)]
        command += ["--host", host, "--port", str(port)]
        with process(command, f"http://{host}:{port}", cwd=settings.root, env=env, echo=echo) as server:
            yield Here(server, _NAME, password)
