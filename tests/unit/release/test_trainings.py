"""What a changed training digest leads to, as a table of what is published, declared and set."""

from typing import Any

import msgspec
import pytest

from slipway.gitops.training_record import Training, TrainingService
from slipway.names import ReleaseName
from slipway.overlays.types import Hold, Overlay, Release, ReleaseRecord
from slipway.release.trainings import wanted
from slipway.settings import SecretRef, Settings, parse
from slipway.settings.types import Occasion
from tests.unit.conftest import ROOT
from tests.unit.release.conftest import record

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
