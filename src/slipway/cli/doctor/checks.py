"""All checks, in the order in which one builds on the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slipway import settings as settings_file
from slipway.cli.doctor import files, hosted, machine
from slipway.cli.doctor.findings import Finding, lacks, ok
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["examine"]


def examine(root: Path | None = None) -> Iterator[Finding]:
    """What is there and what is missing, area by area, each as soon as it is known.

    Raises `SlipwayError` when there is no `slipway.yaml` in `root`, or above where one is.
    """
    folder = root.resolve() if root else settings_file.find_root()
    yield from machine.tools(folder)
    yield from machine.git(folder)
    try:
        settings = settings_file.load(folder)
    except SlipwayError as error:
        if not (folder / settings_file.FILE).is_file():
            raise
        yield lacks("settings", error.problem, error.fix)
        return
    yield ok("settings", f"{len(settings.environments)} environments and {len(settings.models())} models")
    yield from machine.images(settings)
    yield from machine.stores(settings)
    yield from files.owners(settings)
    yield from files.actions(settings.root)
    yield from hosted.repository(settings)
