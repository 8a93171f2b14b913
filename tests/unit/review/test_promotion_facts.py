"""Differences between two releases."""

from slipway.overlays.types import Release, ReleaseRecord
from slipway.review import promotion_facts
from slipway.review.promotion_facts import Moved


def release(version, *, fingerprint="1a2b3c4d" * 8, extra=""):
    name = f"v{version}-{fingerprint[:8]}"
    record = ReleaseRecord(
        release=name,
        version=version,
        model_id=f"iris/prod/{version}",
        fingerprint=fingerprint,
        image=f"registry.example.org/iris@sha256:{fingerprint[::-1]}",
        artifact=f"{version}" * 64,
        commit="c" * 40,
        created="2026-01-01T00:00:00Z",
        by="Ada",
    )
    manifests = f"name: iris-{name}\nimage: {record.image}\nid: {record.model_id}\n{extra}artifact: {record.artifact}\n"
    files = {"manifests.yaml": manifests.encode(), "record.yaml": b"release\n", "kustomization.yaml": b"k\n"}
    return Release(record=record, files=files)


def test_packages_are_read_from_a_lock():
    """Hashes, markers and comments are passed over; a package in two versions has both."""
    lock = "# by uv\nnumpy==2.0.0 \\\n    --hash=sha256:00\nfoo==1.0 ; python_version < '3.12'\nfoo==2.0; x\n-e .\n"
    assert promotion_facts.packages(lock) == {"numpy": "2.0.0", "foo": "1.0, 2.0"}


def test_values_that_differ_are_listed_by_name():
    """A new value has nothing before, a removed one nothing after; an equal one is left out."""
    found = promotion_facts.moved({"a": 1, "b": 2, "c": 3}, {"b": 2.5, "c": 3, "d": 4})
    assert found == [Moved("a", "1", ""), Moved("b", "2", "2.5"), Moved("d", "", "4")]


def test_code_is_compared_file_by_file(tmp_path):
    """Only files below code/ count; files that are new, gone, or without text are named."""
    for side, files in {
        "old": {"code/a.py": b"1\n", "code/gone.py": b"x\n", "schema.json": b"1", "code/same.py": b"s"},
        "new": {"code/a.py": b"2\n", "code/b.bin": b"\0\xff", "schema.json": b"2", "code/same.py": b"s"},
    }.items():
        for path, content in files.items():
            (tmp_path / side / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / side / path).write_bytes(content)
    diff = promotion_facts.code(tmp_path / "old", tmp_path / "new")
    assert "--- code/a.py\n+++ code/a.py\n@@ -1 +1 @@\n-1\n+2" in diff
    assert "--- code/gone.py\n+++ /dev/null" in diff
    assert "+++ code/b.bin\n@@ no text, or too long to compare @@" in diff
    assert "schema" not in diff and "same" not in diff
    assert promotion_facts.code(tmp_path / "new", tmp_path / "new") == ""


def test_names_and_digests_of_releases_are_expected_to_differ():
    """The names and digests are counted; the diff shows only the other differences."""
    found = promotion_facts.manifests(release(2), release(3, fingerprint="5e6f7a8b" * 8, extra="memory: 1Gi\n"))
    assert {item.name: places for item, places in found.expected.items()} == {
        "release": 1,
        "model id": 1,
        "image": 1,
        "fingerprint": 0,
        "artifact": 1,
    }
    changed = [line for line in found.diff.splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["+memory: 1Gi"]


def test_the_same_image_under_another_number():
    """Names that do not differ are not listed; nothing else is found."""
    found = promotion_facts.manifests(release(2), release(3))
    assert [item.name for item in found.expected] == ["release", "model id", "artifact"]
    assert found.diff == ""
