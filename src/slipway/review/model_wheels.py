"""The wheels in models' folders that a change touches, checked as its merge leaves them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.models import wheels
from slipway.models.locks import WHEELS
from slipway.models.requirements import FILE
from slipway.review.changes import Merge, Violation, contents


def violations(repository: Repository, found: Merge) -> Iterator[Violation]:
    """Find wheels that no environment of their model could install, for Python and platform of this machine."""
    changed = repository.changed(found.tip, found.tree)
    folders = {_folder(path) for path in changed} - {""}
    for folder in sorted(folders):
        if objection := _objection(repository, found.tree, folder):
            yield Violation(folder, objection.problem, objection.fix)


def _folder(path: str) -> str:
    """Return the folder whose wheels, or whose requirements, a file is one of; "" for any other file."""
    parts = PurePosixPath(path)
    if not path.startswith("model/") or (parts.name != FILE and parts.parent.name != WHEELS):
        return ""
    return str(parts.parent if parts.name == FILE else parts.parents[1])


def _objection(repository: Repository, commit: str, folder: str) -> SlipwayError | None:
    """Return what is wrong with the wheels of a folder; nothing is followed that is a link in the commit."""
    blobs = repository.blobs(commit, f"{folder}/")
    wanted = {path: blob for path, blob in blobs.items() if _folder(path) == folder}
    modes = repository.entries(commit, list(wanted))
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        root = Path(scratch).resolve()
        for path, content in contents(repository, wanted).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if modes[path].mode == "120000":
                (root / path).symlink_to("elsewhere")
            else:
                (root / path).write_bytes(content)
        try:
            wheels.read(root / folder, root)
        except SlipwayError as error:
            return error
    return None
