"""The interface to a directory or a bucket: create an object once, read, list. No object is changed or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Backend", "Missing"]


class Missing(LookupError):  # noqa: N818 - a finding, which its callers turn into an error or not
    """Say that no object has the key."""


class Backend(Protocol):
    """Hold objects under keys, which are POSIX paths such as `iris/versions/7.json`.

    Every method raises `SlipwayError` when the place cannot be reached or refuses. The error says what to do.
    """

    @property
    def parallel(self) -> int:
        """Return the useful number of simultaneous transfers."""

    def create(self, key: str, source: Path | bytes) -> bool:
        """Create an object and return True. If the key is taken, change nothing and return False.

        The result is also False when an earlier try of the same call succeeded and its answer was lost. To tell
        the two cases apart, read the object.
        """

    def read(self, key: str) -> bytes:
        """Return the content of a small object. Raise `Missing` when there is none."""

    def download(self, key: str, target: Path) -> None:
        """Write an object of any size to the file `target`. Raise `Missing` when there is none."""

    def size(self, key: str) -> int | None:
        """Return the size of an object in bytes, or None if there is none."""

    def children(self, folder: str) -> list[str]:
        """Return the names directly below `folder` ("" is the top). Names of folders end with a slash."""

    def url(self, key: str) -> str:
        """Return the address of an object for messages."""
