"""The address of a function, as somebody writes it."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from slipway.errors import OutOfReach, SlipwayError
from slipway.serving.access import FILES, FOLDER, KIND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.parse import SplitResult

__all__ = ["HINT", "KEY", "NAME", "PASSWORD", "PREFERRED", "Credentials", "address", "given", "refused"]


def address(url: str, schemes: Sequence[str]) -> SplitResult:
    """The parts of an address that has one of the `schemes`, the usual one first, and a host.

    Raises `SlipwayError` for what is none.
    """
    try:
        parts = urlsplit(url)
        # A port is read when it is asked for, and a name is spelt out when it is looked up.
        good = parts.scheme in schemes and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        good = False
    if not good:
        raise SlipwayError(f"{url!r} is not the address of a function", fix=f"write {schemes[0]}://iris.example.org")
    return parts


KEY, NAME, PASSWORD = "SLIPWAY_KEY", "SLIPWAY_USERNAME", "SLIPWAY_PASSWORD"
PREFERRED = "verify"
"""The key that is taken of several in a mounted Secret, where there is one of that name."""

HINT = f"set {KEY}, or {NAME} and {PASSWORD}, in the environment"

_FIT = re.compile(r"[\x21-\x7e]+")


class Credentials(NamedTuple):
    """What the header `Authorization` holds, nothing where none was given."""

    header: str = ""
    mounted: bool = False
    """Whether it is from a Secret, which a function may see a minute later than we do, or earlier."""


def given() -> Credentials:
    """What the environment gives: a key, a name and a password, or the folder of a mounted Secret.

    It is read at each call, so that what was renewed counts. Raises `SlipwayError` for a half or for two of them.
    """
    key, name, password = (os.environ.get(variable, "").strip() for variable in (KEY, NAME, PASSWORD))
    if bool(name) != bool(password) or (key and name):
        raise SlipwayError(f"{KEY}, {NAME} and {PASSWORD} do not go together as they are set", fix=HINT)
    if key:
        if not _FIT.fullmatch(key):
            raise SlipwayError(f"{KEY} holds a character that no key has", fix="give it as it is in the Secret")
        return Credentials(f"Bearer {key}")
    if name:
        return Credentials(_basic(name, password))
    if folder := os.environ.get(FOLDER):
        return Credentials(_of_secret(Path(folder), os.environ.get(KIND, "")), mounted=True)
    return Credentials()


def refused(url: str, said: str) -> SlipwayError:
    """What there is to be told when `url` does not let us in.

    It is `OutOfReach` where a Secret is mounted, which the function may not see yet as it is.
    """
    kind = OutOfReach if given().mounted else SlipwayError
    return kind(f"{url} does not let us in: {said}", fix=HINT)


def _of_secret(folder: Path, kind: str) -> str:
    try:
        if kind == "basic":
            return _basic(*(_content(folder / name) for name in FILES))
        names = sorted(each.name for each in folder.iterdir() if not each.name.startswith(".."))
        key = _content(folder / (PREFERRED if PREFERRED in names else names[0]))
        return f"Bearer {key}" if _FIT.fullmatch(key) else ""
    except (OSError, ValueError, IndexError):
        return ""  # the Secret is not there; the function says so


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8").rstrip("\r\n")


def _basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"
