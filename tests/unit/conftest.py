"""A repository to release from, with real git, a store in a directory, real kustomize and artifacts of two files.

A server stands in for GitHub.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slipway import digests
from slipway import settings as settings_file
from slipway.git import Repository
from slipway.gitops.branches import Here, Place
from slipway.gitops.edits import Edited
from slipway.names import ReleaseName
from slipway.overlays.overlay import read_folder
from slipway.overlays.types import Overlay
from slipway.release.due import Choice
from slipway.release.release import Released, release
from slipway.release.retention import drop
from slipway.settings import Settings
from slipway.store import Record, Store, store_of
from tests import tools
from tests.forge_server.fixtures import forge, on_github

__all__ = ["forge", "on_github"]

KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
ROOT = Path(__file__).parents[2]

SETTINGS = """
environments:
  test: {store: .slipway/store/test, namespace: slipway-test}
  prod: {store: .slipway/store/prod, namespace: slipway-prod, promotes_from: test}
models:
  iris: {train: manual}
  tumor: {train: manual}
"""


class Site:
    """Hold a repository, and do in it what a person or another process does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def settings(self) -> Settings:
        return settings_file.load(self.root)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self, message: str = "Change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.head

    def set(self, before: str, after: str) -> None:
        """Change the settings and commit them."""
        text = (self.root / "slipway.yaml").read_text()
        assert before in text
        self.write("slipway.yaml", text.replace(before, after))
        self.commit("Settings")

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def store(self, environment: str = "test") -> Store:
        return store_of(self.settings, environment)

    def publish(
        self, model: str = "iris", *, environment: str = "test", content: object = None, **record: Any
    ) -> Record:
        """Publish the next version. Each has other content unless `content` is given."""
        store = self.store(environment)
        number = len(store.versions(model)) + 1
        folder = self.root.parent / f"artifact-{model}-{environment}-{number}"
        (folder / "code/model" / model).mkdir(parents=True)
        (folder / "artifact.json").write_text(f'{{"model": "{model}", "content": "{content or number}"}}')
        (folder / "requirements.lock").write_text("functions-framework==3.10.2\nmsgspec==0.19.0\n")
        (folder / "code/model" / model / "model.py").write_text("# as trained\n")
        return store.publish(model, folder, record={"metrics": {"accuracy": 0.9 + number / 100}, **record})

    def release(self, *models: str, **options: Any) -> Released:
        chosen = {name: options.pop(name) for name in ("version", "where", "traffic") if name in options}
        choice = Choice.of(chosen.get("version"), chosen.get("where") or {}, chosen.get("traffic", 100))
        return release(self.settings, models, choice=choice, **options)

    def released(self, model: str = "iris", **options: Any) -> ReleaseName:
        """Publish, release and verify a version.

        Many tests begin with the same releases, so the result of a state is kept and copied.
        """
        kept = self.root.parents[1] / "released" / self._state(model) if not options else None
        if kept is not None and kept.is_dir():
            shutil.rmtree(self.root)
            shutil.copytree(kept, self.root, symlinks=True)
            return next(iter(self.overlay(model).releases)).name
        self.publish(model)
        name = self.release(model, **options).outcomes[0].release
        assert name is not None
        self.verify(name, model)
        if kept is not None:
            shutil.copytree(self.root, kept, symlinks=True)
        return name

    def _state(self, model: str) -> str:
        """Return the digest of all that decides the release of a model: files, store, history and variables."""
        files = {
            path.relative_to(self.root).as_posix(): digests.of_file(path)
            for path in self.root.rglob("*")
            if path.is_file() and path.name != "index"
        }
        variables = {
            name: text
            for name, text in os.environ.items()
            if name.startswith(("GITHUB_", "SLIPWAY_")) or name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")
        }
        return digests.of_value([model, files, variables])

    def verify(self, name: ReleaseName, model: str = "iris", environment: str = "test") -> None:
        self.store(environment).verify(model, name, {"by": "a test", "when": "now", "where": "here"})

    def drop(self, *models: str, environment: str = "test", place: Place | None = None) -> Edited:
        """Drop the releases that no retention keeps."""
        where = place or Here(Repository(self.root))
        return drop(environment, models or ("iris",), where)

    def overlay(self, model: str = "iris", environment: str = "test") -> Overlay:
        """Return the overlay in the work tree, which must equal the committed one."""
        found = read_folder(self.root, environment, model)
        assert found is not None
        assert self.git("status", "--porcelain") == ""
        return found

    def versions(self, model: str = "iris", environment: str = "test") -> dict[int, int]:
        """Return the route as {version: percent}."""
        return {name.version: percent for name, percent in self.overlay(model, environment).route.items()}


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set git up for Ada, independent of this machine: no password prompts, no garbage collection."""
    config = tmp_path / "gitconfig"
    config.write_text(
        "[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\ntemplateDir =\n"
        "[gc]\nauto = 0\n[maintenance]\nauto = false\n[core]\nfsync = none\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site(tmp_path: Path, people: None, monkeypatch: pytest.MonkeyPatch) -> Site:  # noqa: ARG001
    """Return a repository of two models without published versions."""
    folder = Path(tools.find("kustomize", KUSTOMIZE)).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    made, template = Site(tmp_path / "repository"), tmp_path.parent / "site"
    if template.is_dir():
        shutil.copytree(template, made.root)
        return made
    made.write("slipway.yaml", SETTINGS)
    made.write(".gitignore", ".slipway/\n")
    for model in ("iris", "tumor"):
        made.write(f"model/{model}/model.py", "")
    shutil.copytree(ROOT / "manifests/function", made.root / "manifests/function")
    made.git("init", "--quiet", "--template=")
    made.commit("Start")
    shutil.copytree(made.root, template)
    return made
