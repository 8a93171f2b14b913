"""Step `test`: run the model's own tests, before anything is trained."""

from __future__ import annotations

import msgspec

from slipway.models import model_tests
from slipway.training.task import Workspace


def run(workspace: Workspace) -> str:
    """Write `junit.xml` and `coverage.json`; raise `SlipwayError` with pytest's words when a test fails.

    A class of another convention may have no tests; then nothing is written.
    """
    settings, name = workspace.settings, workspace.task.model
    coverage = workspace.folder / "coverage.json"
    said = model_tests.run(
        settings,
        name,
        f"--junitxml={workspace.folder / 'junit.xml'}",
        f"--cov={settings.folder(name)}",
        "--no-cov-on-fail",
        f"--cov-report=json:{coverage}",
    )
    if not said:
        return "none: the rows of its data are what it is held to"
    covered = msgspec.json.decode(coverage.read_bytes())["totals"]["percent_covered"]
    return f"{said}, {covered:.0f} % of the model's lines covered"
