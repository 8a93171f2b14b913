"""Child processes: they end with this process, get none of its tokens, and answer questions where a model's code runs.

`python -P -m slipway.processes MODULE` reads a question as JSON, calls `MODULE.answer` with it and replies.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from slipway.errors import SlipwayError

T = TypeVar("T")

SOURCE = str(Path(__file__).parents[1])
"""The folder to import slipway from, as `PYTHONPATH` takes it."""

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
"""Variables that let a process act as the pipeline, or as a caller: write to the repository, take on an identity."""

_OF_INDEXES = re.compile("UV_INDEX_.+_(USERNAME|PASSWORD)")

_STOPS = {signal.SIGINT, signal.SIGTERM}


class _Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    answer: msgspec.Raw = msgspec.Raw()
    problem: str = ""
    fix: str = ""


def environment(*, installs: bool = False) -> dict[str, str]:
    """Return the variables of this process without `WITHHELD`.

    Only a process that `installs` packages, and runs no code of a model, gets users and passwords of package indexes.
    """
    own = {name: value for name, value in os.environ.items() if name not in WITHHELD}
    return own if installs else {name: value for name, value in own.items() if not _OF_INDEXES.fullmatch(name)}


def bare(folder: Path) -> dict[str, str]:
    """Return variables for a process that gets none of this one's; `folder` is its home."""
    return {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}


def index_variables() -> list[str]:
    """Return the names of variables with users and passwords of package indexes that this process has."""
    return [name for name in os.environ if _OF_INDEXES.fullmatch(name)]


def index_passwords() -> list[str]:
    """Return the passwords of package indexes that this process has."""
    return [os.environ[name] for name in index_variables() if name.endswith("PASSWORD") and os.environ[name]]


def begin(
    command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, stderr: int
) -> subprocess.Popen[str]:
    """Start a command that ends with this process, in a group of its own; its output is piped as text.

    `stderr` is as `subprocess.Popen` takes it. Raise `OSError` when the command cannot be run.
    """
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=end_with(os.getpid()),
    )


def end(process: subprocess.Popen[str], patience: float) -> None:
    """End a process of `begin` and all that it started; it has `patience` seconds to finish its work."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_with(parent: int) -> Callable[[], None]:
    """Return a `preexec_fn` that ends the new process when `parent` is killed; only Linux can do that."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def arrange() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)  # inherited from `signals_held`
        if prctl:
            prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:
                os._exit(1)

    return arrange


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back signals that stop this process until the block ends, so that it knows what it has to end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ask(
    python: Path | str,
    module: str,
    question: Any,
    *,
    answer: type[T],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    patience: float | None = None,
) -> T:
    """Return what the function `answer(question)` of `module` returns in a new process of `python`.

    Question and answer are JSON on their way; structs and paths arrive as the function's annotations say. `python`
    needs msgspec, and imports this slipway. `env` is `environment()` unless given; `patience` is in seconds. Raise
    `SlipwayError` when there is no answer: with problem and fix of a `SlipwayError`, else with the last line of the
    process.
    """
    given = environment() if env is None else env
    command = [str(python), "-P", "-m", "slipway.processes", module]
    said = _run(command, question, {**given, "PYTHONPATH": SOURCE}, cwd, patience)
    reply = msgspec.json.decode(said, type=_Reply)
    if reply.problem:
        raise SlipwayError(reply.problem, fix=reply.fix)
    found: T = _decode(bytes(reply.answer), answer)
    return found


def _run(command: list[str], question: Any, env: Mapping[str, str], cwd: Path | None, patience: float | None) -> bytes:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**env, "PYTHONIOENCODING": "utf-8"},
            input=msgspec.json.encode(question, enc_hook=os.fspath),
            capture_output=True,
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired as error:
        raise SlipwayError(f"it took more than {patience:g} s") from error
    if done.returncode or not done.stdout:  # a model that ends the process gives no answer, whatever its status
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise SlipwayError(lines[-1].strip() if lines else "it said nothing")
    return done.stdout


def _answer(module: str) -> None:
    """Answer the question on standard input; what the module prints, at import too, goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        output.write(msgspec.json.encode(_reply(module, sys.stdin.buffer.read()), enc_hook=os.fspath))


def _reply(module: str, question: bytes) -> _Reply:
    try:
        answer = import_module(module).answer
        kind = get_type_hints(answer).get("question", Any)
        return _Reply(msgspec.Raw(msgspec.json.encode(answer(_decode(question, kind)), enc_hook=os.fspath)))
    except SlipwayError as error:
        return _Reply(problem=error.problem, fix=error.fix)


def _decode(content: bytes, kind: Any) -> Any:
    return msgspec.json.decode(content, type=kind, dec_hook=lambda type_, value: type_(value))


if __name__ == "__main__":
    _answer(sys.argv[1])
