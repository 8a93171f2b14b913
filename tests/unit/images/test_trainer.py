"""Bundles of trainers and their fingerprints."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from slipway import digests
from slipway import settings as settings_file
from slipway.images import platform
from slipway.images.bundle import Bundle
from slipway.models import environment
from slipway.models.discovery import training_digest
from slipway.settings import Settings
from tests import wheels as built
from tests.unit.images.conftest import differing

ROOT = Path(__file__).parents[3]
SETTINGS = """
environments:
  test: {store: gs://team/test, namespace: test}
  prod: {store: gs://team/prod, namespace: prod, promotes_from: test}
models:
  tiny: {data: data/parcels.csv, parameters: {rate: 1.0}, gates: {r2: {min: 0.5}}, scale: {max: 3}}
  other: {}
"""
CODE = "from model.common.units import KILO\nfrom slipway.model import Model\n\n\nclass Tiny(Model):\n    pass\n"


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks on the disk, so that no package index is asked."""
    folder = tmp_path / "locks"
    folder.mkdir()
    for use in environment.USES:
        (folder / f"{use}.lock").write_text(f"msgspec==0.22.0 --hash=sha256:00 # {use}\n")
    monkeypatch.setattr(environment, "compile_lock", lambda _settings, _model, use: folder / f"{use}.lock")
    return folder


@pytest.fixture
def repository(tmp_path: Path, locks: Path) -> Settings:  # noqa: ARG001
    """A repository of two models that share code, with platform code of its own."""
    root = tmp_path / "repository"
    files = {
        "slipway.yaml": SETTINGS,
        "data/parcels.csv": "weight,price\n1,2\n",
        "model/tiny/model.py": CODE,
        "model/tiny/requirements.txt": "",
        "model/tiny/test_model.py": "from model.common.cases import CASES\n",
        "model/tiny/.env": "TOKEN=secret",
        "model/common/units.py": "KILO = 1000\n",
        "model/common/cases.py": "CASES = []\n",
        "model/common/unused.py": "",
        "model/other/model.py": "",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("functions", "src/slipway"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    return settings_file.load(root)


def make(settings: Settings, folder: Path, name: str = "trainer") -> Bundle:
    return platform.make_trainer(settings, "tiny", folder / name)


def test_bundle_holds_the_build_context(repository: Settings, tmp_path: Path) -> None:
    """It holds the locks, the whole platform, and the files of the repository that training needs."""
    made = make(repository, tmp_path)
    dockerfile = (made.folder / "Dockerfile").read_text()
    stages = re.findall(r"^FROM \S+ AS (code|repository)$(.*?)^FROM", dockerfile, re.MULTILINE | re.DOTALL)
    copied = {name: re.findall(r"^COPY (\S+)", stage, re.MULTILINE) for name, stage in stages}
    assert copied == {"code": ["platform/"], "repository": ["repository/"]}
    assert {path.name for path in made.folder.glob("*.lock")} == {f"{use}.lock" for use in environment.USES}
    assert sorted(digests.walk(made.folder / "repository")) == [
        "data/parcels.csv",
        "model/common/cases.py",
        "model/common/units.py",
        "model/tiny/model.py",
        "model/tiny/requirements.txt",
        "model/tiny/test_model.py",
        "slipway.yaml",
        "trainer.json",
    ]
    code = made.folder / "platform"
    assert digests.walk(code / "src/slipway").keys() == digests.walk(repository.root / "src/slipway").keys()
    assert (code / "functions/Dockerfile").is_file()
    assert (code / "functions/predict/main.py").is_file()
    assert os.access(code / "bin/slipway", os.X_OK)


def test_command_imports_no_module_of_its_working_folder(tmp_path: Path) -> None:
    """A model's folder may have modules of any names."""
    (tmp_path / "argparse.py").write_text("raise SystemExit('the wrong one')")
    seen = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([ROOT / "functions/slipway", "--version"], cwd=tmp_path, env=seen, capture_output=True)
    assert done.stdout.startswith(b"slipway "), done.stderr


def test_settings_hold_only_the_model(repository: Settings, tmp_path: Path) -> None:
    """They give the same training digest."""
    made = make(repository, tmp_path)
    read = settings_file.load(made.folder / "repository")
    assert read.models() == ["tiny"]
    assert read.environments == repository.environments
    assert read.model("tiny").gates == repository.model("tiny").gates
    assert training_digest(read, "tiny") == training_digest(repository, "tiny")


def test_the_same_code_gives_the_same_bytes(repository: Settings, tmp_path: Path) -> None:
    """Contents, modes and times are equal, and the list of components names the fingerprint."""
    first, second = (make(repository, tmp_path, name) for name in ("first", "second"))
    content = [
        {
            path: (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime)
            for path, file in digests.walk(each.folder).items()
        }
        for each in (first, second)
    ]
    assert content[0] == content[1]
    assert json.loads((first.folder / "repository/trainer.json").read_bytes())["fingerprint"] == first.fingerprint


def test_wheels_lie_beside_the_locks_and_in_the_model_s_folder(
    repository: Settings, tmp_path: Path, locks: Path
) -> None:
    """The environments are made of the ones, and the artifact gets the others."""
    wheel = built.write(repository.folder("tiny") / "wheels", "ourlib", "1.0")
    shutil.copytree(wheel.parent, locks / "wheels")
    with (locks / "serve.lock").open("a") as lock:
        lock.write(f"ourlib==1.0 --hash=sha256:{digests.of_file(wheel)}\n    # from wheels/{wheel.name}\n")
    made = make(repository, tmp_path)
    for place in ("wheels", "repository/model/tiny/wheels"):
        assert (made.folder / place / wheel.name).read_bytes() == wheel.read_bytes()
    assert training_digest(settings_file.load(made.folder / "repository"), "tiny") == made.components["training"]


def test_settings_hold_the_indexes_that_the_model_needs(repository: Settings, tmp_path: Path) -> None:
    """They give the same training digest; of other packages and indexes nothing is told."""
    file = repository.root / "slipway.yaml"
    before = make(repository, tmp_path).components
    indexes = "indexes:\n  corp: {url: https://corp.example/simple, packages: [corplib, other]}\n"
    file.write_text(file.read_text() + indexes)
    settings = settings_file.load(repository.root)
    assert make(settings, tmp_path).components == before
    (repository.folder("tiny") / "requirements.txt").write_text("corplib==1.0\n")
    made = make(settings, tmp_path)
    read = settings_file.load(made.folder / "repository")
    assert read.indexes["corp"].packages == ["corplib"]
    assert training_digest(read, "tiny") == made.components["training"]


CHANGES = [
    ("model/tiny/model.py", ["repository", "training"]),
    ("model/common/units.py", ["repository", "training"]),
    ("model/tiny/test_model.py", ["repository"]),
    ("data/parcels.csv", ["repository"]),
    ("src/slipway/training/steps/fit.py", ["platform code"]),
    ("functions/Dockerfile", ["platform code"]),
    ("model/common/unused.py", []),
    ("model/other/model.py", []),
    ("README.md", []),
]


@pytest.mark.parametrize(("path", "components"), CHANGES, ids=[change[0] for change in CHANGES])
def test_fingerprint_changes_with_the_files_of_training(
    repository: Settings, tmp_path: Path, path: str, components: list[str]
) -> None:
    """A change of another model needs no new image."""
    before = make(repository, tmp_path).components
    with (repository.root / path).open("a") as file:
        file.write("\n# changed\n")
    assert differing(before, make(repository, tmp_path).components) == components


@pytest.mark.parametrize(
    ("old", "new", "components"),
    [
        ("scale: {max: 3}", "scale: {max: 4}", []),
        ("other: {}", "other: {retention: 2}", []),
        ("r2: {min: 0.5}", "r2: {min: 0.6}", ["repository"]),
        ("gs://team/test", "gs://team/elsewhere", ["repository"]),
        ("rate: 1.0", "rate: 2.0", ["repository", "training"]),
    ],
)
def test_fingerprint_changes_with_the_settings_of_training(
    repository: Settings, tmp_path: Path, old: str, new: str, components: list[str]
) -> None:
    """Scaling a function needs no new trainer. Another store does."""
    before = make(repository, tmp_path).components
    file = repository.root / "slipway.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    assert differing(before, make(settings_file.load(repository.root), tmp_path).components) == components


def test_fingerprint_changes_with_locks_and_base_image(repository: Settings, tmp_path: Path, locks: Path) -> None:
    """Each has a component of its own."""
    before = make(repository, tmp_path).components
    (locks / "estimators.lock").write_text("msgspec==0.23.0 --hash=sha256:00\n")
    renewed = make(repository, tmp_path).components
    assert differing(before, renewed) == ["environments"]
    other = msgspec.structs.replace(repository, base_image="python:3.12-slim")
    assert "base image" in differing(renewed, make(other, tmp_path).components)


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("data/a#b.csv", ["data/a#b.csv"]),
        ("data/a[1].csv", ["data/a[1].csv"]),
        ("file:data/a#b.csv", ["data/a#b.csv"]),
        ("data/{date}/all.csv", ["data/2026-01-01/all.csv", "data/2026-01-02/all.csv"]),
        ("gs://team/data/a#b.csv", []),
    ],
)
def test_bundle_holds_the_data_of_a_local_training(repository: Settings, uri: str, found: list[str]) -> None:
    """Names may have any characters. Of data with one file for each day, all files are taken."""
    there = (
        "data/a#b.csv",
        "data/a",
        "data/a[1].csv",
        "data/a1.csv",
        "data/2026-01-01/all.csv",
        "data/2026-01-02/all.csv",
    )
    for path in there:
        (repository.root / path).parent.mkdir(exist_ok=True)
        (repository.root / path).write_text("weight,price\n1,2\n")
    file = repository.root / "slipway.yaml"
    file.write_text(file.read_text().replace("data: data/parcels.csv", f"data: '{uri}'"))
    files = platform._repository_files(settings_file.load(repository.root), "tiny")
    assert [path for path in files if path.startswith("data/")] == found
