"""Rejections keep an artifact from coming back by itself in any image."""

import re
import shutil
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays.types import Overlay, Release, ReleaseRecord
from slipway.release import candidates
from slipway.release.candidates import Wish
from slipway.release.decisions import lift, rollback
from slipway.release.due import Rejections
from slipway.release.promote import promote
from slipway.release.status import status
from tests.earlier import given
from tests.unit.conftest import ROOT, Site


@pytest.fixture
def site(site: Site) -> Site:
    """Return a repository with its own platform, whose serving code can change."""
    shutil.copytree(ROOT / "functions", site.root / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "src", site.root / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    site.commit("Own the platform")
    return site


def change_serving_code(site: Site) -> None:
    path = site.root / "functions/predict/main.py"
    path.write_text(f"{path.read_text()}# changed\n")
    site.commit("Change the serving code")


def roll_back(site: Site, environment: str = "test", to: str | None = None) -> None:
    rollback(site.settings, "iris", environment, reason="wrong", to=to)
    lift(site.settings, "iris", environment)


def propose(site: Site, **wish: object) -> None:
    promote(site.settings, "iris", Wish(allow_unbuilt=True, **wish), to="prod")  # type: ignore[arg-type]


@pytest.mark.long(3)
def test_a_rejected_artifact_is_never_due(site: Site) -> None:
    """It is not due in a new image, either. A person can choose it by its version."""
    site.released()
    site.released()
    roll_back(site)
    change_serving_code(site)
    assert "v2 was rejected" in site.release("iris").outcomes[0].text
    site.publish(content=2)
    [outcome] = site.release("iris").outcomes
    assert outcome.result == "nothing due" and "v3 is the same artifact as v2-" in outcome.text
    [row] = status(site.settings, ["iris"], "test")
    assert "v3 is the same artifact as v2-" in row.next
    [outcome] = site.release("iris", version=3).outcomes
    assert "it was rejected before" in outcome.text
    assert site.versions() == {3: 100} and site.overlay().rejected == ()


@pytest.mark.long(4)
def test_a_pin_brings_no_rejected_artifact_back(site: Site) -> None:
    """The reason names the rejected release."""
    site.released()
    site.released()
    roll_back(site)
    site.publish(content=2)
    site.set("iris: {train: manual}", "iris: {train: manual, pin: {test: 3}}")
    assert "v3 is pinned, but v3 is the same artifact as v2-" in site.release("iris").outcomes[0].text


@pytest.mark.long(3)
def test_a_rejected_artifact_is_not_promoted_by_itself(site: Site) -> None:
    """Production keeps its rejection when test releases the artifact in a new image."""
    site.released()
    propose(site)
    site.verify(site.overlay(environment="prod").releases[0].name, environment="prod")
    rejected = site.released()
    propose(site)
    roll_back(site, "prod")
    change_serving_code(site)
    site.release("iris", version=2)
    again = next(iter(site.overlay().route))
    assert again.short != rejected.short
    site.verify(again)
    found, reason = candidates.due(Snapshot(Repository(site.root), site.head), site.overlay(environment="prod"))
    assert found is None and f"prod has rejected the artifact of v2-{rejected.short}" in reason
    with pytest.raises(SlipwayError, match="has rejected the artifact of"):
        propose(site)
    propose(site, again=True)
    assert site.versions(environment="prod") == {3: 100}
    assert site.overlay(environment="prod").rejected == ()


@pytest.mark.long(3)
def test_history_names_the_rejected_artifact_of_a_missing_version(site: Site) -> None:
    """The store has no copy of the promoted artifact, but the history of the overlay names it."""
    site.released()
    propose(site)
    site.verify(site.overlay(environment="prod").releases[0].name, environment="prod")
    site.released()
    propose(site)
    roll_back(site, "prod")
    (site.root / ".slipway/store/prod/iris/versions/2.json").unlink()
    change_serving_code(site)
    site.release("iris", version=2)
    site.verify(next(iter(site.overlay().route)))
    with pytest.raises(SlipwayError, match="has rejected the artifact of"):
        propose(site)


@pytest.mark.long(8)
def test_a_rollback_skips_a_rejected_artifact(site: Site) -> None:
    """Only a person chooses a version with that artifact, by its name."""
    site.released()
    site.publish(content="bad")
    site.release("iris")
    bad = next(iter(site.overlay().route))
    site.verify(bad)
    site.released()
    site.publish(content="bad")
    site.release("iris")
    site.verify(next(iter(site.overlay().route)))
    roll_back(site)
    assert site.versions() == {3: 100}
    roll_back(site)
    assert site.versions() == {1: 100}
    site.released()
    roll_back(site, to="1")
    assert site.versions() == {1: 100}


@pytest.mark.long(3)
def test_a_rollback_to_an_older_image_rejects_only_the_newer_image(site: Site) -> None:
    """The artifact of both images is not rejected."""
    first = site.released()
    change_serving_code(site)
    site.release("iris", version=1)
    roll_back(site, to=str(first))
    site.released()
    roll_back(site)
    assert site.overlay().route == {first: 100}


@pytest.mark.long(5)
def test_a_machine_whose_clock_was_ahead(site: Site) -> None:
    """Releases of a version are ordered as they were made, declared and past ones, whatever the clocks said."""
    first = site.released()
    record = site.root / f"overlays/test/iris/{first}/record.yaml"
    record.write_text(re.sub(r"created: .*", 'created: "2099-01-01T00:00:00Z"', record.read_text()))
    site.commit("As a machine would have written it that is ahead by decades")
    names = [first, *(_again(site) for _ in range(2))]
    roll_back(site)
    assert site.overlay().route == {names[1]: 100}
    names.append(_again(site))
    assert [release.name for release in site.overlay().releases] == [names[3], names[1], names[0]]
    roll_back(site)
    assert site.overlay().route == {names[1]: 100} and names[3] in site.overlay().rejected


def _again(site: Site) -> ReleaseName:
    """Release version 1 with other serving code, and verify it."""
    change_serving_code(site)
    name = site.release("iris", version=1).outcomes[0].release
    assert name is not None
    site.verify(name)
    return name


def test_an_earlier_overlay_bars_the_artifact(tmp_path: Path, people: None) -> None:  # noqa: ARG001
    """Overlays of earlier code name only rejected releases. Reading them changes no file."""
    site = given.renewed(tmp_path / "team")
    before = (site.root / "overlays/test/fruit/state.yaml").read_bytes()
    overlay, store = site.overlay("fruit"), site.store()
    [rejected] = overlay.rejected
    artifact = store.record("fruit", rejected.version).artifact.digest
    assert Rejections(overlay, store).bars("0" * 8, artifact) == rejected
    assert (site.root / "overlays/test/fruit/state.yaml").read_bytes() == before
    prod = site.overlay("fruit", "prod")
    found = candidates.rejections_of(Snapshot(Repository(site.root), site.head), prod)
    assert found.bars("0" * 8, artifact) in prod.rejected


def release(version: int, short: str, artifact: str) -> Release:
    name = ReleaseName.of(version, short * 8)
    record = ReleaseRecord(
        release=str(name),
        version=version,
        model_id=f"iris/test/{version}",
        fingerprint=short * 64,
        image="unbuilt.invalid/iris",
        artifact=artifact * 64,
        commit="",
        created="",
        by="",
    )
    return Release(record=record, files={})


def test_rejections_bar_images_and_artifacts() -> None:
    """An unknown artifact bars only its image. A serving release is never barred. A choice forgives both."""
    old, bad, new = release(1, "a", "1"), release(2, "b", "2"), release(3, "c", "2")
    overlay = Overlay(
        environment="test",
        model="iris",
        namespace="",
        releases=(old,),
        route={old.name: 100},
        rejected=(bad.name,),
    )
    unknown, known = Rejections(overlay), Rejections(overlay, past=[old, bad])
    assert (unknown.bars_release(bad), unknown.bars_release(new)) == (bad.name, None)
    assert (known.bars_release(bad), known.bars_release(new), known.bars_release(old)) == (bad.name, bad.name, None)
    assert known.forgive(new).rejected == () and known.forgive(old).rejected == (bad.name,)
    serving = overlay.with_release(new)
    answering = Overlay(
        environment="test",
        model="iris",
        namespace="",
        releases=serving.releases,
        route={new.name: 100},
        rejected=(bad.name,),
    )
    assert Rejections(answering, past=[old, bad]).bars_release(new) is None
