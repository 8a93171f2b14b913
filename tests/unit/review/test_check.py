"""`slipway check` accepts the changes of verbs on the base branch as it is now, and none from a fork."""

import shutil
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from slipway.git import Repository
from slipway.gitops import release_folder, training_folder
from slipway.gitops.branches import Here, Proposed
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays.types import Training
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback, traffic
from slipway.release.promote import promote
from slipway.review.check import Checked, check
from slipway.settings.types import Announce, ModelSecret
from tests.turns import in_turns
from tests.unit.conftest import ROOT, Site
from tests.unit.review.conftest import FOLDER, FOREIGN, commit, look, overlay, propose, put, said, squash


@pytest.mark.parametrize("share", [100, 10])
def test_a_promotion_is_accepted(team: Site, share: int) -> None:
    """A promotion by `slipway promote` breaks no rule, and the line shows the route before and after."""
    propose(team, traffic=share)
    done = look(team)
    assert done.violations == []
    [line] = done.lines
    assert line.startswith("prod/iris: v2-") and "100 % → v3-" in line


VERBS: dict[str, Callable[[Site], Any]] = {
    "rollback": lambda team: rollback(team.settings, "iris", "prod", reason="wrong"),
    "rollback --to nothing": lambda team: rollback(team.settings, "iris", "prod", reason="wrong", to="nothing"),
    "traffic": lambda team: traffic(team.settings, "iris", "prod", {"v1": 40, "v2": 60}),
    "hold": lambda team: hold(team.settings, "iris", "prod", reason="a look"),
    "release": lambda team: (team.publish(), team.release("iris")),
    "git revert": lambda team: team.git("revert", "--no-edit", team.git("log", "-1", "--format=%H", "--", FOLDER)),
}


@pytest.mark.parametrize("verb", in_turns(VERBS, always=3))
def test_the_change_of_a_verb_is_accepted(team: Site, verb: str) -> None:
    """Each verb's change is accepted."""
    team.git("switch", "--quiet", "-c", "change")
    VERBS[verb](team)
    done = look(team)
    assert done.lines and done.violations == []


@pytest.mark.parametrize("verb", ["lift", "rollback", "traffic"])
def test_decisions_of_a_person_under_a_hold(team: Site, verb: str) -> None:
    """A hold does not stop a rollback, a new share of traffic, or its own lifting."""
    hold(team.settings, "iris", "prod", reason="a look")
    team.git("switch", "--quiet", "-c", "change")
    lift(team.settings, "iris", "prod") if verb == "lift" else VERBS[verb](team)
    assert said(team) == []


def test_a_rollback_to_a_release_that_was_dropped(team: Site) -> None:
    """A release that retention dropped comes back from the history as it was."""
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    team.verify(next(iter(team.overlay(environment="prod").route)), environment="prod")
    team.drop(environment="prod")
    assert [release.version for release in overlay(team, "main").releases] == [3]
    team.git("switch", "--quiet", "-c", "change")
    rollback(team.settings, "iris", "prod", reason="wrong", to="v1")
    assert said(team) == []


def test_a_retention_that_drops(team: Site) -> None:
    """A change that drops only what retention drops is accepted."""
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    team.verify(overlay(team, "main").releases[0].name, environment="prod")
    team.git("switch", "--quiet", "-c", "change")
    team.drop(environment="prod")
    assert len(overlay(team, "change").releases) == 1
    assert said(team) == []


def test_a_drop_beside_a_promotion(team: Site) -> None:
    """A change that also drops a release is refused: a rollback would have to wait for that release."""
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 2}")
    propose(team)
    proposed = overlay(team, "change")
    put(team, msgspec.structs.replace(proposed, releases=proposed.releases[:2]))
    [problem] = said(team)
    assert "drops v1-" in problem and "a rollback would have to wait" in problem


def test_a_rejected_release_that_is_chosen_again(team: Site) -> None:
    """A promotion `--again` removes the rejection and is accepted."""
    rollback(team.settings, "iris", "prod", reason="wrong")
    lift(team.settings, "iris", "prod")
    propose(team, release="v2", again=True)
    assert said(team) == []


def test_the_first_promotion(team: Site) -> None:
    """The rules hold for a new overlay too, and the revert that removes it is accepted."""
    team.released("tumor")
    place = Proposed(Here(Repository(team.root)), "change")
    promote(team.settings, "tumor", Wish(allow_unbuilt=True), to="prod", place=place)
    done = look(team)
    assert done.violations == []
    assert len(done.lines) == 1 and done.lines[0].startswith("prod/tumor: ")
    team.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
    team.git("switch", "--quiet", "-c", "back")
    team.git("rm", "-rq", "overlays/prod/tumor")
    team.commit()
    done = check(team.settings, base="main", head="back")
    assert done.violations == []
    assert done.lines[0].startswith("prod/tumor: removed; what the cluster runs of it stays there, unless ")


def test_a_change_of_no_overlay_asks_no_store(team: Site) -> None:
    """A change of code can be checked without credentials."""
    team.git("switch", "--quiet", "-c", "change")
    team.write("model/iris/model.py", "# anew\n")
    team.commit()
    shutil.rmtree(team.root / ".slipway")
    assert look(team, fork="mallory/models") == Checked([], [])


def test_a_promotion_after_its_artifact_was_copied(team: Site) -> None:
    """The promotion keeps its number after its artifact was copied to production's store."""
    propose(team)
    source = team.store()
    team.store("prod").copy(source.record("iris", 3), 3, source=source)
    assert said(team) == []


def test_a_hold_that_was_set_meanwhile(team: Site) -> None:
    """The base branch as it is now counts: a promotion stops at a newer hold."""
    propose(team)
    hold(team.settings, "iris", "prod", reason="an incident")
    [problem] = said(team)
    assert "comes while the model is held by Ada" in problem and "an incident" in problem


def test_a_rollback_meanwhile(team: Site) -> None:
    """The promotion conflicts, and both the files and the hold are named."""
    propose(team)
    rollback(team.settings, "iris", "prod", reason="wrong")
    problems = said(team)
    assert "route.yaml: was changed on the base branch since this change left it" in problems
    assert any("the model is held by Ada" in problem for problem in problems)


def test_a_promotion_meanwhile(team: Site) -> None:
    """A promotion that another one has overtaken must be made anew."""
    propose(team)
    team.released()
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    assert "kustomization.yaml: was changed on the base branch since this change left it" in said(team)


def test_a_number_that_was_taken_meanwhile(team: Site) -> None:
    """A version that was published in production's store takes the promotion's number."""
    propose(team)
    team.publish(environment="prod")
    [problem] = said(team)
    assert "the number 3 is taken in prod: the next is 4" in problem


def test_an_image_that_was_rejected_meanwhile(team: Site) -> None:
    """The rejection stays after the hold was lifted."""
    propose(team)
    short = overlay(team, "change").releases[0].name.short
    after = overlay(team, "main")
    put(team, msgspec.structs.replace(after, rejected=(ReleaseName(1, short),)), "main")
    [problem] = said(team)
    assert f"is the image of v1-{short}, which prod has rejected" in problem


@pytest.mark.parametrize("path", ["test/iris/state.yaml", "test/iris/training/workflow.yaml", "test/new/state.yaml"])
def test_a_fork_changes_no_environment(team: Site, path: str) -> None:
    """A change from a fork is refused in every environment."""
    commit(team, {f"overlays/{path}": b"a: 1\n"})
    [violation] = look(team, fork="mallory/models").violations
    assert "comes from the fork 'mallory/models'" in violation.problem
    assert violation.fix.startswith("slipway release --env test")


def test_a_fork_is_told_who_may_push(team: Site) -> None:
    """The fix names the owners, who may push here."""
    team.write(".github/CODEOWNERS", "overlays/prod/ @team/platform\n")
    team.commit()
    propose(team)
    [violation] = look(team, fork="mallory/models").violations
    assert "comes from the fork 'mallory/models'" in violation.problem
    assert "@team/platform" in violation.fix


FILES: dict[str, tuple[Callable[[Site], dict[str, bytes | None]], str]] = {
    "a file in the overlay": (lambda _: {f"{FOLDER}/extra.yaml": b"a: 1\n"}, "extra.yaml: is no file that slipway"),
    "a file beside overlays": (
        lambda _: {"overlays/prod/kustomization.yaml": b"a: 1\n"},
        "overlays/prod/kustomization.yaml: is no file that slipway writes",
    ),
    "an overlay of no environment": (lambda _: {"overlays/prdo/iris/x.yaml": b""}, "unknown environment 'prdo'"),
    "an overlay of no model": (lambda _: {"overlays/prod/Iris/x.yaml": b""}, "'Iris' cannot be a model's name"),
    "another resource": (
        lambda team: edited(team, "kustomization.yaml", "resources:", "resources:\n  - https://example.org/x"),
        "kustomization.yaml: is not what slipway writes for what it says",
    ),
    "another namespace": (
        lambda team: edited(team, "kustomization.yaml", "slipway-prod", "kube-system"),
        "kustomization.yaml: deploys to the namespace kube-system",
    ),
    "a route with more": (
        lambda team: edited(team, "route.yaml", "  name: iris", "  name: iris\n  namespace: other"),
        "route.yaml: is not what slipway writes",
    ),
    "a state with more": (lambda team: edited(team, "state.yaml", "hold:", "x: 1\nhold:"), "state.yaml: is not what"),
    "no YAML": (lambda _: {f"{FOLDER}/state.yaml": b"a: [\n"}, "is not YAML"),
    "a training": (lambda _: {f"{FOLDER}/training/workflow.yaml": b"a: 1\n"}, "prod takes promotions only"),
    "no state": (lambda _: {f"{FOLDER}/state.yaml": None}, "state.yaml: is missing"),
    "shares of 110 percent": (lambda team: edited(team, "route.yaml", "percent: 100", "percent: 110"), "does not hold"),
    "shares of 90 percent": (lambda team: edited(team, "route.yaml", "percent: 100", "percent: 90"), "100 percent"),
    "a declared release": (
        lambda team: edited(team, f"{first(team)}/manifests.yaml", "runAsNonRoot: true", "runAsNonRoot: false"),
        "was changed, and the folder of a release stays as it was declared",
    ),
    "a release without its record": (lambda team: {f"{FOLDER}/{first(team)}/record.yaml": None}, "is missing"),
    "all of it": (
        lambda team: dict.fromkeys(Repository(team.root).blobs("main", FOLDER)),
        "all of it is removed, and the model is still there",
    ),
}


def edited(team: Site, path: str, old: str, new: str, revision: str = "main") -> dict[str, bytes | None]:
    name = f"{revision}:{FOLDER}/{path}"
    text = (Repository(team.root).read([name])[name] or b"").decode()
    assert old in text
    return {f"{FOLDER}/{path}": text.replace(old, new).encode()}


def first(team: Site) -> ReleaseName:
    return overlay(team, "main").releases[-1].name


@pytest.mark.parametrize("case", in_turns(FILES, always=3))
def test_a_file_that_slipway_does_not_write(team: Site, case: str) -> None:
    """No file is added beside those of slipway, and none of them is changed by hand."""
    change, says = FILES[case]
    commit(team, change(team))
    [problem] = said(team)
    assert says in problem


@pytest.mark.parametrize(
    ("path", "old", "new", "says"),
    [
        ("manifests.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "manifests/function and slipway.yaml give"),
        ("kustomization.yaml", "  - manifests.yaml", "  - manifests.yaml\n  - https://x", "is not what slipway writes"),
        ("record.yaml", "accepted: ", "also: 1\naccepted: ", "is not what slipway writes"),
    ],
)
def test_a_new_release_that_was_edited(team: Site, path: str, old: str, new: str, says: str) -> None:
    """Its folder is, byte for byte, what the base branch renders from its record."""
    propose(team)
    name = overlay(team, "change").releases[0].name
    commit(team, edited(team, f"{name}/{path}", old, new, "change"))
    squash(team)
    [problem] = said(team)
    assert problem.startswith(f"{name}/{path}") and says in problem


def test_a_file_in_a_new_release(team: Site) -> None:
    """A file that slipway does not write is refused."""
    propose(team)
    name = overlay(team, "change").releases[0].name
    commit(team, {f"{FOLDER}/{name}/more.yaml": b"a: 1\n"})
    squash(team)
    assert said(team) == [f"{name}/more.yaml: is no file that slipway writes"]


@pytest.mark.parametrize("kind", ["link", "executable"])
def test_an_entry_that_is_no_plain_file(team: Site, kind: str) -> None:
    """Links and executables are refused."""
    team.git("switch", "--quiet", "-c", "change")
    path = team.root / FOLDER / "state.yaml"
    if kind == "link":
        path.unlink()
        path.symlink_to("../../../slipway.yaml")
    else:
        path.chmod(0o755)
    team.commit()
    assert any(f"state.yaml: is a{'n' if kind == 'executable' else ''} {kind}" in each for each in said(team))


def test_manifests_of_another_base(team: Site) -> None:
    """A release that was rendered from older manifests must be made anew."""
    propose(team)
    path = "manifests/function/service.yaml"
    team.write(path, (team.root / path).read_text().replace("cpu: 50m", "cpu: 60m"))
    team.commit()
    [problem] = said(team)
    assert "is not what the base branch's manifests/function and slipway.yaml give" in problem


def test_manifests_that_the_change_brings(team: Site) -> None:
    """Its release is compared with the manifests of the base branch."""
    team.git("switch", "--quiet", "-c", "change")
    path = "manifests/function/service.yaml"
    team.write(path, (team.root / path).read_text().replace("runAsNonRoot: true", "runAsNonRoot: false"))
    team.commit()
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    [problem] = said(team)
    assert "manifests.yaml: is not what the base branch's" in problem


TRAINING = Training(
    digest="a" * 64,
    image=f"unbuilt.invalid/iris-train@sha256:{'0' * 64}",
    store=".slipway/store/test",
    commit="0" * 40,
    created="2026-11-21T10:00:00Z",
    by="Ada <ada@example.org>",
)


OTHERS = msgspec.convert({"secret": "other", "key": "token"}, ModelSecret)
ELSEWHERE = Announce(repository="mallory/models", secret="other", key="token")  # noqa: S106 - its name


@pytest.mark.parametrize(
    ("declared", "path", "says"),
    in_turns(
        [
            (TRAINING, "", ""),
            (TRAINING, "workflow.yaml", "training/workflow.yaml: is not what the base branch's workflows/train gives"),
            (TRAINING, "more.yaml", "training/more.yaml: is not what the base branch's workflows/train gives"),
            (
                msgspec.structs.replace(TRAINING, secrets={"TOKEN": OTHERS}),
                "",
                "has not the secrets of the base branch's slipway.yaml",
            ),
            (msgspec.structs.replace(TRAINING, store="gs://others"), "", "has not the store of the base branch's"),
            (msgspec.structs.replace(TRAINING, variables={"A": "b"}), "", "has not the variables of the base branch's"),
            (msgspec.structs.replace(TRAINING, announce=ELSEWHERE), "", "has not the repository to announce to of"),
            (msgspec.structs.replace(TRAINING, image=FOREIGN), "", "is no digest of unbuilt.invalid, where test has"),
            (
                msgspec.structs.replace(TRAINING, platform=FOREIGN),
                "",
                "is no digest of unbuilt.invalid, where test has",
            ),
        ],
        always=3,
    ),
)
def test_a_declared_training(team: Site, declared: Training, path: str, says: str) -> None:
    """Its files are what the base branch makes of its record; images and variables are those of the settings."""
    shutil.copytree(ROOT / "workflows/train", team.root / "workflows/train")
    team.commit()
    repository = Repository(team.root)
    base = repository.files(team.head, training_folder.BASE)
    files = training_folder.files(base, "test", "iris", "slipway-test", declared, team.root)
    files |= {path: files.get(path, b"") + b"# by hand\n"} if path else {}
    folder = training_folder.folder("test", "iris")
    commit(team, {f"{folder}/{name}": content for name, content in files.items()})
    problems = said(team)
    assert len(problems) == (1 if says else 0)
    assert all(says in problem for problem in problems)


DIGEST = f"@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("changes", "says"),
    in_turns(
        [
            ({}, ""),
            ({"image": FOREIGN}, "its image 'ghcr.io/mallory/iris@sha256:"),
            ({"image": f"ghcr.io/team/models/iris{DIGEST}"}, ""),
            ({"image": f"ghcr.io/team/models/iris{DIGEST}", "verifier": f"ghcr.io/team/models/slipway{DIGEST}"}, ""),
            ({"verifier": f"ghcr.io/mallory/slipway{DIGEST}"}, "its verifier 'ghcr.io/mallory/slipway@sha256:"),
            (
                {"image": f"ghcr.io/team/models-of-others/iris{DIGEST}"},
                "is no digest of ghcr.io/team/models, where test",
            ),
            (
                {"image": f"ghcr.io/team/models/../others/iris{DIGEST}"},
                "is no digest of ghcr.io/team/models, where test",
            ),
            ({"image": "ghcr.io/team/models/iris:latest"}, "is no digest of ghcr.io/team/models, where test"),
            ({"image": f"unbuilt.invalid/iris{DIGEST}"}, "is no digest of ghcr.io/team/models, where test"),
        ],
        always=3,
    ),
)
def test_images_of_a_release_of_test(team: Site, changes: dict[str, str], says: str) -> None:
    """Images are digests of the environment's registry; without a registry, digests that nobody built."""
    team.publish()
    if any("models" in image for image in (*changes.values(), says)):
        team.set("namespace: slipway-test", "namespace: slipway-test, registry: ghcr.io/team/models")
    before, new = overlay(team, "main", "test"), team.store().record("iris", 4)
    record = msgspec.structs.replace(
        before.releases[0].record,
        version=4,
        release=str(ReleaseName.of(4, "0" * 64)),
        model_id="iris/test/4",
        fingerprint="0" * 64,
        artifact=new.artifact.digest,
        **changes,
    )
    made = release_folder.make(Snapshot(Repository(team.root), team.head), record)
    put(team, release_folder.with_share(before, made, 100))
    problems = said(team)
    assert len(problems) == (1 if says else 0)
    assert all(says in problem for problem in problems)


def test_another_verifier_of_a_declared_release(team: Site) -> None:
    """A release that is made anew cannot take another's image either."""
    before = overlay(team, "main", "test")
    old = before.releases[0]
    record = msgspec.structs.replace(old.record, verifier=f"ghcr.io/mallory/slipway{DIGEST}")
    made = release_folder.make(Snapshot(Repository(team.root), team.head), record)
    put(team, msgspec.structs.replace(before, releases=(made, *before.releases[1:])))
    [problem] = said(team)
    assert "its verifier 'ghcr.io/mallory/slipway@sha256:" in problem
