"""Who may ask a function, by a Secret of the namespace that changes while the function runs."""

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from slipway.names import ReleaseName
from slipway.store import Store
from tests.cluster.conftest import PATIENCE, Team
from tests.cluster.verifications import ended, released

pytestmark = pytest.mark.long

OLD, NEW = "old-" + "a" * 40, "new-" + "b" * 40


def keep(team: Team, **keys: str) -> None:
    """Have the Secret hold these keys, by whose they are, and no others."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "coin-access", "namespace": team.namespace},
        "stringData": {name.replace("_", "-"): key for name, key in keys.items()},
    }
    team.kubectl("delete", "secret", "coin-access", "-n", team.namespace, "--ignore-not-found")
    team.kubectl("create", "--filename", "-", stdin=json.dumps(secret))


def status(team: Team, key: str = "", path: str = "/predict") -> int:
    """Return the status of one request through the cluster's ingress."""
    body = None if path != "/predict" else b'{"number": 1}'
    headers = {"Host": team.host("route", "coin"), "Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"{team.ingress}{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def pods(team: Team) -> list[dict[str, Any]]:
    selector = "app.kubernetes.io/component=function"
    return list(json.loads(team.kubectl("get", "pods", "-n", team.namespace, "-l", selector, "-o", "json"))["items"])


def said(team: Team) -> str:
    """Return the logs of the function's containers."""
    running = [pod["metadata"]["name"] for pod in pods(team) if pod["status"]["phase"] == "Running"]
    return "".join(team.kubectl("logs", name, "-n", team.namespace, "-c", "function") for name in running)


@pytest.fixture(scope="module")
def guarded(team: Team, store: Store) -> Team:  # noqa: ARG001 - it is made, and its team says where it is
    """The team, whose function asks who calls."""
    settings = team.root / "slipway.yaml"
    settings.write_text(settings.read_text().replace("train: manual,", "train: manual, access: {kind: bearer},"))
    team.commit("Let in only those who have a key")
    return team


def test_a_release_without_its_secret_waits_and_says_so(guarded: Team) -> None:
    """It never gets ready, by the function's own word; once the Secret is there, it answers those who have a key."""
    name = released(guarded)
    guarded.until(lambda: "nobody can be let in: no key is in" in said(guarded), "the function says what it lacks")
    assert not guarded.ready("service", f"coin-{name}")
    keep(guarded, ada=OLD)
    guarded.until(lambda: guarded.ready("route", "coin"), "the route is ready")
    assert [status(guarded, key) for key in ("", "wrong", OLD)] == [401, 401, 200]
    assert [status(guarded, path=path) for path in ("/health/ready", "/", "/metrics")] == [200, 401, 401]


def test_its_job_is_let_in(guarded: Team, store: Store) -> None:
    """By the same Secret, which is only referred to: the release is verified."""
    [folder] = (guarded.root / "overlays/test/coin").glob("v1-*")
    name = ReleaseName.parse(folder.name)
    guarded.until(lambda: ended(guarded, name, "Complete"), "the release is verified")
    assert store.verified("coin", name)
    assert OLD not in "".join(path.read_text() for path in (guarded.root / "overlays").rglob("*.yaml"))


def test_another_key_without_a_new_release(guarded: Team) -> None:
    """A new one holds beside the old one, and the old one until it is taken away: in the pod that runs."""
    assert status(guarded, OLD) == 200
    before = [pod["metadata"]["name"] for pod in pods(guarded)]
    keep(guarded, ada=OLD, ada_2=NEW)
    took = [_seconds(guarded, lambda: status(guarded, NEW) == 200)]
    assert status(guarded, OLD) == 200
    keep(guarded, ada_2=NEW)
    took.append(_seconds(guarded, lambda: status(guarded, OLD) == 401))
    assert status(guarded, NEW) == 200
    assert [pod["metadata"]["name"] for pod in pods(guarded)] == before
    logging.getLogger(__name__).info("a new key held after %.0f s, an old one no more after %.0f s", *took)


def _seconds(team: Team, holds: Callable[[], bool]) -> float:
    began = time.monotonic()
    team.until(holds, "the function has seen the Secret")
    return time.monotonic() - began
