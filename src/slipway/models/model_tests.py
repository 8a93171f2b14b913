"""The tests in a model's folder, written by its data scientist, and pytest that runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from slipway import processes
from slipway.errors import SlipwayError
from slipway.models.discovery import source
from slipway.settings import MODEL_FILE, Settings, model_file

_NO_TESTS = 5  # pytest's exit code


def files(settings: Settings, name: str) -> list[Path]:
    """Return the test files of a model."""
    return sorted(settings.folder(name).rglob("test_*.py"))


def may_be_missing(settings: Settings, name: str) -> bool:
    """Return True for a container or a foreign class without tests: its data are the test."""
    foreign = settings.model(name).image is not None or source(settings, name).name != MODEL_FILE
    return foreign and not files(settings, name)


def use_served_url(settings: Settings, name: str) -> bool:
    """Return True if a test of the model takes the fixture `served_url` of `slipway.testing`."""
    return any("served_url" in path.read_text(encoding="utf-8", errors="replace") for path in files(settings, name))


def run(settings: Settings, name: str, *options: str, fix: str = "", python: Path | str = sys.executable) -> str:
    """Run a model's tests in a process of their own, by the interpreter `python`; return pytest's last line.

    Return an empty line when there are none and none are needed. Raise `SlipwayError` with pytest's output when a test
    fails, and when a model that needs tests has none.
    """
    if may_be_missing(settings, name):
        return ""
    root, folder = settings.root, settings.folder(name)
    where = folder.relative_to(root)
    if not files(settings, name):
        raise SlipwayError(f"{where} has no test_*.py", fix=f"write {where}/test_model.py; slipway new shows one")
    # A foreign class finds the modules beside it by their bare names.
    paths = f"{root}" if model_file(folder).name == MODEL_FILE else f"{root} {folder}"
    plugin = ["-p", "slipway.testing", "--import-mode=importlib", f"--rootdir={root}", "-o", f"pythonpath={paths}"]
    # The repository's own options are for its own tests.
    quiet = ["-q", "--color=no", "--no-header", "-p", "no:cacheprovider", "-o", "addopts="]
    with TemporaryDirectory() as scratch:
        # Without this variable, coverage writes its data into the repository.
        env = processes.environment() | {"COVERAGE_FILE": f"{scratch}/coverage", "PYTHONPATH": processes.SOURCE}
        command = [str(python), "-m", "pytest", str(folder), *plugin, *quiet, *options]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=env)
    if done.returncode == _NO_TESTS:
        raise SlipwayError(f"{where} has no tests", fix=f"write some in {where}/test_model.py")
    if done.returncode:
        raise SlipwayError(f"the tests of {where} fail:\n{done.stdout}{done.stderr}".rstrip(), fix=fix)
    counts = done.stdout.strip().splitlines()[-1].split(" in ")[0].split(", ")
    return ", ".join(count for count in counts if "deselected" not in count)
