"""Output of the command line: lines, tables, and the result for each model of a run."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from slipway.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.gitops.branches import Place
    from slipway.release.plan import Plan
    from slipway.release.release import Released
    from slipway.settings import Settings


def say(line: str = "") -> None:
    """Print a line of the answer."""
    print(line, flush=True)


def progress(line: str) -> None:
    """Print a line about the progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads, each column as wide as its widest cell."""
    cells = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_released(done: Released, settings: Settings, where: Place) -> int:
    """Print the results of a release, also on the page of the run; return 1 when a model failed."""
    rows = [(each.model, each.result, str(each.release or "-"), each.text) for each in done.outcomes]
    table(("MODEL", "RESULT", "RELEASE", "WHY"), [(*row[:3], one_line(row[3])) for row in rows])
    for outcome in done.outcomes:
        if outcome.note:
            say(f"{outcome.model}: {outcome.note}")
    end = f"committed {done.commit[:12]} on {where}" if done.commit else "nothing to commit"
    say(end)
    if done.commit and done.branch != settings.branch:
        say(f"note: the cluster follows {settings.branch}, not {done.branch} (branch in slipway.yaml)")
    _summarise("Release", rows, end)
    return 1 if done.failed else 0


def show_plan(plan: Plan) -> int:
    """Print the results of a build, and give the new images to the pipeline; return 1 when a model failed."""
    from slipway.github import runs

    rows = [(each.model, each.result, f"v{each.version}" if each.version else "-", each.text) for each in plan.models]
    table(("MODEL", "RESULT", "VERSION", "WHY"), [(*row[:3], one_line(row[3])) for row in rows])
    images = [
        {"name": name, "digest": digest, "sbom": made.sbom}
        for made in (plan.platform, *(made for each in plan.models for made in (each.function, each.trainer)))
        if made is not None and made.new
        for name, _, digest in [made.reference.partition("@")]
    ]
    runs.output("images", json.dumps(images))
    failed = [row for row in rows if row[1] in ("failed", "skipped")]
    if failed:
        _summarise("Build", rows, "What failed is not released; the rest goes on.")
    for row in failed:
        runs.annotate("error", f"{row[0]}: {row[3]}")
    return 1 if failed else 0


def _summarise(title: str, rows: list[tuple[str, str, str, str]], end: str) -> None:
    from slipway.github import runs

    cells = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    head = "| model | result | release | why |\n| --- | --- | --- | --- |"
    runs.summary("\n".join([f"### {title}", "", head, *cells, "", end]))


def _cell(text: str) -> str:
    """Escape a text, so that it cannot leave its cell."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "'")
    return "<br>".join(line.strip() for line in safe.splitlines() if line.strip())
