"""`slipway release` commits releases of published versions."""

import re
import subprocess
import sys

import pytest
import yaml

from slipway.errors import SlipwayError
from slipway.models.discovery import training_digest
from slipway.release.decisions import lift, rollback
from tests.unit.conftest import Site


def test_a_new_version_gets_all_requests(site: Site) -> None:
    """One commit adds the release, and its message names the version and the reason."""
    record = site.publish()
    start = site.head
    done = site.release("iris")

    overlay = site.overlay()
    [release] = overlay.releases
    assert overlay.route == {release.name: 100}
    assert release.record.commit == start
    assert release.record.by == "Ada <ada@example.org>"
    assert release.record.metrics == record.metrics
    assert re.fullmatch(r"unbuilt\.invalid/iris@sha256:[0-9a-f]{64}", release.record.image)
    message = site.git("log", "-1", "--format=%B")
    assert message.startswith(f"test/iris: release {release.name}\n\nRelease: iris {release.name}\n")
    assert f"From commit: {start}" in message and "accuracy 0.91" in message
    assert done.commit == site.head and not done.failed


@pytest.mark.long(2)
def test_a_repeat_commits_nothing(site: Site) -> None:
    """Choosing the running version by its number commits nothing, either."""
    site.released()
    head = site.head
    assert site.release("iris").commit is None
    assert site.release("iris", version=1).commit is None
    assert site.head == head


@pytest.mark.long(2)
def test_all_models_are_released_in_one_commit(site: Site) -> None:
    """The subject names each model."""
    site.publish("iris")
    site.publish("tumor")
    before = site.head
    site.release()
    assert site.versions("iris") == site.versions("tumor") == {1: 100}
    assert site.git("rev-list", f"{before}..HEAD").count("\n") == 0
    assert re.match(r"test: release iris v1-\w{8}, tumor v1-\w{8}", site.git("log", "-1", "--format=%s"))


def test_a_model_without_a_version_is_skipped(site: Site) -> None:
    """Its outcome names the command to train. The other models are released, and the run fails."""
    site.publish("tumor")
    done = site.release()
    iris, tumor = done.outcomes
    assert iris.result == "skipped" and "slipway train iris --env test" in iris.text
    assert tumor.result == "released"
    assert done.failed and site.versions("tumor") == {1: 100}


def test_a_corrupted_artifact_stops_only_its_model(site: Site) -> None:
    """Its outcome names the damage. The other model is released."""
    record = site.publish("iris")
    site.publish("tumor")
    digest = record.artifact.files["artifact.json"].sha256
    [blob] = [path for path in (site.root / ".slipway/store/test").rglob("*") if digest[2:] in path.name]
    blob.chmod(0o644)
    blob.write_bytes(b"damaged")
    iris, tumor = site.release().outcomes
    assert iris.result == "failed" and "corrupt" in iris.text
    assert tumor.result == "released"


@pytest.mark.long(2)
def test_a_new_release_can_get_a_share(site: Site) -> None:
    """The older releases divide the other requests in their proportions."""
    site.released()
    site.released(traffic=40)
    site.publish()
    site.release("iris", traffic=10)
    assert site.versions() == {1: 54, 2: 36, 3: 10}


def test_the_first_release_cannot_get_a_share(site: Site) -> None:
    """No other release exists that could get the rest."""
    site.publish()
    [outcome] = site.release("iris", traffic=10).outcomes
    assert outcome.result == "failed" and "nothing to share" in outcome.text


def test_an_older_version_is_released_by_number(site: Site) -> None:
    """It stays until a newer version comes, and the reason says so."""
    site.released()
    site.released()
    [outcome] = site.release("iris", version=1).outcomes
    assert site.versions() == {1: 100}
    assert "it stays until" in outcome.text and "pin: {test: 1}" in outcome.text
    assert site.release("iris").commit is None
    site.released()
    assert site.versions() == {3: 100}


def test_a_pinned_version_stays(site: Site) -> None:
    """It is released even if it is older. No newer version replaces it."""
    site.released()
    site.released()
    site.set("iris: {train: manual}", "iris: {train: manual, pin: {test: 1}}")
    site.release("iris")
    assert site.versions() == {1: 100}
    site.publish()
    assert site.release("iris").commit is None


def test_a_version_is_chosen_by_metadata(site: Site) -> None:
    """The newest version with matching metadata is released."""
    site.publish(metadata={"stage": "blessed"})
    site.publish()
    site.release("iris", where={"stage": "blessed"})
    assert site.versions() == {1: 100}


def test_a_changed_setting_needs_a_new_release(site: Site) -> None:
    """Releasing the version again writes its folder with the new setting."""
    name = site.released()
    site.set("iris: {train: manual}", "iris: {train: manual, scale: {max: 9}}")
    assert site.release("iris").commit is None
    assert site.release("iris", version=1).commit is not None
    [release] = site.overlay().releases
    service = yaml.safe_load(release.files["manifests.yaml"])
    assert release.name == name
    assert service["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] == "9"


@pytest.mark.long(2)
def test_a_changed_base_changes_only_new_releases(site: Site) -> None:
    """The folders of older releases keep every byte."""
    site.released()
    [before] = site.overlay().releases
    base = (site.root / "manifests/function/service.yaml").read_text()
    site.write("manifests/function/service.yaml", base.replace("progress-deadline: 300s", "progress-deadline: 60s"))
    site.commit("Base")
    site.released(traffic=50)
    newer, older = site.overlay().releases
    assert older == before
    assert b"60s" in newer.files["manifests.yaml"]


def test_a_release_drops_nothing(site: Site) -> None:
    """A rollback would have to wait until Argo CD has removed the dropped releases."""
    for _ in range(5):
        site.released()
    assert [release.version for release in site.overlay().releases] == [5, 4, 3, 2, 1]


def test_production_takes_no_release(site: Site) -> None:
    """The error names the command that promotes."""
    with pytest.raises(SlipwayError, match="takes only what test has verified") as caught:
        site.release("iris", environment="prod")
    assert "slipway promote" in caught.value.fix


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        (["irsi"], {}, "unknown model 'irsi'"),
        (["iris"], {"environment": "tset"}, "unknown environment 'tset'"),
        ([], {"version": 1}, "--version is the version of one model"),
        (["iris"], {"traffic": 0}, "0 % is no share"),
    ],
)
def test_an_invalid_request_is_refused(site: Site, models: list[str], options: dict[str, object], message: str) -> None:
    """The error comes before any model is read."""
    with pytest.raises(SlipwayError, match=message):
        site.release(*models, **options)


def test_a_version_that_does_not_exist_fails(site: Site) -> None:
    """The outcome names the version."""
    site.publish()
    [outcome] = site.release("iris", version=7).outcomes
    assert outcome.result == "failed" and "no version 7" in outcome.text


def test_a_dirty_tree_is_refused(site: Site) -> None:
    """The error names changed and new files. Nothing is committed."""
    site.publish()
    site.write("model/iris/model.py", "changed = True\n")
    site.write("model/iris/new.py", "")
    head = site.head
    with pytest.raises(SlipwayError, match=r"not everything is committed: model/iris/model.py, model/iris/new.py"):
        site.release("iris")
    assert site.head == head


def test_a_base_that_does_not_render_fails(site: Site) -> None:
    """The outcome names the folder."""
    site.publish()
    site.write("manifests/function/service.yaml", "kind: [")
    site.commit()
    [outcome] = site.release("iris").outcomes
    assert outcome.result == "failed" and "manifests/function does not render" in outcome.text


def test_a_base_without_the_image_fails(site: Site) -> None:
    """A release needs a Service with the image."""
    site.publish()
    text = (site.root / "manifests/function/kustomization.yaml").read_text()
    site.write("manifests/function/kustomization.yaml", text.replace("spec.image}", "spec.fingerprint}"))
    site.commit()
    [outcome] = site.release("iris").outcomes
    assert "renders no Service" in outcome.text


@pytest.mark.long(2)
def test_a_damaged_overlay_of_another_environment_stops_no_release(site: Site) -> None:
    """Damaged files of production do not matter in test."""
    site.write("overlays/prod/iris/route.yaml", "spec: [")
    site.commit("By hand")
    site.publish()
    assert not site.release("iris").failed
    assert site.versions() == {1: 100}


def test_a_damaged_overlay_fails(site: Site) -> None:
    """The outcome names the file and the command that restores it."""
    site.released()
    site.write("overlays/test/iris/route.yaml", "spec: {traffic: []}\n")
    site.commit("By hand")
    site.publish()
    [outcome] = site.release("iris").outcomes
    assert "overlays/test/iris/route.yaml does not share out 100 percent" in outcome.text
    assert "git checkout" in outcome.text


@pytest.mark.long(3)
def test_a_version_of_other_code_is_not_due(site: Site) -> None:
    """A version of the current code is due. A person can choose any version."""
    site.write("model/iris/requirements.txt", "msgspec==0.19.0\n")
    site.set("iris: {train: manual}", "iris: {}")
    digest = training_digest(site.settings, "iris")
    site.publish(training={"digest": digest})
    site.publish(training={"digest": "0" * 64})
    site.release("iris")
    assert site.versions() == {1: 100}
    [outcome] = site.release("iris").outcomes
    assert outcome.result == "nothing due" and "v2's training digest differs from the code" in outcome.text
    site.release("iris", version=2)
    assert site.versions() == {2: 100}


def test_two_processes_release_two_models_at_the_same_time(site: Site) -> None:
    """Both work in one work tree, and both releases are committed."""
    site.publish("iris")
    site.publish("tumor")
    processes = [
        subprocess.Popen([sys.executable, "-m", "slipway", "-C", str(site.root), "release", model])
        for model in ("iris", "tumor")
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert site.versions("iris") == site.versions("tumor") == {1: 100}


@pytest.mark.long(2)
def test_a_rejected_image_under_a_new_number_is_not_due(site: Site) -> None:
    """A person can choose it."""
    site.released()
    site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    lift(site.settings, "iris", "test")
    site.publish(content=2)
    [outcome] = site.release("iris").outcomes
    assert outcome.result == "nothing due" and "v3 is the same image as v2-" in outcome.text
    site.release("iris", version=3)
    assert site.versions() == {3: 100}


@pytest.mark.long(5)
def test_versions_with_the_same_image_are_rolled_back_by_number(site: Site) -> None:
    """A later version with this image is released after the hold is lifted."""
    for _ in range(3):
        site.publish(content="same")
        site.release("iris")
    rollback(site.settings, "iris", "test", reason="wrong", to="1")
    site.publish(content="same")
    assert site.release("iris").outcomes[0].result == "held"
    lift(site.settings, "iris", "test")
    site.release("iris")
    assert site.versions() == {4: 100}


@pytest.mark.long(2)
def test_a_rejected_version_is_released_by_number(site: Site) -> None:
    """The outcome says that it was rejected, and the rejection ends."""
    site.released()
    site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    lift(site.settings, "iris", "test")
    assert site.release("iris").commit is None
    [outcome] = site.release("iris", version=2).outcomes
    assert "it was rejected before" in outcome.text
    assert site.versions() == {2: 100} and site.overlay().rejected == ()


@pytest.mark.long(3)
def test_a_rollback_stays_until_the_hold_is_lifted(site: Site) -> None:
    """A version that is trained during the hold is released after it."""
    for _ in range(3):
        site.released()
    rollback(site.settings, "iris", "test", reason="wrong answers", to="1")
    site.publish()
    [outcome] = site.release("iris").outcomes
    assert site.versions() == {1: 100}
    assert outcome.result == "held" and "wrong answers" in outcome.text
    lift(site.settings, "iris", "test")
    site.release("iris")
    assert site.versions() == {4: 100}


def test_the_files_of_an_undeclared_training_are_removed(site: Site) -> None:
    """The settings train the model in another way, so its training and schedule go."""
    site.write("overlays/test/iris/training/cron.yaml", "kind: CronWorkflow\n")
    site.commit("As it was declared once")
    done = site.release("iris")
    assert done.commit == site.head and not (site.root / "overlays/test/iris/training").exists()
    assert site.git("log", "-1", "--format=%s") == "test/iris: withdraw the training"
    assert site.release("iris").commit is None
