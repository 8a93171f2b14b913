"""Argo CD follows a repository: what is committed runs, what is gone is made again, and nothing else is touched."""

import logging
import os
import ssl
from collections.abc import Iterator

import pytest

from tests.cluster.argocd import Pushed
from tests.cluster.conftest import given
from tests.cluster.load import ask

pytestmark = pytest.mark.long

MEASURED = logging.getLogger(__name__)  # pytest --log-cli-level INFO shows how long things took


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    """The team, gone from the cluster afterwards."""
    root = tmp_path_factory.mktemp("pushed") / "repository"
    made = Pushed(root, given("REGISTRY"), given("GIT"))
    try:
        yield made
    finally:
        made.leave()


@pytest.fixture(scope="module")
def first(team: Pushed) -> str:
    """The first release of coin, live by what an administrator applies once."""
    made = team.release("coin")
    team.release("dice")
    pushed = team.push()
    team.apply()
    live = team.until(lambda: team.routed("test") == {made: 100}, "the first release is live")
    MEASURED.info("from nothing to the first release: %.0f s", live - pushed)
    return made


def test_one_command_makes_all_of_an_environment(team: Pushed, first: str) -> None:
    """Namespaces, accounts, policies and the releases of two models come out of git, and answer over HTTPS."""
    authority = os.environ.get("SLIPWAY_TEST_CA")
    trusted = ssl.create_default_context(cafile=authority) if authority else None
    test = team.environments["test"]
    team.until(lambda: bool(team.routed("test", "dice")), "the other model is there")
    answer = ask(given("INGRESS"), team.host("test"), trusted)
    assert (answer["release"], answer["model_id"]) == (first, f"coin/{test}/1")
    for name in (f"{test}-{model}" for model in ("coin", "dice")):
        team.settled(name)
    for name in team.environments.values():
        team.settled(f"slipway-{name}")
        assert team.object("resourcequota", "slipway", f"slipway-{name}")


@pytest.mark.usefixtures("first")
def test_only_what_changed_is_rendered_again(team: Pushed) -> None:
    """A commit to one model's overlay has Argo CD render that one; the other's stays in its cache."""
    test = team.environments["test"]
    made = team.release("coin")
    pushed = team.push()
    MEASURED.info(
        "commit to live: %.0f s", team.until(lambda: team.routed("test") == {made: 100}, "it is live") - pushed
    )
    commit = team.git("rev-parse", "HEAD")
    both = [f"{test}-{model}" for model in ("coin", "dice")]
    team.until(lambda: {team.revision(name) for name in both} == {commit}, "the commit was seen")
    log = team.kubectl("logs", "deployment/argocd-repo-server", "-n", "argocd", "--since=5m", "--tail=-1")
    rendered = [line for line in log.splitlines() if "manifest cache miss" in line and commit in line]
    assert [line for line in rendered if f"{test}-coin" in line]
    assert not [line for line in rendered if f"{test}-dice" in line]


@pytest.mark.usefixtures("first")
def test_what_is_deleted_by_hand_is_made_again(team: Pushed) -> None:
    """Argo CD makes a route anew when somebody has deleted it."""
    team.until(lambda: bool(team.routed("test", "dice")), "the other model is there")
    old = team.object("route.serving.knative.dev", "dice", team.namespaces["test"])["metadata"]["uid"]
    team.kubectl("delete", "route.serving.knative.dev", "dice", "-n", team.namespaces["test"])
    team.until(lambda: bool(team.routed("test", "dice")), "the route is made again")
    assert team.object("route.serving.knative.dev", "dice", team.namespaces["test"])["metadata"]["uid"] != old


@pytest.mark.usefixtures("first")
def test_a_model_that_is_taken_off_is_gone(team: Pushed) -> None:
    """Nothing of it is left to answer, and the other model stays."""
    test, namespace = team.environments["test"], team.namespaces["test"]
    team.until(lambda: bool(team.routed("test", "dice")), "the other model is there")
    team.slipway("rollback", "dice", "--env", test, "--to", "nothing", "--reason", "nobody throws dice")
    team.push()
    kinds = ("route.serving.knative.dev", "service.serving.knative.dev")
    labelled = ("-n", namespace, "-l", "app.kubernetes.io/name=dice", "-o", "name")
    team.until(lambda: not team.kubectl("get", ",".join(kinds), *labelled), "nothing of it is left")
    team.settled(f"{test}-dice")
    assert team.routed("test")
