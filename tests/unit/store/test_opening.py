"""From settings to stores."""

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
def test_addresses_that_are_none(tmp_path: Path, url: str, message: str) -> None:
    """An address that cannot be a store's is refused before anything is done."""
    (tmp_path / "a-file").write_text("")
    with pytest.raises(SlipwayError, match=message):
        open_store(url, root=tmp_path, environment="test")


def test_directories_are_relative_to_the_root(tmp_path: Path, folder: Path) -> None:
    """A store's directory is found from the repository, wherever one stands."""
    open_store("stores/test", root=tmp_path, environment="test").publish("iris", folder)
    assert (tmp_path / "stores/test/iris/versions/1.json").is_file()
    assert open_store(str(tmp_path / "stores/test"), root=Path("/"), environment="test").versions("iris") == [1]


def test_only_buckets_import_google() -> None:
    """Who has a directory does not wait for Google's client to be imported."""
    code = "import sys, slipway.store; sys.exit('google.cloud.storage' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_from_a_notebook(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing and fetching take a line each, within the repository or with its folder given."""
    (tmp_path / "slipway.yaml").write_text(_SETTINGS)
    record = slipway.publish("iris", folder, metadata={"idea": "mine"}, root=tmp_path)
    assert (str(record.id), record.metadata) == ("iris/test/1", {"idea": "mine"})
    monkeypatch.chdir(folder)
    assert slipway.publish("iris", ".").version == 2
    fetched = slipway.fetch("iris", where={"idea": "mine"}, to=tmp_path / "to")
    assert (fetched / "model.json").read_bytes() == (folder / "model.json").read_bytes()
    with pytest.raises(SlipwayError, match="'tset'"):
        slipway.fetch("iris", env="tset", to=tmp_path / "x")
