"""Overlays are written and read without loss, and errors name damaged files."""

import msgspec
import pytest
import yaml

from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays.overlay import format, parse  # noqa: A004
from slipway.overlays.types import Hold, Origin, Overlay, Release, ReleaseRecord, pick


def release(version: int, short: str = "1a2b3c4d", **record: object) -> Release:
    known = ReleaseRecord(
        release=f"v{version}-{short}",
        version=version,
        model_id=f"iris/test/{version}",
        fingerprint=short * 8,
        image=f"unbuilt.invalid/iris@sha256:{short * 8}",
        artifact="0e1" + "0" * 61,
        commit="1e2" + "0" * 37,
        created="2026-11-21T10:00:00Z",
        by="Ada <ada@example.org>",
    )
    known = msgspec.structs.replace(known, **record)
    return Release(
        record=known,
        files={
            "kustomization.yaml": b"resources: [manifests.yaml]\n",
            "manifests.yaml": b"# verbatim \xc3\xbc\n",
            "record.yaml": documents.format(msgspec.to_builtins(known)),
        },
    )


ONE = release(1, metrics={"accuracy": 0.95})
TWO = release(2, "99999999", origin=Origin(environment="test", release="v7-99999999"))
AGAIN = release(2, "00000001", created="2026-11-21T11:00:00Z")
EMPTY = Overlay(environment="test", model="iris", namespace="slipway-test")

CASES = [
    EMPTY,
    msgspec.structs.replace(EMPTY, releases=(ONE,), route={ONE.name: 100}),
    msgspec.structs.replace(EMPTY, releases=(AGAIN, TWO, ONE), route={TWO.name: 90, ONE.name: 10}),
    msgspec.structs.replace(
        EMPTY,
        releases=(ONE,),
        route={ONE.name: 100},
        rejected=(ReleaseName(2, "12345678"), ReleaseName(3, "00000000")),
        hold=Hold(by="Ada: «a» <a@b>", since="2026-11-21T10:00:00Z", reason="it's wrong:\n - twice\n# and: 'no'"),
    ),
]


@pytest.mark.parametrize("overlay", CASES)
def test_round_trip(overlay: Overlay) -> None:
    """A written overlay is read equal, and is written again with the same bytes."""
    files = format(overlay)
    assert parse(files, "test", "iris", "other") == overlay
    assert format(parse(files, "test", "iris", "other")) == files


def test_every_file_says_who_writes_it() -> None:
    """The first line of each written file warns a person who would change it."""
    for path, content in format(CASES[1]).items():
        assert path.startswith("v1") or content.startswith(b"# Written by slipway.")


def test_the_route() -> None:
    """The route names configurations, newest first, with their latest revision and no share of 0."""
    document = yaml.safe_load(format(CASES[2])["route.yaml"])
    assert document["metadata"] == {"name": "iris"}
    assert document["spec"]["traffic"] == [
        {"configurationName": "iris-v2-99999999", "latestRevision": True, "percent": 90},
        {"configurationName": "iris-v1-1a2b3c4d", "latestRevision": True, "percent": 10},
    ]


def test_the_kustomization() -> None:
    """The kustomization has all releases and the route, the namespace, and labels outside of selectors."""
    document = yaml.safe_load(format(CASES[2])["kustomization.yaml"])
    assert document["resources"] == ["v2-00000001", "v2-99999999", "v1-1a2b3c4d", "route.yaml"]
    assert document["namespace"] == "slipway-test"
    assert document["labels"][0]["includeSelectors"] is False


def test_training_beside_it_is_passed_over() -> None:
    """The files of the training folder are ignored."""
    files = format(CASES[1]) | {"training/kustomization.yaml": b"[", "notes.txt": b"?"}
    assert parse(files, "test", "iris", "") == CASES[1]


DAMAGES = [
    ("route.yaml", b"spec: [", "is not YAML"),
    ("route.yaml", b"", "route.yaml does not hold what slipway writes there"),
    ("route.yaml", b"spec: {traffic: [{configurationName: iris-v1-1a2b3c4d, percent: 99}]}", "100 percent"),
    ("route.yaml", b"spec: {traffic: [{configurationName: iris-v1-1a2b3c4d, percent: 0}]}", "does not hold"),
    ("route.yaml", b"spec: {traffic: [{configurationName: iris, percent: 100}]}", "not a release"),
    ("route.yaml", b"spec: {traffic: [{configurationName: iris-v9-1a2b3c4d, percent: 100}]}", "no folder beside it"),
    ("state.yaml", b"hold: {by: ada}", "state.yaml does not hold what slipway writes there"),
    ("state.yaml", b"rejected: [seven]", "names 'seven', which is not a release"),
    ("v1-1a2b3c4d/record.yaml", b"release: v1-1a2b3c4d", "record.yaml does not hold what slipway writes there"),
    ("v1-1a2b3c4d/record.yaml", TWO.files["record.yaml"], "belongs to another release"),
    ("v1-1a2b3c4d/record.yaml", b"\xff\xfe\x00", "record.yaml"),
    ("v1-1a2b3c4d/record.yaml", None, "record.yaml is missing"),
    ("v1-1a2b3c4d/manifests.yaml", None, "manifests.yaml is missing"),
]


@pytest.mark.parametrize(("path", "content", "problem"), DAMAGES)
def test_damage(path: str, content: bytes | None, problem: str) -> None:
    """The error names a damaged file and the way to restore it from git."""
    files = format(CASES[1])
    files.pop(path)
    if content is not None:
        files[path] = content
    with pytest.raises(SlipwayError) as caught:
        parse(files, "test", "iris", "")
    assert problem in caught.value.problem
    assert f"overlays/test/iris/{path}" in caught.value.problem and "git revert" in caught.value.fix


NAMES = [ONE.name, TWO.name, AGAIN.name]


@pytest.mark.parametrize(
    ("text", "found"), [("v1-1a2b3c4d", ONE.name), ("v1", ONE.name), ("1", ONE.name), ("v2-99999999", TWO.name)]
)
def test_pick(text: str, found: ReleaseName) -> None:
    """A release is found by its full name, or by its version if only one matches."""
    assert pick(NAMES, text, "iris") == found


@pytest.mark.parametrize(("text", "problem"), [("v2", "more than one"), ("v3", "no release v3"), ("", "no release")])
def test_pick_nothing(text: str, problem: str) -> None:
    """A name that matches none or several releases is refused, and the error lists the known ones."""
    with pytest.raises(SlipwayError, match=problem) as caught:
        pick(NAMES, text, "iris")
    assert "v2-99999999" in caught.value.fix


@pytest.mark.parametrize(
    "text", ["1e5", "012", "1234567e12", "y", "N", "yes", "null", "~", "2026-11-21", "a: b", " x", "é", ""]
)
def test_strings_stay_strings(text: str) -> None:
    """Strings that YAML could read as a number, a date or null are quoted."""
    written = documents.format({"value": text})
    assert documents.parse(written, "file") == {"value": text}
    assert text in ("yes", "null") or b'"' in written
