"""SHA-256 digests, in hexadecimal, of bytes, files, values and sets of files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from slipway.errors import SlipwayError

_BYTECODE = "__pycache__"
_SURROGATE = re.compile("[\ud800-\udfff]")


def of_bytes(content: bytes) -> str:
    """Return the digest of `content`."""
    return hashlib.sha256(content).hexdigest()


def of_file(path: Path) -> str:
    """Return the digest of the content of a file; its name and mode do not count."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_value(value: Any) -> str:
    """Return the digest of anything that JSON can hold; the order of keys does not count.

    A number that is not finite becomes null; 1 and 1.0 are different values.
    """
    return of_bytes(msgspec.json.encode(value, order="sorted"))


def of_files(digests: Mapping[str, str]) -> str:
    """Return the digest of a set of files, given as {path within the set: digest of its content}."""
    return of_value(dict(digests))


def walk(folder: Path) -> dict[str, Path]:
    """Return every file below `folder` as {POSIX path within it: path}, sorted; bytecode is left out.

    Links to files count as files; links to folders are not followed. A missing folder has no files. No file is left
    out silently: raise `OSError` for a folder that cannot be listed, `SlipwayError` for a name that is not text.
    """
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder, onerror=_fail):
        folders[:] = [name for name in folders if name != _BYTECODE]
        for name in names:
            path = Path(parent, name)
            if name != _BYTECODE and path.is_file():
                found[path.relative_to(folder).as_posix()] = path
    if wrong := next((name for name in found if _SURROGATE.search(name)), ""):
        raise SlipwayError(f"{wrong!r} is not a name in UTF-8", fix="rename the file")
    return dict(sorted(found.items()))


def _fail(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
