"""Simultaneous publishers, and killed publishers."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from slipway import digests
from slipway.store import Store
from tests.unit.store.conftest import Place

_PUBLISHERS = Path(__file__).with_name("publishers.py")


def run(place: Place, *words: object) -> str:
    """Run `publishers.py` on the store of the environment `test`."""
    command = [sys.executable, _PUBLISHERS, f"{place.url}/test", *map(str, words)]
    return subprocess.run(command, cwd=place.root, stdout=subprocess.PIPE, check=True, timeout=120, text=True).stdout


@pytest.mark.parametrize("count", [8, pytest.param(32, marks=pytest.mark.long(6))])
def test_simultaneous_publishers_get_consecutive_versions(place: Place, store: Store, count: int) -> None:
    """There are no gaps, and each version has its own record."""
    found = json.loads(run(place, "race", count))
    versions = list(range(1, count + 1))
    assert sorted(version for _, version in found) == versions
    assert store.versions("iris") == versions
    assert {store.record("iris", version).metadata["text"]: version for version in versions} == dict(found)


def test_only_one_of_simultaneous_creators_succeeds(store: Store) -> None:
    """The object has the content of that creator."""
    backend, start = store._backend, Barrier(8)

    def create(content: bytes, key: str) -> bool:
        start.wait()
        return backend.create(key, content)

    contents = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for turn in range(12):
            key = f"iris/versions/{turn}.json"
            created = list(pool.map(create, contents, [key] * 8))
            assert created.count(True) == 1
            assert backend.read(key) == contents[created.index(True)]


@pytest.mark.parametrize(
    ("kind", "times"),
    [
        ("directory", 6),
        ("bucket", 3),
        pytest.param("directory", 300, marks=pytest.mark.long(15)),
        pytest.param("bucket", 75, marks=pytest.mark.long(15)),
    ],
)
def test_a_killed_publisher_leaves_no_half_version(
    request: pytest.FixtureRequest, folder: Path, tmp_path: Path, kind: str, times: int
) -> None:
    """Every version is whole, every content fits its digest, and the next publication works."""
    place: Place = request.getfixturevalue(kind)
    run(place, "kill", times, 0.06 if kind == "directory" else 0.18)
    store = place.store()
    versions = store.versions("iris")
    assert versions == list(range(1, len(versions) + 1))
    assert versions
    for version in versions:
        store.fetch(store.record("iris", version), tmp_path / f"to/{version}")
    blobs = {key for key in place.back_door.objects() if key.startswith("blobs/")}
    for key in blobs:
        assert digests.of_bytes(store._backend.read(key)) == key.removeprefix("blobs/sha256/")
    assert store.publish("iris", folder).version == len(versions) + 1
