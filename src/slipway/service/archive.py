"""An artifact as one file, to be downloaded: the same bytes whenever it is packed."""

import gzip
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import digests

if TYPE_CHECKING:
    from slipway.store import Record, Store

__all__ = ["pack"]


def pack(store: "Store", record: "Record", folder: Path) -> Path:
    """Pack the artifact's files, each checked, as a .tar.gz in the empty `folder`; returns its path.

    Raises `SlipwayError` when the store cannot be reached, or a file is corrupted there.
    """
    name = str(record.id).replace("/", "-")
    source = store.fetch(record, folder / name)
    target = folder / f"{name}.tar.gz"
    with (
        target.open("wb") as file,
        # Neither name nor time in it.
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, each in sorted(digests.walk(source).items()):
            archive.add(each, f"{name}/{path}", filter=_plain)
    return target


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without who made the file, and when."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info
