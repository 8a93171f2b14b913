"""Overlays of earlier versions are read in full, and written unchanged."""

from pathlib import Path

import msgspec
import pytest
import yaml

from slipway import digests
from slipway.overlays import overlay
from tests.earlier import given
from tests.unit.conftest import Site


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return given.repository(tmp_path_factory.mktemp("earlier") / "team")


def folders(site: Site) -> list[Path]:
    return sorted((site.root / "overlays").glob("*/*/"))


def test_every_overlay_is_written_as_it_was(team: Site) -> None:
    """An overlay that is read and written has the same bytes."""
    assert len(folders(team)) == len(given.VERSIONS) + 2
    for folder in folders(team):
        files = {path: file.read_bytes() for path, file in digests.walk(folder).items()}
        read = overlay.parse(files, folder.parent.name, folder.name, "")
        assert overlay.format(read) == files


def test_every_release_says_what_it_said(team: Site) -> None:
    """Every key of the record is read with its value."""
    for folder in folders(team):
        for release in team.overlay(folder.name, folder.parent.name).releases:
            known = yaml.safe_load((folder / str(release.name) / "record.yaml").read_text())
            found = msgspec.to_builtins(release.record)
            assert {key: found.get(key) for key in known} == known
            assert release.version == int(str(release.name)[1:].partition("-")[0])


@pytest.mark.parametrize(
    ("environment", "reason"), [("test", "it is too heavy"), ("prod", "callers complain")], ids=["test", "prod"]
)
def test_a_route_a_hold_and_a_rejection(team: Site, environment: str, reason: str) -> None:
    """The state after a rollback has a route, a hold and a rejection."""
    found = team.overlay("fruit", environment)
    assert {name.version: percent for name, percent in found.route.items()} == {1: 100}
    assert [name.version for name in found.rejected] == [2]
    assert found.hold is not None and found.hold.reason == reason and found.hold.by == "Ada <ada@example.org>"
    assert found.namespace == f"slipway-{environment}"
    [release] = found.releases
    assert (release.record.origin is None) == (environment == "test")


def test_a_shared_route(tmp_path: Path) -> None:
    """A route of two releases is read with both shares."""
    site = given.repository(tmp_path / "team")
    site.git("checkout", "--quiet", ":/test/fruit: traffic")
    assert site.versions("fruit") == {1: 20, 2: 80}
