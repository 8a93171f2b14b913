"""`slipway promote` and `copy`: from test to production, the same image."""

from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.edits import Edited
from slipway.gitops.places import Here, Proposed
from slipway.names import ReleaseName
from slipway.overlays.types import Origin
from slipway.release.holds import hold, lift
from slipway.release.promote import Wish, copy, promote
from slipway.release.rollback import rollback
from slipway.store import Store
from tests.unit.conftest import Site


def go(site: Site, *, branch: str | None = None, **wish: Any) -> Edited:
    place = Proposed(Here(Repository(site.root)), branch) if branch else None
    return promote(site.settings, "iris", Wish(**{"allow_unbuilt": True} | wish), to="prod", place=place).edited


def test_the_same_image_under_the_next_version(site: Site) -> None:
    """Production's release has the fingerprint and the image of test's, a number of its own, and names its origin."""
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


def test_the_artifact_is_copied(site: Site) -> None:
    """After the commit the version is in production's store, with its origin."""
    site.released()
    go(site)
    record = site.store("prod").record("iris", 1)
    assert record.artifact.digest == site.store().record("iris", 1).artifact.digest
    assert record.origin is not None and record.origin.environment == "test"


def test_a_copy_that_fails(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The promotion is committed all the same; that is said, and how the artifact gets there."""
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


def test_only_what_was_verified(site: Site) -> None:
    """A release that did not answer its golden predictions yet is not promoted; the error tells how to verify."""
    site.publish()
    site.release("iris")
    with pytest.raises(SlipwayError, match="is not verified in test") as caught:
        go(site)
    assert "slipway verify" in caught.value.fix


def test_the_newest_verified_on_the_route(site: Site) -> None:
    """A newer release that is not verified yet does not stop an older one that is."""
    site.released()
    site.publish()
    site.release("iris", traffic=10)
    done = go(site)
    assert "v1-" in str(site.overlay(environment="prod").releases[0].record.origin)
    assert "test also serves v2-" in done.lines[1]


def test_an_older_release_than_the_one_that_runs(site: Site) -> None:
    """When test went back, promoting what it serves now takes production back too, and that is said.

    While test is held, a person has to name it.
    """
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


def test_nothing_is_released(site: Site) -> None:
    """The error names the command that releases."""
    with pytest.raises(SlipwayError, match="no release of iris is on the route of test"):
        go(site)


def test_an_image_that_nobody_built(site: Site) -> None:
    """It is refused unless that is asked for."""
    site.released()
    with pytest.raises(SlipwayError, match="nobody has built the image") as caught:
        go(site, allow_unbuilt=False)
    assert "--allow-unbuilt" in caught.value.fix


def test_again_is_said(site: Site) -> None:
    """What production serves already is not promoted again; it is said, and nothing is committed."""
    name = site.released()
    go(site)
    head = site.head
    done = go(site)
    assert f"prod serves {name} already" in done.lines[0] and done.commit is None
    assert site.head == head


def test_a_copy_that_was_missed_is_made_up_for(site: Site) -> None:
    """Killed between the commit and the copy, the next promotion (or copy) copies."""
    site.released()
    go(site)
    site.git("rm", "-r", "-q", "--cached", "--ignore-unmatch", ".slipway")
    (site.root / ".slipway/store/prod/iris/versions/1.json").unlink()
    assert go(site).lines[-1] == "copied iris/test/1 to iris/prod/1"
    assert copy(site.settings, [], "prod") == []


def test_on_a_branch(site: Site) -> None:
    """Only the branch gets the commit; the artifact is copied when the branch was merged."""
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


def test_the_branch_is_kept_up_to_date(site: Site) -> None:
    """The same proposal makes no new commit; a newer release replaces it, on top of the head of then."""
    site.released()
    first = go(site, branch="promote/prod/iris").commit
    assert go(site, branch="promote/prod/iris").commit is None
    site.released()
    second = go(site, branch="promote/prod/iris").commit
    assert second not in (None, first)
    assert site.git("rev-parse", "promote/prod/iris^") == site.head


def test_a_branch_with_other_work(site: Site) -> None:
    """A branch on which somebody committed anything else is not replaced."""
    site.released()
    site.git("switch", "--quiet", "-c", "feature")
    site.write("notes", "mine")
    site.commit()
    site.git("switch", "--quiet", "main")
    with pytest.raises(SlipwayError, match="holds other work: notes"):
        go(site, branch="feature")


@pytest.mark.parametrize(("branch", "problem"), [("main", "that you are on"), ("a..b", "cannot be the name")])
def test_a_branch_that_cannot_be(site: Site, branch: str, problem: str) -> None:
    """The current branch and a name that git refuses are told apart from a proposal."""
    site.released()
    with pytest.raises(SlipwayError, match=problem):
        go(site, branch=branch)


def test_a_hold_stops_it(site: Site) -> None:
    """Who holds the model and why is said, and how to lift it."""
    site.released()
    hold(site.settings, "iris", "prod", reason="audit")
    with pytest.raises(SlipwayError, match=r"held by Ada .* audit") as caught:
        go(site)
    assert "slipway lift iris --env prod" in caught.value.fix


def test_what_production_rejected(site: Site) -> None:
    """It is never chosen by itself nor by name, only again; other releases are not affected."""
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


def test_a_number_is_not_used_twice(site: Site) -> None:
    """The next version follows what the store, the overlay and the rejections have."""
    site.publish(environment="prod")
    site.publish(environment="prod")
    site.released()
    go(site)
    assert site.versions(environment="prod") == {3: 100}


def test_a_share_at_first(site: Site) -> None:
    """A promotion can start with a share of the requests."""
    site.released()
    go(site)
    site.released()
    go(site, traffic=5)
    assert site.versions(environment="prod") == {1: 95, 2: 5}


def test_prod_settings_are_those_of_production(site: Site) -> None:
    """Scale in production is production's own, with the same image."""
    site.set("iris: {train: manual}", "iris: {train: manual, per_environment: {prod: {scale: {min: 2}}}}")
    site.released()
    go(site)
    assert b'min-scale: "2"' in site.overlay(environment="prod").releases[0].files["manifests.yaml"]
    assert b'min-scale: "0"' in site.overlay().releases[0].files["manifests.yaml"]


def test_test_takes_no_promotion(site: Site) -> None:
    """An environment that takes releases says so."""
    with pytest.raises(SlipwayError, match="test takes releases, not promotions"):
        promote(site.settings, "iris", to="test")


def test_another_artifact_under_the_number(site: Site) -> None:
    """What somebody published by hand under the promoted number is told, and nothing is overwritten."""
    site.released()
    go(site, branch="promote")
    site.git("merge", "--quiet", "promote")
    site.publish("tumor")
    store = site.store("prod")
    store.publish("iris", site.root / "manifests/function")
    with pytest.raises(SlipwayError, match="iris/prod/1 holds another artifact"):
        copy(site.settings, ["iris"], "prod")
