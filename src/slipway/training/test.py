"""Step `test`: run the model's own tests, before anything is trained."""

from __future__ import annotations

import msgspec

from slipway.errors import SlipwayError
from slipway.models import tests
from slipway.training.steps import Workspace

__all__ = ["run"]


def run(workspace: Workspace) -> str:
    """Write `junit.xml` and `coverage.json`; raise `SlipwayError` with pytest's words when a test fails.

    A class of another convention may have no tests; then nothing is written.
    """
    settings, name = workspace.settings, workspace.task.model
    folder = settings.folder(name)
    if tests.may_be_missing(settings, name):
        return "none: the rows of its data are what it is held to"
    if not tests.files(settings, name):
        where = folder.relative_to(settings.root)
        raise SlipwayError(f"{where} has no test_*.py", fix=f"write {where}/test_model.py; slipway new shows one")
    said = tests.pytest(
        settings.root,
        folder,
        f"--junitxml={workspace.folder / 'junit.xml'}",
        f"--cov={folder}",
        "--no-cov-on-fail",
        f"--cov-report=json:{workspace.folder / 'coverage.json'}",
    )
    covered = msgspec.json.decode((workspace.folder / "coverage.json").read_bytes())["totals"]["percent_covered"]
    return f"{said}, {covered:.0f} % of the model's lines covered"
