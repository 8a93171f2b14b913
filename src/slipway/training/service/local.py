"""The training service on this machine: started as its image starts it, with its runs as processes."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from slipway.images.bundle import platform_root
from slipway.images.running import Server, process, usable_port
from slipway.model import Parameter
from slipway.processes import SOURCE, end_with
from slipway.serving.access import FILES, FOLDER
from slipway.settings import Settings
from slipway.store.records import now
from slipway.training.inputs import parameters
from slipway.training.service.runs import Run

_NAME = "slipway"
_TAIL = 2000  # characters of the output of a failed run


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


class LocalRuns:
    """The `Runs` that this process has started, of the repository at `root`."""

    def __init__(self, root: Path, model: str, environment: str) -> None:
        self.root, self.model, self.environment = root, model, environment
        self._runs: dict[str, Run] = {}

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        run = Run(f"train-{self.model}-{secrets.token_hex(4)}", "Running", started=now())
        words = ["train", self.model, "--env", self.environment, *(["--data", data] if data else [])]
        words += [f"--parameter={name}={value}" for name, value in parameters.items()]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "slipway", "-C", str(self.root), *words],
            env=os.environ | {"PYTHONPATH": SOURCE, "SLIPWAY_RUN": run.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=end_with(os.getpid()),
        )
        self._runs[run.name] = run
        threading.Thread(target=self._wait, args=(run, process), daemon=True).start()
        return run

    def last(self) -> Run | None:
        return next(reversed(self._runs.values()), None)

    def under_way(self) -> Run | None:
        return next((run for run in self._runs.values() if not run.is_over), None)

    def find(self, name: str) -> Run | None:
        return self._runs.get(name)

    def _wait(self, run: Run, process: subprocess.Popen[str]) -> None:
        output = process.communicate()[0]
        phase = "Failed" if process.returncode else "Succeeded"
        message = _reason(output) if process.returncode else ""
        self._runs[run.name] = run._replace(phase=phase, message=message, finished=now())


def _reason(output: str) -> str:
    """Return the output from its error on; the end of it when it has none."""
    _, found, error = output.rpartition("\nerror: ")
    return (error if found else output[-_TAIL:]).strip()
