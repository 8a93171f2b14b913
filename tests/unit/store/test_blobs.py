"""Folders and attachments that can be published."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from tests.unit.store.conftest import Place


def empty(folder: Path) -> None:
    (folder / "model.json").unlink()
    (folder / "parts/weights.bin").unlink()


def link_outside(folder: Path) -> None:
    (folder / "passwd").symlink_to("/etc/passwd")


def link_to_folder(folder: Path) -> None:
    (folder / "more").symlink_to(folder / "parts")


def broken_link(folder: Path) -> None:
    (folder / "more").symlink_to(folder / "nothing")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "parts/pipe")


def name_with_backslash(folder: Path) -> None:
    (folder / "a\\b").write_text("")


def name_in_no_encoding(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_text("")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (empty, "holds no file to publish"),
        (link_outside, "is a link to /etc/passwd, outside of the folder"),
        (link_to_folder, "is a link to .*parts, which is not a file"),
        (broken_link, "is a link to .*nothing, which is not a file"),
        (pipe, "is neither a file nor a folder"),
        (name_with_backslash, "cannot be the name of a file"),
        (name_in_no_encoding, "is not a name in UTF-8"),
    ],
)
def test_folder_that_cannot_be_published_whole_is_refused(
    directory: Place, folder: Path, spoil: Callable[[Path], None], message: str
) -> None:
    """Links out of the folder and special files are refused, and nothing is stored."""
    spoil(folder)
    with pytest.raises(SlipwayError, match=message):
        directory.store().publish("iris", folder)
    assert directory.back_door.objects() == set()


def test_missing_folder_is_named(directory: Place, tmp_path: Path) -> None:
    with pytest.raises(SlipwayError, match=r"there is no folder .*nowhere"):
        directory.store().publish("iris", tmp_path / "nowhere")


def test_missing_attachment_is_named(directory: Place, folder: Path) -> None:
    """Nothing is published."""
    with pytest.raises(SlipwayError, match=r"cannot read .*junit.xml: No such file"):
        directory.store().publish("iris", folder, attachments={"junit.xml": folder / "junit.xml"})
    assert directory.back_door.objects() == set()


def test_a_link_within_the_folder_is_published_as_a_file(directory: Place, folder: Path, tmp_path: Path) -> None:
    """A link to another file of the artifact becomes that file."""
    (folder / "best.json").symlink_to("model.json")
    store = directory.store()
    fetched = store.fetch(store.publish("iris", folder), tmp_path / "to")
    assert (fetched / "best.json").read_text() == (folder / "model.json").read_text()
    assert not (fetched / "best.json").is_symlink()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../x", "a//x", "x/", ".", "", "a\nb"])
def test_invalid_name_of_an_attachment_is_refused(directory: Place, folder: Path, name: str) -> None:
    """It would lead out of a folder, or a record cannot hold it."""
    with pytest.raises(SlipwayError, match="cannot be the name of a file of iris"):
        directory.store().publish("iris", folder, attachments={name: folder / "model.json"})
