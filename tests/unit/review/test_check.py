"""`slipway check`: each rule, by a change that only this rule catches, and by what verbs do, which none catches."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.names import ReleaseName
from slipway.overlays.overlay_types import Hold, Origin, Overlay, Release
from slipway.release import declare, edits, workflow
from slipway.release.place import Here, Proposed
from slipway.release.promote import Wish, promote
from slipway.release.routes import hold, lift, rollback, traffic
from slipway.release.workflow import Training
from slipway.review.check import Checked, check
from slipway.schema import Field, Schema
from slipway.settings import Announce, SecretRef
from tests.unit.release.conftest import ROOT, Site, people, site  # noqa: F401 - fixtures

FOLDER = "overlays/prod/iris"


@pytest.fixture
def team(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:  # noqa: F811
    """Two releases of test in production, the second of which answers there, and a third that is verified in test."""
    made_once = tmp_path_factory.getbasetemp() / "in-production"
    if made_once.is_dir():
        shutil.rmtree(site.root)
        shutil.copytree(made_once, site.root)
        return site
    for _ in range(2):
        site.released()
        promote(site.settings, "iris", Wish(allow_unbuilt=True), to="prod")
        site.verify(next(iter(site.overlay(environment="prod").route)), environment="prod")
    site.released()
    shutil.copytree(site.root, made_once)
    return site


def propose(team: Site, **wish: Any) -> None:
    """The branch `change` promotes what test serves."""
    place = Proposed(Here(Repository(team.root)), "change")
    promote(team.settings, "iris", Wish(**{"allow_unbuilt": True} | wish), to="prod", place=place)


def look(team: Site, **options: Any) -> Checked:
    return check(team.settings, base="main", head="change", **options)


def said(team: Site, **options: Any) -> list[str]:
    """What is wrong with the change, as path below the overlay and problem."""
    wrong = look(team, **options).violations
    assert all(violation.fix for violation in wrong)
    return [f"{violation.path.removeprefix(f'{FOLDER}/')}: {violation.problem}" for violation in wrong]


def commit(team: Site, changes: dict[str, bytes | None], branch: str = "change") -> None:
    """Commit files on a branch, which begins at main if it is not there yet."""
    repository = Repository(team.root)
    tip = repository.commit_at(branch) or team.head
    if repository.commit_at(branch) is None:
        team.git("branch", branch)
    repository.commit(changes, "By hand", branch=branch, parent=tip)


def overlay(team: Site, revision: str, environment: str = "prod") -> Overlay:
    return edits.read(Repository(team.root), revision, team.settings, environment, "iris")


def put(team: Site, after: Overlay, branch: str = "change") -> None:
    """Write an overlay on a branch just as slipway would write it."""
    repository = Repository(team.root)
    commit(team, edits.changes(repository, repository.commit_at(branch) or team.head, after), branch)


def redeclare(team: Site, **changes: Any) -> None:
    """Make the proposed release another one, as slipway would write that."""
    before = overlay(team, "change")
    old = before.releases[0]
    record = msgspec.structs.replace(old.record, **changes)
    name = str(ReleaseName.of(record.version, record.fingerprint))
    record = msgspec.structs.replace(record, release=name, model_id=f"iris/prod/{record.version}")
    made = declare.make(Repository(team.root), team.head, team.settings, record)
    route = {made.name: 100}
    others = [release for release in before.releases if release != old]
    put(team, msgspec.structs.replace(before, releases=(made, *others), route=route))


def reshape(team: Site, **changes: Any) -> None:
    """Change the overlay of production as data."""
    put(team, msgspec.structs.replace(overlay(team, "main"), **changes))


# --- what verbs do


@pytest.mark.parametrize("share", [100, 10])
def test_a_promotion_holds(team: Site, share: int) -> None:
    """What `slipway promote` proposes has nothing wrong, and the line says what becomes of the route."""
    propose(team, traffic=share)
    done = look(team)
    assert done.violations == []
    [line] = done.lines
    assert line.startswith("prod/iris: v2-") and "100 % → v3-" in line


VERBS: dict[str, Callable[[Site], Any]] = {
    "rollback": lambda team: rollback(team.settings, "iris", "prod", reason="wrong"),
    "traffic": lambda team: traffic(team.settings, "iris", "prod", {"v1": 40, "v2": 60}),
    "hold": lambda team: hold(team.settings, "iris", "prod", reason="a look"),
    "release": lambda team: (team.publish(), team.release("iris")),
    "git revert": lambda team: team.git("revert", "--no-edit", team.git("log", "-1", "--format=%H", "--", FOLDER)),
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_verbs_do_holds(team: Site, verb: str) -> None:
    """Each of them, on a branch of its own, is taken."""
    team.git("switch", "--quiet", "-c", "change")
    VERBS[verb](team)
    done = look(team)
    assert done.lines and done.violations == []


@pytest.mark.parametrize("verb", ["lift", "rollback", "traffic"])
def test_what_a_person_does_under_a_hold(team: Site, verb: str) -> None:
    """A hold stops no decision of a person about what is declared, nor its own lifting."""
    hold(team.settings, "iris", "prod", reason="a look")
    team.git("switch", "--quiet", "-c", "change")
    lift(team.settings, "iris", "prod") if verb == "lift" else VERBS[verb](team)
    assert said(team) == []


def test_a_rollback_to_what_is_no_longer_declared(team: Site) -> None:
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
    """What is dropped by the settings, in a change of its own, is dropped rightly."""
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    team.verify(overlay(team, "main").releases[0].name, environment="prod")
    team.git("switch", "--quiet", "-c", "change")
    team.drop(environment="prod")
    assert len(overlay(team, "change").releases) == 1
    assert said(team) == []


def test_a_drop_beside_a_promotion(team: Site) -> None:
    """A rollback of the promotion would have to wait until the other one is gone."""
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 2}")
    propose(team)
    proposed = overlay(team, "change")
    put(team, msgspec.structs.replace(proposed, releases=proposed.releases[:2]))
    [problem] = said(team)
    assert "drops v1-" in problem and "a rollback would have to wait" in problem


def test_what_was_rejected_and_is_chosen_again(team: Site) -> None:
    """A promotion `--again` takes the image off the list, and is taken."""
    rollback(team.settings, "iris", "prod", reason="wrong")
    lift(team.settings, "iris", "prod")
    propose(team, release="v2", again=True)
    assert said(team) == []


def test_the_first_promotion(team: Site) -> None:
    """An overlay that is new is held to the same, and the removal that undoes it is taken."""
    team.released("tumor")
    place = Proposed(Here(Repository(team.root)), "change")
    promote(team.settings, "tumor", Wish(allow_unbuilt=True), to="prod", place=place)
    assert look(team) == Checked(look(team).lines, [])
    team.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
    team.git("switch", "--quiet", "-c", "back")
    team.git("rm", "-rq", "overlays/prod/tumor")
    team.commit()
    assert check(team.settings, base="main", head="back").violations == []


def test_a_change_of_no_overlay_asks_no_store(team: Site) -> None:
    """Whoever has no credentials can have such a change checked."""
    team.git("switch", "--quiet", "-c", "change")
    team.write("model/iris/model.py", "# anew\n")
    team.commit()
    shutil.rmtree(team.root / ".slipway")
    assert look(team, fork="mallory/models") == Checked([], [])


def test_after_the_copy(team: Site) -> None:
    """The number that a promotion took is its own where its artifact was copied already."""
    propose(team)
    source = team.store()
    source.copy(source.record("iris", 3), team.store("prod"), 3)
    assert said(team) == []


# --- files


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


@pytest.mark.parametrize("case", FILES)
def test_what_slipway_does_not_write(team: Site, case: str) -> None:
    """Nothing gets in beside what slipway writes, and nothing that it wrote is changed by hand."""
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
def test_what_is_smuggled_into_a_new_release(team: Site, path: str, old: str, new: str, says: str) -> None:
    """Its folder is what its record gives on the base branch, byte for byte."""
    propose(team)
    name = overlay(team, "change").releases[0].name
    commit(team, edited(team, f"{name}/{path}", old, new, "change"))
    [problem] = said(team)
    assert problem.startswith(f"{name}/{path}") and says in problem


def test_a_file_in_a_new_release(team: Site) -> None:
    """No file more."""
    propose(team)
    name = overlay(team, "change").releases[0].name
    commit(team, {f"{FOLDER}/{name}/more.yaml": b"a: 1\n"})
    assert said(team) == [f"{name}/more.yaml: is no file that slipway writes"]


@pytest.mark.parametrize("kind", ["link", "executable"])
def test_what_is_no_plain_file(team: Site, kind: str) -> None:
    """A link leads out of the overlay, and so does nothing else."""
    team.git("switch", "--quiet", "-c", "change")
    path = team.root / FOLDER / "state.yaml"
    if kind == "link":
        content = path.read_bytes()
        path.unlink()
        path.symlink_to("../../../slipway.yaml")
        assert content
    else:
        path.chmod(0o755)
    team.commit()
    assert any(f"state.yaml: is a{'n' if kind == 'executable' else ''} {kind}" in each for each in said(team))


def test_manifests_of_another_base(team: Site) -> None:
    """What was rendered from manifests that the base branch has no longer is made anew."""
    propose(team)
    path = "manifests/function/service.yaml"
    team.write(path, (team.root / path).read_text().replace("cpu: 50m", "cpu: 60m"))
    team.commit()
    [problem] = said(team)
    assert "is not what the base branch's manifests/function and slipway.yaml give" in problem


def test_manifests_that_the_change_brings(team: Site) -> None:
    """A change cannot bring the manifests that its release is held to."""
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


OTHERS = msgspec.convert({"secret": "other", "key": "token"}, SecretRef)
ELSEWHERE = Announce(repository="mallory/models", secret="other", key="token")  # noqa: S106 - its name
FOREIGN = f"ghcr.io/mallory/iris@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("declared", "path", "says"),
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
        (msgspec.structs.replace(TRAINING, platform=FOREIGN), "", "is no digest of unbuilt.invalid, where test has"),
    ],
)
def test_a_declared_training(team: Site, declared: Training, path: str, says: str) -> None:
    """It is what the base branch makes of its record, with images and all else as the settings have them."""
    shutil.copytree(ROOT / "workflows/train", team.root / "workflows/train")
    team.commit()
    repository = Repository(team.root)
    base = repository.files(team.head, workflow.BASE)
    files = workflow.files(base, "test", "iris", "slipway-test", declared, team.root)
    files |= {path: files.get(path, b"") + b"# by hand\n"} if path else {}
    folder = workflow.folder("test", "iris")
    commit(team, {f"{folder}/{name}": content for name, content in files.items()})
    problems = said(team)
    assert len(problems) == (1 if says else 0)
    assert all(says in problem for problem in problems)


# --- what a new release claims


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


@pytest.mark.parametrize("case", CLAIMS)
def test_a_release_that_is_not_what_it_claims(team: Site, case: str) -> None:
    """Where it comes from, what it is of and its number are looked at again."""
    changes, says = CLAIMS[case]
    propose(team)
    redeclare(team, **changes)
    [problem] = said(team)
    assert says in problem


def test_an_origin_that_is_no_longer_declared(team: Site) -> None:
    """A release of test that git's history knows is good enough."""
    propose(team)
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    team.released()
    team.drop()
    origin = overlay(team, "change").releases[0].record.origin
    assert origin and not any(str(release.name) == origin.release for release in overlay(team, "main", "test").releases)
    assert said(team) == []


def test_what_is_not_verified(team: Site) -> None:
    """A release that never answered its golden predictions where it comes from."""
    propose(team)
    (verified,) = (team.root / ".slipway/store/test/iris/verified").glob("v3-*")
    verified.unlink()
    [problem] = said(team)
    assert "is not verified in test" in problem


def test_a_store_that_was_changed(team: Site) -> None:
    """The artifact that test's store has under that number is the release's."""
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
    """Where images are built, one that was only named is refused."""
    propose(team)
    team.set("namespace: slipway-prod", "namespace: slipway-prod, registry: ghcr.io/team/models")
    [problem] = said(team)
    assert "nobody has built its image" in problem


def test_a_promoted_image_of_another_registry(team: Site) -> None:
    """What is promoted was built where the environment that it comes from has its images."""
    propose(team)
    team.set("namespace: slipway-test", "namespace: slipway-test, registry: ghcr.io/team/models")
    [problem] = said(team)
    assert "is no digest of ghcr.io/team/models, where test has its images" in problem


def test_what_was_rejected_where_it_comes_from(team: Site) -> None:
    """Test went back from it after it was proposed: verified is not enough."""
    propose(team)
    assert said(team) == []
    rollback(team.settings, "iris", "test", reason="wrong")
    [problem] = said(team)
    assert problem.startswith("v3-") and "was rejected in test since" in problem


def schema(team: Site, folder: str, *names: str) -> Path:
    """An artifact with a schema of these fields."""
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


def test_what_breaks_callers(team: Site) -> None:
    """A field more that every row needs is refused, unless the record says why it was accepted."""
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


# --- what was decided meanwhile


def test_a_hold_that_was_set_meanwhile(team: Site) -> None:
    """The base branch as it is now counts: a promotion stops at a hold that is younger than it."""
    propose(team)
    hold(team.settings, "iris", "prod", reason="an incident")
    [problem] = said(team)
    assert "comes while the model is held by Ada" in problem and "an incident" in problem


def test_a_rollback_meanwhile(team: Site) -> None:
    """What is proposed knows nothing of it, and both the files and the hold are told."""
    propose(team)
    rollback(team.settings, "iris", "prod", reason="wrong")
    problems = said(team)
    assert "route.yaml: was changed on the base branch since this change left it" in problems
    assert any("the model is held by Ada" in problem for problem in problems)


def test_a_promotion_meanwhile(team: Site) -> None:
    """A proposal of what has been promoted otherwise since is made anew."""
    propose(team)
    team.released()
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    assert "kustomization.yaml: was changed on the base branch since this change left it" in said(team)


def test_a_number_that_was_taken_meanwhile(team: Site) -> None:
    """Somebody published in production's store: the number is no longer free."""
    propose(team)
    team.publish(environment="prod")
    [problem] = said(team)
    assert "the number 3 is taken in prod: the next is 4" in problem


def test_an_image_that_was_rejected_meanwhile(team: Site) -> None:
    """Production went back from it, and the hold was lifted; the rejection stays."""
    propose(team)
    short = overlay(team, "change").releases[0].name.short
    after = overlay(team, "main")
    put(team, msgspec.structs.replace(after, rejected=(ReleaseName(1, short),)), "main")
    [problem] = said(team)
    assert f"is the image of v1-{short}, which prod has rejected" in problem


# --- route, hold, rejected, retention


def named(team: Site, version: int) -> Release:
    return next(release for release in overlay(team, "main").releases if release.version == version)


OTHER = ReleaseName(7, "0" * 8)
SINCE = "2026-11-21T10:00:00Z"
STATES: dict[str, tuple[Callable[[Site], dict[str, Any]], str]] = {
    "an empty route": (lambda _: {"route": {}}, "nothing would answer any more"),
    "a rejection": (lambda _: {"rejected": (OTHER,)}, f"rejects {OTHER} and goes back to nothing"),
    "what answers is rejected": (
        lambda team: {"rejected": (named(team, 2).name,), "route": {named(team, 2).name: 100}},
        "goes back to nothing",
    ),
    "a dropped release": (
        lambda team: {"releases": (named(team, 2),)},
        "is no longer declared, and retention (3) would keep it",
    ),
    "a hold without a reason": (lambda _: {"hold": Hold(by="x", since=SINCE, reason=" ")}, "holds without a reason"),
    "a hold and a route": (
        lambda team: {
            "hold": Hold(by="x", since=SINCE, reason="y"),
            "route": {named(team, 1).name: 50, named(team, 2).name: 50},
        },
        "goes back to no older release",
    ),
    "a rollback that rejects nothing": (
        lambda team: {
            "hold": Hold(by="x", since=SINCE, reason="y"),
            "route": {named(team, 1).name: 100},
            "releases": (named(team, 1),),
        },
        "and does not reject v2-",
    ),
    "a rollback that keeps what is newer": (
        lambda team: {
            "hold": Hold(by="x", since=SINCE, reason="y"),
            "route": {named(team, 1).name: 100},
            "rejected": (named(team, 2).name,),
        },
        "and keeps v2-",
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_what_no_verb_does(team: Site, case: str) -> None:
    """Well-formed files that say what no verb would have said."""
    change, says = STATES[case]
    reshape(team, **change(team))
    problems = said(team)
    assert says in problems[0]
    assert len(problems) == 1 or case == "what answers is rejected"


def test_a_hold_that_is_lifted_on_the_way(team: Site) -> None:
    """A promotion cannot lift the hold that stands in its way."""
    hold(team.settings, "iris", "prod", reason="an incident")
    team.git("switch", "--quiet", "-c", "change")
    lift(team.settings, "iris", "prod")
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    assert said(team) == ["state.yaml: lifts the hold and changes more"]


def test_a_hold_that_is_replaced(team: Site) -> None:
    """Who held it, and why, stays."""
    hold(team.settings, "iris", "prod", reason="an incident")
    reshape(team, hold=Hold(by="x", since=SINCE, reason="another"))
    [problem] = said(team)
    assert "replaces the hold that stands: held by Ada" in problem


def test_a_rejection_that_is_dropped(team: Site) -> None:
    """What was rejected stays so until a person chooses the image again."""
    rollback(team.settings, "iris", "prod", reason="wrong")
    lift(team.settings, "iris", "prod")
    reshape(team, rejected=())
    [problem] = said(team)
    assert "in which v2-" in problem and "was not rejected yet" in problem
    reshape(team, rejected=(ReleaseName(7, "0" * 8),))
    assert any("no longer rejects v2-" in problem for problem in said(team))


def test_a_new_release_without_requests(team: Site) -> None:
    """Slipway declares nothing that gets none."""
    propose(team)
    before = overlay(team, "change")
    put(team, msgspec.structs.replace(before, route={named(team, 2).name: 100}))
    [problem] = said(team)
    assert "is new and gets no requests" in problem


def test_a_release_that_comes_back_without_a_rollback(team: Site) -> None:
    """Beside others, a release of the past is declared by no verb."""
    old = named(team, 1)
    put(team, msgspec.structs.replace(overlay(team, "main"), releases=(named(team, 2),)), "main")
    team.git("reset", "--quiet", "--hard")
    team.verify(named(team, 2).name, environment="prod")
    after = overlay(team, "main")
    put(
        team,
        msgspec.structs.replace(after, releases=(*after.releases, old), route={old.name: 50, named(team, 2).name: 50}),
    )
    [problem] = said(team)
    assert "comes back as it once was, which only a rollback does" in problem


def test_a_revert_of_a_rollback(team: Site) -> None:
    """What was rejected does not come back by it, for the hold stands."""
    rollback(team.settings, "iris", "prod", reason="wrong")
    team.git("switch", "--quiet", "-c", "change")
    team.git("revert", "--no-edit", "HEAD")
    problems = said(team)
    assert any("while the model is held" in problem for problem in problems)
    assert any("was not rejected yet" in problem for problem in problems)
    fixes = [violation.fix for violation in look(team).violations]
    assert "slipway lift iris --env prod, then slipway promote iris --to prod --again" in fixes


def test_a_change_that_somebody_else_made_meanwhile(team: Site) -> None:
    """Nothing is left of it, and that is what is said."""
    hold(team.settings, "iris", "prod", reason="audit")
    team.git("switch", "--quiet", "-c", "change")
    lift(team.settings, "iris", "prod")
    team.git("switch", "--quiet", "main")
    team.write("notes", "Somebody else")
    team.commit()
    lift(team.settings, "iris", "prod")
    assert look(team) == (["prod/iris: changes nothing any more"], [])


def test_a_hold_where_a_promotion_comes_from(team: Site) -> None:
    """Is told behind what the promotion does, and is no violation."""
    propose(team)
    hold(team.settings, "iris", "test", reason="audit")
    found = look(team)
    assert found.violations == []
    assert "; in test it is held by Ada <ada@example.org> since" in found.lines[0] and "audit" in found.lines[0]


# --- other environments, forks, stores, commits


def test_a_release_of_test_by_hand(team: Site) -> None:
    """Other environments are held to the same files, and to their own store."""
    before = overlay(team, "main", "test")
    record = msgspec.structs.replace(before.releases[0].record, version=9, model_id="iris/test/9")
    record = msgspec.structs.replace(record, release=str(ReleaseName.of(9, record.fingerprint)))
    made = declare.make(Repository(team.root), team.head, team.settings, record)
    put(team, declare.with_share(before, made, 100))
    [problem] = said(team)
    assert problem.endswith("iris/test/9 was never published")


DIGEST = f"@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"image": FOREIGN}, "its image 'ghcr.io/mallory/iris@sha256:"),
        ({"image": f"ghcr.io/team/models/iris{DIGEST}"}, ""),
        ({"image": f"ghcr.io/team/models/iris{DIGEST}", "verifier": f"ghcr.io/team/models/slipway{DIGEST}"}, ""),
        ({"verifier": f"ghcr.io/mallory/slipway{DIGEST}"}, "its verifier 'ghcr.io/mallory/slipway@sha256:"),
        ({"image": f"ghcr.io/team/models-of-others/iris{DIGEST}"}, "is no digest of ghcr.io/team/models, where test"),
        ({"image": f"ghcr.io/team/models/../others/iris{DIGEST}"}, "is no digest of ghcr.io/team/models, where test"),
        ({"image": "ghcr.io/team/models/iris:latest"}, "is no digest of ghcr.io/team/models, where test"),
        ({"image": f"unbuilt.invalid/iris{DIGEST}"}, "is no digest of ghcr.io/team/models, where test"),
    ],
)
def test_images_of_a_release_of_test(team: Site, changes: dict[str, str], says: str) -> None:
    """They are digests of the environment's registry; where it has none, of what nobody built."""
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
    made = declare.make(Repository(team.root), team.head, team.settings, record)
    put(team, declare.with_share(before, made, 100))
    problems = said(team)
    assert len(problems) == (1 if says else 0)
    assert all(says in problem for problem in problems)


def test_another_verifier_of_a_declared_release(team: Site) -> None:
    """A release that is made anew gets no image of others either."""
    before = overlay(team, "main", "test")
    old = before.releases[0]
    record = msgspec.structs.replace(old.record, verifier=f"ghcr.io/mallory/slipway{DIGEST}")
    made = declare.make(Repository(team.root), team.head, team.settings, record)
    put(team, msgspec.structs.replace(before, releases=(made, *before.releases[1:])))
    [problem] = said(team)
    assert "its verifier 'ghcr.io/mallory/slipway@sha256:" in problem


@pytest.mark.parametrize("path", ["test/iris/state.yaml", "test/iris/training/workflow.yaml", "test/new/state.yaml"])
def test_a_fork_and_the_first_environment(team: Site, path: str) -> None:
    """Nothing that runs changes from a fork, in whichever environment."""
    commit(team, {f"overlays/{path}": b"a: 1\n"})
    [violation] = look(team, fork="mallory/models").violations
    assert "comes from the fork 'mallory/models'" in violation.problem
    assert violation.fix.startswith("slipway release --env test")


def test_a_fork(team: Site) -> None:
    """Whoever may not push here changes nothing that runs in production, and is told who may."""
    team.write(".github/CODEOWNERS", "overlays/prod/ @team/platform\n")
    team.commit()
    propose(team)
    [violation] = look(team, fork="mallory/models").violations
    assert "comes from the fork 'mallory/models'" in violation.problem
    assert "@team/platform" in violation.fix


def test_a_store_that_is_not_here(team: Site) -> None:
    """Where nothing was promoted yet, that of production is empty; that of test has to have what is promoted."""
    propose(team)
    shutil.rmtree(team.root / ".slipway/store/prod", ignore_errors=True)
    assert said(team) == []
    shutil.rmtree(team.root / ".slipway")
    [problem] = said(team)
    assert "the store of test is the directory .slipway/store/test, which is not on this machine" in problem


def test_a_bucket_without_credentials(team: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which credentials the check reads a bucket by."""
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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"base": None, "head": "main"}, "'origin/main' is no commit of this clone"),
        ({"base": "main", "head": "nowhere"}, "'nowhere' is no commit of this clone"),
        ({"base": "main", "head": "alone"}, "have no commit in common"),
    ],
)
def test_commits_that_cannot_be_compared(site: Site, options: dict[str, Any], says: str) -> None:  # noqa: F811
    """What to fetch is said."""
    site.git("checkout", "--quiet", "--orphan", "alone")
    site.git("commit", "--quiet", "--allow-empty", "-m", "Another beginning")
    with pytest.raises(SlipwayError, match=says) as caught:
        check(site.settings, **options)
    assert "git fetch" in caught.value.fix


def test_names_that_are_no_names(team: Site) -> None:
    """What a path says is shown on one line, and no runner takes it for a command."""
    commit(team, {"overlays/prod/iris\n::error::x/y.yaml": b"a: 1\n"})
    for violation in look(team).violations:
        assert len(str(violation).splitlines()) == 2
        assert not any(line.lstrip().startswith("::") for line in str(violation).splitlines())
