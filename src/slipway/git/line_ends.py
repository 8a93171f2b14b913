"""Line ends that git changed on the way out of a commit, so that files are not byte for byte what the commit holds."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.git.configuration import COMMAND, environment
from slipway.text import counted, listed

ATTRIBUTES = ".gitattributes"
EXACT = "* -text"
"""The line of `.gitattributes` by which no configuration of git changes a file."""

_FIX = (
    f"write {EXACT} into {ATTRIBUTES} and commit it, then check out anew: git rm -rq --cached . && git reset -q --hard"
)
_LINE_ENDS = {"lf", "crlf", "mixed"}


def refuse_converted(root: Path, *paths: str) -> None:
    """Raise `SlipwayError` when git changed the line ends of files below `paths` (else of any but overlays).

    Digests of such files are those of no commit: another clone would name the same model or release differently.
    """
    if found := converted(root, *paths):
        what = f"git has changed the line ends of {counted(len(found), 'file')} here: {listed(found, 3)}"
        raise SlipwayError(f"{what}; what is made of them would not be what the commit holds", fix=_FIX)


def converted(root: Path, *paths: str) -> list[str]:
    """Return the unchanged files of a work tree whose line ends differ from those in the index; [] without git."""
    where = paths or (".", ":(exclude)overlays")
    candidates = {
        path
        for entry in _asked(root, "ls-files", "--eol", "-z", "--", *where)
        for kinds, _, path in [entry.partition("\t")]
        if len(ends := {kind.partition("/")[2] for kind in kinds.split()[:2]}) == 2 and ends <= _LINE_ENDS
    }
    if not candidates:
        return []
    edited = _asked(root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--", *where)
    return sorted(candidates - {entry[3:] for entry in edited})


def _asked(root: Path, *words: str) -> list[str]:
    """Return what git lists; [] where there is no git, or no repository."""
    if shutil.which("git") is None:
        return []
    done = subprocess.run([*COMMAND, *words], cwd=root, env=environment(), capture_output=True, check=False)
    return [os.fsdecode(entry) for entry in done.stdout.split(b"\0") if entry] if done.returncode == 0 else []
