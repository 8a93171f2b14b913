"""The Python environment of a model: its requirements locked with the platform's, installed once per machine."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.metadata import requires
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from packaging.requirements import Requirement

from slipway import digests, files, processes
from slipway.errors import SlipwayError
from slipway.models import indexes, locks, requirements, wheels
from slipway.models.wheels import Wheel
from slipway.processes import SOURCE
from slipway.settings import Settings

Use = Literal["train", "serve", "estimators", "onnx", "mixed"]
"""The use of an environment: the training steps, or serving an artifact with certain parts.

`serve` is for an artifact without estimators and graphs. `estimators` loads what skops saved. `onnx` computes graphs
without scikit-learn and pandas. `mixed` is for graphs beside estimators, and for graphs beside code of the model that
needs one of these libraries.
"""
USES: tuple[Use, ...] = get_args(Use)

# The uses that do not have the requirements of `read_serving`.
_READ = {"train": requirements.read, "onnx": requirements.read_converted}

# The folder with the locks; set in a model's environment and in a trainer's image.
_LOCKS = "SLIPWAY_LOCKS"

# What uv would look into beside the one place that packages come from.
_ELSEWHERE = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX")

# The path of uv, which is in none of the environments that it makes.
_UV = "SLIPWAY_UV"


def inside() -> bool:
    """Return True in a process that runs in a model's environment."""
    return _LOCKS in os.environ


def use_for(artifact: Iterable[str]) -> Use:
    """Return the use of an environment that serves an artifact of these files (paths within it)."""
    forms = {path.rpartition(".")[2] for path in artifact if path.startswith("parts/")}
    if "onnx" in forms:
        return "mixed" if forms & {"skops", "pandas"} else "onnx"
    return "estimators" if "skops" in forms else "serve"


def serving_lock(settings: Settings, model: str, artifact: Iterable[str]) -> Path:
    """Return the lock for serving an artifact of these files; see `lock_for`."""
    return lock_for(settings, model, use_for(artifact))


def lock_for(settings: Settings, model: str, use: Use) -> Path:
    """Return the lock for `use`; in a model's environment, the lock that was made together with it."""
    return Path(os.environ[_LOCKS]) / f"{use}.lock" if inside() else compile_lock(settings, model, use)


def enter(settings: Settings, model: str, arguments: Sequence[str]) -> None:
    """Replace this process by `slipway ARGUMENTS` in the model's environment; do nothing if it runs there already."""
    if inside():
        return
    command, variables = prepare(settings, model, arguments)
    sys.stdout.flush()
    os.execve(command[0], command, variables)  # noqa: S606


def prepare(settings: Settings, model: str, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return command and environment variables of `slipway ARGUMENTS` in the model's environment.

    Make the environment if it does not exist. Raise `SlipwayError` when it cannot be made.
    """
    compiled = {use: compile_lock(settings, model, use) for use in USES}
    python = python_for(compiled["train"])
    if any(" " in origin for lock in compiled.values() for origin in locks.parts(lock.read_text(encoding="utf-8"))):
        # The model's code must not see the passwords of indexes, and so nothing is installed any more beside it.
        for lock in compiled.values():
            python_for(lock)
    folder = _cache() / "locks" / digests.of_value({use: digests.of_file(lock) for use, lock in compiled.items()})
    for use, lock in compiled.items():
        files.write(folder / f"{use}.lock", lock.read_bytes())
        # The folder is named after its locks, which hold the digests of the wheels: one that is there is the same.
        if not all((folder / name).is_file() for name in locks.wheels(lock.read_text(encoding="utf-8"))):
            for name, wheel in wheels.beside(lock).items():
                files.write(folder / name, wheel.read_bytes())
    # To compile scikit-learn again in every step takes longer than the steps.
    left_out = {"PYTHONDONTWRITEBYTECODE", *processes.index_variables()}
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    fixed = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    variables = inherited | {_LOCKS: str(folder), _UV: _uv_binary(), "PYTHONPATH": SOURCE} | fixed
    # Without -P, Python takes the model.py of the working directory for the package `model`.
    return [str(python), "-P", "-m", "slipway", *arguments], variables


def compile_lock(settings: Settings, model: str, use: Use) -> Path:
    """Return a lock, with hashes, of the packages for `use`: the platform's, and the model's requirements.

    A package that has a wheel in the model's folder comes from that file alone, and one of an index in slipway.yaml
    from that index alone. Prefer the versions of the repository's `requirements.lock`; serving prefers those of
    training. Raise `SlipwayError` with the words of the resolver when the requirements contradict one another or name
    an unknown package, and for a wheel that cannot be used.
    """
    folder = settings.folder(model)
    read = _READ.get(use, requirements.read_serving)
    is_container = settings.model(model).image is not None  # it brings its own
    own = [] if is_container else read(folder, settings.root)
    brought = [] if is_container else wheels.read(folder, settings.root)
    wanted = [*sorted(platform_packages(use)), *own]
    preferred = settings.root / "requirements.lock" if use == "train" else compile_lock(settings, model, "train")
    where = str((folder / requirements.FILE).relative_to(settings.root))
    return locked(wanted, preferred, where, brought, {} if is_container else indexes.origins(settings))


def locked(
    wanted: Sequence[str],
    preferred: Path,
    where: str,
    brought: Sequence[Wheel] = (),
    origins: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Return a lock, with hashes, of the requirements `wanted` and their dependencies; see `compile_lock`.

    Keep the versions of the lock `preferred` where possible. Messages name the file `where`. The wheels that the lock
    installs lie beside it. `origins` are the packages of other indexes.
    """
    origins = {name: origin for name, origin in origins.items() if name not in {wheel.name for wheel in brought}}
    known = preferred.read_bytes() if preferred.is_file() else b""
    decisive: list[object] = [wanted, digests.of_bytes(known), *([wheel.path.name, wheel.sha256] for wheel in brought)]
    decisive += [dict(origins)] if origins else []
    folder = _cache() / "locks" / digests.of_value(decisive)
    path = folder / "requirements.lock"
    if not path.is_file():
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            draft = Path(scratch)
            (draft / "out.txt").write_bytes(known)
            wheels.lay(brought, draft)
            options = ["--universal", "--python-version=3.11", "--generate-hashes", "--no-header", "--no-annotate"]
            options += [*wheels.options(brought), *indexes.lay(wanted, origins, draft)]
            command = ["pip", "compile", "--quiet", "--output-file=out.txt", *options]
            _uv(*command, cwd=draft, problem=f"{where} cannot be locked", advice=indexes.advice([*origins.values()]))
            lock = indexes.named(origins, (draft / "out.txt").read_text(encoding="utf-8"), where)
            lock = wheels.named(brought, lock, where)
            for name in locks.wheels(lock):
                files.write(folder / name, (draft / name).read_bytes())
            files.write(path, lock.encode())
    return path


def python_for(lock: Path) -> Path:
    """Return the interpreter of the environment with exactly the packages of `lock`; make it if it does not exist."""
    if (found := _beside(lock)) is not None:
        return found
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = _cache() / "environments" / digests.of_value([digests.of_file(lock), version])
    python, complete = home / "bin" / "python", home / "complete"
    # The interpreter is a link to the machine's own Python, which may be gone.
    if complete.is_file() and python.exists():
        return python
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not (complete.is_file() and python.exists()):
            command = ["venv", "--quiet", "--clear", "--python", sys.executable, str(home)]
            _uv(*command, problem="no environment can be made")
            _install(lock, python)
            complete.touch()
    return python


def _install(lock: Path, python: Path) -> None:
    """Install a lock into a new environment: the packages of each place by a run of their own."""
    wheels.beside(lock)
    for origin, lines in locks.parts(lock.read_text(encoding="utf-8")).items():
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(lines)
            file.flush()
            options = ["--quiet", "--no-deps", "--require-hashes", "--python", str(python), *_source(origin)]
            command = ["pip", "install", *options, "--requirement", file.name]
            problem, env = f"{lock} cannot be installed", _ELSEWHERE if origin else ()
            _uv(*command, cwd=lock.parent, problem=problem, advice=indexes.advice([origin]), without=env)


def _source(origin: str) -> list[str]:
    """Return the options of uv for the packages of a lock that come from one place."""
    name, _, url = origin.partition(" ")
    if origin == locks.WHEELS:
        return ["--no-index", f"--find-links={locks.WHEELS}"]
    return [f"--default-index={name}={url}"] if url else []


def _beside(lock: Path) -> Path | None:
    """Return the interpreter of the environment that an image has beside an equal lock."""
    for known in Path(os.environ[_LOCKS]).glob("*.lock") if inside() else ():
        python = known.with_suffix("") / "bin" / "python"
        if python.is_file() and digests.of_file(known) == digests.of_file(lock):
            return python
    return None


def platform_packages(use: str) -> set[str]:
    """Return the requirements of the platform's own code for `use`, an extra of this package."""
    found: set[str] = set()
    for text in requires("slipway") or ():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": use}):
            continue
        if requirement.name == "slipway":
            found.update(*map(platform_packages, requirement.extras))
        else:
            requirement.marker = None
            found.add(str(requirement))
    return found


def _cache() -> Path:
    return Path(os.environ.get("SLIPWAY_CACHE") or Path.home() / ".cache" / "slipway").absolute()


def _uv(
    *arguments: str, problem: str, cwd: Path | None = None, advice: str = "", without: Collection[str] = ()
) -> None:
    env = {name: value for name, value in os.environ.items() if name not in without}
    done = subprocess.run([_uv_binary(), *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n  ".join(line for line in done.stderr.strip().splitlines() if line.strip())
        for password in processes.index_passwords():
            said = said.replace(password, "***")
        full = os.strerror(errno.ENOSPC) in said
        fix = f"make room in {_cache()}" if full else f"mend the pins, or see that the index can be reached{advice}"
        raise SlipwayError(f"{problem}:\n  {said}", fix=fix)


def _uv_binary() -> str:
    if _UV in os.environ:
        return os.environ[_UV]
    from uv import find_uv_bin

    return find_uv_bin()
