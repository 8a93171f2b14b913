"""A model's own Python environment: its requirements locked with the platform's, installed once a machine."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from packaging.requirements import Requirement

from slipway import digests, files
from slipway.errors import SlipwayError
from slipway.models import requirements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from slipway.settings import Settings

__all__ = [
    "SOURCE",
    "USES",
    "compile_lock",
    "enter",
    "inside",
    "lock_for",
    "locked",
    "platform_packages",
    "prepare",
    "python_for",
    "serving_lock",
    "use_for",
]

Use = Literal["train", "serve", "estimators", "onnx", "mixed"]
"""What an environment is for: the training steps, or serving an artifact with parts of these forms.

`serve` has neither estimators nor graphs to load, `estimators` loads what skops has saved, `onnx` computes graphs and
has nothing of scikit-learn and pandas, and `mixed` does both: it is for graphs beside estimators, and for a model whose
own code predicts with one of those libraries.
"""
USES: tuple[Use, ...] = get_args(Use)

SOURCE = str(Path(__file__).parents[2])
"""Where the platform's own code is found, which no environment of a model has installed."""

# What of a model's own pins an environment has.
_READ = {
    "train": requirements.read,
    "serve": requirements.read_serving,
    "estimators": requirements.read_serving,
    "onnx": requirements.read_converted,
    "mixed": requirements.read_serving,
}

# Set in the environment itself (an image sets it too): the folder with the locks.
_LOCKS = "SLIPWAY_LOCKS"

# Where uv is: it makes environments and is in none of them.
_UV = "SLIPWAY_UV"


def inside() -> bool:
    """Whether this process runs in a model's environment."""
    return _LOCKS in os.environ


def use_for(artifact: Iterable[str]) -> Use:
    """What an environment that serves an artifact of these files (paths within it) is for."""
    forms = {path.rpartition(".")[2] for path in artifact if path.startswith("parts/")}
    if "onnx" in forms:
        return "mixed" if "skops" in forms else "onnx"
    return "estimators" if "skops" in forms else "serve"


def serving_lock(settings: Settings, model: str, artifact: Iterable[str]) -> Path:
    """The lock for serving an artifact of these files; see `lock_for`."""
    return lock_for(settings, model, use_for(artifact))


def lock_for(settings: Settings, model: str, use: Use) -> Path:
    """The lock of what `use` needs; in a model's environment, the one that was made with it."""
    return Path(os.environ[_LOCKS]) / f"{use}.lock" if inside() else compile_lock(settings, model, use)


def enter(settings: Settings, model: str, arguments: Sequence[str]) -> None:
    """Go on as `slipway ARGUMENTS` in the model's environment, unless this is it; does not return if it goes."""
    if inside():
        return
    command, seen = prepare(settings, model, arguments)
    sys.stdout.flush()
    os.execve(command[0], command, seen)  # noqa: S606


def prepare(settings: Settings, model: str, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """`slipway ARGUMENTS` in the model's environment, which is made now if it is not there yet: command and variables.

    Raises `SlipwayError` when the environment cannot be made.
    """
    compiled = {use: compile_lock(settings, model, use) for use in USES}
    python = python_for(compiled["train"])
    locks = _cache() / "locks" / digests.of_value({use: digests.of_file(lock) for use, lock in compiled.items()})
    for use, lock in compiled.items():
        files.write(locks / f"{use}.lock", lock.read_bytes())
    # -P: where the user stands is often a model's folder, and its model.py is not the package `model`.
    return [str(python), "-P", "-m", "slipway", *arguments], variables(locks)


def variables(locks: Path) -> dict[str, str]:
    """What a process in the environment has to see: our code, its locks, and one value for each source of chance."""
    # Compiling scikit-learn anew in every step takes longer than the steps.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {
        _LOCKS: str(locks),
        _UV: _uv_binary(),
        "PYTHONPATH": SOURCE,
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def compile_lock(settings: Settings, model: str, use: Use) -> Path:
    """The lock, with hashes, of what `use` needs: the platform's packages and the model's own pins.

    Versions that the repository's `requirements.lock` has are kept wherever the model's pins allow, and serving has
    those of training. Raises `SlipwayError` with the resolver's words when the pins contradict each other or name what
    does not exist.
    """
    folder = settings.folder(model)
    own = _READ[use](folder, settings.root) if settings.model(model).image is None else []  # a container brings its own
    wanted = [*sorted(platform_packages(use)), *own]
    preferred = settings.root / "requirements.lock" if use == "train" else compile_lock(settings, model, "train")
    return locked(wanted, preferred, str((folder / requirements.FILE).relative_to(settings.root)))


def locked(wanted: Sequence[str], preferred: Path, where: str) -> Path:
    """The lock, with hashes, of the requirements `wanted` and what they pull in; see `compile_lock`.

    Versions that the lock `preferred` has are kept; `where` says in messages who wants them.
    """
    known = preferred.read_bytes() if preferred.is_file() else b""
    path = _cache() / "locks" / f"{digests.of_value([wanted, digests.of_bytes(known)])}.lock"
    if not path.is_file():
        with files.new_folder(path.with_suffix(".draft")) as draft:
            (draft / "in.txt").write_text("\n".join(wanted))
            (draft / "out.txt").write_bytes(known)
            options = [
                "--universal",
                "--python-version=3.11",
                "--generate-hashes",
                "--no-header",
                "--no-annotate",
                "--quiet",
            ]
            _uv(
                "pip",
                "compile",
                *options,
                "--output-file=out.txt",
                "in.txt",
                cwd=draft,
                problem=f"{where} cannot be locked",
            )
            files.write(path, (draft / "out.txt").read_bytes())
        shutil.rmtree(path.with_suffix(".draft"), ignore_errors=True)
    return path


def python_for(lock: Path) -> Path:
    """The interpreter of an environment that holds just what `lock` names; made now if it is not there yet."""
    found = _beside(lock)
    if found is not None:
        return found
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = _cache() / "environments" / digests.of_value([digests.of_file(lock), version])
    python, complete = home / "bin" / "python", home / "complete"
    # The machine's own Python, which this one is a link to, may have gone since.
    if complete.is_file() and python.exists():
        return python
    with _alone(home):
        if not (complete.is_file() and python.exists()):
            _uv(
                "venv",
                "--quiet",
                "--clear",
                "--python",
                sys.executable,
                str(home),
                problem="no environment can be made",
            )
            options = ["--quiet", "--require-hashes", "--python", str(python)]
            _uv("pip", "sync", *options, str(lock), problem=f"{lock} cannot be installed")
            complete.touch()
    return python


def _beside(lock: Path) -> Path | None:
    """The interpreter of the environment that an image has beside this lock; no package index is asked there."""
    for known in Path(os.environ[_LOCKS]).glob("*.lock") if inside() else ():
        python = known.with_suffix("") / "bin" / "python"
        if python.is_file() and digests.of_file(known) == digests.of_file(lock):
            return python
    return None


def platform_packages(use: str) -> set[str]:
    """What the platform's own code needs for `use`, an extra of this package."""
    found: set[str] = set()
    for text in requires("slipway") or ():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": use}):
            continue
        if requirement.name == "slipway":
            found.update(*(platform_packages(extra) for extra in requirement.extras))
        else:
            requirement.marker = None
            found.add(str(requirement))
    return found


def _cache() -> Path:
    return Path(os.environ.get("SLIPWAY_CACHE") or Path.home() / ".cache" / "slipway").absolute()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".busy").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _uv(*arguments: str, problem: str, cwd: Path | None = None) -> None:
    done = subprocess.run([_uv_binary(), *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n  ".join(line for line in done.stderr.strip().splitlines() if line.strip())
        full = os.strerror(errno.ENOSPC) in said
        fix = f"make room in {_cache()}" if full else "mend the pins, or see that the package index can be reached"
        raise SlipwayError(f"{problem}:\n  {said}", fix=fix)


def _uv_binary() -> str:
    if _UV in os.environ:
        return os.environ[_UV]
    from uv import find_uv_bin

    return find_uv_bin()
