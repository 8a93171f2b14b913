"""Trainings: the decisions by training digest, and a training on the runner."""

from typing import Any

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays.types import Hold, Overlay, Release, ReleaseRecord, Training, TrainingService
from slipway.processes import WITHHELD
from slipway.release.trainings import run, wanted
from slipway.settings import Settings, parse
from slipway.settings.types import ModelSecret, Occasion
from tests.unit.conftest import ROOT, Site
from tests.unit.release.conftest import record

NEW, OLD = "a" * 64, "b" * 64
IMAGE = f"registry.example/iris-train@sha256:{'0' * 64}"
HOLD = Hold(by="Ada <ada@example.org>", since="2026-11-21T10:00:00Z", reason="wrong answers")
SECRETS = msgspec.convert({"TOKEN": {"secret": "iris", "key": "token"}}, dict[str, ModelSecret])
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
    """Return the decision. `versions` maps a number to its training digest, or to None if published by hand."""
    records = [record(number, digest) for number, digest in sorted((versions or {}).items(), reverse=True)]
    kind, reason, _ = wanted(settings(model, environment), overlay, records, declared, NEW, occasion, repository)
    return kind, reason


UNTRAINED = "no version was trained by this code"
CHANGED = "its settings, its data or its tests have changed, which matters to later trainings"
SINCE = "its training is declared since 2026-11-21T10:00:00Z: argo get train-iris-aaaaaaaa shows its state"
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
def test_a_training_in_the_cluster_is_declared_once(asked: dict[str, Any], answer: tuple[str, str]) -> None:
    """The code is trained again only if no version has its training digest."""
    assert decide(**asked) == answer


def test_reverted_code_is_trained_again() -> None:
    """Its older version was replaced by a newer release, so it needs a version with a new number."""
    assert decide(versions={3: NEW, 4: OLD}, overlay=overlay(4)) == ("declare", UNTRAINED)


def test_code_of_a_rejected_version_is_not_trained_again() -> None:
    """The same training would give the same result."""
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
def test_a_cluster_needs_a_bucket_and_a_registry(environment: str, lacks: str) -> None:
    """Without them, a message names the missing settings and other ways to train."""
    kind, reason = decide(environment=environment)
    assert kind == "message"
    assert f"environments.test in slipway.yaml has {lacks};" in reason
    assert reason.endswith("add it, set models.iris.train: runner, or slipway train iris --env test")


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
def test_a_model_trains_on_the_runner_or_by_hand(
    train: str, occasion: Occasion, versions: dict[int, str | None], answer: tuple[str, str]
) -> None:
    """The runner trains after a push. For `manual`, a message names the command."""
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
def test_a_changed_schedule_is_declared_again(model: str, found: Training | None, reason: str) -> None:
    """The declaration follows the code and the settings, even if a version exists."""
    assert decide(model, {3: NEW}, declared=found) == ("declare", reason)
    assert decide(model, {3: NEW}, declared=found, environment="store: here") == HAS


@pytest.mark.parametrize("versions", [{}, {3: NEW}], ids=["under way", "published"])
def test_a_changed_checkout_of_the_trainer_is_declared_again(versions: dict[int, str | None]) -> None:
    """Later trainings get the new gates, data and tests. A training of older code stays as it is."""
    assert decide("", versions, declared=declared(NEW), repository=OLD) == ("declare", CHANGED)
    before = declared(NEW, repository=OLD)
    assert decide("", versions, declared=before, repository=OLD)[0] == "nothing"
    assert decide("", {3: NEW}, declared=declared(OLD), repository=OLD) == HAS


def test_an_unchanged_schedule_is_not_declared_again() -> None:
    """The schedule and the secrets are the declared ones."""
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
def test_a_changed_training_service_is_declared_again(model: str, found: Training | None) -> None:
    """The declaration follows the settings, even if a version exists."""
    assert decide(model, {3: NEW}, declared=found)[0] == "declare"
    assert decide(SERVES, {3: NEW}, declared=declared(NEW, service=SERVICE)) == HAS


COIN = '''
from slipway.model import Model


class Coin(Model):
    """Predict the same side for every row."""

    source_features = ["number"]
    target_variable = "side"

    def train(self, data):
        self.side = "heads"

    def predict(self, rows):
        return [self.side for row in rows]
'''


@pytest.mark.long(14)
def test_a_training_runs_in_the_environment_of_the_model(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code sees no secrets. The record names the run, and each line of output is reported."""
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
    steps = ["fetch", "check", "test", "fit", "evaluate", "publish"]
    assert [word for line in said for word in line.split()[:1] if word in steps] == steps


def test_a_failed_training_publishes_nothing(site: Site) -> None:
    """The error shows the last lines and the command to train by hand."""
    with pytest.raises(
        SlipwayError, match=r"training iris failed:\n  error: model/iris/requirements\.txt is missing\n"
    ) as caught:
        run(site.settings, "iris", "test")
    assert caught.value.fix == "find the cause: slipway train iris --env test"
    assert site.store().versions("iris") == []
