"""Images as an engine really builds them: their layers, what is in them, and what a failure leaves behind."""

import gzip
import json
import os
import re
import signal
import subprocess
import tarfile
import threading

import pytest

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.images import build as images
from slipway.images import bundle, engines, platform
from slipway.store import store_of

SECRET = "hunter2-is-not-to-be-found"
BASE_LAYERS = 1
SCRATCH = ("/tmp", "/work")  # noqa: S108 - of a pod


class Works:
    """The team's model `coin` and what builds its images."""

    def __init__(self, team, folder):
        self.team, self.folder = team, folder
        self.said = []
        self.settings = settings_file.load(team.root)
        self.registry = self.settings.environment("test").registry
        self.engine = engines.find()
        self.built = images.EngineBuilder(self.settings, self.registry, self.engine, self.said.append)

    def bundle(self, version=-1):
        store = store_of(self.settings, "test")
        number = store.versions("coin")[version]
        return bundle.make(self.settings, store, store.record("coin", number), self.folder / f"bundle-{number}")

    def trainer(self):
        return platform.make_trainer(self.settings, "coin", self.folder / "trainer")

    def layers(self, image):
        return [layer["digest"] for layer in json.loads(self.engine.manifest(image.reference))["layers"]]

    def unpacked(self, image):
        """The image as files: its configuration, and each layer's content."""
        target = self.folder / f"unpacked-{image.reference[-8:]}"
        subprocess.run(
            ["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{image.reference}", f"dir:{target}"],
            check=True,
        )
        manifest = json.loads((target / "manifest.json").read_bytes())
        config = (target / manifest["config"]["digest"].partition(":")[2]).read_bytes()
        return config, [target / layer["digest"].partition(":")[2] for layer in manifest["layers"]]


@pytest.fixture
def works(team, tmp_path):
    """A trained model; skopeo looks into what was pushed."""
    if engines.find().name != "buildah":
        pytest.skip("these look into what buildah keeps")
    if not store_of(settings_file.load(team.root), "test").versions("coin"):
        team.slipway("train", "coin")
    return Works(team, tmp_path)


def test_a_new_artifact_is_a_layer_of_its_own(works):
    """All layers before it are those of the version before."""
    first = works.built.build(works.bundle())
    works.team.slipway("train", "coin", "-p", "side=tails")
    second = works.built.build(works.bundle())
    assert works.layers(first)[:-1] == works.layers(second)[:-1]
    assert works.layers(first)[-1] != works.layers(second)[-1]
    assert second.size > 1_000_000
    assert re.search(r"built in [\d.]+ s, pushed in [\d.]+ s: \d", works.said[-1])


def test_equal_files_give_equal_layers_without_a_cache(works, monkeypatch):
    """So a machine that has built nothing yet pushes nothing that the registry has."""
    made = works.bundle()
    first = works.built.build(made)
    monkeypatch.setenv("SLIPWAY_BUILD_OPTIONS", f"{os.environ.get('SLIPWAY_BUILD_OPTIONS', '')} --no-cache")
    assert works.layers(works.built.build(made)) == works.layers(first)


def test_no_secret_enters_an_image(works, monkeypatch):
    """Not from the environment of whoever builds, and not from a remote's address or a hidden file."""
    for name in ("GITHUB_TOKEN", "PIP_INDEX_PASSWORD", "SLIPWAY_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    address = ("git", "-C", str(works.team.root), "remote", "set-url", "origin")
    subprocess.run([*address, f"https://ada:{SECRET}@example.org/models.git"], check=True)
    hidden = works.team.root / "model/coin/.env"
    hidden.write_text(f"TOKEN={SECRET}")
    training = works.trainer()
    hidden.unlink()
    for image in (works.built.build(works.bundle()), works.built.build(training)):
        config, layers = works.unpacked(image)
        assert SECRET.encode() not in config
        for layer in layers[BASE_LAYERS:]:
            with gzip.open(layer) as content:
                assert SECRET.encode() not in content.read()


def test_an_image_says_what_it_is_and_belongs_to_nobody_in_particular(works):
    """Labels, a numeric user who is not root, files that are root's, bytecode, and one fixed time."""
    made = works.bundle()
    config, layers = works.unpacked(works.built.build(made))
    told = json.loads(config)
    labels = told["config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "coin"
    assert labels["org.opencontainers.image.version"] == made.fingerprint
    assert re.fullmatch("[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    assert "org.opencontainers.image.created" not in labels
    assert told["created"] == "1980-01-01T00:00:00Z"
    assert told["config"]["User"] == "65532:65532"
    with tarfile.open(layers[-1]) as model:
        files = {member.name: member for member in model.getmembers()}
    assert {(member.uid, member.mtime) for member in files.values()} == {(0, 315532800)}
    assert any(name.startswith("app/artifact/code/model/coin/__pycache__/") for name in files)


def names(works):
    """The names that this machine knows of the team's images."""
    listed = subprocess.run(["buildah", "images", "--json"], capture_output=True, check=True).stdout
    return {name for image in json.loads(listed) for name in image.get("names") or () if works.registry in name}


def containers():
    listed = subprocess.run(["buildah", "containers", "--json"], capture_output=True, check=True).stdout
    return {container["containername"] for container in json.loads(listed) or ()}


@pytest.fixture
def own_storage(tmp_path, monkeypatch):
    """A store of the engine that nobody else uses meanwhile."""
    storage = tmp_path / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    yield
    subprocess.run(["umount", "--lazy", str(tmp_path / "graph" / "overlay")], check=False)


def broken_lock(made):
    made.lock.write_text(f"no-such-package-of-slipway==1 --hash=sha256:{'0' * 64}\n")
    return "buildah build failed", "set another base_image, or train it again"


def broken_start(made):
    (made.folder / "artifact" / "golden.json").write_text('{"rows": [], "predictions": []}')
    return "artifact/golden.json has changed", "make the bundle and its image again"


@pytest.mark.parametrize("spoil", [broken_lock, broken_start])
def test_an_image_that_fails_leaves_nothing(works, spoil, own_storage):  # noqa: ARG001
    """Neither a name nor a container; the message has the reason and what to do."""
    made = works.bundle()
    problem, fix = spoil(made)
    before = names(works), containers()
    with pytest.raises(SlipwayError) as caught:
        works.built.build(made._replace(components={"code": "another"}))
    assert problem in caught.value.problem
    assert fix in str(caught.value)
    assert (names(works), containers()) == before


def test_a_registry_that_is_not_there_is_told(works):
    """The image is built and holds, and the message says what cannot be reached."""
    works.built.registry = "localhost:1/team"
    with pytest.raises(SlipwayError, match="buildah push failed") as caught:
        works.built.build(works.bundle())
    assert "can be reached from here" in caught.value.fix
    assert not any("localhost:1/" in name for name in names(works))


def test_a_build_that_is_stopped_leaves_no_container(works, own_storage):  # noqa: ARG001
    """Also when the signal comes in the middle."""
    command = ["slipway", "release", "coin"]
    with subprocess.Popen(command, cwd=works.team.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as release:
        while not containers():
            assert release.poll() is None, release.stdout.read()
        release.send_signal(signal.SIGTERM)
        said = release.communicate()[0].decode()
    assert release.returncode == 130
    assert "leaves nothing behind" in said
    assert (containers(), names(works)) == (set(), set())


def test_builds_at_the_same_time_leave_one_another_alone(works):
    """A function and a trainer, built at once on one machine, are what they are alone."""
    made, training = works.bundle(), works.trainer()
    found = {}
    builds = (
        threading.Thread(target=lambda: found.update(function=works.built.build(made))),
        threading.Thread(target=lambda: found.update(trainer=works.built.build(training))),
    )
    for build in builds:
        build.start()
    for build in builds:
        build.join()
    assert found["function"] == works.built.build(made)
    assert found["trainer"] == works.built.build(training)


STEPS = """
set -e
slipway step fetch --model coin --env test --out /work/fetch
slipway step check --in /work/fetch --out /work/check
slipway step test --in /work/check --out /work/test
slipway step fit --in /work/test --out /work/fit
slipway step evaluate --in /work/fit --out /work/evaluate
cat /work/evaluate/about.json
"""


def test_a_trainer_trains_where_nothing_can_be_installed(works):
    """In a pod under `restricted` with a read-only root: the fresh model is served in its own environment, too."""
    image = works.built.build(works.trainer())
    namespace = works.team.namespace
    container = {
        "name": "main",
        "image": image.reference,
        "command": ["sh", "-c"],
        "args": [STEPS],
        "env": [{"name": "SLIPWAY_COMMIT", "value": "0123abc"}, {"name": "SLIPWAY_BRANCH", "value": "main"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "scratch", "mountPath": path, "subPath": path[1:]} for path in SCRATCH],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "trainer"},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    }
    works.team.kubectl("apply", "--namespace", namespace, "--filename", "-", stdin=json.dumps(pod))
    phase = ("get", "pod", "trainer", "--namespace", namespace, "--output", "jsonpath={.status.phase}")
    works.team.until(lambda: works.team.kubectl(*phase) in ("Succeeded", "Failed"), "the trainer has ended")
    log = works.team.kubectl("logs", "trainer", "--namespace", namespace)
    assert works.team.kubectl(*phase) == "Succeeded", log
    assert "it starts and keeps its golden predictions" in log
    assert json.loads(log[log.index("{") :])["commit"] == {"branch": "main", "dirty": False, "sha": "0123abc"}
