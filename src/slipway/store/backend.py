"""What a place must be able to do to hold versions: create once, read, list. Nothing is ever changed or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Backend", "Missing"]


class Missing(LookupError):  # noqa: N818 - a finding, which its callers turn into an error or not
    """There is no object under that key."""


class Backend(Protocol):
    """Objects under keys, which are POSIX paths such as `iris/versions/7.json`.

    Every method raises `SlipwayError` when the place cannot be reached or refuses, with what to do about it.
    """

    @property
    def parallel(self) -> int:
        """How many transfers at once make sense here."""

    def create(self, key: str, source: Path | bytes) -> bool:
        """Put an object where there is none: True if it is now there, whole; False, and no change, if one was.

        False may also mean that an earlier try of this very call was carried out and its answer lost: who has to
        tell the two apart must read the object back.
        """

    def read(self, key: str) -> bytes:
        """The content of a small object; raises `Missing`."""

    def download(self, key: str, target: Path) -> None:
        """Write the content of an object of any size to the file `target`; raises `Missing`."""

    def size(self, key: str) -> int | None:
        """How many bytes the object has; None if there is none."""

    def children(self, folder: str) -> list[str]:
        """The names directly below `folder` ("" for the top), those of folders with a slash at the end."""

    def url(self, key: str) -> str:
        """Where the object is, for messages."""
