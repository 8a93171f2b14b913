"""Step `test`: the model's own tests, before anything is trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from slipway import folders, processes
from slipway.errors import SlipwayError
from slipway.models.discovery import tests, untested
from slipway.models.environment import SOURCE

if TYPE_CHECKING:
    from slipway.training.run import Run

__all__ = ["pytest", "run"]

_NO_TESTS = 5


def run(run: Run) -> str:
    """Leave `junit.xml` and `coverage.json`; raise `SlipwayError` with pytest's words when a test fails.

    A class that came as it is may have none, and then leaves nothing.
    """
    name = run.about.model
    if untested(run.settings, name):
        return "none: the rows of its data are what it is held to"
    if not tests(run.settings, name):
        where = run.settings.folder(name).relative_to(run.settings.root)
        raise SlipwayError(f"{where} has no test_*.py", fix=f"write {where}/test_model.py; slipway new shows one")
    said = pytest(
        run.settings.root,
        run.settings.folder(name),
        f"--junitxml={run.folder / 'junit.xml'}",
        f"--cov={run.settings.folder(name)}",
        "--no-cov-on-fail",
        f"--cov-report=json:{run.folder / 'coverage.json'}",
    )
    covered = msgspec.json.decode((run.folder / "coverage.json").read_bytes())["totals"]["percent_covered"]
    return f"{said}, {covered:.0f} % of the model's lines covered"


def pytest(root: Path, folder: Path, *options: str, fix: str = "", python: Path | str = sys.executable) -> str:
    """Run the tests below `folder` in a process of their own, by `python`; returns pytest's last line.

    Raises `SlipwayError` with what pytest printed when one fails, or when there is none.
    """
    # A class that came as it is finds the modules beside it by their bare names.
    paths = f"{root}" if folders.source(folder).name == folders.FILE else f"{root} {folder}"
    plugin = ["-p", "slipway.testing", "--import-mode=importlib", f"--rootdir={root}", "-o", f"pythonpath={paths}"]
    # The repository's own options are for its own tests.
    quiet = ["-q", "--color=no", "--no-header", "-p", "no:cacheprovider", "-o", "addopts="]
    with TemporaryDirectory() as scratch:
        # Coverage keeps its data where it runs otherwise, which is the repository.
        env = processes.environment() | {"COVERAGE_FILE": f"{scratch}/coverage", "PYTHONPATH": SOURCE}
        command = [str(python), "-m", "pytest", str(folder), *plugin, *quiet, *options]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=env)
    where = folder.relative_to(root)
    if done.returncode == _NO_TESTS:
        raise SlipwayError(f"{where} has no tests", fix=f"write some in {where}/test_model.py")
    if done.returncode:
        raise SlipwayError(f"the tests of {where} fail:\n{done.stdout}{done.stderr}".rstrip(), fix=fix)
    counts = done.stdout.strip().splitlines()[-1].split(" in ")[0].split(", ")
    return ", ".join(count for count in counts if "deselected" not in count)
