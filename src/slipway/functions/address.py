"""The address of a function, as somebody writes it."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.parse import SplitResult

__all__ = ["address"]


def address(url: str, schemes: "Sequence[str]") -> "SplitResult":
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
