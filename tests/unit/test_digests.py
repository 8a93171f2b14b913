"""Digests of bytes, files, values and sets of files."""

import os

import pytest

from slipway import digests
from slipway.errors import SlipwayError

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_bytes_and_files_have_the_digest_that_sha256sum_prints(tmp_path):
    """Only the content counts, also of large files."""
    content = b"x" * (3 << 19)
    (tmp_path / "one").write_bytes(content)
    (tmp_path / "one").chmod(0o600)
    (tmp_path / "none").touch()
    assert digests.of_file(tmp_path / "one") == digests.of_bytes(content)
    assert digests.of_file(tmp_path / "none") == EMPTY


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}, True),
        ([1, 2], [2, 1], False),
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({}, [], False),
        ("a b", "ab", False),
    ],
)
def test_values_have_one_digest_when_they_are_the_same_json(one, other, same):
    """The order of keys does not count. The order in lists and the types do."""
    assert (digests.of_value(one) == digests.of_value(other)) == same


def test_a_set_of_files_has_one_digest_in_any_order():
    """Path and content count, and different sets have different digests."""
    assert digests.of_files({"a": "1", "b": "2"}) == digests.of_files({"b": "2", "a": "1"})
    assert digests.of_files({"a": "1"}) != digests.of_files({"b": "1"})
    assert digests.of_files({"a": "1", "b": "2"}) != digests.of_files({'a":"1","b': "2"})


def test_a_walk_finds_every_file_sorted_by_its_path(tmp_path):
    """Hidden files are included. Folders and bytecode are left out."""
    for name in ("b.txt", "a/z.txt", "a.txt", ".hidden", "a/__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    found = digests.walk(tmp_path)
    assert list(found) == [".hidden", "a.txt", "a/z.txt", "b.txt"]
    assert found["a/z.txt"] == tmp_path / "a" / "z.txt"


def test_a_walk_takes_links_to_files_and_follows_none_to_folders(tmp_path):
    """A link to a parent folder causes no endless walk. Broken links are no files."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert list(digests.walk(tmp_path)) == ["file", "link"]


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    """A missing folder counts as an empty one."""
    assert digests.walk(tmp_path / "nowhere") == {}


def test_a_name_that_is_not_text_is_refused(tmp_path):
    """Such a name could be neither recorded nor published."""
    with open(os.fsencode(tmp_path) + b"/caf\xe9", "wb"):  # noqa: PTH123 - a Path cannot be of bytes
        pass
    with pytest.raises(SlipwayError, match="not a name in UTF-8"):
        digests.walk(tmp_path)


def test_a_name_in_any_script_is_text(tmp_path):
    """Every name in UTF-8 is taken."""
    (tmp_path / "Größe 数.txt").touch()
    assert len(digests.walk(tmp_path)) == 1


def test_what_cannot_be_listed_is_an_error(tmp_path):
    """No file is left out silently."""
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        digests.walk(tmp_path / "file")
