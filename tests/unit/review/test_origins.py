"""New releases whose origin does not hold, and stores that do not answer."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from slipway.git import Repository
from slipway.gitops import release_folder
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays.types import Origin
from slipway.release.candidates import Wish
from slipway.release.decisions import rollback
from slipway.release.promote import promote
from slipway.schema import Field, Schema
from tests.turns import in_turns
from tests.unit.conftest import Site
from tests.unit.review.conftest import look, overlay, propose, put, redeclare, said

CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "no origin": ({"origin": None}, "does not come from test"),
    "another environment": ({"origin": Origin(environment="dev", release="v3-00000000")}, "does not come from test"),
    "never declared": ({"origin": Origin(environment="test", release="v9-00000000")}, "was never declared in test"),
    "another image": ({"image": f"unbuilt.invalid/iris@sha256:{'0' * 64}"}, "its image is not that of v3-"),
    "another fingerprint": ({"fingerprint": "0" * 64}, "its fingerprint is not that of v3-"),
    "another artifact": ({"artifact": "0" * 64}, "its artifact is not that of v3-"),
    "other metrics": ({"metrics": {"accuracy": 1.0}}, "its metrics is not that of v3-"),
    "another commit": ({"commit": "0" * 40}, "its commit is not that of v3-"),
    "a number that is taken": ({"version": 2}, "the number 2 is taken in prod: the next is 3"),
    "a number too far": ({"version": 9}, "the number 9 is not the next in prod: the next is 3"),
}


@pytest.mark.parametrize("case", in_turns(CLAIMS))
def test_a_release_that_is_not_what_it_claims(team: Site, case: str) -> None:
    """Its origin, its content and its number are compared with the source."""
    changes, says = CLAIMS[case]
    propose(team)
    redeclare(team, **changes)
    [problem] = said(team)
    assert says in problem


def test_an_origin_that_is_no_longer_declared(team: Site) -> None:
    """A release of test that only git's history knows is accepted."""
    propose(team)
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    team.released()
    team.drop()
    origin = overlay(team, "change").releases[0].record.origin
    assert origin and not any(str(release.name) == origin.release for release in overlay(team, "main", "test").releases)
    assert said(team) == []


def test_an_origin_that_is_not_verified(team: Site) -> None:
    """A release that never answered its golden predictions in test is refused."""
    propose(team)
    (verified,) = (team.root / ".slipway/store/test/iris/verified").glob("v3-*")
    verified.unlink()
    [problem] = said(team)
    assert "is not verified in test" in problem


def test_a_store_that_was_changed(team: Site) -> None:
    """The artifact under that number in test's store must be the release's."""
    propose(team)
    versions = team.root / ".slipway/store/test/iris/versions"
    record = (versions / "3.json").read_text()
    other = msgspec.json.decode((versions / "2.json").read_bytes())
    changed = msgspec.json.decode(record) | {"artifact": other["artifact"]}
    (versions / "3.json").write_bytes(msgspec.json.encode(changed))
    [problem] = said(team)
    assert "iris/test/3 has another artifact in the store of test" in problem
    (versions / "3.json").unlink()
    [problem] = said(team)
    assert "iris/test/3, which it is a copy of, is not in the store of test" in problem


def test_an_image_that_nobody_built(team: Site) -> None:
    """An environment with a registry refuses an image that was only named."""
    propose(team)
    team.set("namespace: slipway-prod", "namespace: slipway-prod, registry: ghcr.io/team/models")
    [problem] = said(team)
    assert "nobody has built its image" in problem


def test_a_promoted_image_of_another_registry(team: Site) -> None:
    """The image of a promoted release must be in the source environment's registry."""
    propose(team)
    team.set("namespace: slipway-test", "namespace: slipway-test, registry: ghcr.io/team/models")
    [problem] = said(team)
    assert "is no digest of ghcr.io/team/models, where test has its images" in problem


def test_an_origin_that_was_rejected(team: Site) -> None:
    """A release that test rolled back from is refused, though it is verified."""
    propose(team)
    assert said(team) == []
    rollback(team.settings, "iris", "test", reason="wrong")
    [problem] = said(team)
    assert problem.startswith("v3-") and "was rejected in test since" in problem


def schema(team: Site, folder: str, *names: str) -> Path:
    """Write an artifact with a schema of these fields."""
    made = team.root.parent / folder
    (made / "code/model/iris").mkdir(parents=True)
    (made / "artifact.json").write_text(f'{{"model": "iris", "content": "{folder}"}}')
    (made / "requirements.lock").write_text("functions-framework==3.10.2\nmsgspec==0.19.0\n")
    (made / "code/model/iris/model.py").write_text("# as trained\n")
    fields = tuple(Field(name=name, kind="number") for name in names)
    (made / "schema.json").write_bytes(
        msgspec.json.encode(Schema(fields=fields, target=Field(name="y", kind="number")))
    )
    return made


def test_a_schema_that_breaks_callers(team: Site) -> None:
    """A new field that every row needs is refused, unless the record says why it was accepted."""
    for folder, names in (("one", ["a"]), ("two", ["a", "b"])):
        team.store().publish("iris", schema(team, folder, *names), record={})
        released = team.release("iris").outcomes[0].release
        assert released is not None
        team.verify(released)
        if folder == "one":
            promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    propose(team, accept_breaking="all callers were told")
    assert said(team) == []
    redeclare(team, accepted=" ")
    [problem] = said(team)
    assert "breaks calls that are answered now" in problem and "'b' is new: every row has to have it" in problem


def test_a_release_of_test_by_hand(team: Site) -> None:
    """An environment without promotions is checked against its own store."""
    before = overlay(team, "main", "test")
    record = msgspec.structs.replace(before.releases[0].record, version=9, model_id="iris/test/9")
    record = msgspec.structs.replace(record, release=str(ReleaseName.of(9, record.fingerprint)))
    made = release_folder.make(Snapshot(Repository(team.root), team.head), record)
    put(team, release_folder.with_share(before, made, 100))
    [problem] = said(team)
    assert problem.endswith("iris/test/9 was never published")


def test_a_store_that_is_not_here(team: Site) -> None:
    """Production's missing store is an empty one; test's has to have the promoted artifact."""
    propose(team)
    shutil.rmtree(team.root / ".slipway/store/prod", ignore_errors=True)
    assert said(team) == []
    shutil.rmtree(team.root / ".slipway")
    [problem] = said(team)
    assert "the store of test is the directory .slipway/store/test, which is not on this machine" in problem


def test_a_bucket_without_credentials(team: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which credentials the check needs for a bucket."""
    propose(team)
    team.set("store: .slipway/store/prod", "store: gs://no-such-bucket/prod")
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(team.root.parent))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("SLIPWAY_STORE_TIMEOUT", "1")
    [violation] = look(team).violations
    assert "the store of prod, gs://no-such-bucket/prod, does not answer" in violation.problem
    assert "GCP_WORKLOAD_IDENTITY_PROVIDER" in violation.fix
