"""Who may ask: name and password, as files that Kubernetes keeps up to date with a Secret."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from pathlib import Path

from slipway.serving.answers import Refusal

__all__ = ["FILES", "check"]

FILES = ("username", "password")
"""The keys of a Secret of the type kubernetes.io/basic-auth."""

_LONGEST = 4096


def check(headers: Mapping[str, str], folder: Path) -> None:
    """Raise `Refusal` unless the request brings the name and the password in `folder` (RFC 7617).

    They are read for each request, so that new ones hold as soon as the files have them. 401 for wrong ones, 503 while
    there are none to compare with.
    """
    wanted = [_content(folder / name) for name in FILES]
    if not all(wanted):
        message = "no name and password are set here, so nobody is let in; an administrator makes the Secret"
        raise Refusal(503, "no_access_set", message)
    given = _given(headers.get("authorization", ""))
    # Both are compared, and to the end, so that no answer tells by its time which was wrong, or where.
    same = [hmac.compare_digest(one, other) for one, other in zip(given, wanted, strict=True)]
    if not all(same):
        message = "name and password are needed (basic authentication), and these are not the right ones"
        challenge = {"www-authenticate": 'Basic realm="training", charset="UTF-8"'}
        raise Refusal(401, "unauthorized", message, headers=challenge)


def _content(path: Path) -> bytes:
    try:
        # An editor's last line break is not meant.
        return path.read_bytes().rstrip(b"\r\n")
    except OSError:
        return b""


def _given(header: str) -> tuple[bytes, bytes]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _LONGEST:
        return b"", b""
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b"", b""
    return name, password
