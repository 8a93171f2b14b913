"""Containers in settings, training, release and verification. A server of the test plays the engine."""

import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import yaml

from slipway import settings
from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.gitops import release_folder
from slipway.images import bundle, engines, verification
from slipway.models.discovery import training_digest
from slipway.names import ReleaseName
from slipway.overlays.types import ReleaseRecord
from slipway.release import maker
from slipway.settings import ModelSettings
from slipway.store import store_of
from slipway.training.task import STEPS, begin, step

ROOT = Path(__file__).parents[3]
IMAGE = f"ghcr.io/team/leaves@sha256:{'1' * 64}"
SETTINGS = """
environments: {{test: {{store: store, namespace: test, registry: ghcr.io/team}}}}
models: {{leaves: {{image: "{image}", target: kind, {more}}}}}
"""


class Team:
    """A scratch repository with a model that is a container."""

    def __init__(self, root):
        self.root = root
        (root / "model/leaves").mkdir(parents=True)
        rows = [f"{1 + number / 20},{number},{'large' if number > 20 else 'small'}" for number in range(60)]
        (root / "model/leaves/leaves.csv").write_text("\n".join(["length,width,kind", *rows]) + "\n")
        shutil.copy(ROOT / "requirements.lock", root)
        self.configure()

    def configure(self, image=IMAGE, more="train: runner"):
        (self.root / "slipway.yaml").write_text(SETTINGS.format(image=image, more=more))
        return self.settings

    @property
    def settings(self):
        return settings.load(self.root)

    def train(self):
        """Run all steps of a training; return the record."""
        source = None
        for name in STEPS:
            task = begin(self.settings, "leaves", "test") if source is None else None
            step(name, self.settings, source, self.root / "run" / name, task)
            source = self.root / "run" / name
        return store_of(self.settings, "test").record("leaves", 1)


@pytest.fixture
def team(tmp_path):
    path = list(sys.path)
    yield Team(tmp_path)
    sys.path[:] = path


@pytest.fixture
def engine_serves(container, monkeypatch):
    """Let the test's server answer for every image; return the started names."""
    started = []

    @contextmanager
    def serve(image, *, model_id, release):
        started.append((image, model_id, release))
        yield container(model_id, release).url

    monkeypatch.setattr(engines, "serve", serve)
    monkeypatch.setattr(engines, "user_of", lambda _image: "65532")
    return started


@pytest.mark.parametrize(
    ("image", "more", "says"),
    [
        ("ghcr.io/team/leaves:1", "train: runner", "models.leaves.image: is a tag"),
        (IMAGE, "train: declared", "models.leaves.train: an engine has to start the container"),
        (IMAGE, "train: runner, parameters: {a: 1}", "models.leaves.parameters: a container has none"),
        (IMAGE, "train: runner, protocol: grpc", "models.leaves.protocol: a container is asked over HTTP"),
        (IMAGE, "train: runner, cors: ['https://a.b']", "models.leaves.cors: a container answers browsers in its own"),
        (IMAGE, "train: runner, access: {kind: bearer}", "models.leaves.access: a container lets everybody in"),
        (
            IMAGE,
            "train: runner, per_environment: {test: {access: {kind: bearer}}}",
            "models.leaves.access: a container lets everybody in",
        ),
    ],
)
def test_settings_that_a_container_cannot_have_are_refused(team, image, more, says):
    """The error names the path of the setting."""
    with pytest.raises(SlipwayError, match=says):
        team.configure(image, more)


def test_training_of_a_container_learns_its_schema(team, engine_serves):
    """It is measured, its golden predictions are kept, and the record names the image."""
    record = team.train()
    assert record.image == IMAGE
    assert record.metrics["accuracy"] == 1.0
    assert record.training.digest == training_digest(team.settings, "leaves")
    assert set(record.artifact.files) == {
        *("artifact.json", "schema.json", "golden.json", "metrics.json"),
        *(f"parts/{name}.json" for name in ("called", "image", "target", "types")),
    }
    assert set(engine_serves) == {(IMAGE, "leaves/dev/1", "dev")}


def test_another_image_changes_the_training_digest(team):
    """So its release becomes due."""
    before = training_digest(team.settings, "leaves")
    assert training_digest(team.configure(IMAGE.replace("1", "2")), "leaves") != before
    assert class_of(team.settings, "leaves").source_features == ["length", "width"]


@pytest.mark.usefixtures("engine_serves")
def test_fingerprint_changes_with_the_image(team):
    """It does not depend on the platform's code."""
    record = team.train()
    other = msgspec.structs.replace(record, image=IMAGE.replace("1", "2"))
    found = {maker.fingerprint_of(team.settings, each) for each in (record, other)}
    assert len(found) == 2
    assert bundle.of_container(record) in found


@pytest.mark.usefixtures("engine_serves")
def test_a_container_is_verified_by_its_golden_predictions(team, container):
    """It names its model id and release. The fingerprint follows from the record."""
    record = team.train()
    name = ReleaseName.of(1, bundle.of_container(record))
    store = store_of(team.settings, "test")
    done = verification.verify_url(lambda _environment: store, container("leaves/test/1", str(name)).url)
    assert (done.model, done.release, done.repeated) == ("leaves", name, False)
    assert done.evidence["fingerprint"] == bundle.of_container(record)
    assert done.evidence["rows"] > 0


@pytest.mark.usefixtures("engine_serves")
def test_server_without_a_model_id_is_verified_at_a_known_release(team, container):
    """The Job asks each release at its own address. A bare URL is not enough."""
    name = ReleaseName.of(1, bundle.of_container(team.train()))
    made = container("leaves/test/1", str(name))
    made.answers["/v2"] = (200, {"name": "mlserver", "version": "1.7.1"})
    store = store_of(team.settings, "test")
    with pytest.raises(SlipwayError, match="answers with status 404"):
        verification.verify_url(lambda _environment: store, made.url)
    assert verification.verify_at(store, "leaves", name, made.url).evidence["model_id"] == "leaves/test/1"


@pytest.mark.usefixtures("engine_serves")
@pytest.mark.parametrize(
    ("old", "new", "says"), [("release", "v1-00000000", "the fingerprint"), ("kind", "tiny", "row 0")]
)
def test_container_of_another_release_or_with_other_answers_is_refused(team, container, old, new, says):
    record = team.train()
    name = str(ReleaseName.of(1, bundle.of_container(record)))
    made = container("leaves/test/1", new if old == "release" else name)
    if old == "kind":
        made.answers["/v2/models/leaves/infer"] = (200, lambda body: answer(made, body, new))
    with pytest.raises(SlipwayError, match=says):
        verification.verify_url(lambda _environment: store_of(team.settings, "test"), made.url)


def answer(made, body, kind):
    status, content = made.infer(body)
    content["outputs"][0]["data"] = [kind] * content["outputs"][0]["shape"][0]
    return status, content


def test_probes_of_its_service_follow_the_protocol():
    """The rest of its manifests equals a function's."""
    base = {
        path.relative_to(ROOT / release_folder.BASE).as_posix(): path.read_bytes()
        for path in (ROOT / release_folder.BASE).rglob("*.yaml")
    }
    shown = []
    for container in (False, True):
        record = ReleaseRecord(
            release="v1-11111111",
            version=1,
            model_id="leaves/test/1",
            fingerprint="1" * 64,
            image=IMAGE,
            container=container,
            artifact="2" * 64,
            commit="",
            created="",
            by="",
        )
        rendered = release_folder.manifests(base, "leaves", record, ModelSettings(), ROOT)
        (service,) = [each for each in yaml.safe_load_all(rendered) if each]
        shown.append(service["spec"]["template"]["spec"]["containers"][0])
    function, own = shown
    assert own.pop("readinessProbe")["httpGet"]["path"] == "/v2/health/ready"
    assert own.pop("livenessProbe")["httpGet"]["path"] == "/v2/health/live"
    assert own == {key: value for key, value in function.items() if not key.endswith("Probe")}
