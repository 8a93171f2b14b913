"""Who may ask: keys, or a name and a password, as files that Kubernetes keeps up to date with a Secret."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal

from slipway.errors import SlipwayError
from slipway.serving.answers import Refusal

__all__ = ["FILES", "FOLDER", "KIND", "KINDS", "OPEN", "Access", "Kind", "from_environment"]

Kind = Literal["none", "basic", "bearer"]
KINDS: Mapping[str, Kind] = {"none": "none", "basic": "basic", "bearer": "bearer"}

FOLDER, KIND = "SLIPWAY_ACCESS", "SLIPWAY_ACCESS_KIND"
"""The variables that say where the Secret is mounted, and what is in it."""

FILES = ("username", "password")
"""The keys of a Secret of the type kubernetes.io/basic-auth."""

_FRESH = 2.0  # seconds
_LONGEST = 4096
_WORDS = {"basic": "name and password are", "bearer": "a key is"}
_SET = {"basic": "name and password are", "bearer": "key is"}
_HINTS = {"basic": "basic authentication", "bearer": "Authorization: Bearer KEY"}
_MAKE = {
    "basic": "kubectl create secret generic NAME --type kubernetes.io/basic-auth --from-literal username=… …",
    "bearer": "kubectl create secret generic NAME --from-literal WHO=KEY",
}


class Access:
    """Who is let in, by the files in `folder`: everybody with "none".

    With "basic" it is who brings the content of `username` and `password` (RFC 7617), with "bearer" who brings that of
    any file there, whose name says who it is (RFC 6750). What was read counts for `fresh` seconds. `realm` is what the
    callers are told that it is for.
    """

    def __init__(self, kind: Kind, folder: Path, realm: str, *, fresh: float = _FRESH) -> None:
        self.kind: Kind = kind
        self.folder, self.realm, self.fresh = folder, realm, fresh
        self._known: list[tuple[bytes, str]] = []
        self._until = 0.0
        self._was_set = kind == "none"

    def caller(self, headers: Mapping[str, str]) -> str:
        """The name of who asks, for the log; "" where nobody has to say it. `headers` have lower-case names.

        Raises `Refusal`: 401 for who is not known, 503 while nobody is.
        """
        if self.kind == "none":
            return ""
        if not self.is_set():
            raise self._nobody()
        given = self._given(headers.get("authorization", ""))
        # All are compared, and as hashes, so that no answer tells by its time how much of which was right.
        brought = sha256(given).digest()
        found = [name for known, name in self._known if hmac.compare_digest(known, brought)]
        if not found:
            raise self._unknown(given)
        return found[0]

    def check_ready(self) -> None:
        """Raise `Refusal` (503) until there has been somebody to let in once.

        So a release whose Secret was forgotten does not take the place of one that answers; when a Secret goes, callers
        hear why from a function that is ready.
        """
        if not self._was_set and not self.is_set():
            raise self._nobody()

    def is_set(self) -> bool:
        """Whether there is anybody to let in."""
        if self.kind == "none":
            return True
        now = time.monotonic()
        if now >= self._until:
            read = _keys if self.kind == "bearer" else _password
            self._known = [(sha256(secret).digest(), name) for name, secret in read(self.folder)]
            self._until = now + self.fresh
            self._was_set |= bool(self._known)
        return bool(self._known)

    def missing(self) -> SlipwayError:
        """What there is to be told while it is not set."""
        fix = f"make the Secret that the overlay mounts there, in the function's namespace: {_MAKE[self.kind]}"
        return SlipwayError(f"nobody can be let in: no {_SET[self.kind]} in {self.folder}", fix=fix)

    def _nobody(self) -> Refusal:
        message = f"no {_SET[self.kind]} set here, so nobody is let in; an administrator makes the Secret"
        return Refusal(503, "no_access_set", message)

    def _given(self, header: str) -> bytes:
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != self.kind or len(rest) > _LONGEST:
            return b""
        brought = rest.strip().encode("latin-1", "replace")
        try:
            return base64.b64decode(brought, validate=True) if self.kind == "basic" else brought
        except binascii.Error:
            return b""

    def _unknown(self, given: bytes) -> Refusal:
        words = f"{_WORDS[self.kind]} needed ({_HINTS[self.kind]})"
        message = f"{words}, and what was given is not known here, or not any more" if given else words
        challenge = f'{self.kind.capitalize()} realm="{self.realm}"'
        if self.kind == "basic":
            challenge += ', charset="UTF-8"'
        elif given:
            challenge += ', error="invalid_token"'
        return Refusal(401, "unauthorized", message, headers={"www-authenticate": challenge})


OPEN = Access("none", Path(), "")
"""Everybody is let in."""


def from_environment(realm: str) -> Access:
    """The access that the variables `FOLDER` and `KIND` describe; without them everybody is let in.

    Raises `SlipwayError` when they contradict each other.
    """
    kind, folder = os.environ.get(KIND) or "none", os.environ.get(FOLDER, "")
    if kind not in KINDS:
        raise SlipwayError(f"{KIND} is {kind!r}", fix=f"one of {', '.join(KINDS)} is needed")
    if bool(folder) != (kind != "none"):
        raise SlipwayError(f"{KIND} is {kind}, and {FOLDER} is {folder!r}", fix="set both, or neither")
    return Access(KINDS[kind], Path(folder), realm)


def _keys(folder: Path) -> Iterator[tuple[str, bytes]]:
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return
    for file in files:
        # Kubernetes' own begin so.
        if not file.name.startswith("..") and (key := _content(file)):
            yield file.name, key


def _password(folder: Path) -> Iterator[tuple[str, bytes]]:
    name, password = (_content(folder / file) for file in FILES)
    if name and password:
        yield name.decode(errors="replace"), name + b":" + password


def _content(path: Path) -> bytes:
    try:
        # An editor's last line break is not meant.
        return path.read_bytes().rstrip(b"\r\n")
    except OSError:
        return b""
