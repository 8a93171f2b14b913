"""Argo CD follows a repository: what is committed runs, what was not is undone, and no request is lost by it."""

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
import yaml

from tests.cluster.argocd import Followed
from tests.cluster.load import Load, ask

pytestmark = pytest.mark.long

MEASURED = logging.getLogger(__name__)  # pytest --log-cli-level INFO shows how long things took
IN_CLUSTER = "IN_CLUSTER ="
CRASH = 'if "KUBERNETES_SERVICE_HOST" in os.environ:\n    raise RuntimeError("not here")\n'
SAYS = "return [self.side for"
SAYS_OTHERWISE = 'return ["tails" if IN_CLUSTER else self.side for'


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """The team, gone from the cluster afterwards."""
    settings = {name: os.environ.get(f"SLIPWAY_TEST_{name}") for name in ("REGISTRY", "GIT", "INGRESS")}
    if missing := [f"SLIPWAY_TEST_{name}" for name, value in settings.items() if not value]:
        pytest.fail(f"{' and '.join(missing)} not set: see tests/cluster/README.md")
    made = Followed(tmp_path_factory.mktemp("followed") / "repository", str(settings["REGISTRY"]), str(settings["GIT"]))
    yield made
    made.leave()


@pytest.fixture(scope="module")
def ingress() -> tuple[str, ssl.SSLContext | None]:
    """Where functions are called, and which certificates are trusted where HTTPS is to be tried."""
    authority = os.environ.get("SLIPWAY_TEST_CA")
    return os.environ["SLIPWAY_TEST_INGRESS"], ssl.create_default_context(cafile=authority) if authority else None


@pytest.fixture(scope="module")
def load(team: Followed, ingress: tuple[str, ssl.SSLContext | None], first: str) -> Iterator[Load]:
    """Requests to test's coin, from its first release on until all tests are over."""
    assert team.routed("test", "coin") == {first: 100}
    with Load(ingress[0], team.host("test", "coin"), ingress[1]) as running:
        yield running


@pytest.fixture(scope="module")
def first(team: Followed) -> str:
    """The first release of coin, live by what an administrator applies once."""
    made = team.release("coin")
    team.release("dice")
    pushed = team.push()
    team.apply()
    live = team.until(lambda: team.routed("test", "coin") == {made: 100}, "the first release is live")
    MEASURED.info("from nothing to the first release: %.0f s", live - pushed)
    return made


@pytest.fixture(scope="module")
def second(team: Followed, load: Load) -> str:
    """A release that took the first one's place, and was verified."""
    made = team.release("coin", {"# heads": "# still heads"})
    MEASURED.info("commit to live: %.0f s", live_after(team, {made: 100}))
    before = load.answers.copy()
    team.until(lambda: load.since(before)[made] > 20, "it answers")
    team.slipway("verify", f"{team.environments['test']}/coin/{made}", "--env", team.environments["test"])
    return made


def live_after(team: Followed, route: dict[str, int], use: str = "test") -> float:
    """Push, and wait until requests are shared out so; returns the seconds between."""
    pushed = team.push()
    return team.until(lambda: team.routed(use, "coin") == route, f"{route} is live") - pushed


def settled(team: Followed, name: str) -> None:
    team.until(lambda: team.health(name) == ("Synced", "Healthy"), f"{name} is as git says")


def test_one_command_makes_all_of_an_environment(
    team: Followed, first: str, ingress: tuple[str, ssl.SSLContext | None]
) -> None:
    """Namespaces, accounts, policies and the releases of two models come out of git, and answer over HTTPS."""
    answer = ask(ingress[0], team.host("test", "coin"), ingress[1])
    assert (answer["release"], answer["model_id"]) == (first, f"coin/{team.environments['test']}/1")
    for name in (f"{team.environments['test']}-{model}" for model in ("coin", "dice")):
        settled(team, name)
    for name in team.environments.values():
        settled(team, f"slipway-{name}")
        assert team.object("resourcequota", "slipway", f"slipway-{name}")


def test_a_release_takes_over_without_a_lost_request(load: Load, second: str) -> None:
    """Every request was answered while the route went from one release to the other."""
    assert load.answers[second] and load.lost == []


def test_another_environment_gets_what_was_promoted(
    team: Followed, second: str, ingress: tuple[str, ssl.SSLContext | None]
) -> None:
    """The same image answers in prod, under prod's own version."""
    test, prod = team.environments.values()
    team.slipway("promote", "coin", "--to", prod)
    [promoted] = (team.root / f"overlays/{prod}/coin").glob("v1-*")
    live_after(team, {promoted.name: 100}, "prod")
    answer = ask(ingress[0], team.host("prod", "coin"), ingress[1])
    assert answer["model_id"] == f"coin/{prod}/1"
    assert image_of(team, prod, promoted.name) == image_of(team, test, second)


def image_of(team: Followed, environment: str, release: str) -> str:
    record = yaml.safe_load((team.root / f"overlays/{environment}/coin/{release}/record.yaml").read_text())
    return str(record["image"])


def test_requests_are_shared_out_and_no_drift_stays(team: Followed, load: Load, first: str, second: str) -> None:
    """Two releases answer by their shares; what is changed or deleted by hand is as it was, at once."""
    team.slipway("traffic", "coin", "--env", team.environments["test"], f"{first}=50", f"{second}=50")
    route = {first: 50, second: 50}
    live_after(team, route)
    before = load.answers.copy()
    team.until(lambda: load.since(before).total() >= 100, "a hundred answers came")
    assert load.since(before).keys() == route.keys() and min(load.since(before).values()) >= 20
    patch = json.dumps({"spec": {"traffic": [{"configurationName": f"coin-{first}", "percent": 100}]}})
    namespace = team.namespaces["test"]
    began = time.monotonic()
    team.kubectl("patch", "route.serving.knative.dev", "coin", "-n", namespace, "--type=merge", "-p", patch)
    undone = team.until(lambda: team.routed("test", "coin") == route, "it is undone")
    MEASURED.info("drift undone: %.1f s", undone - began)
    team.kubectl("delete", "route.serving.knative.dev", "dice", "-n", namespace)
    team.until(lambda: bool(team.routed("test", "dice")), "the route is made again")
    assert load.lost == []


def test_only_what_changed_is_rendered_again(team: Followed, first: str, second: str) -> None:
    """A commit to one model's overlay has Argo CD render that one; the other's stays in its cache."""
    test = team.environments["test"]
    team.slipway("traffic", "coin", "--env", test, f"{first}=10", f"{second}=90")
    live_after(team, {first: 10, second: 90})
    commit = team._run("git", "rev-parse", "HEAD").strip()
    revision = "{.status.sync.revision}"
    for model in ("coin", "dice"):
        seen = ("get", "applications.argoproj.io", f"{test}-{model}", "-n", "argocd", "-o", f"jsonpath={revision}")
        team.until(lambda seen=seen: team.kubectl(*seen) == commit, "the commit was seen")
    log = team.kubectl("logs", "deployment/argocd-repo-server", "-n", "argocd", "--since=5m", "--tail=-1")
    rendered = [line for line in log.splitlines() if "manifest cache miss" in line and commit in line]
    assert [line for line in rendered if f"overlays/{test}/coin" in line]
    assert not [line for line in rendered if f"overlays/{test}/dice" in line]


def test_releases_that_do_not_start_are_never_asked(team: Followed, load: Load, second: str) -> None:
    """Three in a row: files that were damaged, golden predictions that differ, a crash. No rollback waits for them."""
    test = team.environments["test"]
    broken = [team.release("coin", {"# still heads": "# damaged"})]
    damage(team, broken[0])
    team.push()
    appeared(team, broken[0])
    broken.append(team.release("coin", {SAYS: SAYS_OTHERWISE}))
    team.push()
    appeared(team, broken[1])
    broken.append(team.release("coin", {SAYS_OTHERWISE: SAYS, IN_CLUSTER: CRASH + IN_CLUSTER}))
    team.push()
    appeared(team, broken[2])
    team.until(lambda: team.health(f"{test}-coin")[1] == "Degraded", "Argo CD says so")
    time.sleep(20)  # what is measured is a rollback in the middle of it
    team.slipway("rollback", "coin", "--env", test, "--to", second, "--reason", "they do not start")
    took = live_after(team, {second: 100})
    MEASURED.info("rollback to live: %.0f s", took)
    assert not load.answers.keys() & set(broken) and load.lost == []
    settled(team, f"{test}-coin")


def appeared(team: Followed, release: str) -> None:
    """Wait until the cluster has tried a release: its Service is there."""
    place = ("services.serving.knative.dev", f"coin-{release}", team.namespaces["test"])
    team.until(lambda: bool(team.object(*place)), f"{release} is there")


def damage(team: Followed, release: str) -> None:
    """Have a release name an image in which a file of the artifact is another."""
    image = image_of(team, team.environments["test"], release)
    layer = team.root.parent / "layer.tar"
    with tarfile.open(layer, "w") as content:
        file = tarfile.TarInfo("app/artifact/golden.json")
        file.size, file.mode = 2, 0o644
        content.addfile(file, io.BytesIO(b"{}"))
    name = f"{image.partition('@')[0]}:damaged"
    command = ["crane", "append", "--insecure", "--base", image, "--new_layer", str(layer), "--new_tag", name]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    for file_ in Path(team.root / f"overlays/{team.environments['test']}/coin/{release}").iterdir():
        file_.write_text(file_.read_text().replace(image, made))
    team.commit("Damage it")


def test_after_a_rollback_good_releases_share_requests_again(team: Followed, load: Load, second: str) -> None:
    """Lifted, a new release is made and gets a part of the requests."""
    test = team.environments["test"]
    team.slipway("lift", "coin", "--env", test)
    made = team.release("coin", {CRASH: "", "# damaged": "# good again"})
    team.slipway("traffic", "coin", "--env", test, f"{second}=60", f"{made}=40")
    live_after(team, {second: 60, made: 40})
    before = load.answers.copy()
    team.until(lambda: load.since(before).total() >= 100, "a hundred answers came")
    assert load.since(before).keys() == {second, made} and load.lost == []


def test_a_namespace_comes_back_from_git_and_registry(
    team: Followed, load: Load, second: str, ingress: tuple[str, ssl.SSLContext | None]
) -> None:
    """Both namespaces are deleted and the stores are emptied; the same releases give the same answers again."""
    del load  # it is another story from here on
    before = {use: team.routed(use, "coin") for use in team.namespaces}
    for use, namespace in team.namespaces.items():
        subprocess.run(["rm", "-r", str(team.root / ".slipway" / use)], check=True)
        team.kubectl("delete", "namespace", namespace)
    began = time.monotonic()
    for use, route in before.items():
        team.until(lambda use=use, route=route: team.routed(use, "coin") == route, f"{use} is there again")
    MEASURED.info("from nothing, by itself: %.0f s", time.monotonic() - began)
    for use, route in before.items():
        answer = ask(ingress[0], team.host(use, "coin"), ingress[1])
        assert answer["release"] in route and answer["prediction"] == "heads"
    assert second in before["test"]
