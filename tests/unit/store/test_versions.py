"""What a store does, whichever kind it is."""

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
    """What is in a folder, hidden files too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_versions_are_consecutive(store: Store, folder: Path, changed: Changed) -> None:
    """Each publication of a model takes the next number, and another model's numbers are its own."""
    assert [store.publish("iris", changed(text)).version for text in ("a", "b", "c")] == [1, 2, 3]
    assert store.publish("tumor", folder).version == 1
    assert (store.versions("iris"), store.versions("tumor")) == ([1, 2, 3], [1])
    assert store.models() == ["iris", "tumor"]
    assert store.find("iris").id == ModelId("iris", "test", 3)


def test_an_empty_store_has_nothing(store: Store) -> None:
    """A store that nothing was published to can be asked."""
    assert (store.models(), store.versions("iris")) == ([], [])


def test_numbers_are_ordered_as_numbers(store: Store, folder: Path) -> None:
    """Version 10 comes after version 9."""
    for number in (9, 10):
        store.publish("iris", folder, version=number)
    assert store.versions("iris") == [9, 10]
    assert store.publish("iris", folder).version == 11


def test_same_content_is_a_new_version_of_the_same_digest(place: Place, store: Store, folder: Path) -> None:
    """Publishing the same files again stores a record, and no file twice."""
    first = store.publish("iris", folder)
    before = place.back_door.objects()
    second = store.publish("iris", folder)
    assert (second.version, second.artifact) == (2, first.artifact)
    assert place.back_door.objects() - before == {"iris/versions/2.json"}


def test_the_digest_is_that_of_names_and_contents(store: Store, folder: Path, changed: Changed) -> None:
    """The artifact's digest follows from its files alone, and differs as soon as one of them does."""
    record = store.publish("iris", folder, record={"metadata": {"a": "b"}}, attachments={"x": folder / "model.json"})
    files = {name: digests.of_file(path) for name, path in digests.walk(folder).items()}
    assert record.artifact.digest == digests.of_files(files)
    assert record.artifact.digest != store.publish("iris", changed("x")).artifact.digest


def test_a_record_is_read_as_it_was_published(store: Store, folder: Path) -> None:
    """Everything that a publisher says of a version is in its record."""
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


def test_fetch_gives_back_the_files(store: Store, folder: Path, tmp_path: Path) -> None:
    """What was published comes back byte for byte, and a second fetch to the same place changes nothing."""
    record = store.publish("iris", folder)
    for _ in range(2):
        assert contents(store.fetch(record, tmp_path / "to/here")) == contents(folder)


def test_fetch_replaces_nothing(store: Store, folder: Path, tmp_path: Path) -> None:
    """A folder that holds something else is refused and left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("keep")
    with pytest.raises(SlipwayError, match="holds something else"):
        store.fetch(store.publish("iris", folder), tmp_path / "mine")
    assert contents(tmp_path / "mine") == {"notes.txt": b"keep"}


def test_large_files(store: Store, tmp_path: Path) -> None:
    """Files that are uploaded in several requests are published and found again like small ones."""
    (tmp_path / "large").mkdir()
    (tmp_path / "large/weights.bin").write_bytes(b"0123456789abcdef" * 600_000)
    first, second = (store.publish("iris", tmp_path / "large") for _ in range(2))
    assert contents(store.fetch(second, tmp_path / "to")) == contents(tmp_path / "large")
    assert first.artifact == second.artifact


def test_attachments(store: Store, folder: Path, tmp_path: Path) -> None:
    """Files beside the artifact are kept, and are neither in its digest nor in what is fetched."""
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    record = store.publish("iris", folder, attachments={"reports/junit.xml": tmp_path / "junit.xml"})
    assert store.attachment(record, "reports/junit.xml") == b"<testsuites/>"
    assert contents(store.fetch(record, tmp_path / "to")) == contents(folder)
    with pytest.raises(SlipwayError, match=r"no attachment 'report/junit.xml'\n.*'reports/junit.xml'"):
        store.attachment(record, "report/junit.xml")


def test_a_chosen_number_is_taken_once(store: Store, folder: Path) -> None:
    """A publisher that asks for a number gets that number or an error."""
    assert store.publish("iris", folder, version=5).version == 5
    with pytest.raises(SlipwayError, match=r"iris/test/5 was published already.*\n.*6"):
        store.publish("iris", folder, version=5)
    assert store.versions("iris") == [5]


def test_find(store: Store, folder: Path) -> None:
    """A version is chosen by its number, or as the newest whose metadata have all the values asked for."""
    for stage, team in (("gold", "a"), ("gold", "b"), ("raw", "a")):
        store.publish("iris", folder, record={"metadata": {"stage": stage, "team": team}})
    assert store.find("iris").version == 3
    assert store.find("iris", version=1).version == 1
    assert store.find("iris", where={"stage": "gold"}).version == 2
    assert store.find("iris", where={"stage": "gold", "team": "a"}).version == 1


def test_find_names_what_there_is(store: Store, folder: Path) -> None:
    """Who asks for what is not there is told what is."""
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
    """A file whose content changed in the store is named with both digests, and nothing is written."""
    record = store.publish("iris", folder)
    file = record.artifact.files["parts/weights.bin"]
    place.back_door.replace(f"blobs/sha256/{file.sha256}", b"x" * file.size)
    found = digests.of_bytes(b"x" * file.size)
    with pytest.raises(SlipwayError, match=rf"(?s)parts/weights.bin of iris/test/1.*{file.sha256}.*{found}"):
        store.fetch(record, tmp_path / "to")
    assert not (tmp_path / "to").exists()
    assert not list(tmp_path.glob(".to*"))


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_lost_file_is_noticed(place: Place, store: Store, folder: Path, tmp_path: Path, damage: str) -> None:
    """A file that was cut or removed in the store is noticed in fetching, and mended or named in publishing."""
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
def test_a_corrupted_record_says_so(
    place: Place, store: Store, folder: Path, before: bytes, after: bytes, reason: str
) -> None:
    """A record that was damaged is never taken for a version's; the message says which and why."""
    store.publish("iris", folder)
    content = store._backend.read("iris/versions/1.json")
    assert before in content
    place.back_door.replace("iris/versions/1.json", content.replace(before, after))
    with pytest.raises(SlipwayError, match=rf"iris/versions/1.json is corrupted: .*{reason}"):
        store.find("iris")


def test_fields_of_newer_writers_are_passed_over(place: Place, store: Store, folder: Path) -> None:
    """A record with a field that this reader does not know is read all the same."""
    published = store.publish("iris", folder)
    content = store._backend.read("iris/versions/1.json")
    place.back_door.replace("iris/versions/1.json", content.replace(b"{", b'{"of_tomorrow": 1,', 1))
    assert store.find("iris") == published


def test_strangers_are_no_versions(store: Store, folder: Path) -> None:
    """Objects that somebody else put beside the records count for nothing."""
    store.publish("iris", folder)
    for name in ("iris/versions/7.json.bak", "iris/versions/07.json", "iris/notes.txt", "iris/versions/.8.json"):
        assert store._backend.create(name, b"not mine")
    assert store.versions("iris") == [1]


def test_copy_keeps_content_and_names_its_origin(place: Place, store: Store, folder: Path, tmp_path: Path) -> None:
    """A version copied to another environment has the same artifact and attachments, and says where it is from."""
    store.publish("iris", folder)
    record = store.publish("iris", folder, record={"metrics": {"a": 1}}, attachments={"r.xml": folder / "model.json"})
    prod = place.store("prod")
    copied = prod.copy(record, 1, source=store)
    assert copied == prod.record("iris", 1)
    assert (copied.id, copied.origin) == (ModelId("iris", "prod", 1), Origin("test", 2))
    assert (copied.artifact, copied.metrics) == (record.artifact, record.metrics)
    assert contents(prod.fetch(copied, tmp_path / "to")) == contents(folder)
    assert prod.attachment(copied, "r.xml") == store.attachment(record, "r.xml")


def test_copy_again_changes_nothing(place: Place, store: Store, folder: Path, changed: Changed) -> None:
    """Copying is done once; a number that anything else has is refused."""
    record, prod = store.publish("iris", folder), place.store("prod")
    assert prod.copy(record, 1, source=store) == prod.copy(record, 1, source=store)
    for other in (store.publish("iris", changed("other")), store.publish("iris", folder)):
        with pytest.raises(SlipwayError, match="iris/prod/1 was published already"):
            prod.copy(other, 1, source=store)
    assert prod.versions("iris") == [1]


def test_copy_refuses_what_is_corrupted(place: Place, store: Store, folder: Path) -> None:
    """A damaged file does not get into another environment."""
    record, prod = store.publish("iris", folder), place.store("prod")
    file = record.artifact.files["model.json"]
    place.back_door.replace(f"blobs/sha256/{file.sha256}", b"y" * file.size)
    with pytest.raises(SlipwayError, match=r"model.json of iris/test/1 is corrupted"):
        prod.copy(record, 1, source=store)
    assert prod.versions("iris") == []


def test_verified_is_recorded_once(store: Store) -> None:
    """The first evidence that a release was verified stands."""
    release = ReleaseName(1, "1a2b3c4d")
    assert store.verified("iris", release) is None
    evidence = {"by": "job", "when": "2026-11-21T10:00:00Z", "where": "here"}
    assert store.verify("iris", release, evidence)
    assert not store.verify("iris", "v1-1a2b3c4d", {**evidence, "by": "other"})
    assert store.verified("iris", release) == evidence


@pytest.mark.parametrize("content", [b"[", b"{}", b'{"by": "job"}'])
def test_damaged_evidence_is_no_evidence(place: Place, store: Store, content: bytes) -> None:
    """A verification that cannot be read, or does not say by whom, when and where, is an error, not a yes or a no."""
    store.verify("iris", "v1-1a2b3c4d", {})
    place.back_door.replace("iris/verified/v1-1a2b3c4d.json", content)
    with pytest.raises(SlipwayError, match=r"v1-1a2b3c4d.json is corrupted"):
        store.verified("iris", "v1-1a2b3c4d")
