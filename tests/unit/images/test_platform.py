"""The platform's own image: its bundle, and when it is built."""

import shutil
from pathlib import Path

import msgspec
import pytest
import yaml

from slipway import settings as settings_file
from slipway.cli.commands.releases import show_plan
from slipway.git import Repository
from slipway.gitops.branches import Here
from slipway.gitops.snapshot import Snapshot
from slipway.images import build as images
from slipway.images import platform
from slipway.images.build import Image
from slipway.images.bundle import Bundle
from slipway.overlays.overlay import MANIFESTS
from slipway.overlays.types import Overlay
from slipway.release.maker import UNNEEDED, Maker, PlatformImage, fingerprint_of
from slipway.release.plan import Made, Plan
from slipway.settings import Settings
from tests.unit.conftest import Site

ROOT = Path(__file__).parents[3]
BUCKET = "gs://bucket/test"


class Builder:
    """A builder that only names images, and counts them."""

    def __init__(self) -> None:
        self.built: list[str] = []

    def __call__(self, made: Bundle) -> Image:
        self.built.append(made.fingerprint)
        return Image(f"registry.example/team/slipway@sha256:{made.fingerprint}", 77)


@pytest.fixture
def checkout(tmp_path: Path) -> Settings:
    """A repository that brings the platform's code along, as a team's does."""
    for folder in ("functions", "src/slipway"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    (tmp_path / "slipway.yaml").write_text(f"environments: {{test: {{store: {BUCKET}, namespace: test}}}}\n")
    return settings_file.load(tmp_path)


def test_bundle_holds_the_platform_and_no_model(checkout: Settings, tmp_path: Path) -> None:
    """It holds the whole package and its lock."""
    made = platform.make(checkout, tmp_path / "made")
    found = sorted(path.name for path in made.folder.iterdir())
    assert found == ["Dockerfile", "locks.py", "platform", "platform.lock", "wheels"]
    assert (made.folder / "platform/src/slipway/cli/__init__.py").is_file()
    assert (made.folder / "platform/bin/slipway").stat().st_mode & 0o111
    lock = made.lock.read_text()
    assert "google-cloud-storage==" in lock
    assert "--hash=sha256:" in lock
    for left_out in ("\nuv==", "\ncyclonedx-python-lib==", "\npandas==", "\nscikit-learn=="):
        assert left_out not in lock


@pytest.mark.parametrize(
    ("path", "component"),
    [
        ("src/slipway/errors.py", "platform code"),
        ("functions/training/main.py", "platform code"),
        ("functions/Dockerfile", "platform code"),
        ("slipway.yaml", "base image"),
        ("model/iris/model.py", ""),
    ],
)
def test_fingerprint_changes_with_code_packages_and_base_image(
    checkout: Settings, tmp_path: Path, path: str, component: str
) -> None:
    """A model does not change it."""
    before = platform.make(checkout, tmp_path / "before").components
    file = checkout.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    more = "base_image: python:3.12\n" if component == "base image" else "#\n"
    file.write_text((file.read_text() if file.is_file() else "") + more)
    after = platform.make(settings_file.load(checkout.root), tmp_path / "after").components
    assert [name for name in before if before[name] != after[name]] == ([component] if component else [])


def maker(site: Site, builder: object) -> Maker:
    return Maker(Repository(site.root), "test", builder, lambda _: None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("place", "key"), [("prod/tumor/v1-1a2b3c4d", "verifier"), ("test/iris/training", "platform")])
def test_image_is_built_once(site: Site, place: str, key: str) -> None:
    """It is known in the same run, and when any release or training names it."""
    site.set(".slipway/store/test", f"{BUCKET}, registry: registry.example/team")
    builder, stand = Builder(), Here(Repository(site.root)).stand()
    first = maker(site, builder)
    found = first.platform(site.settings, stand)
    assert first.platform(site.settings, stand) == found
    assert builder.built == [found.fingerprint]
    assert found.new
    record = f'{key}: "{found.image.reference}"\n{key}_fingerprint: "{found.fingerprint}"\n'
    site.write(f"overlays/{place}/record.yaml", record)
    site.commit("What names it")
    again = maker(site, builder).platform(site.settings, Here(Repository(site.root)).stand())
    assert (again.image.reference, again.new) == (found.image.reference, False)
    assert builder.built == [found.fingerprint]


def test_an_image_of_another_registry_is_not_taken(site: Site) -> None:
    """After a change of the registry, images are built anew."""
    site.set(".slipway/store/test", f"{BUCKET}, registry: registry.example/team")
    builder = Builder()
    found = maker(site, builder).platform(site.settings, Here(Repository(site.root)).stand())
    foreign = f"ghcr.io/mallory/slipway@sha256:{found.fingerprint}"
    record = f'verifier: "{foreign}"\nverifier_fingerprint: "{found.fingerprint}"\n'
    site.write("overlays/prod/tumor/v1-1a2b3c4d/record.yaml", record)
    site.commit("A release that is verified by another one")
    again = maker(site, builder).platform(site.settings, Here(Repository(site.root)).stand())
    assert (again.image, again.new) == (found.image, True)


@pytest.mark.parametrize("registry", ["ghcr.io/team", "ghcr.io/others"])
def test_declared_image_is_taken_from_the_same_registry(site: Site, registry: str) -> None:
    """In another registry the version gets another image."""
    record = site.publish()
    release = site.release("iris").outcomes[0].release
    declared = site.overlay().release(str(release)).record
    image = f"ghcr.io/team/iris@sha256:{'cd' * 32}"
    path = f"overlays/test/iris/{release}/record.yaml"
    site.write(path, (site.root / path).read_text().replace(declared.image, image))
    site.set(".slipway/store/test", f".slipway/store/test, registry: {registry}")
    stand = Here(Repository(site.root)).stand()
    found = maker(site, images.unbuilt).image(site.settings, record, declared.fingerprint, stand)
    assert (found.reference == image) is (registry == "ghcr.io/team")


def test_release_names_the_image_that_verifies_it(site: Site) -> None:
    """The record names the image, and the Job is among the manifests."""
    record, stand = site.publish(), Here(Repository(site.root)).stand()
    environments = site.settings.environments
    test = msgspec.structs.replace(environments["test"], store=BUCKET)
    settings = msgspec.structs.replace(site.settings, environments=environments | {"test": test})
    image = PlatformImage(Image("registry.example/team/slipway@sha256:ab"), "ab" * 32)
    known = {fingerprint_of(settings, record): Image("registry.example/team/iris@sha256:cd")}
    snapshot = Snapshot(Repository(site.root), stand.commit, settings)
    made = Maker(Repository(site.root), "test", images.unbuilt, lambda _: None, known, image).make(
        snapshot, record, Overlay(environment="test", model="iris", namespace="test"), stand, again=False
    )
    assert (made.record.verifier, made.record.verifier_fingerprint) == (image.image.reference, image.fingerprint)
    [_, job] = yaml.safe_load_all(made.files[MANIFESTS])
    assert job["kind"] == "Job"
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == image.image.reference


def test_build_names_only_a_new_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new image is attested as the others are. An earlier one is not named again."""
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    reference = f"registry.example/team/slipway@sha256:{'ab' * 32}"
    for new in (True, False):
        output.write_text("")
        made = Made(reference=reference, new=new, sbom="slipway.cdx.json")
        assert show_plan(Plan(environment="test", commit="c", branch="main", platform=made, models=[]), tmp_path) == 0
        assert ("slipway.cdx.json" in output.read_text()) is new


def test_image_is_not_built_without_pods(site: Site) -> None:
    """A pod reaches no directory and cannot pull an image that is only named."""
    builder, stand = Builder(), Here(Repository(site.root)).stand()
    assert maker(site, builder).platform(site.settings, stand) == UNNEEDED
    site.set(".slipway/store/test", BUCKET)
    assert maker(site, images.unbuilt).platform(site.settings, stand) == UNNEEDED
    assert builder.built == []
