"""What became of each model of a run, told as a table, and to the pipeline as its summary and outputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from slipway.cli.output import say, table
from slipway.github import runs
from slipway.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.gitops.places import Place
    from slipway.release.build import Plan
    from slipway.release.release import Released
    from slipway.settings import Settings

__all__ = ["dropped", "planned", "told"]

_HEADS = ("MODEL", "RESULT", "RELEASE", "WHY")


def told(done: Released, settings: Settings, where: Place) -> int:
    """Tell what was released; the exit status is 1 when a model failed."""
    rows = [(each.model, each.result, str(each.release or "-"), each.text) for each in done.outcomes]
    table(_HEADS, [(*row[:3], one_line(row[3])) for row in rows])
    for outcome in done.outcomes:
        if outcome.note:
            say(f"{outcome.model}: {outcome.note}")
    end = f"committed {done.commit[:12]} on {where}" if done.commit else "nothing to commit"
    say(end)
    if done.commit and done.branch != settings.branch:
        say(f"note: the cluster follows {settings.branch}, not {done.branch} (branch in slipway.yaml)")
    _summarise("Release", rows, end)
    return 1 if done.failed else 0


def dropped(settings: Settings, environment: str, models: Sequence[str], where: Place) -> None:
    """Drop what no retention keeps any longer of the models that a run was about, and tell of it."""
    from slipway.release import retention

    done = retention.drop(settings, environment, models, where) if models else retention.Dropped([])
    for line in done.lines:
        say(one_line(line))
    if done.commit:
        say(f"committed {done.commit[:12]} on {where}")


def planned(plan: Plan) -> int:
    """Tell what a build has settled, and which images are new; the exit status is 1 when a model failed."""
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
    cells = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    head = "| model | result | release | why |\n| --- | --- | --- | --- |"
    runs.summary("\n".join([f"### {title}", "", head, *cells, "", end]))


def _cell(text: str) -> str:
    """Text that stays within its cell, whatever is in it."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "'")
    return "<br>".join(line.strip() for line in safe.splitlines() if line.strip())
