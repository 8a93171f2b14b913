"""Access to a function by keys, or by a name and a password, in files that Kubernetes keeps equal to a Secret."""

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

Kind = Literal["none", "basic", "bearer"]
KINDS: Mapping[str, Kind] = {"none": "none", "basic": "basic", "bearer": "bearer"}

FOLDER, KIND = "SLIPWAY_ACCESS", "SLIPWAY_ACCESS_KIND"
"""The variables with the folder where the Secret is mounted, and with the kind of its content."""

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
    """The check of callers against the files in `folder`.

    Kind "none" admits everybody. "basic" needs the content of `username` and `password` (RFC 7617). "bearer" needs the
    content of any file, whose name is the caller's (RFC 6750). The files are read again after `fresh` seconds. `realm`
    is the name by which callers are told what they need access for.
    """

    def __init__(self, kind: Kind, folder: Path, realm: str, *, fresh: float = _FRESH) -> None:
        self.kind: Kind = kind
        self.folder, self.realm, self.fresh = folder, realm, fresh
        self._known: list[tuple[bytes, str]] = []
        self._until = 0.0
        self._was_set = kind == "none"

    def caller(self, headers: Mapping[str, str]) -> str:
        """Return the caller's name for the log, or "" where no access is needed. `headers` have lower-case names.

        Raise `Refusal`: 401 for an unknown caller, 503 while no access is set.
        """
        if self.kind == "none":
            return ""
        if not self.is_set():
            raise self._nobody()
        given = self._given(headers.get("authorization", ""))
        # Compare all, and as hashes, so that the time of an answer tells nothing of a secret.
        digest = sha256(given).digest()
        names = [name for known, name in self._known if hmac.compare_digest(known, digest)]
        if not names:
            raise self._unknown(given)
        return names[0]

    def check_ready(self) -> None:
        """Raise `Refusal` (503) until access has been set once.

        So a release without its Secret never replaces one that answers. When a Secret is deleted later, the function
        stays ready and tells callers why it refuses them.
        """
        if not self._was_set and not self.is_set():
            raise self._nobody()

    def is_set(self) -> bool:
        """Return whether anybody can be admitted."""
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
        """Return the error to report while no access is set."""
        fix = f"make the Secret that the overlay mounts there, in the function's namespace: {_MAKE[self.kind]}"
        return SlipwayError(f"nobody can be let in: no {_SET[self.kind]} in {self.folder}", fix=fix)

    def _nobody(self) -> Refusal:
        message = f"no {_SET[self.kind]} set here, so nobody is let in; an administrator makes the Secret"
        return Refusal(503, "no_access_set", message)

    def _given(self, header: str) -> bytes:
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != self.kind or len(rest) > _LONGEST:
            return b""
        credentials = rest.strip().encode("latin-1", "replace")
        try:
            return base64.b64decode(credentials, validate=True) if self.kind == "basic" else credentials
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
"""Access for everybody."""


def from_environment(realm: str) -> Access:
    """Return the access that the variables `FOLDER` and `KIND` set; everybody is admitted without them.

    Raise `SlipwayError` when they contradict each other.
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
        # Kubernetes' own files begin with two points.
        if not file.name.startswith("..") and (key := _content(file)):
            yield file.name, key


def _password(folder: Path) -> Iterator[tuple[str, bytes]]:
    name, password = (_content(folder / file) for file in FILES)
    if name and password:
        yield name.decode(errors="replace"), name + b":" + password


def _content(path: Path) -> bytes:
    try:
        # Editors add a line break that is no part of the secret.
        return path.read_bytes().rstrip(b"\r\n")
    except OSError:
        return b""
