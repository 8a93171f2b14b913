"""Predictions of an artifact, asked for in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slipway import processes
from slipway.artifacts.loading import load


def predictions(python: Path | str, artifact: Path, rows: Sequence[Any]) -> list[Any]:
    """Return the predictions of an artifact in the environment of `python`; raise `SlipwayError` when it gives none."""
    env = processes.environment() | {"PYTHONDONTWRITEBYTECODE": "1"}  # an artifact's folder stays as it is
    question = artifact.absolute(), rows
    with TemporaryDirectory() as scratch:
        return processes.ask(python, __name__, question, answer=list[Any], env=env, cwd=Path(scratch))


def answer(question: tuple[Path, list[Any]]) -> list[Any]:
    """Return the predictions of the artifact in a folder for rows of a request, by the code in the folder."""
    artifact, rows = question
    return load(artifact).answer(rows)
