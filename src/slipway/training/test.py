"""Step `test`: the model's own tests, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from slipway.errors import SlipwayError
from slipway.models import tests

if TYPE_CHECKING:
    from slipway.training.run import Run

__all__ = ["run"]


def run(run: Run) -> str:
    """Leave `junit.xml` and `coverage.json`; raise `SlipwayError` with pytest's words when a test fails.

    A class that came as it is may have none, and then leaves nothing.
    """
    name = run.about.model
    if tests.may_be_missing(run.settings, name):
        return "none: the rows of its data are what it is held to"
    if not tests.files(run.settings, name):
        where = run.settings.folder(name).relative_to(run.settings.root)
        raise SlipwayError(f"{where} has no test_*.py", fix=f"write {where}/test_model.py; slipway new shows one")
    said = tests.pytest(
        run.settings.root,
        run.settings.folder(name),
        f"--junitxml={run.folder / 'junit.xml'}",
        f"--cov={run.settings.folder(name)}",
        "--no-cov-on-fail",
        f"--cov-report=json:{run.folder / 'coverage.json'}",
    )
    covered = msgspec.json.decode((run.folder / "coverage.json").read_bytes())["totals"]["percent_covered"]
    return f"{said}, {covered:.0f} % of the model's lines covered"
