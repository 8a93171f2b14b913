"""The repository at a commit: its settings, overlays, files and stores, each read once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.branches import Stand
from slipway.names import ReleaseName
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import RECORD
from slipway.overlays.types import Overlay, folder_of
from slipway.settings import MODEL_FILE, ModelSettings, Settings
from slipway.store import Store, store_of

_RECORD = re.compile(rf"overlays/[^/]+/([^/]+)/(v[0-9]+-[0-9a-f]{{8}})/{re.escape(RECORD)}")


TAKE_DOWN = (
    "while {0} is in slipway.yaml, take each model off (slipway rollback MODEL --env {0} --to nothing), as Argo CD "
    "deletes nothing that it stops to follow; then git rm -r overlays/{0} in the change that takes {0} out"
)
"""The way out of an environment that has overlays and is not in the settings."""


class Snapshot:
    """Read a repository at a commit.

    The settings are read from the commit, unless `settings` gives those of another commit or of the work tree.
    """

    def __init__(self, repository: Repository, commit: str, settings: Settings | None = None) -> None:
        self.repository, self.commit = repository, commit
        if settings is not None:
            self.settings = settings
        self._overlays: dict[tuple[str, str], Overlay] = {}
        self._files: dict[str, dict[str, bytes]] = {}
        self._stores: dict[str, Store] = {}
        self._written: dict[str, dict[tuple[str, ReleaseName], str]] = {}

    @classmethod
    def of(cls, repository: Repository, stand: Stand) -> Snapshot:
        """Return the snapshot that a change begins from, with the settings of its code."""
        return cls(repository, stand.commit, cls(repository, stand.code.commit).settings)

    @cached_property
    def settings(self) -> Settings:
        """Return the settings; models that only have a folder are added.

        Raise `SlipwayError` when the commit has no valid settings.
        """
        content = self.read(settings_file.FILE)
        if content is None:
            fix = f"commit {settings_file.FILE}, or name a commit that has it"
            raise SlipwayError(f"the commit {self.commit[:12]} has no {settings_file.FILE}", fix=fix)
        found = settings_file.parse(content.decode("utf-8-sig", errors="replace"), self.repository.root)
        models = {name: ModelSettings() for name in self._folders(found)}
        return msgspec.structs.replace(found, declared={**models, **found.declared})

    def overlay(self, environment: str, model: str) -> Overlay:
        """Return an overlay; empty when the commit has none. Raise `SlipwayError` for a damaged file."""
        key = (environment, model)
        if key not in self._overlays:
            namespace = self.settings.environment(environment).namespace
            self._overlays[key] = overlays.parse(self.files(folder_of(*key)), environment, model, namespace)
        return self._overlays[key]

    def models(self, environment: str) -> frozenset[str]:
        """Return the models that have an overlay in an environment."""
        paths = self.repository.blobs(self.commit, f"overlays/{environment}/")
        return frozenset(path.split("/")[2] for path in paths if path.count("/") > 2)

    def abandoned(self) -> dict[str, frozenset[str]]:
        """Return the environments that have overlays and that the settings do not name, with their models."""
        names = {path.split("/")[1] for path in self.repository.blobs(self.commit, "overlays/") if path.count("/") > 2}
        return {name: self.models(name) for name in sorted(names - self.settings.environments.keys())}

    def load(self, environment: str) -> frozenset[str]:
        """Read all overlays of an environment at once, and return their models."""
        blobs = self.repository.blobs(self.commit, f"overlays/{environment}/")
        contents = self.repository.read(list(blobs.values()))
        within = [path.split("/", 3) for path in blobs if path.count("/") > 2]
        for _, _, model, rest in within:
            folder = folder_of(environment, model)
            self._files.setdefault(folder, {})[rest] = contents[blobs[f"{folder}/{rest}"]] or b""
        return frozenset(model for _, _, model, _ in within)

    def files(self, folder: str) -> dict[str, bytes]:
        """Return the files below a folder as {path within it: content}; empty when there is none."""
        if folder not in self._files:
            self._files[folder] = self.repository.files(self.commit, folder)
        return self._files[folder]

    def read(self, path: str) -> bytes | None:
        """Return the content of a file; None when the commit has none."""
        folder = "/".join(path.split("/")[:3])
        if folder in self._files:
            return self._files[folder].get(path[len(folder) + 1 :])
        name = f"{self.commit}:{path}"
        return self.repository.read([name])[name]

    def store(self, environment: str) -> Store:
        """Return the store of an environment."""
        if environment not in self._stores:
            self._stores[environment] = store_of(self.settings, environment)
        return self._stores[environment]

    def changes(self, after: Overlay) -> dict[str, bytes | None]:
        """Return the files to write, and to remove (None), that turn the commit's overlay into `after`."""
        folder = folder_of(after.environment, after.model)
        own = {path: content for path, content in self.files(folder).items() if overlays.is_own(path)}
        return self.differing(folder, overlays.format(after), own)

    def differing(
        self, folder: str, after: dict[str, bytes], before: dict[str, bytes] | None = None
    ) -> dict[str, bytes | None]:
        """Return the files to write, and to remove (None), that turn a folder from `before` into `after`.

        `before` is by default every file that the commit has in the folder.
        """
        there = self.files(folder) if before is None else before
        gone: dict[str, bytes | None] = {f"{folder}/{path}": None for path in there.keys() - after}
        return gone | {f"{folder}/{path}": content for path, content in after.items() if there.get(path) != content}

    def written(self, environment: str, model: str) -> dict[ReleaseName, str]:
        """Return the last commit that wrote each release of a model, past releases included."""
        if environment not in self._written:
            self._written[environment] = dict(self._log(f"overlays/{environment}/"))
        return {name: commit for (each, name), commit in self._written[environment].items() if each == model}

    def _log(self, folder: str) -> Iterator[tuple[tuple[str, ReleaseName], str]]:
        options = ("--reverse", "--format=%x01%H", "--name-only", "--full-history", "--diff-filter=AM")
        log = self.repository.run("log", *options, self.commit, "--", folder)
        for entry in log.decode(errors="replace").split("\x01")[1:]:
            commit, *paths = entry.split("\n")
            for path in paths:
                if match := _RECORD.fullmatch(path):
                    yield (match[1], ReleaseName.parse(match[2])), commit

    def _folders(self, settings: Settings) -> Iterator[str]:
        """Yield the models with a folder under `model/` that the settings do not name."""
        taken = {each.folder for each in settings.declared.values() if each.folder}
        for path in self.repository.blobs(self.commit, "model/"):
            parts = path.split("/")
            folder = "/".join(parts[:2])
            if len(parts) == 3 and parts[2] == MODEL_FILE and parts[1] != "common" and folder not in taken:
                yield parts[1].replace("_", "-")
