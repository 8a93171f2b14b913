"""Bundles hold what an image needs, and their fingerprints follow from it."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from slipway import digests
from slipway import settings as settings_module
from slipway.errors import SlipwayError
from slipway.images import bundle
from slipway.serving import bundled
from slipway.store import open_store
from tests import wheels as built
from tests.unit.images.conftest import differing
from tests.unit.serving import tiny

if TYPE_CHECKING:
    from slipway.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.fixture
def repository(tmp_path: Path) -> "Settings":
    """A repository with the model, and with platform code of its own that a test may change."""
    root = tmp_path / "repository"
    settings = tiny.repository(root)
    shutil.copytree(ROOT / "functions", root / "functions")
    shutil.copytree(ROOT / "src" / "slipway", root / "src" / "slipway", ignore=shutil.ignore_patterns("__pycache__"))
    return settings


def content(folder: Path) -> dict[str, tuple[bytes, int, float]]:
    """Return bytes, modes and times of the files in a folder."""
    return {
        path: (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime)
        for path, file in digests.walk(folder).items()
    }


def test_bundle_holds_the_build_context(repository: "Settings", tmp_path: Path) -> None:
    """It holds the Dockerfile, all files that this copies, the artifact, and `bundle.json`."""
    artifact = tiny.artifact(tmp_path / "artifact")
    made = bundle.make_local(repository, "tiny", artifact, tmp_path / "bundle")
    told = json.loads((made.folder / "bundle.json").read_bytes())
    files = {path: digests.of_file(file) for path, file in digests.walk(artifact).items()}
    assert told["artifact"] == {"digest": digests.of_files(files), "files": files}
    assert (told["model"], told["base_image"]) == ("tiny", repository.base_image)
    assert told["fingerprint"] == made.fingerprint == digests.of_value(told["components"])
    assert re.fullmatch("[0-9a-f]{64}", made.fingerprint)
    assert {path: digests.of_file(file) for path, file in digests.walk(made.folder / "artifact").items()} == files
    assert made.lock.read_text() == tiny.LOCK
    dockerfile = (made.folder / "Dockerfile").read_text()
    stage = re.search(r"^FROM \S+ AS bundle$(.*?)^FROM", dockerfile, re.MULTILINE | re.DOTALL)
    assert stage
    for source in re.findall(r"^COPY (\S+)", stage[1], re.MULTILINE):
        assert (made.folder / source).exists(), source


def test_same_inputs_give_the_same_bytes(
    repository: "Settings", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folder, time zone, umask, modes and times of files do not change a bundle."""
    artifact = tiny.artifact(tmp_path / "artifact")
    first = bundle.make_local(repository, "tiny", artifact, tmp_path / "first")
    elsewhere = tmp_path / "else where" / "deep"
    shutil.copytree(repository.root, elsewhere / "repository", copy_function=shutil.copyfile)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    before = os.umask(0o077)
    try:
        other = settings_module.load(elsewhere / "repository")
        copied = shutil.copytree(artifact, elsewhere / "artifact", copy_function=shutil.copyfile)
        for file in digests.walk(copied).values():
            file.chmod(0o400)
        second = bundle.make_local(other, "tiny", copied, elsewhere / "second")
    finally:
        os.umask(before)
    assert second.fingerprint == first.fingerprint
    assert content(second.folder) == content(first.folder)


def test_published_version_gives_the_bundle_of_its_files(repository: "Settings", tmp_path: Path) -> None:
    """In any environment the store gives the published files. The record is enough for the fingerprint."""
    artifact = tiny.artifact(tmp_path / "artifact")
    local = bundle.make_local(repository, "tiny", artifact, tmp_path / "local")
    for environment in ("test", "prod"):
        url = repository.environment(environment).store
        store = open_store(url, root=repository.root, environment=environment)
        record = store.publish("tiny", artifact)
        made = bundle.make(repository, store, record, tmp_path / environment)
        assert content(made.folder) == content(local.folder)
        files = {path: file.sha256 for path, file in record.artifact.files.items()}
        assert bundle.fingerprint(bundle.components(repository, "tiny", files)) == made.fingerprint


def append(path: Path, text: str = "\n# changed\n") -> None:
    path.write_text(path.read_text() + text)


CHANGES = [
    ("src/slipway/serving/function.py", ["serving code"]),
    ("src/slipway/serving/http/docs.html", ["serving code"]),
    ("src/slipway/serving/grpc/health.proto", []),
    ("src/slipway/schema/fields.py", ["serving code"]),
    ("functions/predict/main.py", ["serving code"]),
    ("functions/Dockerfile", ["serving code"]),
    ("src/slipway/models/locks.py", ["serving code"]),
    ("src/slipway/store/versions.py", []),
    ("src/slipway/images/bundle.py", []),
    ("functions/README.md", []),
    ("model/tiny/model.py", []),
    ("model/tiny/test_model.py", []),
]


@pytest.mark.parametrize(("changed", "components"), CHANGES, ids=[change[0] for change in CHANGES])
def test_fingerprint_changes_with_the_files_of_the_image(
    repository: "Settings", tmp_path: Path, changed: str, components: list[str]
) -> None:
    """The components name the part that differs. Other files change nothing."""
    artifact = tiny.artifact(tmp_path / "artifact")
    before = bundle.make_local(repository, "tiny", artifact, tmp_path / "before")
    append(repository.root / changed)
    after = bundle.make_local(repository, "tiny", artifact, tmp_path / "after")
    assert differing(before.components, after.components) == components
    assert (before.fingerprint == after.fingerprint) == (not components)


def test_fingerprint_changes_with_artifact_lock_and_base_image(repository: "Settings", tmp_path: Path) -> None:
    """Each has its own component. The artifact's component covers its lock and its code too."""
    artifact = tiny.artifact(tmp_path / "artifact")
    before = bundle.make_local(repository, "tiny", artifact, tmp_path / "before")
    append(artifact / "golden.json", "\n")
    golden = bundle.make_local(repository, "tiny", artifact, tmp_path / "golden")
    assert differing(before.components, golden.components) == ["artifact"]
    append(artifact / "requirements.lock")
    lock = bundle.make_local(repository, "tiny", artifact, tmp_path / "lock")
    assert differing(golden.components, lock.components) == ["artifact", "environment"]
    append(artifact / "code/model/tiny/model.py")
    code = bundle.make_local(repository, "tiny", artifact, tmp_path / "code")
    assert differing(lock.components, code.components) == ["artifact", "model code"]
    other = msgspec.structs.replace(repository, base_image="python:3.12-slim")
    base = bundle.make_local(other, "tiny", artifact, tmp_path / "base")
    assert differing(code.components, base.components) == ["base image"]


def test_artifact_made_by_hand_gets_the_repository_s_code(repository: "Settings", tmp_path: Path) -> None:
    """The model's code lies beside the unchanged artifact, without its tests."""
    artifact = tiny.artifact(tmp_path / "artifact", by_hand=True)
    (artifact / "requirements.lock").write_text(tiny.LOCK)
    made = bundle.make_local(repository, "tiny", artifact, tmp_path / "bundle")
    assert sorted(digests.walk(made.folder / "code")) == ["model/tiny/model.py"]
    assert digests.walk(made.folder / "artifact").keys() == digests.walk(artifact).keys()
    append(repository.root / "model/tiny/model.py")
    changed = bundle.make_local(repository, "tiny", artifact, tmp_path / "changed")
    assert differing(made.components, changed.components) == ["model code"]


def test_wheels_lie_beside_the_lock_and_are_no_part_of_the_function(repository: "Settings", tmp_path: Path) -> None:
    """The artifact's own are taken, not those of the model's folder; the start checks the other files."""
    artifact = tiny.artifact(tmp_path / "artifact")
    wheel = built.write(artifact / "wheels", "ourlib", "1.0", value="as trained")
    lines = f"ourlib==1.0 \\\n    --hash=sha256:{digests.of_file(wheel)}\n    # from wheels/{wheel.name}\n"
    append(artifact / "requirements.lock", lines)
    built.write(repository.folder("tiny") / "wheels", "ourlib", "1.0", value="of today")
    made = bundle.make_local(repository, "tiny", artifact, tmp_path / "bundle")
    assert (made.folder / "wheels" / wheel.name).read_bytes() == wheel.read_bytes()
    assert not (made.folder / "artifact/wheels").exists()
    told = bundled.read(made.folder)
    bundled.check(made.folder, told.artifact)
    assert told.artifact.digest == digests.of_files(bundle.digests_of(digests.walk(artifact)))
    wheel.unlink()
    with pytest.raises(SlipwayError, match=f"installs wheels/{wheel.name}, and .* is not there"):
        bundle.make_local(repository, "tiny", artifact, tmp_path / "other")


@pytest.mark.parametrize("package", ["functions-framework", "msgspec"])
def test_lock_without_a_package_of_serving_is_refused(repository: "Settings", tmp_path: Path, package: str) -> None:
    """No image is made that could not start."""
    artifact = tiny.artifact(tmp_path / "artifact")
    lines = [line for line in tiny.LOCK.splitlines() if not line.startswith(package)]
    (artifact / "requirements.lock").write_text("\n".join(lines))
    with pytest.raises(SlipwayError, match=f"has no {package}"):
        bundle.make_local(repository, "tiny", artifact, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_folder_that_is_no_artifact_is_refused(repository: "Settings", tmp_path: Path) -> None:
    """The error names the missing `artifact.json`."""
    with pytest.raises(SlipwayError, match=r"is no artifact: it has no artifact\.json"):
        bundle.make_local(repository, "tiny", tmp_path, tmp_path / "bundle")


DOCKERFILE = (ROOT / "functions" / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "line",
    [
        r"^ARG BASE_IMAGE",
        r"^FROM \$\{BASE_IMAGE\} AS environments$",
        r"python locks\.py .* \"\$lock\" ",
        r"compileall",
        r"^USER \d+:\d+$",
        r'^ENTRYPOINT \["python", "-m", "slipway.serving"\]$',
    ],
)
def test_dockerfile_has_the_line(line: str) -> None:
    """It has locked requirements, bytecode, a numeric user who is not root, and the framework's own command."""
    assert re.search(line, DOCKERFILE, re.MULTILINE)


def test_dockerfile_copies_the_model_last() -> None:
    """A new version of a model leaves the layers of environment and platform as they are."""
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    function = stages[-1]
    assert function.startswith("environments AS function\n")
    assert re.findall(r"^COPY (.+)", function, re.MULTILINE) == [
        "--from=bundle /platform /app",
        "--from=bundle /model /app",
    ]


def test_a_part_of_the_platform_alone_is_not_taken_for_all_of_it(repository: "Settings", tmp_path: Path) -> None:
    """A repository with `functions/` but no `src/slipway` is served by the checkout that runs."""
    shutil.rmtree(repository.root / "src")
    made = bundle.make_local(repository, "tiny", tiny.artifact(tmp_path / "artifact"), tmp_path / "bundle")
    assert (made.folder / "slipway" / "serving" / "function.py").is_file()
