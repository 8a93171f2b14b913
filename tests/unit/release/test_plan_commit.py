"""`slipway release --built`: what a build has settled is committed if it still is due, and trusted no further."""

from typing import Any

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.places import Here, Pushed
from slipway.release import build as plan
from slipway.release.build import Made, Plan, Planned, overlays_only
from slipway.release.holds import hold
from slipway.release.maker import fingerprint_of
from slipway.release.plan_commit import release_built
from slipway.release.release import Released
from tests.unit.conftest import Site

REGISTRY = "registry.example/slipway"
IMAGE = f"{REGISTRY}/iris@sha256:{'1' * 64}"


@pytest.fixture
def registry(site: Site) -> Site:
    """The repository, with a registry."""
    site.set("store: .slipway/store/test,", f"store: .slipway/store/test, registry: {REGISTRY},")
    return site


def planned(site: Site, version: int, **changed: Any) -> Plan:
    """The plan of a build that settled on a version of iris."""
    record = site.store().record("iris", version)
    one = Planned(
        model="iris",
        result="built",
        text="it is due",
        version=version,
        fingerprint=fingerprint_of(site.settings, record),
        function=Made(reference=IMAGE, size=1000, new=True),
    )
    made = Plan(environment="test", commit=site.head, branch="main", models=[one])
    return msgspec.structs.replace(made, **changed)


def commit(site: Site, made: Plan) -> Released:
    return release_built(site.settings, made, Here(Repository(site.root)))


def test_the_image_that_was_built(registry: Site) -> None:
    """The overlay names it, with its size and the commit it is of; doing it again commits nothing."""
    registry.publish()
    made = planned(registry, 1)
    done = commit(registry, made)
    [release] = registry.overlay().releases
    assert (release.record.image, release.record.size, release.record.commit) == (IMAGE, 1000, made.commit)
    assert [outcome.result for outcome in done.outcomes] == ["released"]


def test_what_failed_is_told_and_stops_nothing(registry: Site) -> None:
    """A model whose build failed is in the table, and the run fails; the other is released."""
    registry.publish()
    failed = Planned(model="tumor", result="failed", text="its tests fail")
    made = planned(registry, 1)
    done = commit(registry, msgspec.structs.replace(made, models=[*made.models, failed]))
    assert [outcome.result for outcome in done.outcomes] == ["released", "failed"]
    assert done.failed and registry.versions() == {1: 100}


def test_a_hold_since(registry: Site) -> None:
    """What was built before a hold is not released after it."""
    registry.publish()
    made = planned(registry, 1)
    hold(registry.settings, "iris", "test", reason="audit")
    registry.git("checkout", "--quiet", made.commit)
    place = Elsewhere(Repository(registry.root))
    done = release_built(registry.settings, made, place)
    assert [outcome.result for outcome in done.outcomes] == ["held"] and done.commit is None


class Elsewhere(Pushed):
    """The branch `main` of this clone, while the commit of a build is checked out."""

    def __init__(self, repository: Repository) -> None:
        self.repository, self.branch = repository, "main"

    def stand(self, *paths: str) -> Any:  # noqa: ARG002
        from slipway.gitops.places import Stand, of_code

        tip = self.repository.commit_at("refs/heads/main")
        assert tip is not None
        return Stand("main", tip, of_code(self.repository)._replace(branch="main"))

    def commit(self, stand: Any, change: Any) -> str | None:
        return self.repository.commit(change.files, change.message, branch="main", parent=stand.commit)


@pytest.mark.parametrize(
    ("path", "text"), [("model/iris/model.py", "# newer\n"), ("model/common/cleaning.py", "# newer\n")]
)
def test_newer_code_of_the_branch(registry: Site, path: str, text: str) -> None:
    """A slower run leaves a model to the run of the commit that changed it since."""
    registry.publish()
    made = planned(registry, 1)
    registry.write(path, text)
    newer = registry.commit()
    registry.git("checkout", "--quiet", made.commit)
    done = release_built(registry.settings, made, Elsewhere(Repository(registry.root)))
    [outcome] = done.outcomes
    assert (outcome.result, done.commit) == ("superseded", None)
    assert newer[:7] in outcome.text


def test_a_pin_since(registry: Site) -> None:
    """Newer settings of the model count as newer code of it; those of another do not."""
    for _ in range(2):
        registry.publish()
    made = planned(registry, 2)
    registry.set("tumor: {train: manual}", "tumor: {train: manual, retention: 9}")
    registry.git("checkout", "--quiet", made.commit)
    place = Elsewhere(Repository(registry.root))
    assert release_built(registry.settings, made, place).outcomes[0].result == "released"
    registry.git("checkout", "--quiet", "main")
    registry.publish()
    made = planned(registry, 3)
    registry.set("iris: {train: manual}", "iris: {train: manual, pin: {test: 1}}")
    registry.git("checkout", "--quiet", made.commit)
    assert release_built(registry.settings, made, place).outcomes[0].result == "superseded"


def test_a_newer_version_that_is_not_built(registry: Site) -> None:
    """What was built is released, unless something newer is deployed already."""
    registry.publish()
    made = planned(registry, 1)
    registry.publish()
    assert commit(registry, made).outcomes[0].result == "released"
    again = planned(registry, 1)
    registry.set("registry.example", "other.example")
    registry.set("other.example", "registry.example")
    assert commit(registry, msgspec.structs.replace(again, commit=registry.head)).outcomes[0].result == "nothing due"


def test_a_newer_version_that_was_released_since(registry: Site) -> None:
    """A slower run of an older version ends well, and says why it releases nothing."""
    for _ in range(2):
        registry.publish()
    slower = planned(registry, 1)
    assert commit(registry, planned(registry, 2)).outcomes[0].result == "released"
    done = commit(registry, msgspec.structs.replace(slower, commit=registry.head))
    assert (done.outcomes[0].result, done.outcomes[0].text) == ("nothing due", "v2 was released since")
    assert not done.failed and registry.versions() == {2: 100}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"environment": "prod"}, "prod takes only what test has verified"),
        ({"environment": "nowhere"}, "unknown environment"),
        ({"commit": "0" * 40}, "is not checked out"),
    ],
)
def test_a_plan_that_no_build_makes(registry: Site, changed: dict[str, Any], problem: str) -> None:
    """Of production, which takes promotions alone, or of another commit."""
    registry.publish()
    with pytest.raises(SlipwayError, match=problem):
        commit(registry, planned(registry, 1, **changed))


@pytest.mark.parametrize(
    "image",
    [
        f"evil.example/iris@sha256:{'1' * 64}",
        f"{REGISTRY}.evil.example/iris@sha256:{'1' * 64}",
        f"{REGISTRY}/iris:latest",
        f"{REGISTRY}/../evil/iris@sha256:{'1' * 64}",
        f"unbuilt.invalid/iris@sha256:{'1' * 64}",
    ],
)
def test_an_image_from_elsewhere(registry: Site, image: str) -> None:
    """An image that is not of the environment's registry, by digest, is refused, a trainer's too."""
    registry.publish()
    made = planned(registry, 1)
    for field in ("function", "trainer"):
        one = msgspec.structs.replace(made.models[0], **{field: Made(reference=image)})
        with pytest.raises(SlipwayError, match="names an image that is not of"):
            commit(registry, msgspec.structs.replace(made, models=[one]))


def test_a_training_digest_that_is_not_the_codes(registry: Site) -> None:
    """A training is declared for the code as it stands alone."""
    registry.write("model/iris/requirements.txt", "")
    registry.commit()
    registry.publish()
    made = planned(registry, 1)
    one = msgspec.structs.replace(made.models[0], trainer=Made(reference=IMAGE), digest="2" * 64)
    with pytest.raises(SlipwayError, match="another training digest of iris"):
        commit(registry, msgspec.structs.replace(made, models=[one]))


def test_plans_on_disk(registry: Site) -> None:
    """They are read as they were written; one that is missing or damaged is told, with the command that makes it."""
    registry.publish()
    folder, made = registry.root.parent / "build", planned(registry, 1)
    with pytest.raises(SlipwayError, match="holds no plan") as caught:
        plan.read(folder)
    assert caught.value.fix == f"slipway build --to {folder}"
    plan.save(made, folder)
    assert plan.read(folder) == made
    (folder / plan.FILE).write_text('{"models": [')
    with pytest.raises(SlipwayError, match="is damaged"):
        plan.read(folder)


def test_pushes_of_overlays_alone(site: Site) -> None:
    """They are told from all others; a commit that is not here (any more) may have changed anything."""
    first = site.head
    site.released()
    second = site.head
    site.write("notes", "mine")
    third = site.commit()
    repository = Repository(site.root)
    assert overlays_only(repository, first, second)
    assert not overlays_only(repository, first, third)
    assert not overlays_only(repository, "1" * 40, second)
