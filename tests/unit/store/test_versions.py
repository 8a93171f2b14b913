"""Versions, records and evidence in both kinds of store."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway import digests
from slipway.errors import SlipwayError
from slipway.names import ModelId, ReleaseName
from slipway.store import Data, Origin, Store, Training
from tests.unit.store.conftest import Place

Changed = Callable[[str], Path]


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder with their contents, hidden files too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_versions_are_consecutive(store: Store, folder: Path, changed: Changed) -> None:
    """Each publication takes the next number of its model."""
    assert [store.publish("iris", changed(text)).version for text in ("a", "b", "c")] == [1, 2, 3]
    assert store.publish("tumor", folder).version == 1
    assert (store.versions("iris"), store.versions("tumor")) == ([1, 2, 3], [1])
    assert store.models() == ["iris", "tumor"]
    assert store.find("iris").id == ModelId("iris", "test", 3)


def test_empty_store_has_no_models_and_versions(store: Store) -> None:
    assert (store.models(), store.versions("iris")) == ([], [])


def test_numbers_are_ordered_as_numbers(store: Store, folder: Path) -> None:
    """Version 10 comes after version 9."""
    for number in (9, 10):
        store.publish("iris", folder, version=number)
    assert store.versions("iris") == [9, 10]
    assert store.publish("iris", folder).version == 11


def test_equal_files_give_a_new_version_with_the_same_digest(place: Place, store: Store, folder: Path) -> None:
    """The store writes a new record and no file."""
    first = store.publish("iris", folder)
    before = place.back_door.objects()
    second = store.publish("iris", folder)
    assert (second.version, second.artifact) == (2, first.artifact)
    assert place.back_door.objects() - before == {"iris/versions/2.json"}


def test_digest_follows_from_names_and_contents(store: Store, folder: Path, changed: Changed) -> None:
    """It changes with any file of the artifact, and with nothing else."""
    record = store.publish("iris", folder, record={"metadata": {"a": "b"}}, attachments={"x": folder / "model.json"})
    files = {name: digests.of_file(path) for name, path in digests.walk(folder).items()}
    assert record.artifact.digest == digests.of_files(files)
    assert record.artifact.digest != store.publish("iris", changed("x")).artifact.digest


def test_a_record_is_read_as_it_was_published(store: Store, folder: Path) -> None:
    """It holds every field that the publisher gave."""
    given = {
        "by": "ada",
        "training": {"digest": "d", "commit": "c", "branch": "main", "python": "3.11", "parameters": {"C": 0.5}},
        "data": {"uri": "gs://data/iris.csv", "sha256": "0" * 64, "rows": 150, "held_out": 30},
        "metrics": {"accuracy": 0.97},
        "gates": [{"metric": "accuracy", "min": 0.9, "passed": True}],
        "metadata": {"idea": "fewer features"},
    }
    published = store.publish("iris", folder, record=given)
    record = store.record("iris", 1)
    assert record == published
    assert record.training == Training(
        digest="d", commit="c", branch="main", python="3.11", parameters={"C": 0.5}, dirty=False
    )
    assert record.data == Data(uri="gs://data/iris.csv", sha256="0" * 64, rows=150, held_out=30)
    assert (record.by, record.metrics, record.metadata) == ("ada", given["metrics"], given["metadata"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record.created)


def test_fetch_returns_the_published_files(store: Store, folder: Path, tmp_path: Path) -> None:
    """A second fetch to the same folder changes nothing."""
    record = store.publish("iris", folder)
    for _ in range(2):
        assert contents(store.fetch(record, tmp_path / "to/here")) == contents(folder)


def test_fetch_refuses_a_folder_with_other_files(store: Store, folder: Path, tmp_path: Path) -> None:
    """The folder stays as it is."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("keep")
    with pytest.raises(SlipwayError, match="holds something else"):
        store.fetch(store.publish("iris", folder), tmp_path / "mine")
    assert contents(tmp_path / "mine") == {"notes.txt": b"keep"}


def test_large_files_are_published_and_fetched(store: Store, tmp_path: Path) -> None:
    """Their upload takes several requests."""
    (tmp_path / "large").mkdir()
    (tmp_path / "large/weights.bin").write_bytes(b"0123456789abcdef" * 600_000)
    first, second = (store.publish("iris", tmp_path / "large") for _ in range(2))
    assert contents(store.fetch(second, tmp_path / "to")) == contents(tmp_path / "large")
    assert first.artifact == second.artifact


def test_attachments_are_not_part_of_the_artifact(store: Store, folder: Path, tmp_path: Path) -> None:
    """They change no digest, and a fetch does not write them."""
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    record = store.publish("iris", folder, attachments={"reports/junit.xml": tmp_path / "junit.xml"})
    assert store.content(record, "reports/junit.xml") == b"<testsuites/>"
    assert contents(store.fetch(record, tmp_path / "to")) == contents(folder)
    with pytest.raises(SlipwayError, match=r"no file 'report/junit.xml'\n.*'reports/junit.xml'"):
        store.content(record, "report/junit.xml")


def test_chosen_number_is_given_once(store: Store, folder: Path) -> None:
    """A second publisher with the same number gets an error."""
    assert store.publish("iris", folder, version=5).version == 5
    with pytest.raises(SlipwayError, match=r"iris/test/5 was published already.*\n.*6"):
        store.publish("iris", folder, version=5)
    assert store.versions("iris") == [5]


def test_find_returns_the_newest_version_that_matches(store: Store, folder: Path) -> None:
    """It matches by number, or by values of the metadata."""
    for stage, team in (("gold", "a"), ("gold", "b"), ("raw", "a")):
        store.publish("iris", folder, record={"metadata": {"stage": stage, "team": team}})
    assert store.find("iris").version == 3
    assert store.find("iris", version=1).version == 1
    assert store.find("iris", where={"stage": "gold"}).version == 2
    assert store.find("iris", where={"stage": "gold", "team": "a"}).version == 1


def test_find_names_the_existing_versions_in_its_error(store: Store, folder: Path) -> None:
    """The error shows their metadata where these are searched."""
    store.publish("iris", folder, record={"metadata": {"stage": "raw"}})
    store.publish("iris", folder)
    with pytest.raises(SlipwayError, match=r"iris has no version 9 in test\n.*there are: 1, 2"):
        store.find("iris", version=9)
    with pytest.raises(SlipwayError, match=r"with stage=gold in test\n.*1 \(stage=raw\), 2 \(no stage\)"):
        store.find("iris", where={"stage": "gold"})
    with pytest.raises(SlipwayError, match=r"with stage=gold"):
        store.find("iris", version=1, where={"stage": "gold"})
    with pytest.raises(SlipwayError, match=r"(?s)no version in test yet.*`slipway train irsi --env test`"):
        store.find("irsi")


def test_a_corrupted_file_is_never_fetched(place: Place, store: Store, folder: Path, tmp_path: Path) -> None:
    """The error names both digests, and nothing is written."""
    record = store.publish("iris", folder)
    file = record.artifact.files["parts/weights.bin"]
    place.back_door.replace(f"blobs/sha256/{file.sha256}", b"x" * file.size)
    found = digests.of_bytes(b"x" * file.size)
    with pytest.raises(SlipwayError, match=rf"(?s)parts/weights.bin of iris/test/1.*{file.sha256}.*{found}"):
        store.fetch(record, tmp_path / "to")
    assert not (tmp_path / "to").exists()
    assert not list(tmp_path.glob(".to*"))


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_lost_or_cut_file_is_an_error(place: Place, store: Store, folder: Path, tmp_path: Path, damage: str) -> None:
    """Fetching names it. Publishing uploads a lost file again and names a cut one."""
    record = store.publish("iris", folder)
    key = f"blobs/sha256/{record.artifact.files['model.json'].sha256}"
    if damage == "cut":
        place.back_door.replace(key, b"{")
    else:
        place.back_door.remove(key)
    with pytest.raises(SlipwayError, match=r"model.json of iris/test/1 is corrupted"):
        store.fetch(record, tmp_path / "to")
    if damage == "cut":
        with pytest.raises(SlipwayError, match="corrupted in the store"):
            store.publish("iris", folder)
    else:
        store.publish("iris", folder)
        assert contents(store.fetch(record, tmp_path / "to")) == contents(folder)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b'"artifact":', b"", "malformed"),
        (b'"version": 1', b'"version": 2', "it is the record of iris/test/2, not of iris/test/1"),
        (b'"environment": "test"', b'"environment": "prod"', "it is the record of iris/prod/1"),
        (b'"model.json"', b'"model.jsom"', "its files do not give the digest"),
        (b'"model.json"', b'"../model.json"', "Expected `str` matching"),
        (b'"size"', b'"sise"', "missing required field `size`"),
    ],
)
def test_corrupted_record_is_an_error(
    place: Place, store: Store, folder: Path, before: bytes, after: bytes, reason: str
) -> None:
    """The error names the record and the reason."""
    store.publish("iris", folder)
    content = store._backend.read("iris/versions/1.json")
    assert before in content
    place.back_door.replace("iris/versions/1.json", content.replace(before, after))
    with pytest.raises(SlipwayError, match=rf"iris/versions/1.json is corrupted: .*{reason}"):
        store.find("iris")


def test_unknown_field_of_a_record_is_ignored(place: Place, store: Store, folder: Path) -> None:
    """A newer writer may have added it."""
    published = store.publish("iris", folder)
    content = store._backend.read("iris/versions/1.json")
    place.back_door.replace("iris/versions/1.json", content.replace(b"{", b'{"of_tomorrow": 1,', 1))
    assert store.find("iris") == published


def test_other_objects_are_not_versions(store: Store, folder: Path) -> None:
    """They may lie beside the records."""
    store.publish("iris", folder)
    for name in ("iris/versions/7.json.bak", "iris/versions/07.json", "iris/notes.txt", "iris/versions/.8.json"):
        assert store._backend.create(name, b"not mine")
    assert store.versions("iris") == [1]


def test_copy_keeps_content_and_names_its_origin(place: Place, store: Store, folder: Path, tmp_path: Path) -> None:
    """Artifact and attachments are equal in the other environment."""
    store.publish("iris", folder)
    record = store.publish("iris", folder, record={"metrics": {"a": 1}}, attachments={"r.xml": folder / "model.json"})
    prod = place.store("prod")
    copied = prod.copy(record, 1, source=store)
    assert copied == prod.record("iris", 1)
    assert (copied.id, copied.origin) == (ModelId("iris", "prod", 1), Origin("test", 2))
    assert (copied.artifact, copied.metrics) == (record.artifact, record.metrics)
    assert contents(prod.fetch(copied, tmp_path / "to")) == contents(folder)
    assert prod.content(copied, "r.xml") == store.content(record, "r.xml")


def test_second_copy_changes_nothing(place: Place, store: Store, folder: Path, changed: Changed) -> None:
    """Another version with that number is an error."""
    record, prod = store.publish("iris", folder), place.store("prod")
    assert prod.copy(record, 1, source=store) == prod.copy(record, 1, source=store)
    for other in (store.publish("iris", changed("other")), store.publish("iris", folder)):
        with pytest.raises(SlipwayError, match="iris/prod/1 was published already"):
            prod.copy(other, 1, source=store)
    assert prod.versions("iris") == [1]


def test_copy_refuses_a_corrupted_file(place: Place, store: Store, folder: Path) -> None:
    """The other environment gets no version."""
    record, prod = store.publish("iris", folder), place.store("prod")
    file = record.artifact.files["model.json"]
    place.back_door.replace(f"blobs/sha256/{file.sha256}", b"y" * file.size)
    with pytest.raises(SlipwayError, match=r"model.json of iris/test/1 is corrupted"):
        prod.copy(record, 1, source=store)
    assert prod.versions("iris") == []


def test_first_evidence_of_a_release_stays(store: Store) -> None:
    release = ReleaseName(1, "1a2b3c4d")
    assert store.verified("iris", release) is None
    evidence = {"by": "job", "when": "2026-11-21T10:00:00Z", "where": "here"}
    assert store.verify("iris", release, evidence)
    assert not store.verify("iris", "v1-1a2b3c4d", {**evidence, "by": "other"})
    assert store.verified("iris", release) == evidence


@pytest.mark.parametrize("content", [b"[", b"{}", b'{"by": "job"}'])
def test_damaged_evidence_is_an_error(place: Place, store: Store, content: bytes) -> None:
    """It cannot be read, or it lacks who verified, when or where."""
    store.verify("iris", "v1-1a2b3c4d", {})
    place.back_door.replace("iris/verified/v1-1a2b3c4d.json", content)
    with pytest.raises(SlipwayError, match=r"v1-1a2b3c4d.json is corrupted"):
        store.verified("iris", "v1-1a2b3c4d")
