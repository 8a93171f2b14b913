"""What only a directory does: disks that are full, and rights."""

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
        pytest.skip("only root can mount a small disk; test_a_limit_on_file_sizes covers the same code")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that is another user's, for as long as root is not root."""
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


def test_a_full_disk(small_disk: Path, folder: Path, tmp_path: Path) -> None:
    """A full disk is named, nothing is published or left behind, and with room again all goes on."""
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


def test_a_limit_on_file_sizes(directory: Place, folder: Path) -> None:
    """A quota that is met while a file is being written leaves nothing behind."""
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


def test_a_directory_of_somebody_else(unprivileged: Path) -> None:
    """A store that this user may not write to is named, with how to see whose it is."""
    store = open_store("store", root=unprivileged, environment="test")
    with tempfile.TemporaryDirectory() as mine:
        Path(mine, "model.json").write_text("{}")
        with pytest.raises(SlipwayError, match=rf"(?s)cannot write {unprivileged}/store.*Permission denied.*ls -ld"):
            store.publish("iris", Path(mine))


@pytest.mark.usefixtures("unprivileged")
def test_a_store_out_of_sight() -> None:
    """A store below a folder that this user may not enter is an error when it is opened, not an empty store."""
    with tempfile.TemporaryDirectory() as mine:
        Path(mine, "shut").mkdir(mode=0)
        with pytest.raises(SlipwayError, match=r"cannot open .*shut/store: Permission denied"):
            open_store("shut/store", root=Path(mine), environment="test")


def test_a_folder_that_cannot_be_read(unprivileged: Path) -> None:
    """A folder that this user may not read is an error, not an artifact without it."""
    store = open_store("store", root=unprivileged, environment="test")
    with tempfile.TemporaryDirectory() as mine:
        Path(mine, "model.json").write_text("{}")
        Path(mine, "secret").mkdir(mode=0)
        with pytest.raises(SlipwayError, match=r"(?s)cannot read .*Permission denied"):
            store.publish("iris", Path(mine))
        Path(mine, "secret").chmod(0o700)


def test_objects_are_read_only(directory: Place, folder: Path) -> None:
    """A stored file cannot be changed by mistake, and what was fetched can."""
    record = directory.store().publish("iris", folder)
    stored = directory.root / "stores/test/iris/versions/1.json"
    assert stored.stat().st_mode & 0o777 == 0o444
    fetched = directory.store().fetch(record, directory.root / "to") / "model.json"
    assert fetched.stat().st_mode & 0o200


def test_keys_stay_inside(directory: Place) -> None:
    """No key leads out of the directory."""
    with pytest.raises(SlipwayError, match="outside of the store"):
        directory.store().versions("../other")
