"""A training is declared in git: its files, their changes, and the errors."""

import re
import shutil
from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops import rendering, training_folder
from slipway.gitops.branches import Here, Stand
from slipway.gitops.snapshot import Snapshot
from slipway.gitops.training_folder import declare, facts
from slipway.models.discovery import training_digest
from slipway.overlays.types import Overlay, Training, TrainingService
from slipway.release.status import status
from slipway.release.trainings import Wanted, awaited, decide
from slipway.store import records
from tests.unit.conftest import ROOT, Site

NEW = "a" * 64
IMAGE = f"registry.example/iris-train@sha256:{'0' * 64}"
UNTRAINED = "no version was trained by this code"
CHANGED = "its settings, its data or its tests have changed, which matters to later trainings"
SERVES = "services: [predict, training]"


@pytest.fixture
def team(site: Site) -> Site:
    """Return the site with `workflows/` and a model that the settings train in the cluster."""
    shutil.copytree(ROOT / "workflows", site.root / "workflows")
    site.write("model/iris/model.py", "# the first\n")
    site.write("model/iris/requirements.txt", "")
    site.set("iris: {train: manual}", "iris: {}")
    return site


def at(site: Site) -> tuple[Stand, Overlay, Training | None]:
    where = Here(Repository(site.root))
    stand = where.stand()
    snapshot = Snapshot(where.repository, stand.commit)
    return stand, snapshot.overlay("test", "iris"), training_folder.read(snapshot, "test", "iris")


def declare_it(site: Site, image: str = IMAGE, **more: Any) -> list[str]:
    """Declare a training of the present code and return the changed files. A minus marks removed ones."""
    stand, found, _ = at(site)
    repository = Repository(site.root)
    digest = training_digest(site.settings, "iris")
    changes = declare(
        Snapshot(repository, stand.commit), stand, found, image, digest=digest, fingerprint="f" * 64, **more
    )
    if changes:
        repository.commit(changes, "Declare", branch=stand.branch, parent=stand.commit)
    folder = "overlays/test/iris/training/"
    return sorted(f"{'-' if content is None else ''}{path.removeprefix(folder)}" for path, content in changes.items())


def test_a_training_is_declared_once(team: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A declaration writes whole files with their origin. The same code again leaves nothing to commit."""
    monkeypatch.setenv("SLIPWAY_RUN", "https://ci.example/runs/7")
    before = team.head
    assert declare_it(team) == ["kustomization.yaml", "record.yaml", "template.yaml", "workflow.yaml"]
    _, _, found = at(team)
    assert found is not None
    digest = training_digest(team.settings, "iris")
    assert (found.digest, found.image, found.fingerprint) == (digest, IMAGE, "f" * 64)
    assert (found.commit, found.branch, found.run) == (before, "main", "https://ci.example/runs/7")
    assert found.by == "Ada <ada@example.org>" and found.deployed is None
    assert declare_it(team) == []


def test_new_code_is_declared_under_a_new_name(team: Site) -> None:
    """New code gets a new name, so that Argo CD runs it and prunes the former workflow."""
    declare_it(team)
    first = (team.root / "overlays/test/iris/training/workflow.yaml").read_text()
    team.write("model/iris/model.py", "# the second\n")
    team.commit()
    assert declare_it(team) == ["record.yaml", "template.yaml", "workflow.yaml"]
    second = (team.root / "overlays/test/iris/training/workflow.yaml").read_text()
    name = f"train-iris-{training_digest(team.settings, 'iris')[:8]}"
    assert name in second and name not in first


def test_the_time_of_a_declaration(team: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """New settings keep the time of the declaration. Code that was replaced and came back gets a new time."""
    times = iter(f"2026-11-21T1{hour}:00:00Z" for hour in range(5))
    monkeypatch.setattr(records, "now", lambda: next(times))

    def since() -> str:
        assert "record.yaml" in declare_it(team)
        found = at(team)[2]
        assert found is not None
        template = (team.root / "overlays/test/iris/training/template.yaml").read_text()
        assert re.search(f"name: SLIPWAY_DECLARED\n *value: ['\"]?{found.created}", template)
        return found.created

    first = since()
    team.set("iris: {}", "iris: {training: {deadline: 600}}")
    assert since() == first
    before = (team.root / "model/iris/model.py").read_text()
    declared = []
    for code in ("# the second\n", before):
        team.write("model/iris/model.py", code)
        team.commit()
        declared.append(since())
    assert first < declared[0] < declared[1]


def test_a_schedule_comes_and_goes(team: Site) -> None:
    """The CronWorkflow comes and goes with the schedule. The workflow keeps its name, so nothing is trained."""
    declare_it(team)
    team.set("iris: {}", "iris: {schedule: '@daily'}")
    assert declare_it(team) == ["cron.yaml", "kustomization.yaml", "record.yaml", "template.yaml"]
    team.set("iris: {schedule: '@daily'}", "iris: {}")
    assert declare_it(team) == ["-cron.yaml", "kustomization.yaml", "record.yaml", "template.yaml"]


@pytest.mark.parametrize("change", ["gates", "data"])
def test_a_change_without_new_code(team: Site, change: str) -> None:
    """The next push declares such a change. The workflow keeps its name, so nothing is trained."""
    digest = training_digest(team.settings, "iris")
    team.publish(training={"digest": digest})
    store = team.store()
    team.set("store: .slipway/store/test", "store: gs://team/test, registry: registry.example")
    declare_it(team)

    def planned() -> Wanted:
        _, found, before = at(team)
        return decide(team.settings, store, found, before, "scheduled")

    assert planned() == Wanted("nothing", "v1 was trained by this code", digest)
    if change == "gates":
        team.set("iris: {}", "iris: {gates: {accuracy: {min: 0.9}}}")
    else:
        team.write("model/iris/iris.csv", "number,side\n1,heads\n")
        team.commit("Newer data")
    assert planned() == Wanted("declare", CHANGED, digest)
    assert declare_it(team, image=IMAGE.replace("0" * 64, "1" * 64)) == ["record.yaml", "template.yaml"]
    assert planned().kind == "nothing"


def test_a_training_service_comes_and_goes(team: Site) -> None:
    """The service has the values of environment and settings. The workflow keeps its name, so nothing is trained."""
    declare_it(team)
    team.set("iris: {}", f"iris: {{{SERVES}, gates: {{profit: {{min: 1}}}}}}")
    changed = ["kustomization.yaml", "record.yaml", "service.yaml", "template.yaml"]
    assert declare_it(team, platform="registry.example/slipway", parameters={"c": 1.0}) == changed
    found = at(team)[2]
    assert found is not None and found.service == TrainingService(parameters={"c": 1.0})
    assert "profit" in found.scores and found.store == team.settings.environment("test").store
    team.set(f"iris: {{{SERVES}, gates: {{profit: {{min: 1}}}}}}", "iris: {}")
    assert "-service.yaml" in declare_it(team)


def test_it_lies_beside_the_releases(team: Site) -> None:
    """A release leaves the folder of training alone, and the model's kustomization leaves it out."""
    declare_it(team)
    team.publish(training={"digest": training_digest(team.settings, "iris")})
    assert team.release("iris").outcomes[0].result == "released"
    assert at(team)[2] is not None
    assert b"train-iris" not in rendering.build(team.root / "overlays/test/iris", team.root)
    team.write("model/iris/model.py", "# the second\n")
    team.commit()
    declare_it(team)
    assert at(team)[2].deployed == 1  # type: ignore[union-attr]


def test_the_plan_follows_the_code(team: Site) -> None:
    """The plan compares the digest of the work tree with the records of the store and the declaration."""

    def planned() -> Wanted:
        _, found, before = at(team)
        return decide(team.settings, team.store(), found, before)

    assert planned().kind == "message"  # its store is a directory
    declare_it(team)
    assert planned().reason.startswith("its training is declared since ")
    digest = training_digest(team.settings, "iris")
    team.publish(training={"digest": digest})
    assert planned() == Wanted("nothing", "v1 was trained by this code", digest)


def test_status_tells_of_a_declared_training(team: Site) -> None:
    """Status names a declared training, and after its publication the release that is due."""
    declare_it(team)
    name = f"train-iris-{training_digest(team.settings, 'iris')[:8]}"
    assert status(team.settings, ["iris"], "test")[0].next.endswith(f"argo get {name} shows its state")
    team.publish(training={"digest": training_digest(team.settings, "iris")})
    assert status(team.settings, ["iris"], "test")[0].next == "due: v1 is the first release"
    _, found, before = at(team)
    assert awaited(team.settings, team.store(), found, before) == ""


def test_a_damaged_record_is_named(team: Site) -> None:
    """The error for a damaged record names the file and the way to restore it."""
    declare_it(team)
    team.write("overlays/test/iris/training/record.yaml", "image: 7\n")
    team.commit("By hand")
    with pytest.raises(SlipwayError, match=r"training/record\.yaml does not hold what slipway writes") as caught:
        at(team)
    assert "git log --oneline -- overlays/test/iris/training/record.yaml" in caught.value.fix


def test_braces_do_not_reach_argo() -> None:
    """A branch with two braces in its name is refused, because Argo would evaluate them."""
    made = "2026-11-21T10:00:00Z"
    declared = Training(digest=NEW, image=IMAGE, commit="c" * 40, created=made, by="Ada", branch="deploy/{{=1}}")
    with pytest.raises(SlipwayError, match=r"the branch 'deploy/\{\{=1\}\}' holds \{\{, which Argo would evaluate"):
        training_folder.values("test", "iris", "slipway-test", declared)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("kustomization.yaml", "fieldPath: spec.digest", "fieldPath: spec.digset", "workflows/train does not render"),
        (
            "kustomization.yaml",
            "[spec.templateDefaults.container.image]",
            "[spec.entrypoint]",
            "renders no WorkflowTemplate train-iris with the image",
        ),
        ("kustomization.yaml", "  - workflow.yaml\n", "", "renders no workflow.yaml"),
        ("workflow.yaml", "kind: Workflow\n", "kind: WorkflowEventBinding\n", "which no training has"),
    ],
    ids=["field", "image", "missing", "foreign"],
)
def test_a_base_that_renders_no_training_is_refused(team: Site, file: str, old: str, new: str, says: str) -> None:
    """A declaration without a workflow, or with another image, is refused."""
    text = (team.root / "workflows/train" / file).read_text()
    assert old in text
    team.write(f"workflows/train/{file}", text.replace(old, new))
    team.commit("By the platform engineer")
    with pytest.raises(SlipwayError, match=says) as caught:
        declare_it(team)
    assert "workflows/train" in caught.value.fix


def test_the_facts_of_a_commit_message() -> None:
    """The commit message names the workflow, the reason and the trainer."""
    told = facts("iris", NEW, IMAGE, UNTRAINED)
    assert told == {"Training": "train-iris-aaaaaaaa", "Why": UNTRAINED, "Trainer": IMAGE}
