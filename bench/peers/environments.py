"""The peers' environments, each of just its own `requirements.txt`, installed once a machine."""

import os
import subprocess
import sys
from pathlib import Path

from slipway import digests

__all__ = ["MissingError", "python", "version"]

HERE = Path(__file__).parent


class MissingError(Exception):
    """A peer that cannot be installed here; says why."""


def python(peer: str) -> Path:
    """The interpreter of a peer's environment, which has the Python that runs this; raises `MissingError`."""
    requirements = HERE / peer / "requirements.txt"
    known = digests.of_value([requirements.read_text(), sys.version])[:12]
    home = _cache() / f"{peer}-{known}"
    interpreter, complete = home / "bin" / "python", home / "complete"
    if not complete.is_file():
        print(f"installing {peer} …", flush=True)
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(home))
        _uv("pip", "sync", "--quiet", "--compile-bytecode", "--python", str(interpreter), str(requirements))
        complete.touch()
    return interpreter


def version(peer: str, package: str) -> str:
    """The version at which a peer's requirements pin `package`."""
    lines = (HERE / peer / "requirements.txt").read_text().splitlines()
    return next(line.partition("==")[2].split()[0] for line in lines if line.startswith(f"{package}=="))


def _cache() -> Path:
    return Path(os.environ.get("SLIPWAY_BENCH_CACHE") or Path.home() / ".cache" / "slipway-bench")


def _uv(*arguments: str) -> None:
    done = subprocess.run(["uv", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise MissingError(said[0].strip() if said else f"uv ended with status {done.returncode}")
