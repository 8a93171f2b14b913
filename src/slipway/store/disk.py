"""What the errors of a disk mean to who meets them."""

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["explained"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def explained(action: str, path: "Path") -> "Iterator[None]":
    """Turn an `OSError` of the block into a `SlipwayError` that says what could not be done, where, and what to do."""
    try:
        yield
    except OSError as error:
        raise SlipwayError(f"cannot {action} {path}: {_reason(error)}", fix=_fix(error, path)) from error


def _reason(error: OSError) -> str:
    if error.errno in _FULL:
        return "the disk or the quota is full"
    return error.strerror or str(error)


def _fix(error: OSError, path: "Path") -> str:
    if error.errno in _FULL:
        return "make room there and run it again; nothing was left half-written"
    if error.errno in _REFUSED:
        return f"give this user the right to it (`ls -ld {path}` shows whose it is), or use another directory"
    return f"look at {path} and run it again"
