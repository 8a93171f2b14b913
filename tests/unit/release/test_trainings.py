"""What a changed training digest leads to, and how a training is declared in git."""

import re
import shutil
from typing import Any

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays.overlay_types import Hold, Overlay, Release, ReleaseRecord
from slipway.release import edits, render, workflow
from slipway.release.declaring import declare, facts
from slipway.release.place import Here, Stand
from slipway.release.status import status
from slipway.release.training_service import TrainingService
from slipway.release.trainings import Wanted, awaited, plan, run, wanted
from slipway.release.workflow import Training
from slipway.settings import SecretRef, Settings, parse
from slipway.settings_types import Occasion
from slipway.training.digest import training_digest
from slipway.unprivileged import WITHHELD
from tests.unit.release.conftest import ROOT, Site
from tests.unit.release.test_due import record

NEW, OLD = "a" * 64, "b" * 64
IMAGE = f"registry.example/iris-train@sha256:{'0' * 64}"
HOLD = Hold(by="Ada <ada@example.org>", since="2026-11-21T10:00:00Z", reason="wrong answers")
SECRETS = msgspec.convert({"TOKEN": {"secret": "iris", "key": "token"}}, dict[str, SecretRef])
BUCKET = "store: gs://team/test"
REGISTRY = "registry: registry.example"


def settings(model: str = "", environment: str = f"{BUCKET}, {REGISTRY}", root: Any = ROOT) -> Settings:
    text = (
        f"environments:\n  test: {{namespace: slipway-test, {environment}}}\n"
        "  prod: {namespace: slipway-prod, store: gs://team/prod, promotes_from: test}\n"
        f"models:\n  iris: {{{model}}}\n"
    )
    return parse(text, root)


def overlay(deployed: int | None = None, environment: str = "test", **more: Any) -> Overlay:
    made: tuple[Release, ...] = ()
    if deployed is not None:
        of = ReleaseRecord(
            release=f"v{deployed}-00000000",
            version=deployed,
            model_id=f"iris/{environment}/{deployed}",
            fingerprint="0" * 64,
            image="unbuilt.invalid/iris",
            artifact="0" * 64,
            commit="",
            created="",
            by="",
        )
        made = (Release(record=of, files={}),)
    route = {each.name: 100 for each in made}
    return Overlay(environment=environment, model="iris", namespace="ns", releases=made, route=route, **more)


def declared(digest: str, **more: Any) -> Training:
    return Training(digest=digest, image=IMAGE, commit="c" * 40, created="2026-11-21T10:00:00Z", by="Ada", **more)


def decide(
    model: str = "",
    versions: dict[int, str | None] | None = None,
    overlay: Overlay = overlay(),  # noqa: B008 - it is frozen
    declared: Training | None = None,
    occasion: Occasion = "as set",
    environment: str = f"{BUCKET}, {REGISTRY}",
    repository: str = "",
) -> tuple[str, str]:
    """`versions` are {number: the digest that trained it, None for one by hand}."""
    records = [record(number, digest) for number, digest in sorted((versions or {}).items(), reverse=True)]
    kind, reason, _ = wanted(settings(model, environment), overlay, records, declared, NEW, occasion, repository)
    return kind, reason


UNTRAINED = "no version was trained by this code"
CHANGED = "its settings, its data or its tests have changed, for the trainings to come"
SINCE = "its training is declared since 2026-11-21T10:00:00Z: argo get train-iris-aaaaaaaa tells how it goes"
HAS = ("nothing", "v3 was trained by this code")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({}, ("declare", UNTRAINED)),
        ({"versions": {3: OLD}, "overlay": overlay(3)}, ("declare", UNTRAINED)),
        ({"declared": declared(OLD)}, ("declare", UNTRAINED)),
        ({"declared": declared(NEW)}, ("nothing", SINCE)),
        ({"versions": {3: NEW}}, HAS),
        ({"versions": {3: NEW}, "overlay": overlay(3), "declared": declared(NEW)}, HAS),
        ({"versions": {3: NEW, 4: OLD}, "overlay": overlay(3)}, HAS),
        ({"overlay": overlay(hold=HOLD)}, ("nothing", f"held by {HOLD.by} since {HOLD.since}: wrong answers")),
        ({"overlay": overlay(environment="prod")}, ("nothing", "prod takes only what test has verified")),
    ],
    ids=["none", "of old code", "old declared", "declared", "published", "deployed", "not newest", "held", "prod"],
)
def test_a_model_that_is_trained_in_the_cluster(asked: dict[str, Any], answer: tuple[str, str]) -> None:
    """A training is declared once for what the code is now, unless a version has come of it."""
    assert decide(**asked) == answer


def test_code_that_went_back_is_trained_again() -> None:
    """A version that a newer one has replaced is never due again: what the older code makes needs a new number."""
    assert decide(versions={3: NEW, 4: OLD}, overlay=overlay(4)) == ("declare", UNTRAINED)


def test_what_was_rejected_is_not_trained_again() -> None:
    """The same training would give the same again."""
    after = overlay(2, rejected=(ReleaseName(3, "00000000"),))
    assert decide(versions={2: OLD, 3: NEW}, overlay=after) == HAS


@pytest.mark.parametrize(
    ("environment", "lacks"),
    [
        (f"store: .slipway/store, {REGISTRY}", "no store: gs://BUCKET/PREFIX"),
        (BUCKET, "no registry"),
        ("store: .slipway/store", "no store: gs://BUCKET/PREFIX and no registry"),
    ],
)
def test_what_a_cluster_needs_to_train(environment: str, lacks: str) -> None:
    """Without a store and images that a pod can reach, a message says so, and who can train all the same."""
    kind, reason = decide(environment=environment)
    assert kind == "message"
    assert f"environments.test in slipway.yaml has {lacks};" in reason
    assert reason.endswith("slipway train iris --env test, or models.iris.train: runner does")


@pytest.mark.parametrize(
    ("train", "occasion", "versions", "answer"),
    [
        ("runner", "as set", {}, ("runner", UNTRAINED)),
        ("runner", "also manual", {}, ("runner", UNTRAINED)),
        ("runner", "scheduled", {}, ("nothing", "a scheduled run trains nothing; the next push does")),
        ("runner", "as set", {3: NEW}, HAS),
        ("manual", "also manual", {}, ("runner", UNTRAINED)),
        ("manual", "also manual", {3: NEW}, HAS),
        ("manual", "as set", {3: NEW}, HAS),
        ("manual", "as set", {2: OLD, 3: None}, ("nothing", "v3 was published by hand (train: manual)")),
        (
            "manual",
            "as set",
            {3: OLD},
            ("message", f"{UNTRAINED}, and it trains by hand (train: manual): slipway train iris --env test"),
        ),
    ],
)
def test_a_model_that_is_trained_elsewhere(
    train: str, occasion: Occasion, versions: dict[int, str | None], answer: tuple[str, str]
) -> None:
    """On the runner after a push; by hand, and then the command is told; nothing where a version is there."""
    assert decide(f"train: {train}", versions, occasion=occasion) == answer


@pytest.mark.parametrize(
    ("model", "found", "reason"),
    [
        ("schedule: '@daily'", None, UNTRAINED),
        ("schedule: '@daily'", declared(OLD, schedule="@daily"), UNTRAINED),
        (
            "schedule: '@daily'",
            declared(NEW, schedule="@weekly"),
            CHANGED,
        ),
        ("", declared(NEW, schedule="@weekly"), CHANGED),
        (
            "schedule: '@daily', secrets: {TOKEN: {secret: iris, key: token}}",
            declared(NEW, schedule="@daily"),
            CHANGED,
        ),
    ],
    ids=["not declared", "old code", "schedule", "schedule gone", "secrets"],
)
def test_a_schedule_trains_what_code_and_settings_say(model: str, found: Training | None, reason: str) -> None:
    """Although a version is there, what is trained again by the clock has to be declared as it is by now."""
    assert decide(model, {3: NEW}, declared=found) == ("declare", reason)
    assert decide(model, {3: NEW}, declared=found, environment="store: here") == HAS


@pytest.mark.parametrize("versions", [{}, {3: NEW}], ids=["under way", "published"])
def test_what_the_trainer_has_of_the_checkout(versions: dict[int, str | None]) -> None:
    """Gates, data and tests reach whatever trains again; a training of older code is left alone."""
    assert decide("", versions, declared=declared(NEW), repository=OLD) == ("declare", CHANGED)
    before = declared(NEW, repository=OLD)
    assert decide("", versions, declared=before, repository=OLD)[0] == "nothing"
    assert decide("", {3: NEW}, declared=declared(OLD), repository=OLD) == HAS


def test_a_schedule_that_is_declared() -> None:
    """Is left alone."""
    found = declared(NEW, schedule="@daily", secrets=SECRETS)
    model = "schedule: '@daily', secrets: {TOKEN: {secret: iris, key: token}}"
    assert decide(model, {3: NEW}, declared=found) == HAS


SERVES = "services: [predict, training]"
SERVICE = TrainingService()


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (SERVES, None),
        (SERVES, declared(NEW)),
        ("", declared(NEW, service=SERVICE)),
        (SERVES + ", training: {visibility: public}", declared(NEW, service=SERVICE)),
    ],
    ids=["not declared", "without", "switched off", "another setting"],
)
def test_a_training_service_is_what_the_settings_say(model: str, found: Training | None) -> None:
    """Although a version is there, it is declared, or goes, with the training that it starts."""
    assert decide(model, {3: NEW}, declared=found)[0] == "declare"
    assert decide(SERVES, {3: NEW}, declared=declared(NEW, service=SERVICE)) == HAS


@pytest.fixture
def team(site: Site) -> Site:
    """The site, with trainings to be rendered and a model that the settings train in the cluster."""
    shutil.copytree(ROOT / "workflows", site.root / "workflows")
    site.write("model/iris/model.py", "# the first\n")
    site.write("model/iris/requirements.txt", "")
    site.set("iris: {train: manual}", "iris: {}")
    return site


def at(site: Site) -> tuple[Stand, Overlay, Training | None]:
    where = Here(edits.Repository(site.root))
    stand = where.stand()
    found = edits.read(where.repository, stand.commit, site.settings, "test", "iris")
    return stand, found, workflow.read(where.repository, stand.commit, "test", "iris")


def declare_it(site: Site, image: str = IMAGE, **more: Any) -> list[str]:
    """Declare a training of the code as it is; returns the files that changed, those that went with a minus."""
    stand, found, _ = at(site)
    repository = edits.Repository(site.root)
    digest = training_digest(site.settings, "iris")
    changes = declare(repository, stand, site.settings, found, image, digest=digest, fingerprint="f" * 64, **more)
    if changes:
        repository.commit(changes, "Declare", branch=stand.branch, parent=stand.commit)
    folder = "overlays/test/iris/training/"
    return sorted(f"{'-' if content is None else ''}{path.removeprefix(folder)}" for path, content in changes.items())


def test_a_training_is_declared_once(team: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole files, with where they come from; once more for the same code there is nothing to commit."""
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
    """So that Argo CD runs it and prunes the one before."""
    declare_it(team)
    first = (team.root / "overlays/test/iris/training/workflow.yaml").read_text()
    team.write("model/iris/model.py", "# the second\n")
    team.commit()
    assert declare_it(team) == ["record.yaml", "template.yaml", "workflow.yaml"]
    second = (team.root / "overlays/test/iris/training/workflow.yaml").read_text()
    name = f"train-iris-{training_digest(team.settings, 'iris')[:8]}"
    assert name in second and name not in first


def test_since_when_it_is_declared(team: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer settings for the same code leave it; code that was replaced, and came back, is declared anew."""
    times = iter(f"2026-11-21T1{hour}:00:00Z" for hour in range(5))
    monkeypatch.setattr(edits, "now", lambda: next(times))

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
    """With it the CronWorkflow; the workflow's name stays, so that nothing is trained by that."""
    declare_it(team)
    team.set("iris: {}", "iris: {schedule: '@daily'}")
    assert declare_it(team) == ["cron.yaml", "kustomization.yaml", "record.yaml", "template.yaml"]
    team.set("iris: {schedule: '@daily'}", "iris: {}")
    assert declare_it(team) == ["-cron.yaml", "kustomization.yaml", "record.yaml", "template.yaml"]


@pytest.mark.parametrize("change", ["gates", "data"])
def test_what_changes_without_the_code(team: Site, change: str) -> None:
    """The next push declares it; the workflow's name stays, so that nothing is trained by that."""
    digest = training_digest(team.settings, "iris")
    team.publish(training={"digest": digest})
    store = team.store()
    team.set("store: .slipway/store/test", f"{BUCKET}, {REGISTRY}")
    declare_it(team)

    def planned() -> Wanted:
        _, found, before = at(team)
        return plan(team.settings, "test", "iris", store, found, before, "scheduled")

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
    """With what the environment and the settings give it; the workflow's name stays, so that nothing is trained."""
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
    """A release leaves it alone, and the model's own overlay does not assemble it."""
    declare_it(team)
    team.publish(training={"digest": training_digest(team.settings, "iris")})
    assert team.release("iris").outcomes[0].result == "released"
    assert at(team)[2] is not None
    assert b"train-iris" not in render.build(team.root / "overlays/test/iris", team.root)
    team.write("model/iris/model.py", "# the second\n")
    team.commit()
    declare_it(team)
    assert at(team)[2].deployed == 1  # type: ignore[union-attr]


def test_what_is_planned_follows_the_code(team: Site) -> None:
    """From the digest of the work tree, the records of the store and what is declared."""

    def planned() -> Wanted:
        _, found, before = at(team)
        return plan(team.settings, "test", "iris", team.store(), found, before)

    assert planned().kind == "message"  # its store is a directory
    declare_it(team)
    assert planned().reason.startswith("its training is declared since ")
    digest = training_digest(team.settings, "iris")
    team.publish(training={"digest": digest})
    assert planned() == Wanted("nothing", "v1 was trained by this code", digest)


def test_status_tells_of_a_declared_training(team: Site) -> None:
    """Instead of asking for a training; once it has published, what is due is told again."""
    declare_it(team)
    name = f"train-iris-{training_digest(team.settings, 'iris')[:8]}"
    assert status(team.settings, ["iris"], "test")[0].next.endswith(f"argo get {name} tells how it goes")
    team.publish(training={"digest": training_digest(team.settings, "iris")})
    assert status(team.settings, ["iris"], "test")[0].next == "due: v1 is the first release"
    _, found, before = at(team)
    assert awaited(team.settings, "iris", team.store(), found, before) == ""


def test_a_damaged_record_is_named(team: Site) -> None:
    """With the way back, as for every file of the overlays."""
    declare_it(team)
    team.write("overlays/test/iris/training/record.yaml", "image: 7\n")
    team.commit("By hand")
    with pytest.raises(SlipwayError, match=r"training/record\.yaml does not hold what slipway writes") as caught:
        at(team)
    assert "git log --oneline -- overlays/test/iris/training/record.yaml" in caught.value.fix


def test_braces_do_not_reach_argo() -> None:
    """The name of a branch is anybody's, and Argo evaluates what stands in two braces."""
    with pytest.raises(SlipwayError, match=r"the branch 'deploy/\{\{=1\}\}' holds \{\{, which Argo would evaluate"):
        workflow.values("test", "iris", "slipway-test", declared(NEW, branch="deploy/{{=1}}"))


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
    """Nothing is committed that would not train, or would train by another image."""
    text = (team.root / "workflows/train" / file).read_text()
    assert old in text
    team.write(f"workflows/train/{file}", text.replace(old, new))
    team.commit("By the platform engineer")
    with pytest.raises(SlipwayError, match=says) as caught:
        declare_it(team)
    assert "workflows/train" in caught.value.fix


def test_what_a_commit_message_tells() -> None:
    """The workflow, why, and the trainer."""
    told = facts("iris", NEW, IMAGE, UNTRAINED)
    assert told == {"Training": "train-iris-aaaaaaaa", "Why": UNTRAINED, "Trainer": IMAGE}


COIN = '''
from slipway.model import Model


class Coin(Model):
    """Says the same whatever it is asked."""

    source_features = ["number"]
    target_variable = "side"

    def train(self, data):
        self.side = "heads"

    def predict(self, rows):
        return [self.side for row in rows]
'''


def test_a_training_on_the_runner(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps in the model's own environment; the record names the run. What it says is passed on, line by line."""
    monkeypatch.setenv("SLIPWAY_RUN", "https://ci.example/runs/7")
    for name in WITHHELD:
        monkeypatch.setenv(name, "secret")
    site.write("requirements.lock", (ROOT / "requirements.lock").read_text())
    site.write("model/iris/model.py", COIN)
    site.write("model/iris/requirements.txt", "")
    seen = f"assert not os.environ.keys() & {set(WITHHELD)}"
    site.write("model/iris/test_model.py", f"import os\n\n{seen}\n\ndef test_it():\n    {seen}\n")
    rows = [f"{number},{('heads', 'tails')[number % 2]}" for number in range(40)]
    site.write("model/iris/iris.csv", "\n".join(["number,side", *rows]) + "\n")
    commit = site.commit()
    said: list[str] = []
    made = run(site.settings, "iris", "test", said.append)
    assert made == site.store().record("iris", 1)
    assert made.training is not None
    assert (made.training.run, made.training.commit) == ("https://ci.example/runs/7", commit)
    assert [line.split()[0] for line in said[:6]] == ["fetch", "check", "test", "fit", "evaluate", "publish"]


def test_a_training_that_fails_on_the_runner(site: Site) -> None:
    """The last lines are told, and how to do the same by hand; nothing is published."""
    with pytest.raises(
        SlipwayError, match=r"training iris failed:\n  error: model/iris/requirements\.txt is missing\n"
    ) as caught:
        run(site.settings, "iris", "test")
    assert caught.value.fix == "slipway train iris --env test does the same by hand"
    assert site.store().versions("iris") == []
