"""The plan of a release: its file, and its commit by `slipway release --built`."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.branches import Here, Pushed
from slipway.release.decisions import hold
from slipway.release.maker import fingerprint_of
from slipway.release.plan import FILE, Made, Plan, Planned, read, release_built, save
from slipway.release.release import Released
from tests.unit.conftest import Site

REGISTRY = "registry.example/slipway"
IMAGE = f"{REGISTRY}/iris@sha256:{'1' * 64}"


@pytest.fixture
def registry(site: Site) -> Site:
    """Return a repository with a registry."""
    site.set("store: .slipway/store/test,", f"store: .slipway/store/test, registry: {REGISTRY},")
    return site


def planned(site: Site, version: int, **changed: Any) -> Plan:
    """Return a plan that releases a version of iris."""
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


def test_a_saved_plan_is_read_back(tmp_path: Path) -> None:
    """A missing or damaged plan raises an error that names the command to make it."""
    folder = tmp_path / "build"
    one = Planned(model="iris", result="built", text="it is due", version=1, fingerprint="1" * 64)
    made = Plan(environment="test", commit="0" * 40, branch="main", models=[one])
    with pytest.raises(SlipwayError, match="holds no plan") as caught:
        read(folder)
    assert caught.value.fix == f"slipway build --to {folder}"
    save(made, folder)
    assert read(folder) == made
    (folder / FILE).write_text('{"models": [')
    with pytest.raises(SlipwayError, match="is damaged"):
        read(folder)


def test_the_overlay_names_the_built_image(registry: Site) -> None:
    """The release has the size of the image and the commit of the plan."""
    registry.publish()
    made = planned(registry, 1)
    done = commit(registry, made)
    [release] = registry.overlay().releases
    assert (release.record.image, release.record.size, release.record.commit) == (IMAGE, 1000, made.commit)
    assert [outcome.result for outcome in done.outcomes] == ["released"]


def test_a_failed_build_stops_no_other_model(registry: Site) -> None:
    """The failure is an outcome, and the run fails. The other model is released."""
    registry.publish()
    failed = Planned(model="tumor", result="failed", text="its tests fail")
    made = planned(registry, 1)
    done = commit(registry, msgspec.structs.replace(made, models=[*made.models, failed]))
    assert [outcome.result for outcome in done.outcomes] == ["released", "failed"]
    assert done.failed and registry.versions() == {1: 100}


def test_a_hold_after_the_build_stops_the_release(registry: Site) -> None:
    """Nothing is committed for the held model."""
    registry.publish()
    made = planned(registry, 1)
    hold(registry.settings, "iris", "test", reason="audit")
    registry.git("checkout", "--quiet", made.commit)
    place = Elsewhere(Repository(registry.root))
    done = release_built(registry.settings, made, place)
    assert [outcome.result for outcome in done.outcomes] == ["held"] and done.commit is None


class Elsewhere(Pushed):
    """The branch `main` of this clone, while the commit of a plan is checked out."""

    def __init__(self, repository: Repository) -> None:
        self.repository, self.branch = repository, "main"

    def stand(self, *paths: str) -> Any:  # noqa: ARG002
        from slipway.gitops.branches import Stand, of_code

        tip = self.repository.commit_at("refs/heads/main")
        assert tip is not None
        return Stand("main", tip, of_code(self.repository)._replace(branch="main"))

    def commit(self, stand: Any, change: Any) -> str | None:
        return self.repository.commit(change.files, change.message, branch="main", parent=stand.commit)


@pytest.mark.parametrize(
    ("path", "text"), [("model/iris/model.py", "# newer\n"), ("model/common/cleaning.py", "# newer\n")]
)
def test_newer_code_on_the_branch_supersedes_a_plan(registry: Site, path: str, text: str) -> None:
    """The run of the newer commit releases the model instead."""
    registry.publish()
    made = planned(registry, 1)
    registry.write(path, text)
    newer = registry.commit()
    registry.git("checkout", "--quiet", made.commit)
    done = release_built(registry.settings, made, Elsewhere(Repository(registry.root)))
    [outcome] = done.outcomes
    assert (outcome.result, done.commit) == ("superseded", None)
    assert newer[:7] in outcome.text


def test_newer_settings_of_the_model_supersede_a_plan(registry: Site) -> None:
    """Newer settings of another model do not."""
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


def test_the_built_version_is_released_before_a_newer_one(registry: Site) -> None:
    """A newer version without an image does not stop it. A second run commits nothing."""
    registry.publish()
    made = planned(registry, 1)
    registry.publish()
    assert commit(registry, made).outcomes[0].result == "released"
    again = planned(registry, 1)
    registry.set("registry.example", "other.example")
    registry.set("other.example", "registry.example")
    assert commit(registry, msgspec.structs.replace(again, commit=registry.head)).outcomes[0].result == "nothing due"


def test_a_plan_of_an_older_version_releases_nothing(registry: Site) -> None:
    """A slower run succeeds, and names the newer version that is released."""
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
def test_a_plan_of_a_wrong_environment_or_commit_is_refused(
    registry: Site, changed: dict[str, Any], problem: str
) -> None:
    """Production takes promotions only, so no build plans for it."""
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
def test_an_image_of_another_registry_is_refused(registry: Site, image: str) -> None:
    """Images of functions and trainers need the registry of the environment, and a digest."""
    registry.publish()
    made = planned(registry, 1)
    for field in ("function", "trainer"):
        one = msgspec.structs.replace(made.models[0], **{field: Made(reference=image)})
        with pytest.raises(SlipwayError, match="names an image outside of"):
            commit(registry, msgspec.structs.replace(made, models=[one]))


def test_a_wrong_training_digest_is_refused(registry: Site) -> None:
    """A training is declared only for the code that is checked out."""
    registry.write("model/iris/requirements.txt", "")
    registry.commit()
    registry.publish()
    made = planned(registry, 1)
    one = msgspec.structs.replace(made.models[0], trainer=Made(reference=IMAGE), digest="2" * 64)
    with pytest.raises(SlipwayError, match="another training digest of iris"):
        commit(registry, msgspec.structs.replace(made, models=[one]))
