"""Files and folders are written whole or not at all."""

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway import files
from slipway.errors import SlipwayError

# Replaces a folder of 200 files, and a file, over and over; each time all of one generation.
REPLACING = """
import sys
from pathlib import Path
from slipway import files
root = Path(sys.argv[1])
for generation in range(10_000):
    with files.new_folder(root / "folder") as draft:
        for number in range(200):
            (draft / str(number)).write_text(str(generation))
    files.write(root / "file", str(generation).encode() * 1000)
    print(generation, flush=True)
"""


def hidden(folder):
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_file_is_written_with_its_folders(tmp_path):
    """The file is readable for all under any umask, and no other file is left beside it."""
    before = os.umask(0o077)
    try:
        files.write(tmp_path / "a" / "b", b"content")
    finally:
        os.umask(before)
    assert (tmp_path / "a" / "b").read_bytes() == b"content"
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o644
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_a_file_is_replaced_and_its_other_links_keep_the_old_content(tmp_path):
    """A hard link to the old file, as `link_tree` makes it, keeps the old content."""
    files.write(tmp_path / "one", b"old")
    (tmp_path / "other").hardlink_to(tmp_path / "one")
    files.write(tmp_path / "one", b"new")
    assert ((tmp_path / "one").read_bytes(), (tmp_path / "other").read_bytes()) == (b"new", b"old")


def test_a_very_long_name_is_no_trouble(tmp_path):
    """The name of the draft is shorter than that of the file."""
    files.write(tmp_path / ("n" * 255), b"")
    with files.new_folder(tmp_path / ("f" * 255)):
        pass
    assert not hidden(tmp_path)


def test_a_new_folder_appears_when_it_is_filled(tmp_path):
    """It appears only when the block ends, readable for everybody."""
    with files.new_folder(tmp_path / "a" / "new") as draft:
        (draft / "file").touch()
        assert not (tmp_path / "a" / "new").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["new"]
    assert (tmp_path / "a" / "new" / "file").exists()
    assert (tmp_path / "a" / "new").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_folder_stays_as_it_was_when_the_block_fails(tmp_path, error):
    """Nothing is left beside it."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    with pytest.raises(error), files.new_folder(tmp_path / "old") as draft:
        (draft / "other").touch()
        raise error
    assert [path.name for path in tmp_path.rglob("*")] == ["old", "file"]


@pytest.mark.parametrize("before", ["nothing", "empty", "full", "link"])
def test_a_new_folder_replaces_what_was_there(tmp_path, before):
    """The old folder is replaced as a whole. A link stays, and its target is replaced."""
    target = tmp_path / "target"
    if before in ("empty", "full"):
        target.mkdir()
    if before == "full":
        (target / "deep").mkdir()
        (target / "deep" / "old").touch()
    if before == "link":
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to("elsewhere")
    with files.new_folder(target) as draft:
        (draft / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert target.is_symlink() == (before == "link")
    assert not hidden(tmp_path)


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path):
    """It is refused before the block runs, and the file stays."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SlipwayError, match="is a file"), files.new_folder(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("target", [".", "..", "../here", "../../"])
def test_the_folder_one_is_in_is_not_replaced(tmp_path, monkeypatch, target):
    """Otherwise `--out .` in a repository would delete the repository."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "work").touch()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(SlipwayError, match="the folder you are in"), files.new_folder(Path(target)):
        pass
    assert (tmp_path / "here" / "work").exists()


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.long(1)) for seed in range(3, 60))])
def test_a_kill_leaves_the_old_or_the_new_folder_or_none(tmp_path, seed):
    """Folder and file are the old or the new one, never a part. All remains are hidden."""
    command = [sys.executable, "-c", REPLACING, str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    ) as process:
        process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.05))  # noqa: S311
        process.send_signal(signal.SIGKILL)
    folder = tmp_path / "folder"
    if folder.exists():
        assert len({path.read_text() for path in folder.iterdir()}) == 1
        assert len(list(folder.iterdir())) == 200
    generation = (tmp_path / "file").read_text()
    assert generation == generation[: len(generation) // 1000] * 1000
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} <= {"folder", "file"}


@pytest.fixture
def full_disk():
    """Let writes beyond 4 kB of a file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    """Nothing is left beside it, and the error names the full disk."""
    files.write(tmp_path / "file", b"old")
    with pytest.raises(OSError, match="File too large"):
        files.write(tmp_path / "file", b"x" * 10_000)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_the_old_folder(tmp_path):
    """Nothing is left beside it."""
    with files.new_folder(tmp_path / "folder") as draft:
        (draft / "file").write_bytes(b"old")
    with pytest.raises(OSError, match="File too large"), files.new_folder(tmp_path / "folder") as draft:
        (draft / "file").write_bytes(b"x" * 10_000)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "file").read_bytes() == b"old"


def test_a_linked_tree_holds_the_same_files(tmp_path):
    """Folders are made, files are hard links, and symbolic links are followed."""
    source = tmp_path / "source"
    (source / "deep" / "empty").mkdir(parents=True)
    (source / "deep" / "file").write_text("content")
    (source / "link").symlink_to("deep/file")
    files.link_tree(source, tmp_path / "target")
    target = tmp_path / "target"
    assert (target / "deep" / "file").samefile(source / "deep" / "file")
    assert (target / "deep" / "empty").is_dir()
    assert (target / "link").read_text() == "content"
    assert not (target / "link").is_symlink()


def test_a_tree_is_copied_where_links_do_not_reach(tmp_path):
    """Files are copied between two file systems, as between two volumes of a container."""
    other = Path("/dev/shm")  # noqa: S108
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system here that can be written")
    source = other / f"slipway-{os.getpid()}"
    source.mkdir()
    try:
        (source / "file").write_text("content")
        files.link_tree(source, tmp_path / "target")
        assert (tmp_path / "target" / "file").read_text() == "content"
    finally:
        (source / "file").unlink()
        source.rmdir()


def test_a_tree_does_not_write_into_files_that_are_there(tmp_path):
    """Such files may have links elsewhere."""
    for name in ("source", "target"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    with pytest.raises(OSError) as caught:
        files.link_tree(tmp_path / "source", tmp_path / "target")
    assert caught.value.errno == errno.EEXIST
    assert (tmp_path / "target" / "file").read_text() == "target"
