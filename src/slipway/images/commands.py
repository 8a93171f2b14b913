"""Commands of container engines: they end with this process, and their errors say what to do."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping

from slipway.errors import SlipwayError
from slipway.processes import begin, end, signals_held

_PATIENCE = 30
"""Seconds that an engine has to clear away what it began."""

# What engines and registries say, and what to do about it; the first that fits.
_FIXES = (
    (
        r"no space left on device|disk quota exceeded",
        "make room on this machine ({engine} keeps what it built), or in the registry where that is what is full",
    ),
    (
        r"quota|insufficient.storage",
        "the registry has no more room for us: remove old images there, or have more given",
    ),
    (
        r"unauthorized|(?<!permission )denied|forbidden|authentication required|no basic auth",
        "log in with the right to it: {engine} login {registry}",
    ),
    (
        r"no such host|connection refused|i/o timeout|network is unreachable|connection reset|tls:|x509|name resolution"
        r"|NewConnectionError|server gave HTTP response",
        "see that the registry, the base image's and the package index can be reached from here",
    ),
    (r"toomanyrequests|too many requests", "the registry limits requests: log in to it, or run it again later"),
    (r"immutable|cannot be overwritten", "the registry keeps another image by this tag: remove that, and run it again"),
    (
        r"read.?only|maintenance|method not allowed|operation is unsupported",
        "the registry takes no images now: ask who runs it, or name another as `registry` in slipway.yaml",
    ),
    (
        r"no matching distribution(?s:.*)these packages come from",
        "see that it has them; if it asks for a password, export UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD",
    ),
    (
        r"no matching distribution|do not match the hashes|could not find a version|not a supported wheel",
        "the packages of its lock cannot be installed on this base image: set another base_image, or train it again",
    ),
    (
        r"name.?unknown|name invalid|repository .* not found",
        "make the repository in the registry, or mend `registry` in slipway.yaml",
    ),
    (r"manifest unknown|manifest.* not found|not found: manifest", "see that base_image in slipway.yaml is there"),
    (
        r"cannot connect to the .*daemon|is the docker daemon running",
        "start the engine, and see that `{engine} info` works",
    ),
)


def run(*command: str, env: Mapping[str, str] | None = None) -> str:
    """Return what a command prints; `env` is added to the variables of this process.

    Raise `SlipwayError` with the end of its output when it fails. When this process is stopped, it asks the command to
    end and waits, so that the command can clear away what it began.
    """
    started = None
    try:
        with signals_held():
            started = begin(command, env={**os.environ, **(env or {})}, stderr=subprocess.PIPE)
        out, err = started.communicate()
    except OSError as error:
        problem = f"{command[0]} cannot be run: {error.strerror}"
        raise SlipwayError(problem, fix=f"see that `{command[0]} info` works, and run it again") from error
    except BaseException:
        if started:
            end(started, _PATIENCE)
        raise
    if started.returncode:
        raise _failure(command, started.returncode, (err.strip() or out.strip()))
    return out


def works(*command: str) -> bool:
    """Tell whether a command is there and succeeds."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def options(kind: str) -> list[str]:
    """Return the options that `SLIPWAY_<kind>_OPTIONS` adds to a command."""
    return shlex.split(os.environ.get(f"SLIPWAY_{kind}_OPTIONS", ""))


def _failure(command: tuple[str, ...], status: int, said: str) -> SlipwayError:
    words = "\n  ".join(said.splitlines()[-15:]) or "it said nothing"
    if status < 0:
        return SlipwayError(
            f"{' '.join(command[:2])} was stopped by {signal.Signals(-status).name}:\n  {words}",
            fix="see that there is enough memory, and run it again",
        )
    return SlipwayError(f"{' '.join(command[:2])} failed:\n  {words}", fix=_fix(said, command))


def _fix(said: str, command: tuple[str, ...]) -> str:
    for pattern, fix in _FIXES:
        if re.search(pattern, said, re.IGNORECASE):
            return fix.format(engine=command[0], registry=_registry(command))
    return ""


def _registry(command: tuple[str, ...]) -> str:
    """Return the registry of the image that a command names, or of the base image of a build."""
    bases = [word.partition("BASE_IMAGE=")[2] for word in command if word.startswith("--build-arg=BASE_IMAGE=")]
    host, *path = (bases or [command[-1].removeprefix("docker://")])[0].split("/")
    return host if path and re.search("[.:]|^localhost$", host) else "docker.io"
