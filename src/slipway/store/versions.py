"""The store of one environment: complete versions with consecutive numbers that never change."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from slipway import digests, files
from slipway.errors import SlipwayError
from slipway.files import explained
from slipway.names import ModelId, ReleaseName, check_model_name, nearest
from slipway.store import records
from slipway.store.backend import Backend, Missing
from slipway.store.blobs import Blobs, files_of, private_copy, temporary_folder
from slipway.store.records import Artifact, Origin, Record

_RECORD = re.compile(r"([1-9][0-9]*)\.json")
_SHOWN = 10
_LOOKED_AT = 20


class Store:
    """Hold the published versions of an environment.

    Contents are at `blobs/sha256/<digest>`, records at `<model>/versions/<version>.json`. The store writes the contents
    first. Creating the record *is* the publication, so that no version is ever incomplete.
    """

    def __init__(self, backend: Backend, environment: str) -> None:
        self.environment = environment
        self._backend = backend
        self.blobs = Blobs(backend)

    def models(self) -> list[str]:
        """Return the models that have a version, sorted."""
        folders = [name.rstrip("/") for name in self._backend.children("") if name.endswith("/")]
        return [name for name in folders if self.versions(name)]

    def versions(self, model: str) -> list[int]:
        """Return the published versions of a model, ascending. An unknown model has none."""
        found = (_RECORD.fullmatch(name) for name in self._backend.children(f"{model}/versions"))
        return sorted(int(match[1]) for match in found if match)

    def record(self, model: str, version: int) -> Record:
        """Return the record of a version. Raise `SlipwayError` when it is missing or corrupted."""
        key = _record_key(model, version)
        try:
            content = self._backend.read(key)
        except Missing:
            raise self._no_version(model, f"no version {version}", {}) from None
        return records.parse(content, ModelId(model, self.environment, version), self._backend.url(key))

    def find(self, model: str, *, version: int | None = None, where: Mapping[str, str] | None = None) -> Record:
        """Return the record of `version`, or of the newest version, if its metadata have every value of `where`.

        Raise `SlipwayError` when there is none. The error names the versions that exist.
        """
        where = where or {}
        for number in reversed(self.versions(model)) if version is None else [version]:
            record = self.record(model, number)
            if where.items() <= record.metadata.items():
                return record
        conditions = "".join(f" with {key}={value}" for key, value in where.items())
        what = f"no version{'' if version is None else f' {version}'}{conditions}"
        raise self._no_version(model, what, where)

    def publish(
        self,
        model: str,
        folder: Path,
        *,
        record: Mapping[str, Any] | None = None,
        version: int | None = None,
        attachments: Mapping[str, Path] | None = None,
    ) -> Record:
        """Publish the files of a folder as the model's next version, or as `version` if that is free.

        `record` gives more fields of the record (`training`, `data`, `metrics`, `gates`, `metadata`, `by`, …).
        `attachments` are files beside the artifact. Raise `SlipwayError` when nothing can be published.
        """
        given = {"by": records.user(), **records.fields(record or {})}
        found, attachments = files_of(folder), attachments or {}
        records.check_names(check_model_name(model), [*found, *attachments])
        with private_copy(found) as copies, private_copy(attachments) as beside:
            self.blobs.put([*copies.values(), *beside.values()])
        given["artifact"] = records.artifact({name: file for name, (_, file) in copies.items()})
        given["attachments"] = {name: file for name, (_, file) in beside.items()}
        return self._number(model, given, version)

    def fetch(self, record: Record, target: Path) -> Path:
        """Check all files of the artifact, write them to the folder `target` and return it. On an error, write none.

        Leave a folder that holds exactly these files as it is. Raise `SlipwayError` when it holds other files, or when
        a file is corrupted in the store.
        """
        with explained("write", target):
            if target.exists() and (not target.is_dir() or any(target.iterdir())):
                return _same(target, record.artifact)
            with files.new_folder(target) as draft:
                self.blobs.get(record.artifact.files, draft, what=str(record.id))
        return target

    def content(self, record: Record, name: str) -> bytes:
        """Return the content of a file of the artifact or beside it. Raise `SlipwayError` when there is none."""
        known = record.artifact.files | record.attachments
        if name not in known:
            raise SlipwayError(f"{record.id} has no file {name!r}", fix=nearest(name, known))
        with temporary_folder() as folder:
            self.blobs.get({name: known[name]}, folder, what=str(record.id))
            return (folder / name).read_bytes()

    def faults(self, record: Record) -> dict[str, str]:
        """Read all files of a version, and return what is wrong with those that are missing or changed, by name."""
        return self.blobs.faults(record.artifact.files | record.attachments)

    def copy(self, record: Record, version: int, *, source: Store) -> Record:
        """Copy a version of another environment's store to `version` of this one and record its origin.

        A second call changes nothing. Raise `SlipwayError` when another version has that number.
        """
        origin = Origin(record.environment, record.version)
        if version not in self.versions(record.model):
            self._copy_contents(source, record)
            given = {"version": version, "by": records.user(), "origin": origin, **self._now()}
            # Another publisher may create the record first, so check the record that exists afterwards.
            self._create(msgspec.structs.replace(record, **given))
        found = self.record(record.model, version)
        if (found.artifact.digest, found.origin) != (record.artifact.digest, origin):
            raise self._taken(record.model, version)
        return found

    def mirror(self, record: Record, *, source: Store) -> None:
        """Hold a version of `source`, a store of the same environment, with its number and record as they are there.

        A second call changes nothing. Raise `SlipwayError` when another version has that number.
        """
        self._copy_contents(source, record)
        self._create(record)
        if self.record(record.model, record.version).publication != record.publication:
            raise self._taken(record.model, record.version)

    def adopt(self, record: Record, *, source: Store) -> Record:
        """Publish a version of `source`, a store that was handed on, as the next version; return its record.

        A version that the same run has published already is returned as it is.
        """
        for number in reversed(self.versions(record.model)[-_LOOKED_AT:]):
            known = self.record(record.model, number)
            if (known.training, known.artifact, known.data) == (record.training, record.artifact, record.data):
                return known
        self._copy_contents(source, record)
        decided = {"model", "environment", "version", "created", "publication", "origin"}
        given = {name: value for name, value in msgspec.structs.asdict(record).items() if name not in decided}
        return self._number(record.model, given, None)

    def verify(self, model: str, release: ReleaseName | str, evidence: Mapping[str, Any]) -> bool:
        """Record that a release is verified and return True. If it is recorded already, change nothing."""
        return self._backend.create(_verified_key(model, release), records.encode(dict(evidence)))

    def verified(self, model: str, release: ReleaseName | str) -> dict[str, Any] | None:
        """Return the evidence that a release is verified, or None if it is not."""
        key = _verified_key(model, release)
        try:
            evidence: dict[str, Any] = msgspec.json.decode(self._backend.read(key), type=dict[str, Any])
        except Missing:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _damaged(self._backend.url(key), str(error)) from error
        if missing := sorted({"by", "when", "where"} - evidence.keys()):
            raise _damaged(self._backend.url(key), f"it does not say {' and '.join(missing)}")
        return evidence

    def verified_versions(self, model: str) -> list[int]:
        """Return the versions that have a verified release, ascending."""
        names = (name.removesuffix(".json") for name in self._backend.children(f"{model}/verified"))
        return sorted({ReleaseName.parse(name).version for name in names})

    def _number(self, model: str, given: Mapping[str, Any], version: int | None) -> Record:
        """Create the record under `version` if given, or else under the first free number."""
        for number in count(self._next(model)) if version is None else [version]:
            record = Record(model=model, version=number, **given, **self._now())
            if self._create(record):
                return record
        raise self._taken(model, number)

    def _next(self, model: str) -> int:
        return max(self.versions(model), default=0) + 1

    def _now(self) -> dict[str, Any]:
        return {"environment": self.environment, "created": records.now(), "publication": uuid.uuid4().hex}

    def _create(self, record: Record) -> bool:
        """Create the record and return True. Return False when another publisher has the number."""
        key, content = _record_key(record.model, record.version), records.encode(record)
        # A refused record may still be ours: the answer to a successful first try can get lost.
        return self._backend.create(key, content) or self._backend.read(key) == content

    def _copy_contents(self, source: Store, record: Record) -> None:
        wanted = {f"artifact/{name}": file for name, file in record.artifact.files.items()}
        wanted |= {f"attachments/{name}": file for name, file in record.attachments.items()}
        lacking = {name: file for name, file in wanted.items() if self.blobs.lacks(file)}
        with temporary_folder() as folder:
            source.blobs.get(lacking, folder, what=str(record.id))
            self.blobs.put((folder / name, file) for name, file in lacking.items())

    def _no_version(self, model: str, what: str, where: Mapping[str, str]) -> SlipwayError:
        """Return the error that says `what` a model lacks and which versions it has."""
        versions = self.versions(model)
        if not versions:
            command = f"slipway train {model} --env {self.environment}"
            return SlipwayError(f"{model} has no version in {self.environment} yet", fix=f"run `{command}`")
        shown = ", ".join(self._described(model, number, where) for number in versions[-_SHOWN:])
        earlier = "…, " if len(versions) > _SHOWN else ""
        return SlipwayError(f"{model} has {what} in {self.environment}", fix=f"there are: {earlier}{shown}")

    def _described(self, model: str, number: int, where: Mapping[str, str]) -> str:
        if not where:
            return str(number)
        found = self.record(model, number).metadata
        return f"{number} ({', '.join(f'{key}={found[key]}' if key in found else f'no {key}' for key in where)})"

    def _taken(self, model: str, version: int) -> SlipwayError:
        return SlipwayError(
            f"{ModelId(model, self.environment, version)} was published already, and versions are never changed",
            fix=f"take the next free number, {self._next(model)}",
        )


def _record_key(model: str, version: int) -> str:
    return f"{model}/versions/{version}.json"


def _verified_key(model: str, release: ReleaseName | str) -> str:
    return f"{model}/verified/{ReleaseName.parse(str(release))}.json"


def _same(folder: Path, artifact: Artifact) -> Path:
    found = {name: digests.of_file(path) for name, path in digests.walk(folder).items()}
    if digests.of_files(found) != artifact.digest:
        raise SlipwayError(f"{folder} holds something else already", fix="name a new folder, or delete that one first")
    return folder


def _damaged(url: str, reason: str) -> SlipwayError:
    return SlipwayError(f"{url} is corrupted: {reason}", fix="delete it, and verify the release again")


def published_by(store: Store, model: str, run: str) -> Record | None:
    """Return the record that a training run published, if it is one of the newest 20 versions."""
    for version in reversed(store.versions(model)[-_LOOKED_AT:]):
        record = store.record(model, version)
        if record.training is not None and record.training.run == run:
            return record
    return None
