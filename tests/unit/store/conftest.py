"""The two kinds of store, and a back door to each for damaging its objects."""

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from slipway.store import Store, open_store


class BackDoor(Protocol):
    """Access to objects that no publisher has."""

    def objects(self) -> set[str]: ...
    def replace(self, key: str, content: bytes) -> None: ...
    def remove(self, key: str) -> None: ...


class Place(NamedTuple):
    """A place for stores, with a part for each environment."""

    url: str
    root: Path
    back_door: BackDoor

    def store(self, environment: str = "test") -> Store:
        return open_store(f"{self.url}/{environment}", root=self.root, environment=environment)


class DirectoryDoor:
    """Change objects of a directory by the file system."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def objects(self) -> set[str]:
        files = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        return {name for name in files if not name.startswith(".")}

    def replace(self, key: str, content: bytes) -> None:
        self.remove(key)
        (self._root / key).write_bytes(content)

    def remove(self, key: str) -> None:
        (self._root / key).unlink()


class BucketDoor:
    """Change objects of a bucket over HTTP."""

    def __init__(self, server: str, bucket: str, prefix: str) -> None:
        self._server, self._bucket, self._prefix = server, bucket, prefix

    def objects(self) -> set[str]:
        with urlopen(f"{self._server}/storage/v1/b/{self._bucket}/o") as answer:
            names = [item["name"] for item in json.load(answer).get("items", [])]
        return {name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)}

    def replace(self, key: str, content: bytes) -> None:
        query = f"uploadType=media&name={quote(self._prefix + key, safe='')}"
        self._call("POST", f"/upload/storage/v1/b/{self._bucket}/o?{query}", content)

    def remove(self, key: str) -> None:
        self._call("DELETE", f"/storage/v1/b/{self._bucket}/o/{quote(self._prefix + key, safe='')}")

    def _call(self, method: str, path: str, content: bytes | None = None) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        urlopen(Request(self._server + path, content, headers, method=method)).close()


@pytest.fixture
def directory(tmp_path: Path) -> Place:
    """Stores in a directory."""
    return Place("stores", tmp_path, DirectoryDoor(tmp_path / "stores/test"))


@pytest.fixture
def bucket(gcs_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Stores in a new bucket, over HTTP."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server)
    name = f"slipway-{uuid.uuid4().hex[:12]}"
    content = json.dumps({"name": name}).encode()
    urlopen(Request(f"{gcs_server}/storage/v1/b", content, {"Content-Type": "application/json"})).close()
    return Place(f"gs://{name}/models", tmp_path, BucketDoor(gcs_server, name, "models/test/"))


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each kind of store in turn, for the same tests."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def store(place: Place) -> Store:
    """The store of the environment `test`."""
    return place.store()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An artifact of two files, one of them in a folder."""
    (tmp_path / "artifact/parts").mkdir(parents=True)
    (tmp_path / "artifact/model.json").write_text('{"coefficients": [1, 2]}')
    (tmp_path / "artifact/parts/weights.bin").write_bytes(bytes(range(256)) * 40)
    return tmp_path / "artifact"


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes an artifact with another text."""

    def make(text: str) -> Path:
        other = shutil.copytree(folder, tmp_path / f"artifact-{text}")
        (other / "model.json").write_text(text)
        return other

    return make
