"""Trainings on this machine: the steps as a process, one run at a time."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from slipway.processes import SOURCE, end_with
from slipway.training.service.runs import Parameter, Run

__all__ = ["LocalRuns"]

_TAIL = 2000  # characters of what a failed run said


class LocalRuns:
    """See `Runs`; those that this process has started, of the repository at `root`."""

    def __init__(self, root: Path, model: str, environment: str) -> None:
        self.root, self.model, self.environment = root, model, environment
        self._runs: dict[str, Run] = {}

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        """See `Runs.start`."""
        run = Run(f"train-{self.model}-{secrets.token_hex(4)}", "Running", started=_now())
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
        """See `Runs.last`."""
        return next(reversed(self._runs.values()), None)

    def under_way(self) -> Run | None:
        """See `Runs.under_way`."""
        return next((run for run in self._runs.values() if not run.is_over), None)

    def find(self, name: str) -> Run | None:
        """See `Runs.find`."""
        return self._runs.get(name)

    def _wait(self, run: Run, process: subprocess.Popen[str]) -> None:
        said = process.communicate()[0]
        phase = "Failed" if process.returncode else "Succeeded"
        message = _reason(said) if process.returncode else ""
        self._runs[run.name] = run._replace(phase=phase, message=message, finished=_now())


def _reason(said: str) -> str:
    """From the error on, else the last of what was said."""
    _, found, error = said.rpartition("\nerror: ")
    return (error if found else said[-_TAIL:]).strip()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
