"""Functions as callers see them: addresses, credentials, and who answers."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from slipway.errors import OutOfReach, SlipwayError
from slipway.serving.access import FILES, FOLDER, KIND

PATIENCE = 60
"""Seconds that an answer may take: a function that was scaled to zero has to start first."""

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this machine, to which no proxy leads."""

KEY, NAME, PASSWORD = "SLIPWAY_KEY", "SLIPWAY_USERNAME", "SLIPWAY_PASSWORD"
HINT = f"set {KEY}, or {NAME} and {PASSWORD}, in the environment"

# The key to take of several in a mounted Secret.
_PREFERRED = "verify"
_FIT = re.compile(r"[\x21-\x7e]+")


class Called(NamedTuple):
    """A function by what it says of itself; a container knows neither its artifact nor its fingerprint."""

    url: str
    model_id: str
    release: str
    artifact: str = ""
    fingerprint: str = ""


class Credentials(NamedTuple):
    """The value of the header `Authorization`, or nothing."""

    header: str = ""
    mounted: bool = False
    """True for a Secret: a function may see its new content a minute earlier or later."""


def address(url: str, schemes: Sequence[str]) -> SplitResult:
    """Return the parts of an address with a host and one of the `schemes`, the usual one first.

    Raise `SlipwayError` for anything else.
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


def given() -> Credentials:
    """Return the credentials of the environment: a key, a name and a password, or those of a mounted Secret.

    Read them at each call, so that renewed ones count. Raise `SlipwayError` for a half of them, and for two kinds.
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
    """Return the error for a function that refuses our credentials.

    It is `OutOfReach` where a Secret is mounted, because the function may not see its new content yet.
    """
    kind = OutOfReach if given().mounted else SlipwayError
    return kind(f"{url} does not let us in: {said}", fix=HINT)


def _of_secret(folder: Path, kind: str) -> str:
    try:
        if kind == "basic":
            return _basic(*(_content(folder / name) for name in FILES))
        names = sorted(each.name for each in folder.iterdir() if not each.name.startswith(".."))
        key = _content(folder / (_PREFERRED if _PREFERRED in names else names[0]))
        return f"Bearer {key}" if _FIT.fullmatch(key) else ""
    except (OSError, ValueError, IndexError):
        return ""  # the Secret is not there; the function says so


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8").rstrip("\r\n")


def _basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"
