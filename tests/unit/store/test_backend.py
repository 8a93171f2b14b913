"""Stores in a directory: full disks and rights."""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.store import Record, open_store
from tests.unit.store.conftest import Place

_NOBODY = 65534


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB, which only root can make."""
    if os.geteuid():
        pytest.skip(
            "only root can mount a small disk; test_quota_that_ends_a_write_leaves_nothing_behind covers the same code"
        )
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of another user. Root gives up its rights until the test ends."""
    folder = Path(tempfile.mkdtemp())
    root = not os.geteuid()
    folder.chmod(0o755 if root else 0o555)
    if root:
        os.seteuid(_NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_full_disk_is_an_error(small_disk: Path, folder: Path, tmp_path: Path) -> None:
    """Nothing is published or left behind. With room again, publishing works."""
    store = open_store("store", root=small_disk, environment="test")
    store.publish("iris", folder)
    (folder / "weights.bin").write_bytes(os.urandom(300_000))
    with pytest.raises(SlipwayError, match=rf"(?s)cannot write {small_disk}/store/blobs.*is full.*make room"):
        store.publish("iris", folder)
    assert store.versions("iris") == [1]
    assert list((small_disk / "store/.drafts").iterdir()) == []
    (folder / "weights.bin").write_bytes(b"small")
    assert store.publish("iris", folder).version == 2
    with pytest.raises(SlipwayError, match=r"is full"):
        open_store("large", root=tmp_path, environment="test").fetch(_large(tmp_path), small_disk / "to")
    assert [path.name for path in small_disk.iterdir()] == ["store"]


def _large(root: Path) -> Record:
    (root / "large").mkdir()
    (root / "large-artifact").mkdir()
    (root / "large-artifact/weights.bin").write_bytes(os.urandom(300_000))
    return open_store("large", root=root, environment="test").publish("iris", root / "large-artifact")


def test_quota_that_ends_a_write_leaves_nothing_behind(directory: Place, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(os.urandom(300_000))
    store = directory.store()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(SlipwayError, match=r"quota is full"):
            store.publish("iris", folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert directory.back_door.objects() == set()
    assert store.publish("iris", folder).version == 1


def test_store_without_the_right_to_write_is_an_error(unprivileged: Path) -> None:
    """The fix shows how to see the owner."""
    store = open_store("store", root=unprivileged, environment="test")
    with tempfile.TemporaryDirectory() as mine:
        Path(mine, "model.json").write_text("{}")
        with pytest.raises(SlipwayError, match=rf"(?s)cannot write {unprivileged}/store.*Permission denied.*ls -ld"):
            store.publish("iris", Path(mine))


@pytest.mark.usefixtures("unprivileged")
def test_store_below_a_closed_folder_is_an_error() -> None:
    """The error comes when the store is opened. It does not count as empty."""
    with tempfile.TemporaryDirectory() as mine:
        Path(mine, "shut").mkdir(mode=0)
        with pytest.raises(SlipwayError, match=r"cannot open .*shut/store: Permission denied"):
            open_store("shut/store", root=Path(mine), environment="test")


def test_unreadable_folder_is_an_error(unprivileged: Path) -> None:
    """No artifact is published without it."""
    store = open_store("store", root=unprivileged, environment="test")
    with tempfile.TemporaryDirectory() as mine:
        Path(mine, "model.json").write_text("{}")
        Path(mine, "secret").mkdir(mode=0)
        with pytest.raises(SlipwayError, match=r"(?s)cannot read .*Permission denied"):
            store.publish("iris", Path(mine))
        Path(mine, "secret").chmod(0o700)


def test_stored_files_are_read_only(directory: Place, folder: Path) -> None:
    """Fetched files can be changed."""
    record = directory.store().publish("iris", folder)
    stored = directory.root / "stores/test/iris/versions/1.json"
    assert stored.stat().st_mode & 0o777 == 0o444
    fetched = directory.store().fetch(record, directory.root / "to") / "model.json"
    assert fetched.stat().st_mode & 0o200


def test_key_that_leads_out_of_the_directory_is_refused(directory: Place) -> None:
    with pytest.raises(SlipwayError, match="outside of the store"):
        directory.store().versions("../other")
