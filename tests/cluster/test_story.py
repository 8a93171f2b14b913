"""A model's days on GitHub and in a cluster, by pushes, workflows and Argo CD alone, while requests never end.

The chapters are told in order, and none after one that failed.
"""

import io
import json
import logging
import os
import ssl
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.actions import RUNNER, of, ran
from tests.cluster.conftest import given
from tests.cluster.load import Load, ask
from tests.cluster.people import Team
from tests.cluster.storage import Storage
from tests.forge_server.server import started

MEASURED = logging.getLogger(__name__)  # pytest --log-cli-level INFO shows how long things took
SOON = 90  # seconds: Argo CD's look at git, and less than Knative gives a release to get ready
IN_CLUSTER = "IN_CLUSTER ="
CRASH = 'if "KUBERNETES_SERVICE_HOST" in os.environ:\n    raise RuntimeError("not here")\n'
SAYS = "return [self.side for"
SAYS_OTHERWISE = 'return ["edge" if IN_CLUSTER else self.side for'
PROPOSED = ("promote", "repository_dispatch")  # a verified release, for production
COPIED = ("promoted", "push")
Ingress = tuple[str, ssl.SSLContext | None]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The team, gone from the cluster afterwards."""
    if not RUNNER.is_file():
        pytest.skip("needs ../shared/cluster, which runs GitHub's workflows")
    folder, host, storage = tmp_path_factory.mktemp("story"), given("HOST"), Storage(given("STORAGE"))
    reach = {"STORAGE_EMULATOR_HOST": storage.url}
    with pytest.MonkeyPatch.context() as patch, started(folder / "forge", host) as forge:
        patch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        made = Team(forge, folder, storage, given("REGISTRY"), reach)
        try:
            made.begin()
            yield made
        finally:
            made.leave()


@pytest.fixture(autouse=True)
def _told(team: Team, request: pytest.FixtureRequest) -> Iterator[None]:
    """A chapter, unless one before it failed."""
    if team.broken_off:
        pytest.skip(f"{team.broken_off} failed")
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        team.broken_off = request.node.name


@pytest.fixture(scope="module")
def ingress() -> Ingress:
    """Where functions are called, and which certificates are trusted where HTTPS is to be tried."""
    authority = os.environ.get("SLIPWAY_TEST_CA")
    return given("INGRESS"), ssl.create_default_context(cafile=authority) if authority else None


@pytest.fixture(scope="module")
def load(team: Team, ingress: Ingress) -> Iterator[Load]:
    """Requests to test's coin, until all chapters are told."""
    with Load(ingress[0], team.host("test"), ingress[1]) as running:
        yield running


def answers(team: Team, ingress: Ingress, use: str, route: dict[str, int]) -> dict[str, tuple[str, str]]:
    """{release: model id and prediction}, of all that share the requests."""
    found: dict[str, tuple[str, str]] = {}

    def asked() -> bool:
        answer = ask(ingress[0], team.host(use), ingress[1])
        found[answer["release"]] = answer["model_id"], answer["prediction"]
        return found.keys() == route.keys()

    team.until(asked, f"all of {route} have answered")
    return found


def test_a_proposal_is_checked(team: Team) -> None:
    """A model changes on a branch: the pull request is checked, and the bot says below it what would come of it."""
    team.git("checkout", "--quiet", "-b", "coin")
    team.model("coin")
    settings = (team.root / "slipway.yaml").read_text()
    team.write("slipway.yaml", f"{settings}models:\n  coin: {{scale: {{max: 2, memory: 256Mi}}}}\n")
    team.commit("Add coin")
    pull = team.propose("coin", "A coin")
    assert ran(team.actions.settle()) == ["ci"]
    assert "coin" in team.said(pull["number"])
    team.merge(pull["number"])


def test_a_push_becomes_an_answer(team: Team, ingress: Ingress) -> None:
    """It declares a training, which Argo runs; its version is announced, released and answers over HTTPS."""
    # The commit of overlays starts what follows promotions, and no release.
    assert sorted(ran(team.actions.settle())) == ["ci", "promote", "promoted", "release"]
    team.actions.passed_over |= {("ci", "push"), ("promote", "push"), COPIED, PROPOSED}
    assert team.overlay().releases == ()
    test = team.environments["test"]
    team.announced("slipway-version", model="coin", environment=test, version=1)
    MEASURED.info("push to version: %.0f s", team.since_commit())
    runs = team.actions.settle()
    assert ran(runs) == ["release"] and "| coin | released |" in of(runs, "release").log
    [first] = team.overlay().releases
    assert first.record.branch == "main" and first.record.run.startswith(f"{team.forge.url}/{team.state.name}/actions/")
    assert first.record.image.startswith(given("REGISTRY")) and first.record.size > 0
    MEASURED.info("commit to the first release: %.0f s", team.live({str(first.name): 100}))
    assert answers(team, ingress, "test", {str(first.name): 100}) == {str(first.name): (f"coin/{test}/1", "heads")}


def test_what_is_idle_goes_and_comes_back(team: Team, ingress: Ingress) -> None:
    """No pod is left when nobody asks; a call brings one, and is answered."""
    team.announced("slipway-verified", release=team.newest())
    team.until(lambda: team.pods("test") == 0, "no pod is left")
    began = time.monotonic()
    assert ask(ingress[0], team.host("test"), ingress[1])["release"] == team.newest()
    MEASURED.info("from zero to an answer: %.1f s", time.monotonic() - began)


def test_a_submitted_training_takes_a_share_of_the_requests(team: Team, load: Load) -> None:
    """The version of `argo submit` is released without a lost request, and gets its share of them."""
    first = team.newest()
    rows = "".join(f"{number},{('heads', 'tails', 'tails')[number % 3]}\n" for number in range(60))
    tails = team.storage.put(team.namespaces["test"], "tails.csv", f"number,side\n{rows}")
    submit = ("argo", "submit", "-n", team.namespaces["test"], "--from", "workflowtemplate/train-coin")
    team._run(*submit, "-p", f"data={tails}")
    team.announced("slipway-version", model="coin", version=2)
    runs = team.actions.settle()
    assert ran(runs) == ["release"]
    second = team.newest()
    MEASURED.info("commit to live: %.0f s", team.live({second: 100}))
    team.shared(load, lambda answers: answers[second] > 20)
    team.actions.passed_over.remove(PROPOSED)
    team.announced("slipway-verified", release=second)
    assert ran(team.by_hand("traffic", shares=f"v1=90 {second}=10")) == ["traffic", "promote", "ci"]
    team.hooked()
    team.live({first: 90, second: 10})
    found = team.shared(load, lambda answers: answers.total() >= 200)
    assert found.keys() == {first, second} and 4 <= found[second] <= 50, found
    assert load.lost == []


def test_no_drift_stays(team: Team, load: Load) -> None:
    """A change by hand in the cluster is undone at once."""
    route, namespace = team.routed("test"), team.namespaces["test"]
    other = json.dumps({"spec": {"traffic": [{"configurationName": f"coin-{team.newest()}", "percent": 100}]}})
    began = time.monotonic()
    team.kubectl("patch", "route.serving.knative.dev", "coin", "-n", namespace, "--type=merge", "-p", other)
    undone = team.until(lambda: team.routed("test") == route, "it is undone")
    MEASURED.info("drift undone: %.1f s", undone - began)
    assert load.lost == []


def test_the_same_image_goes_to_production(team: Team, ingress: Ingress) -> None:
    """A verified release is proposed by itself; after the merge it answers there, under production's own version."""
    candidate, prod = team.overlay().releases[0], team.environments["prod"]
    [promotion] = [each for each in team.state.pulls if each["head"] == f"promote/{prod}/coin"]
    (team.root.parent / "body.md").write_text(promotion["body"])
    for part in (f"promotion {prod}/coin {candidate.name}", "git revert", candidate.record.image):
        assert part in promotion["body"]
    assert team.published("prod") == []
    team.actions.passed_over.remove(COPIED)
    team.merge(promotion["number"])
    assert ran(team.actions.settle()) == ["promoted"]
    team.actions.passed_over |= {COPIED, PROPOSED}
    [live] = team.overlay("prod").releases
    assert (live.record.image, live.record.fingerprint) == (candidate.record.image, candidate.record.fingerprint)
    assert live.name.short == candidate.name.short and team.published("prod") == [1]
    team.live({str(live.name): 100}, "prod")
    assert answers(team, ingress, "prod", {str(live.name): 100}) == {str(live.name): (f"coin/{prod}/1", "tails")}
    assert team.image("prod", str(live.name)) == team.image("test", str(candidate.name)) == live.record.image


def test_a_rollback_is_soon_and_holds(team: Team, load: Load) -> None:
    """The old release answers all requests, none is lost, and a push releases nothing until the hold is lifted."""
    ran(team.by_hand("rollback", reason="tails is wrong"))
    [(first, percent)] = team.overlay().route.items()
    MEASURED.info("rollback to live: %.0f s", team.live({str(first): percent}, patience=SOON))
    assert team.versions("test") == {1: 100}
    hold = team.overlay().hold
    assert hold is not None and (hold.reason, hold.by.split(" <")[0]) == ("tails is wrong", "ada")
    team.change("slipway.yaml", "coin: {", "coin: {train: runner, ")
    team.edit("# the more", "# the most")
    runs = team.actions.settle()
    assert ran(runs) == ["release"] and "| coin | held |" in of(runs, "release").log
    assert team.versions("test") == {1: 100} and load.lost == []
    ran(team.by_hand("hold", do="lift"))
    assert team.versions("test") == {1: 100}


def test_releases_that_do_not_start_are_never_asked(team: Team, load: Load) -> None:
    """Three in a row: files that were damaged, golden predictions that differ, a crash. No rollback waits for them."""
    good = team.routed("test")
    # What was pushed while the model was held. Argo CD sees nothing of it before it is damaged.
    team.state.private = True
    ran(team.by_hand("release"))
    damage(team)
    team.state.private = False
    broken = [appeared(team)]
    for before, after in ((SAYS, SAYS_OTHERWISE), (SAYS_OTHERWISE, SAYS)):
        if after == SAYS:
            team.change("model/coin/model.py", IN_CLUSTER, CRASH + IN_CLUSTER)
        team.edit(before, after)
        assert "| coin | released |" in of(team.actions.settle(), "release").log
        broken.append(appeared(team))
    assert len(set(broken)) == 3
    application = f"{team.environments['test']}-coin"
    team.until(lambda: team.health(application)[1] == "Degraded", "Argo CD says so")
    ran(team.by_hand("rollback", to=next(iter(good)), reason="they do not start"))
    MEASURED.info("rollback from what does not start to live: %.0f s", team.live(good, patience=SOON))
    assert not load.answers.keys() & set(broken) and load.lost == []
    team.settled(application)


def appeared(team: Team) -> str:
    """Wait until the cluster tries the newest release: its Service is there."""
    release = team.newest()
    team.hooked()
    team.appears("services.serving.knative.dev", f"coin-{release}", team.namespaces["test"])
    return release


def damage(team: Team) -> None:
    """Have the newest release name an image in which a file of the artifact is another."""
    newest = team.overlay().releases[0]
    layer = team.root.parent / "layer.tar"
    with tarfile.open(layer, "w") as content:
        file = tarfile.TarInfo("app/artifact/golden.json")
        file.size, file.mode = 2, 0o644
        content.addfile(file, io.BytesIO(b"{}"))
    image = newest.record.image
    name = f"{image.partition('@')[0]}:damaged"
    command = ["crane", "append", "--insecure", "--base", image, "--new_layer", str(layer), "--new_tag", name]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    for path in Path(team.root / f"overlays/{team.environments['test']}/coin/{newest.name}").iterdir():
        path.write_text(path.read_text().replace(image, made))
    team.commit("Damage it")
    team.push("main")


def test_after_all_that_good_releases_share_requests(team: Team, load: Load) -> None:
    """From a branch that trains, where a model that fails stops no other; what is repeated changes nothing."""
    ran(team.by_hand("hold", do="lift"))
    before = team.bare.branch("main")
    team.up_to_date()
    team.git("checkout", "--quiet", "-b", "trainpred/dice")
    team.model("dice")
    team.write("model/dice/test_model.py", "def test_it_is_thrown():\n    assert not 'thrown'\n")
    team.change("slipway.yaml", "models:\n", "models:\n  dice: {train: runner}\n")
    # The code before the crash was rejected with its release.
    team.change("model/coin/model.py", "# the most", "# by far")
    team.edit(CRASH, "", "trainpred/dice")
    run = of(team.actions.settle(), "release")
    assert not run.succeeded and "| coin | released |" in run.log and "| dice | failed |" in run.log
    assert team.bare.git("rev-list", "--count", f"{before}..{team.bare.branch('main')}") == "1"
    made = team.overlay().releases[0]
    assert made.record.branch == "trainpred/dice"
    team.hooked()
    team.live({str(made.name): 100})
    ran(team.by_hand("traffic", shares=f"v1=60 {made.name}=40"))
    route = {str(name): percent for name, percent in team.overlay().route.items()}
    team.hooked()
    team.live(route)
    found = team.shared(load, lambda answers: answers.total() >= 100)
    assert found.keys() == route.keys() and load.lost == []


def test_what_nobody_has_made_is_not_released(team: Team) -> None:
    """An announcement of what there is not says so."""
    team.state.dispatches.append({"event_type": "slipway-version", "client_payload": {"model": "coyn"}})
    refused = of(team.actions.settle(), "release")
    assert not refused.succeeded and "did you mean 'coin'?" in refused.log and "Traceback" not in refused.log


def test_all_comes_back_from_git_and_registry(team: Team, ingress: Ingress) -> None:
    """Namespaces are deleted and buckets emptied: the same releases give the same answers again."""
    before = {use: team.routed(use) for use in team.namespaces}
    said = {use: answers(team, ingress, use, route) for use, route in before.items()}
    for namespace in team.namespaces.values():
        team.storage.empty(namespace)
        team.kubectl("delete", "namespace", namespace)
    began = time.monotonic()
    for use, route in before.items():
        team.live(route, use)
    MEASURED.info("from nothing, by itself: %.0f s", time.monotonic() - began)
    assert {use: answers(team, ingress, use, route) for use, route in before.items()} == said
