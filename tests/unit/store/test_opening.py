"""Stores at addresses, and the functions for notebooks."""

import subprocess
import sys
from pathlib import Path

import pytest

import slipway
from slipway.errors import SlipwayError
from slipway.store import open_store

_SETTINGS = "environments:\n  test: {store: stores/test, namespace: test}\n"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://bucket/x", "is not a store that is known here\n.*gs://bucket/prefix or a directory"),
        ("gs://", "is not the address of a bucket"),
        ("gs:/bucket", "is not the address of a bucket"),
        ("gs://Bucket", "is not the address of a bucket"),
        ("gs://bucket//x", "is not the address of a bucket"),
        ("a-file", "the store .*a-file is a file"),
    ],
)
def test_invalid_address_is_refused(tmp_path: Path, url: str, message: str) -> None:
    """The error comes before anything is done."""
    (tmp_path / "a-file").write_text("")
    with pytest.raises(SlipwayError, match=message):
        open_store(url, root=tmp_path, environment="test")


def test_directory_is_relative_to_the_repository(tmp_path: Path, folder: Path) -> None:
    """The working directory does not matter."""
    open_store("stores/test", root=tmp_path, environment="test").publish("iris", folder)
    assert (tmp_path / "stores/test/iris/versions/1.json").is_file()
    assert open_store(str(tmp_path / "stores/test"), root=Path("/"), environment="test").versions("iris") == [1]


def test_only_buckets_import_google() -> None:
    """A store in a directory does not wait for Google's client."""
    code = "import sys, slipway.store; sys.exit('google.cloud.storage' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_notebook_fetches_in_one_line(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository is the one around the working directory, or `root`."""
    (tmp_path / "slipway.yaml").write_text(_SETTINGS)
    store = open_store("stores/test", root=tmp_path, environment="test")
    for idea in ("mine", "yours"):
        store.publish("iris", folder, record={"metadata": {"idea": idea}})
    fetched = slipway.fetch("iris", where={"idea": "mine"}, to=tmp_path / "to", root=tmp_path)
    assert (fetched / "model.json").read_bytes() == (folder / "model.json").read_bytes()
    monkeypatch.chdir(folder)
    fetched = slipway.fetch("iris", to=tmp_path / "newest")
    assert (fetched / "model.json").is_file()
    with pytest.raises(SlipwayError, match="'tset'"):
        slipway.fetch("iris", env="tset", to=tmp_path / "x")
