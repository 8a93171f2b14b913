"""Which lock a fresh artifact is served with: the leanest in which it answers as it does here."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from slipway import digests, unprivileged
from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.loading import load
from slipway.environment import SOURCE, lock_for, python_for, serving_lock, use_for
from slipway.functions.comparing import REFUSED
from slipway.training import probing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings

__all__ = ["Settled", "settle"]

# In the environment that is tried, which has what serves and nothing that trains. What the model's code prints must not
# get between.
_ANSWER = """
import os, sys, msgspec
answer = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
from pathlib import Path
from slipway.artifacts.loading import load
with answer:
    answer.write(msgspec.json.encode(load(Path(sys.argv[1])).answer(msgspec.json.decode(sys.stdin.buffer.read()))))
"""


class Settled(NamedTuple):
    """The lock, and why it is no leaner where one might have expected that."""

    path: Path
    why: str = ""


def settle(settings: "Settings", model: str, artifact: Path, rows: "Sequence[dict[str, Any]]") -> Settled:
    """The lock for serving the artifact in a folder.

    Where every estimator was converted, that is one without scikit-learn and pandas if the model's own code predicts
    all `rows` in that environment. Else it has all that predicting had before.
    """
    paths = digests.walk(artifact)
    found = serving_lock(settings, model, paths)
    if use_for(paths) != "onnx":
        return Settled(found)
    why = _fails(python_for(found), artifact, rows)
    if not why:
        return Settled(found)
    return Settled(lock_for(settings, model, "mixed"), f"served with all its requirements, for without them {why}")


def _fails(python: Path, artifact: Path, rows: "Sequence[dict[str, Any]]") -> str:
    """How the artifact fails to answer all rows as it does here; empty when it does not."""
    loaded = load(artifact)
    try:
        answers = probing.each(loaded, list(rows))
    except Exception:  # noqa: BLE001 - the model's code; the step evaluate has its say on that
        return ""
    pairs = [(row, answer) for row, answer in zip(rows, answers, strict=True) if answer is not REFUSED]
    expected = Golden(rows=[row for row, _ in pairs], predictions=[answer for _, answer in pairs])
    with TemporaryDirectory() as scratch:
        done = subprocess.run(
            [str(python), "-P", "-c", _ANSWER, str(artifact.absolute())],
            cwd=scratch,
            env=unprivileged.environment() | {"PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"},
            input=msgspec.json.encode(expected.rows),
            capture_output=True,
            check=False,
        )
    if done.returncode:
        return f"predicting fails: {_last_line(done.stderr)}"
    wrong = differences(expected, msgspec.json.decode(done.stdout), loaded.manifest.tolerance)
    return f"it answers otherwise: {wrong[0]}" if wrong else ""


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip() and "→" not in line]
    return lines[-1].strip().removeprefix("slipway.errors.SlipwayError: ") if lines else "it said nothing"
