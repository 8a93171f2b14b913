"""The bundle: the folder with all that a release's image is built from.

    Dockerfile  main.py  slipway/  artifact/  code/  requirements.lock  bundle.json

`slipway/` holds only what serving imports. `code/` holds the model's code when the artifact has none of its own, as
after a publication by hand. Else it holds a file that keeps the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import slipway
from slipway import digests, files
from slipway.errors import SlipwayError
from slipway.files import explained
from slipway.models.discovery import model_files
from slipway.models.environment import serving_lock
from slipway.models.imports import closure
from slipway.serving.bundled import FILE, BundledArtifact, BundleFile
from slipway.settings import Settings
from slipway.store import Record, Store
from slipway.store.records import encode

__all__ = [
    "COMMAND",
    "LAUNCHER",
    "Bundle",
    "base_image",
    "components",
    "copy",
    "explain",
    "fingerprint",
    "make",
    "make_local",
    "of_container",
    "platform",
    "serving_files",
    "settle",
]

LOCK = "requirements.lock"
LAUNCHER = "functions/slipway"
COMMAND = "platform/bin/slipway"
"""The command `slipway` of trainers and the platform, in the repository and in their build contexts."""

# The files that serving reads at run time.
_DATA = {".binpb", ".html", ".json"}

# The time of every file, so that layers do not differ by when they were made: 1980-01-01, the oldest that zip knows.
_TIME = 315532800


class Bundle(NamedTuple):
    """A bundle on the disk, and the fingerprint of its components."""

    folder: Path
    model: str
    fingerprint: str
    components: dict[str, str]

    @property
    def lock(self) -> Path:
        return self.folder / LOCK


def make(settings: Settings, store: Store, record: Record, target: Path) -> Bundle:
    """Make the bundle of a published version in the new folder `target`.

    The same version, code and settings give the same bytes everywhere. Raise `SlipwayError` when the store's files are
    corrupted, or the model's code or requirements cannot be read.
    """
    if record.image is not None:
        words = f"-e PORT=8080 -e MODEL_ID={record.id} -e RELEASE=dev -p 8080:8080 {record.image}"
        raise SlipwayError(f"{record.id} is a container, and is not bundled", fix=f"start it: docker run {words}")
    with tempfile.TemporaryDirectory() as scratch:
        artifact = store.fetch(record, Path(scratch) / "artifact")
        return make_local(settings, record.model, artifact, target)


def make_local(settings: Settings, model: str, artifact: Path, target: Path) -> Bundle:
    """Make the bundle of an artifact's folder, published or not; see `make`."""
    if not (artifact / "artifact.json").is_file():
        fix = "give the folder of an artifact: slipway fetch writes one"
        raise SlipwayError(f"{artifact} is no artifact: it has no artifact.json", fix=fix)
    found = digests.walk(artifact)
    declared = {path: digests.of_file(file) for path, file in found.items()}
    parts = components(settings, model, declared)
    contents = BundleFile(
        model=model,
        artifact=BundledArtifact(digest=digests.of_files(declared), files=declared),
        fingerprint=fingerprint(parts),
        components=parts,
        base_image=base_image(settings, model),
    )
    with files.new_folder(target) as draft:
        for path, file in _sources(settings, model, found).items():
            copy(file, draft / path)
        _write(contents, draft)
        settle(draft)
    return Bundle(target, model, contents.fingerprint, parts)


def components(settings: Settings, model: str, artifact: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of a fingerprint by name; `artifact` is {path within the artifact: digest}.

    It needs no file of the artifact, so that a release is named from its record.
    """
    own = {path: digest for path, digest in artifact.items() if path.startswith("code/")}
    code = own or {f"code/{path}": digests.of_file(file) for path, file in model_files(settings, model).items()}
    lock = artifact.get(LOCK) or digests.of_file(serving_lock(settings, model, artifact))
    return {
        "artifact": digests.of_files(artifact),
        "model code": digests.of_files(code),
        "serving code": digests.of_files(
            {path: digests.of_file(file) for path, file in serving_files(settings).items()}
        ),
        "environment": lock,
        "base image": digests.of_value(base_image(settings, model)),
    }


def fingerprint(components: Mapping[str, str]) -> str:
    """Return the fingerprint (64 hexadecimal digits) of an image with these components."""
    return digests.of_value(dict(components))


def of_container(record: Record) -> str:
    """Return the fingerprint of a version that a container answers, which has no bundle."""
    return fingerprint({"artifact": record.artifact.digest, "image": str(record.image)})


def explain(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the names of the components in which two images differ."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def serving_files(settings: Settings) -> dict[str, Path]:
    """Return the platform's files that enter an image, by their path in the bundle."""
    root = platform(settings.root)
    package = root / "src" / "slipway"
    code = closure(root / "src", sorted((package / "serving").rglob("*.py")), "slipway")
    data = [path for path in (package / "serving").rglob("*") if path.suffix in _DATA]
    return {
        "Dockerfile": root / "functions" / "Dockerfile",
        "main.py": root / "functions" / "predict" / "main.py",
        **{path.relative_to(root / "src").as_posix(): path for path in sorted([*code, *data])},
    }


def platform(root: Path) -> Path:
    """Return the root of the platform's code: the repository, or the checkout that runs if it has none."""
    return root if (root / "functions" / "Dockerfile").is_file() else Path(slipway.__file__).parents[2]


def _sources(settings: Settings, model: str, artifact: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files that are copied into the bundle: {path in the bundle: path}."""
    lock = artifact.get(LOCK) or serving_lock(settings, model, artifact)
    _check_lock(lock, model)
    by_hand = not any(path.startswith("code/") for path in artifact)
    return {
        **serving_files(settings),
        **{f"artifact/{path}": file for path, file in artifact.items()},
        **({f"code/{path}": file for path, file in model_files(settings, model).items()} if by_hand else {}),
        LOCK: lock,
    }


def _check_lock(lock: Path, model: str) -> None:
    text = lock.read_text(encoding="utf-8")
    for package in ("functions-framework", "msgspec"):
        if not re.search(rf"^{package}==", text, re.MULTILINE):
            fix = f"train or publish it again; slipway locks model/{model}/requirements.txt with what serving needs"
            raise SlipwayError(f"the artifact's {LOCK} has no {package}, which every function needs", fix=fix)


def base_image(settings: Settings, model: str) -> str:
    """Return the base image of a model."""
    return settings.model(model).base_image or settings.base_image


def copy(source: Path, target: Path) -> None:
    """Copy a file's content, making the folders above `target`; raise `SlipwayError` when the disk refuses."""
    with explained("write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _write(contents: BundleFile, folder: Path) -> None:
    (folder / FILE).write_bytes(encode(contents))
    (folder / "code").mkdir(exist_ok=True)
    if not any((folder / "code").iterdir()):
        (folder / "code" / ".keep").touch()


def settle(folder: Path) -> None:
    """Give all files the same time, and modes that no umask decides."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path == folder / COMMAND else 0o644)
        os.utime(path, (_TIME, _TIME))
