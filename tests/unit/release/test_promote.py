"""`slipway promote` and `slipway copy` move a release with its image from test to production."""

from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.branches import Here, Proposed
from slipway.gitops.edits import Edited
from slipway.names import ReleaseName
from slipway.overlays.types import Origin
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback
from slipway.release.promote import copy, promote
from slipway.store import Store
from tests.unit.conftest import Site


def go(site: Site, *, branch: str | None = None, **wish: Any) -> Edited:
    place = Proposed(Here(Repository(site.root)), branch) if branch else None
    return promote(site.settings, "iris", Wish(**{"allow_unbuilt": True} | wish), to="prod", place=place).edited


def test_a_promotion_keeps_the_image_and_takes_the_next_version(site: Site) -> None:
    """The release in production has the fingerprint and image of test, its own version, and its origin."""
    site.released()
    name = site.released()
    done = go(site)
    [made] = site.overlay(environment="prod").releases
    source = site.overlay().release(name)
    assert made.name == ReleaseName(1, name.short)
    assert made.record.origin == Origin(environment="test", release=str(name))
    assert (made.record.image, made.record.fingerprint) == (source.record.image, source.record.fingerprint)
    assert (made.record.metrics, made.record.commit) == (source.record.metrics, source.record.commit)
    assert made.record.model_id == "iris/prod/1"
    assert b"iris/prod/1" in made.files["manifests.yaml"]
    assert site.versions(environment="prod") == {1: 100}
    assert done.commit == site.head
    message = site.git("log", "-1", "--format=%B")
    assert message.startswith(f"prod/iris: promote {made.name} from test/{name}")
    assert "Undo" not in message  # there is nothing to go back to


def test_the_artifact_is_copied_into_the_store(site: Site) -> None:
    """The record of the version in production names its origin."""
    site.released()
    go(site)
    record = site.store("prod").record("iris", 1)
    assert record.artifact.digest == site.store().record("iris", 1).artifact.digest
    assert record.origin is not None and record.origin.environment == "test"


def test_a_failed_copy_keeps_the_promotion(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the commit and the command that copies the artifact."""
    site.released()

    def full(*_: object, **__: object) -> None:
        raise SlipwayError("the disk is full", fix="make room")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "copy", full)
        with pytest.raises(SlipwayError, match=f"committed {'.' * 12}, but the artifact is not in the store") as caught:
            go(site)
    assert caught.value.fix == "make room; then slipway copy iris --env prod"
    assert site.versions(environment="prod") == {1: 100}
    assert copy(site.settings, ["iris"], "prod") == ["copied iris/test/1 to iris/prod/1"]


def test_an_unverified_release_is_not_promoted(site: Site) -> None:
    """The error names the command that verifies it."""
    site.publish()
    site.release("iris")
    with pytest.raises(SlipwayError, match="is not verified in test") as caught:
        go(site)
    assert "slipway verify" in caught.value.fix


def test_the_newest_verified_release_is_promoted(site: Site) -> None:
    """A newer release that is not verified does not stop it, and is noted."""
    site.released()
    site.publish()
    site.release("iris", traffic=10)
    done = go(site)
    assert "v1-" in str(site.overlay(environment="prod").releases[0].record.origin)
    assert "test also serves v2-" in done.lines[1]


def test_an_older_release_is_promoted_by_name_during_a_hold(site: Site) -> None:
    """After a rollback in test, a person can take production back, too. A note says so."""
    site.released()
    bad = site.released()
    go(site)
    rollback(site.settings, "iris", "test", reason="wrong")
    with pytest.raises(SlipwayError, match=r"iris in test is held by Ada .*: wrong") as caught:
        go(site)
    assert "slipway lift iris --env test" in caught.value.fix and "--release" in caught.value.fix
    done = go(site, release="v1")
    assert f"prod served {bad} of test until now, which is newer" in done.lines
    assert any(line.startswith("iris in test is held by Ada") for line in done.lines)
    assert "Undo: slipway rollback iris --env prod" in done.message
    assert site.versions(environment="prod") == {2: 100}


def test_a_promotion_without_a_release_is_refused(site: Site) -> None:
    """The error says that the route of test is empty."""
    with pytest.raises(SlipwayError, match="no release of iris is on the route of test"):
        go(site)


def test_an_unbuilt_image_is_refused(site: Site) -> None:
    """The error names the option that allows it."""
    site.released()
    with pytest.raises(SlipwayError, match=r"the image of v1-.* was not built") as caught:
        go(site, allow_unbuilt=False)
    assert "--allow-unbuilt" in caught.value.fix


def test_a_second_promotion_commits_nothing(site: Site) -> None:
    """A line says that production already serves the release."""
    name = site.released()
    go(site)
    head = site.head
    done = go(site)
    assert f"prod serves {name} already" in done.lines[0] and done.commit is None
    assert site.head == head


def test_a_missing_copy_is_made_by_the_next_promotion(site: Site) -> None:
    """The artifact is copied even if a run stopped between the commit and the copy."""
    site.released()
    go(site)
    site.git("rm", "-r", "-q", "--cached", "--ignore-unmatch", ".slipway")
    (site.root / ".slipway/store/prod/iris/versions/1.json").unlink()
    assert go(site).lines[-1] == "copied iris/test/1 to iris/prod/1"
    assert copy(site.settings, [], "prod") == []


def test_a_proposal_commits_to_its_branch_only(site: Site) -> None:
    """The artifact is copied after the merge."""
    site.released()
    head = site.head
    done = go(site, branch="promote/prod/iris")
    assert site.head == head and site.git("status", "--porcelain") == ""
    assert site.git("rev-parse", "promote/prod/iris") == done.commit
    assert site.git("rev-parse", "promote/prod/iris^") == head
    assert site.store("prod").versions("iris") == []
    site.git("merge", "--quiet", "--no-ff", "-m", "Merge", "promote/prod/iris")
    assert copy(site.settings, [], "prod") == ["copied iris/test/1 to iris/prod/1"]
    assert site.store("prod").versions("iris") == [1]


def test_a_newer_release_replaces_a_proposal(site: Site) -> None:
    """The same proposal again makes no commit. A newer one starts from the current head."""
    site.released()
    first = go(site, branch="promote/prod/iris").commit
    assert go(site, branch="promote/prod/iris").commit is None
    site.released()
    second = go(site, branch="promote/prod/iris").commit
    assert second not in (None, first)
    assert site.git("rev-parse", "promote/prod/iris^") == site.head


def test_a_branch_with_other_work_is_not_replaced(site: Site) -> None:
    """The error names the files of the other work."""
    site.released()
    site.git("switch", "--quiet", "-c", "feature")
    site.write("notes", "mine")
    site.commit()
    site.git("switch", "--quiet", "main")
    with pytest.raises(SlipwayError, match="holds other work: notes"):
        go(site, branch="feature")


@pytest.mark.parametrize(("branch", "problem"), [("main", "that you are on"), ("a..b", "cannot be the name")])
def test_an_invalid_branch_for_a_proposal_is_refused(site: Site, branch: str, problem: str) -> None:
    """A proposal takes neither the current branch nor a name that git refuses."""
    site.released()
    with pytest.raises(SlipwayError, match=problem):
        go(site, branch=branch)


def test_a_hold_stops_a_promotion(site: Site) -> None:
    """The error names the author, the reason and the command that lifts it."""
    site.released()
    hold(site.settings, "iris", "prod", reason="audit")
    with pytest.raises(SlipwayError, match=r"held by Ada .* audit") as caught:
        go(site)
    assert "slipway lift iris --env prod" in caught.value.fix


def test_a_rejected_release_is_promoted_only_with_again(site: Site) -> None:
    """Other releases are not affected, and the promotion ends the rejection."""
    site.released()
    go(site)
    site.verify(site.overlay(environment="prod").releases[0].name, environment="prod")
    bad = site.released()
    go(site)
    rollback(site.settings, "iris", "prod", reason="wrong")
    lift(site.settings, "iris", "prod")
    with pytest.raises(SlipwayError, match=f"prod has rejected {bad.short}, which is {bad} of test"):
        go(site)
    with pytest.raises(SlipwayError, match="prod has rejected"):
        go(site, release=str(bad))
    go(site, release="2", again=True)
    assert site.versions(environment="prod") == {3: 100}
    assert site.overlay(environment="prod").rejected == ()


def test_a_promotion_skips_versions_of_the_store(site: Site) -> None:
    """The next version is one above the newest in the store."""
    site.publish(environment="prod")
    site.publish(environment="prod")
    site.released()
    go(site)
    assert site.versions(environment="prod") == {3: 100}


def test_a_promotion_can_start_with_a_share(site: Site) -> None:
    """The older release keeps the other requests."""
    site.released()
    go(site)
    site.released()
    go(site, traffic=5)
    assert site.versions(environment="prod") == {1: 95, 2: 5}


def test_a_promotion_uses_the_settings_of_production(site: Site) -> None:
    """The scale in production differs from the scale in test."""
    site.set("iris: {train: manual}", "iris: {train: manual, per_environment: {prod: {scale: {min: 2}}}}")
    site.released()
    go(site)
    assert b'min-scale: "2"' in site.overlay(environment="prod").releases[0].files["manifests.yaml"]
    assert b'min-scale: "0"' in site.overlay().releases[0].files["manifests.yaml"]


def test_test_takes_no_promotion(site: Site) -> None:
    """The error says that the environment takes releases."""
    with pytest.raises(SlipwayError, match="test takes releases, not promotions"):
        promote(site.settings, "iris", to="test")


def test_a_version_published_by_hand_is_not_overwritten(site: Site) -> None:
    """Copying another artifact under its number is an error."""
    site.released()
    go(site, branch="promote")
    site.git("merge", "--quiet", "promote")
    site.publish("tumor")
    store = site.store("prod")
    store.publish("iris", site.root / "manifests/function")
    with pytest.raises(SlipwayError, match="iris/prod/1 holds another artifact"):
        copy(site.settings, ["iris"], "prod")
