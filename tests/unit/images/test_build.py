"""Images are checked before they are pushed, labelled and weighed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec
import pytest

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.images import build as images
from slipway.images import bundle, running
from slipway.images.bundle import Bundle
from slipway.names import ReleaseName
from slipway.overlays import documents, overlay
from slipway.overlays.types import Overlay, Release, ReleaseRecord
from tests.unit.serving import tiny

ROOT = Path(__file__).parents[3]
TRAINABLE = f"{tiny.CODE}\n    def train(self, data):\n        pass\n"
DIGEST = f"sha256:{'ab' * 32}"


class Machine:
    """An engine whose images are folders of this machine. It really runs them."""

    name = "machine"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.built: list[tuple[str, str, dict[str, str]]] = []
        self.pushed: list[str] = []
        self.known = {
            "config": {"digest": "sha256:c", "size": 4_000},
            "layers": [{"digest": "sha256:l", "size": 9_000}],
        }

    def works(self) -> bool:
        """See `Engine.works`."""
        return True

    def build(self, context: Path, target: str, base: str, labels: Mapping[str, str]) -> str:
        """See `Engine.build`."""
        self.built.append((target, base, dict(labels)))
        return str(shutil.copytree(context, self.folder / str(len(self.built))))

    @contextmanager
    def run(self, image: str, variables: Mapping[str, str | None]) -> Iterator[str]:
        """See `Engine.run`."""
        with running.start(Path(image), env={**variables}) as server:
            yield server.url

    def execute(self, image: str, command: Sequence[str]) -> str:
        """See `Engine.execute`."""
        done = subprocess.run([sys.executable, *command[1:]], cwd=image, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SlipwayError(done.stderr)
        return done.stdout

    def push(self, image: str, tag: str) -> str:
        """See `Engine.push`."""
        assert Path(image).is_dir()
        self.pushed.append(tag)
        return DIGEST

    def save(self, image: str, file: Path) -> None:
        """See `Engine.save`: the file names the folder."""
        file.write_text(image)

    def load(self, file: Path) -> str:
        """See `Engine.load`."""
        return file.read_text()

    def labels(self, image: str) -> dict[str, str]:
        """See `Engine.labels`."""
        return self.built[int(Path(image).name) - 1][2]

    def manifest(self, reference: str) -> str:
        """See `Engine.manifest`: one layer is the same in every image but this last."""
        own = {"digest": f"sha256:own {reference[-4:]}", "size": 600}
        return json.dumps(self.known | {"layers": [*self.known["layers"], own]})


class Factory:
    """A builder of images, and its reports."""

    def __init__(self, folder: Path) -> None:
        self.settings = tiny.repository(folder / "repository")
        (folder / "images").mkdir()
        self.machine = Machine(folder / "images")
        self.said: list[str] = []
        self.built = images.EngineBuilder(self.settings, "registry.example/team", self.machine, self.said.append)
        self.folder = folder

    def bundle(self, **changes: object) -> bundle.Bundle:
        """A bundle of the model."""
        artifact = tiny.artifact(self.folder / "artifact", **changes)
        return bundle.make_local(self.settings, "tiny", artifact, self.folder / "bundle")


@pytest.fixture
def factory(tmp_path: Path) -> Factory:
    """A builder with an engine that works."""
    return Factory(tmp_path)


def test_image_is_checked_and_pushed(factory: Factory) -> None:
    """The image is named by its digest, weighed, and labelled with its fingerprint."""
    made = factory.bundle()
    image = factory.built.build(made)
    assert image == images.Image(f"registry.example/team/tiny@{DIGEST}", 13_600)
    assert factory.machine.pushed == [f"registry.example/team/tiny:{made.fingerprint[:12]}"]
    ((target, base, labels),) = factory.machine.built
    assert (target, base) == ("function", "python:3.11-slim")
    assert labels["org.opencontainers.image.version"] == made.fingerprint
    assert factory.said[-1].endswith(": 13.6 kB")


@pytest.fixture
def registry(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> Factory:
    """A builder in a repository with a registry."""
    path = factory.settings.root / "slipway.yaml"
    path.write_text(path.read_text().replace("test: {", "test: {registry: registry.example/team, ", 1))
    factory.settings = settings_file.load(factory.settings.root)
    monkeypatch.setattr("slipway.images.engines.find", lambda: factory.machine)
    return factory


def keep(factory: Factory, made: Bundle) -> Path:
    """Make an image without rights; return its file."""
    file = factory.folder / "kept" / "tiny.tar"
    images.keeper_for(factory.settings, "test", factory.said.append, lambda _: file)(made)
    return file


def test_an_image_is_kept_and_pushed_by_another(registry: Factory) -> None:
    """It is checked where it is made; the pusher takes the image of this name and fingerprint only."""
    made = registry.bundle()
    file = keep(registry, made)
    assert registry.machine.pushed == []
    for name, fingerprint in (("tiny", "0" * 64), ("huge", made.fingerprint)):
        with pytest.raises(SlipwayError, match="is not the image of"):
            images.push_kept(registry.settings, "test", file, name, fingerprint, registry.said.append)
    assert registry.machine.pushed == []
    pushed = images.push_kept(registry.settings, "test", file, "tiny", made.fingerprint, registry.said.append)
    assert pushed == images.Image(f"registry.example/team/tiny@{DIGEST}", 13_600)


def test_an_image_that_fails_its_checks_is_not_kept(registry: Factory) -> None:
    """There is no file to push."""
    with pytest.raises(SlipwayError, match=r"expected 8\.5, found 8\.0"):
        keep(registry, registry.bundle(predictions=[4.0, 8.5]))
    assert not (registry.folder / "kept").exists()


def test_image_with_other_golden_predictions_is_never_pushed(factory: Factory) -> None:
    """The error names the row and the difference."""
    with pytest.raises(SlipwayError) as caught:
        factory.built.build(factory.bundle(predictions=[4.0, 8.5]))
    assert "the image of tiny fails its checks and is not pushed" in caught.value.problem
    assert "row 1: expected 8.5, found 8.0" in caught.value.problem
    assert factory.machine.pushed == []


def test_image_that_does_not_start_is_never_pushed(factory: Factory) -> None:
    """The error gives the reason from the function's log."""
    with pytest.raises(SlipwayError, match="left_out") as caught:
        factory.built.build(factory.bundle(code=f"import left_out\n{tiny.CODE}"))
    assert "is not pushed" in caught.value.problem
    assert factory.machine.pushed == []


def test_answer_of_another_program_fails_the_check(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the image itself may answer, and no container of another build."""
    other = tiny.bundled(factory.folder / "other", predictions=[4.0, 8.0000001])
    made = factory.bundle()
    with running.start(other.folder) as stranger:
        monkeypatch.setattr(factory.machine, "run", lambda *_given: nullcontext(stranger.url))
        with pytest.raises(SlipwayError, match="is answered by") as caught:
            factory.built.build(made)
    assert caught.value.fix.endswith("run it again")
    assert factory.machine.pushed == []


def test_layers_of_the_declared_image_are_not_new(factory: Factory) -> None:
    """The cluster has the layers of the model's last release already."""
    name = ReleaseName.parse("v1-1a2b3c4d")
    record = ReleaseRecord(
        release=str(name),
        version=1,
        model_id="tiny/test/1",
        fingerprint="1a2b3c4d" * 8,
        image=f"registry.example/team/tiny@sha256:{'cd' * 32}",
        artifact="ef" * 32,
        commit="0" * 40,
        created="2026-01-01T00:00:00Z",
        by="Ada",
    )
    files = {
        overlay.RECORD: documents.format(msgspec.to_builtins(record)),
        overlay.MANIFESTS: b"",
        "kustomization.yaml": b"",
    }
    declared = Release(record=record, files=files)
    found = Overlay(environment="test", model="tiny", namespace="test", releases=(declared,), route={name: 100})
    for path, content in overlay.format(found).items():
        file = factory.settings.root / "overlays/test/tiny" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    factory.built.build(factory.bundle())
    assert factory.said[-1].endswith(": 600 bytes of 13.6 kB are new")


def test_unknown_size_is_zero(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image is pushed, and the report names no size."""
    monkeypatch.setattr(factory.machine, "manifest", lambda _reference: "")
    assert factory.built.build(factory.bundle()).size == 0
    assert factory.said[-1].endswith(" s")


def trainer_in(factory: Factory, code: str) -> Bundle:
    """Return a trainer's bundle with the files that the check of its image reads."""
    folder = factory.folder / "trainer"
    (folder / "model/tiny").mkdir(parents=True)
    (folder / "model/tiny/model.py").write_text(code)
    (folder / "slipway.yaml").write_text(tiny.SETTINGS)
    return Bundle(folder, "train", "tiny", "python:3.11-slim", {"code": "12"})


def test_trainer_is_built_from_its_own_stage(factory: Factory) -> None:
    """The image imports the model before it is pushed."""
    made = trainer_in(factory, TRAINABLE)
    image = factory.built.build(made)
    assert image.reference == f"registry.example/team/tiny-train@{DIGEST}"
    assert [target for target, _, _ in factory.machine.built] == ["train"]
    assert factory.machine.pushed == [f"registry.example/team/tiny-train:{made.fingerprint[:12]}"]


def test_trainer_that_cannot_import_its_model_is_never_pushed(factory: Factory) -> None:
    """The error names the missing module."""
    with pytest.raises(SlipwayError, match="left_out") as caught:
        factory.built.build(trainer_in(factory, f"import left_out\n{TRAINABLE}"))
    assert "the image of tiny-train fails its checks and is not pushed" in caught.value.problem
    assert factory.machine.pushed == []


def platform_in(factory: Factory) -> Bundle:
    """Return the platform's bundle, empty, for an engine that only copies it."""
    folder = factory.folder / "platform"
    folder.mkdir()
    return Bundle(folder, "platform", "slipway", "python:3.11-slim", {"code": "12"})


def test_platform_is_built_from_its_own_stage(factory: Factory) -> None:
    """Its base image is that of `slipway.yaml`, not that of a model."""
    made = platform_in(factory)
    image = factory.built.build(made)
    assert image.reference == f"registry.example/team/slipway@{DIGEST}"
    assert [(target, base) for target, base, _ in factory.machine.built] == [("platform", "python:3.11-slim")]
    assert factory.machine.pushed == [f"registry.example/team/slipway:{made.fingerprint[:12]}"]


def test_platform_that_lacks_a_package_is_never_pushed(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the missing package."""
    monkeypatch.setattr(images, "_CHECK", ["python", "-P", "-m", "left_out"])
    with pytest.raises(SlipwayError, match="left_out") as caught:
        factory.built.build(platform_in(factory))
    assert "the image of slipway fails its checks and is not pushed" in caught.value.problem
    assert factory.machine.pushed == []


def test_without_a_registry_images_are_named_and_not_built(tmp_path: Path) -> None:
    """The names are fingerprints in a registry that cannot exist."""
    settings = settings_file.load(tiny.repository(tmp_path / "repository").root)
    builder = images.builder_for(settings, "test", print)
    made = Bundle(tmp_path, "train", "tiny", "python:3.11-slim", {"code": "12"})
    image = builder(made)
    assert image == images.Image(f"unbuilt.invalid/tiny-train@sha256:{made.fingerprint}")
    assert images.is_unbuilt(image.reference)
    assert images.is_unbuilt(builder(made._replace(target="platform", model="slipway")).reference)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/team/models.git", "https://github.com/team/models"),
        ("https://x-access-token:ghs_secret@github.com/team/models", "https://github.com/team/models"),
        ("git@github.com:team/models.git", "https://github.com/team/models"),
        ("ssh://git@git.example.org:2222/team/models.git", "https://git.example.org/team/models"),
        ("http://git.example.org:8080/models.git", "http://git.example.org:8080/models"),
        ("/srv/git/models.git", ""),
        ("file:///srv/git/models.git", ""),
        ("../models", ""),
        ("ssh://git@github.com:team/models.git", ""),
        ("https://[github.com/team/models", ""),
    ],
)
def test_web_address_of_a_remote_holds_no_secret(remote, address):
    """The label has the address that a person opens. A folder on a machine has none."""
    assert images.web_address(remote) == address


def test_labels_name_the_content_and_the_source(site):
    """They hold title, fingerprint, commit and repository. They hold no time, so that equal images are equal."""
    site.git("remote", "add", "origin", "https://ada:secret@github.com/team/models.git")
    assert images.labels_of(site.root, "iris", "ab12") == {
        "org.opencontainers.image.title": "iris",
        "org.opencontainers.image.version": "ab12",
        "org.opencontainers.image.revision": site.head,
        "org.opencontainers.image.source": "https://github.com/team/models",
    }


def test_labels_outside_of_a_repository(tmp_path):
    """There is no commit and no address."""
    assert images.labels_of(tmp_path, "iris", "ab12").keys() == {
        "org.opencontainers.image.title",
        "org.opencontainers.image.version",
    }


class Registry:
    """An engine that knows one manifest."""

    def __init__(self, manifest):
        self.found = manifest

    def manifest(self, _reference):
        """See `Engine.manifest`."""
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


MANIFEST = {
    "schemaVersion": 2,
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:c", "size": 400},
    "layers": [{"digest": "sha256:base", "size": 58_000_000}, {"digest": "sha256:model", "size": 13_000}],
}


def test_size_is_the_sum_of_configuration_and_layers():
    """Sizes are compressed, as in the registry. Layers of other images are not new."""
    found = images.layers_of(Registry(json.dumps(MANIFEST)), "r/iris@sha256:1")
    assert sum(found.values()) == 58_013_400
    assert images.new(found, {"sha256:base"}) == 13_400


@pytest.mark.parametrize(
    "manifest",
    ["", "not JSON", json.dumps({"manifests": []}), SlipwayError("unauthorized")],
    ids=["no means", "not JSON", "a list", "refused"],
)
def test_unreadable_manifest_gives_no_layers(manifest):
    """A missing size does not fail a build."""
    assert images.layers_of(Registry(manifest), "r/iris@sha256:1") == {}


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (999, "999 bytes"),
        (13_040, "13.0 kB"),
        (154_321, "154 kB"),
        (999_800, "1.0 MB"),
        (58_134_000, "58.1 MB"),
        (149_000_000, "149 MB"),
        (1_180_000_000, "1.2 GB"),
    ],
)
def test_sizes_are_written_with_three_digits_and_a_unit(size, text):
    assert images.text(size) == text
