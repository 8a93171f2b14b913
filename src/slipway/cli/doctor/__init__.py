"""`slipway doctor`: check what a repository needs around it, and change nothing. Each module checks one area."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slipway import settings as settings_file
from slipway.cli.doctor import files, github, machine
from slipway.cli.doctor.findings import Finding, missing, ok
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["examine"]


def examine(root: Path | None = None) -> Iterator[Finding]:
    """Yield what is there and what is missing, area by area, each as soon as it is known.

    Raise `SlipwayError` where neither `root` nor a folder above it has a `slipway.yaml`.
    """
    folder = root.resolve() if root else settings_file.find_root()
    yield from machine.tools(folder)
    yield from machine.git(folder)
    try:
        settings = settings_file.load(folder)
    except SlipwayError as error:
        if not (folder / settings_file.FILE).is_file():
            raise
        yield missing("settings", error.problem, error.fix)
        return
    yield ok("settings", f"{len(settings.environments)} environments and {len(settings.models())} models")
    yield from machine.images(settings)
    yield from machine.stores(settings)
    yield from files.owners(settings)
    yield from files.actions(settings.root)
    yield from github.repository(settings)
