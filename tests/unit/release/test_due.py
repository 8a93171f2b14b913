"""Due versions: a table of records, overlays and the decisions on them."""

from typing import Any

import pytest

from slipway.names import ReleaseName
from slipway.overlays.types import Hold, Overlay, Release, ReleaseRecord
from slipway.release.due import due
from slipway.store import Record
from tests.unit.release.conftest import record

HOLD = Hold(by="Ada <ada@example.org>", since="2026-11-21T10:00:00Z", reason="wrong answers")


def overlay(
    route: dict[int, int], rejected: tuple[int, ...] = (), hold: Hold | None = None, idle: tuple[int, ...] = ()
) -> Overlay:
    """Return an overlay. The fingerprint of a release repeats its version. Releases in `idle` get no requests."""
    releases = [
        Release(
            record=ReleaseRecord(
                release=str(name(version)),
                version=version,
                model_id=f"iris/test/{version}",
                fingerprint=f"{version:08d}" * 8,
                image="unbuilt.invalid/iris",
                artifact="0" * 64,
                commit="",
                created="",
                by="",
            ),
            files={},
        )
        for version in sorted([*route, *idle], reverse=True)
    ]
    return Overlay(
        environment="test",
        model="iris",
        namespace="",
        releases=tuple(releases),
        route={name(version): percent for version, percent in route.items()},
        rejected=tuple(name(version) for version in rejected),
        hold=hold,
    )


def name(version: int) -> ReleaseName:
    return ReleaseName(version, f"{version:08d}")


TRAIN = "slipway train iris --env test"
CASES: list[tuple[dict[int, str | None], Overlay, dict[str, Any], int | None, str]] = [
    ({}, overlay({}), {}, None, f"no version yet: {TRAIN}"),
    ({1: "a"}, overlay({}), {"digest": "a"}, 1, "v1 is the first release"),
    ({3: "a", 4: "a"}, overlay({3: 100}), {"digest": "a"}, 4, "v4 is newer than the deployed v3"),
    ({3: "a", 4: "a"}, overlay({4: 100}), {"digest": "a"}, None, "v4 is deployed, and nothing is newer"),
    ({3: "a", 4: "a"}, overlay({3: 90, 4: 10}), {"digest": "a"}, None, "v4 is deployed, and nothing is newer"),
    (
        {4: "a"},
        overlay({4: 100}),
        {"digest": "b"},
        None,
        f"v4 is deployed, and nothing is newer; the code has changed since: {TRAIN}",
    ),
    (
        {4: "b", 5: "a"},
        overlay({3: 100}),
        {"digest": "b"},
        4,
        "v4 is newer than the deployed v3; v5's training digest differs from the code: train it again: " + TRAIN,
    ),
    (
        {4: "a", 5: "a"},
        overlay({}),
        {"digest": "b"},
        None,
        f"v5's training digest differs from the code: train it again: {TRAIN}; "
        f"v4's training digest differs from the code: train it again: {TRAIN}",
    ),
    ({4: "a", 5: "b"}, overlay({4: 100}), {}, 5, "v5 is newer than the deployed v4"),
    ({5: None}, overlay({}), {}, 5, "v5 is the first release"),
    (
        {5: None},
        overlay({}),
        {"digest": "a"},
        None,
        "v5 was published by hand, but this model is trained from its code: release it with --version 5, or set train: "
        "manual in slipway.yaml",
    ),
    ({3: "a", 4: "a"}, overlay({3: 100}, (4,)), {"digest": "a"}, None, "v3 is deployed; v4 was rejected"),
    (
        {3: "a", 4: "a", 5: "a"},
        overlay({3: 100}, (4,)),
        {"digest": "a"},
        5,
        "v5 is newer than the deployed v3",
    ),
    (
        {4: "a"},
        overlay({3: 100}, hold=HOLD),
        {"digest": "a"},
        None,
        "held by Ada <ada@example.org> since 2026-11-21T10:00:00Z: wrong answers",
    ),
    (
        {3: "a", 4: "a", 5: "a"},
        overlay({4: 100}, idle=(5,)),
        {"digest": "a"},
        None,
        "v5 is declared and gets no requests (slipway traffic iris --env test v5=100, or slipway release iris --env "
        "test --version 5), and nothing is newer",
    ),
    ({4: "a", 5: "a", 6: "a"}, overlay({4: 100}, idle=(5,)), {}, 6, "v6 is newer than the deployed v5"),
    (
        {4: "a", 5: "a", 6: "a", 7: "a"},
        overlay({4: 100}, (7,), idle=(6,)),
        {},
        None,
        "v6 is declared and gets no requests (slipway traffic iris --env test v6=100, or slipway release iris --env "
        "test --version 6); v7 was rejected",
    ),
    ({3: "a", 4: "a"}, overlay({4: 100}), {"digest": "a", "pin": 3}, 3, "v3 is pinned"),
    ({3: "a", 4: "a"}, overlay({3: 100}), {"digest": "a", "pin": 3}, None, "v3 is pinned and deployed"),
    ({3: "a", 4: "a"}, overlay({3: 50, 4: 50}), {"digest": "b", "pin": 3}, 3, "v3 is pinned"),
    ({4: "a"}, overlay({4: 100}), {"pin": 9}, None, "v9 is pinned, but there is no such version"),
    ({3: "a", 4: "a"}, overlay({4: 100}, (3,)), {"pin": 3}, None, "v3 is pinned, but v3-00000003 was rejected"),
]


@pytest.mark.parametrize(("published", "declared", "options", "version", "reason"), CASES)
def test_the_due_version_and_its_reason(
    published: dict[int, str | None], declared: Overlay, options: dict[str, Any], version: int | None, reason: str
) -> None:
    """Each situation gives a version or none, and the reason."""
    records = [record(number, published[number]) for number in sorted(published, reverse=True)]
    decision = due(declared, records, **options)
    assert (decision.record.version if decision.record else None, decision.reason) == (version, reason)


def test_the_image_of_a_rejected_release_is_not_due() -> None:
    """It is due if the same image answers requests now."""
    images = {3: "00000003", 4: "00000004", 5: "00000004"}

    def fingerprint(of: Record) -> str:
        return images[of.version] * 8

    records = [record(version, "a") for version in (5, 4, 3)]
    decision = due(overlay({3: 100}, (4,)), records, fingerprint=fingerprint)
    assert decision.record is None
    assert "v5 is the same image as v4-00000004, which was rejected" in decision.reason
    images[3] = images[5] = "00000003"
    decision = due(overlay({3: 100}, (4,)), records, fingerprint=fingerprint)
    assert decision.record is not None and decision.record.version == 5


def test_a_missing_version_is_a_failure() -> None:
    """No version, or no pinned version, is a failure. Nothing due is not."""
    assert due(overlay({}), []).result == "skipped"
    assert due(overlay({1: 100}), [record(1, None)], pin=2).result == "skipped"
    assert due(overlay({1: 100}), [record(1, None)]).result == "nothing due"


def test_records_are_read_up_to_the_deployed_version() -> None:
    """Older records are not read."""
    read = []

    def records() -> Any:
        for version in (5, 4, 3, 2, 1):
            read.append(version)
            yield record(version, "a")

    due(overlay({4: 100}), records(), digest="b")
    assert read == [5, 4]
