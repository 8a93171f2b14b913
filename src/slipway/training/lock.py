"""Which lock a fresh artifact is served with: the leanest in which it answers as it does here."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway import digests, own_process, unprivileged
from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.loading import load
from slipway.artifacts.refusing import REFUSED, each
from slipway.environment import SOURCE, lock_for, python_for, serving_lock, use_for
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings

__all__ = ["Settled", "settle"]

# In the environment that is tried, which has what serves and nothing that trains.
_ANSWER = """
from pathlib import Path
from slipway.artifacts.loading import load
answer = load(Path(sys.argv[1])).answer(question)
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
        answers = each(loaded, list(rows))
    except Exception:  # noqa: BLE001 - the model's code; the step evaluate has its say on that
        return ""
    pairs = [(row, answer) for row, answer in zip(rows, answers, strict=True) if answer is not REFUSED]
    expected = Golden(rows=[row for row, _ in pairs], predictions=[answer for _, answer in pairs])
    try:
        found = _answers(python, artifact, expected.rows)
    except SlipwayError as error:
        return f"predicting fails: {error.problem.splitlines()[-1].strip()}"
    wrong = differences(expected, found, loaded.manifest.tolerance)
    return f"it answers otherwise: {wrong[0]}" if wrong else ""


def _answers(python: Path, artifact: Path, rows: "Sequence[Any]") -> list[Any]:
    env = unprivileged.environment() | {"PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    with TemporaryDirectory() as scratch:
        where, folder = str(artifact.absolute()), Path(scratch)
        return own_process.ask(python, _ANSWER, where, answer=list[Any], env=env, question=rows, cwd=folder)
