"""Asking Python code in a process of its own, where a model's modules and libraries meet no others."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["WITHHELD", "ask", "environment"]

T = TypeVar("T")

# What the model's code prints, at import or later, must not get between: from here on it goes to standard error.
_BEFORE = """
import os, sys
_answer = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
import msgspec
question = msgspec.json.decode(sys.stdin.buffer.read())
"""
_AFTER = """
with _answer:
    _answer.write(msgspec.json.encode(answer))
"""

_OURS = re.compile(r"^slipway\.errors\.\w+: ", re.MULTILINE)


def ask(
    python: Path | str,
    code: str,
    *arguments: str,
    answer: type[T],
    env: Mapping[str, str],
    question: Any = None,
    cwd: Path | None = None,
    patience: float | None = None,
) -> T:
    """What `code` leaves in its variable `answer`, of this type, when `python`, which needs msgspec, runs it.

    It finds `question` in a variable of that name, and `arguments` in `sys.argv`; question and answer are what JSON can
    hold. `patience` is in seconds. Raises `SlipwayError` when there is no answer: with problem and fix of an error of
    ours, else with the last line that was said.
    """
    command = [str(python), "-P", "-c", f"{_BEFORE}{code}{_AFTER}", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**env, "PYTHONIOENCODING": "utf-8"},
            input=msgspec.json.encode(question),
            capture_output=True,
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired as error:
        raise SlipwayError(f"it took more than {patience:g} s") from error
    if done.returncode or not done.stdout:  # a model that ends the process gives no answer, whatever its status
        raise _failure(done.stderr.decode(errors="replace").strip())
    return msgspec.json.decode(done.stdout, type=answer)


def _failure(said: str) -> SlipwayError:
    *before, last = _OURS.split(said)
    if before and "\nTraceback " not in last:
        problem, _, fix = last.partition("\n  → ")
        return SlipwayError(problem, fix=fix)
    lines = [line for line in said.splitlines() if line.strip()]
    return SlipwayError(lines[-1].strip() if lines else "it said nothing")


WITHHELD = frozenset(
    {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_RUNTIME_URL",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "SLIPWAY_DISPATCH_TOKEN",
        "SLIPWAY_KEY",
        "SLIPWAY_PASSWORD",
    }
)
"""Variables by which one may act as the pipeline, or as a caller: write to the repository, take on an identity."""


def environment() -> dict[str, str]:
    """The variables of this process without `WITHHELD`."""
    return {name: value for name, value in os.environ.items() if name not in WITHHELD}
