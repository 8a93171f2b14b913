"""The bundle: the folder with all that an image is built from. The bundle of a release holds:

    Dockerfile  main.py  slipway/  artifact/  code/  requirements.lock  locks.py  wheels/  bundle.json

`slipway/` holds only what serving imports. `code/` holds the model's code when the artifact has none of its own, as
after a publication by hand. `wheels/` holds the wheels that the lock installs, which are not in `artifact/` then. Else
both hold a file that keeps the folder. `locks.py` installs the lock in the image.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import slipway
from slipway import digests, files
from slipway.errors import SlipwayError
from slipway.models import wheels
from slipway.models.discovery import model_files
from slipway.models.environment import serving_lock
from slipway.models.imports import closure
from slipway.models.locks import WHEELS
from slipway.serving.bundled import FILE, BundledArtifact, BundleFile
from slipway.settings import Settings
from slipway.store import Record, Store
from slipway.store.records import encode

LOCK = "requirements.lock"
LAUNCHER = "functions/slipway"
COMMAND = "platform/bin/slipway"
"""The command `slipway` of trainers and the platform, in the repository and in their bundles."""

# The files that serving reads at run time.
_DATA = {".binpb", ".html", ".json"}

# What a folder with the platform's code has.
_PLATFORM = ("functions/Dockerfile", "src/slipway")

# The time of every file, so that layers do not differ by when they were made: 1980-01-01, the oldest that zip knows.
_TIME = 315532800

Target = Literal["function", "platform", "train"]
"""The stages of the Dockerfile that become images."""


class Bundle(NamedTuple):
    """A bundle on the disk, and the fingerprint of its components."""

    folder: Path
    target: Target
    model: str
    """The model; `slipway` for the platform's own image."""
    base_image: str
    components: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.components)

    @property
    def name(self) -> str:
        """Return the name of the image in its registry."""
        return f"{self.model}-train" if self.target == "train" else self.model

    @property
    def lock(self) -> Path:
        return self.folder / ("platform.lock" if self.target == "platform" else LOCK)


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
    lock = found.get(LOCK) or serving_lock(settings, model, found)
    brought = wheels.beside(lock)
    inside = {path: file for path, file in found.items() if path not in brought}
    made = Bundle(target, "function", model, base_image(settings, model), components(settings, model, declared))
    contents = BundleFile(
        model=model,
        artifact=BundledArtifact(digest=digests.of_files(declared), files={path: declared[path] for path in inside}),
        fingerprint=made.fingerprint,
        components=dict(made.components),
        base_image=made.base_image,
    )
    more = {FILE: encode(contents)}
    sources = {**_sources(settings, model, inside), **brought, LOCK: lock}
    if not any(path.startswith("code/") for path in sources):
        more["code/.keep"] = b""
    _check_lock(lock, model)
    write(target, sources, more)
    return made


def components(settings: Settings, model: str, artifact: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of a fingerprint by name; `artifact` is {path within the artifact: digest}.

    It needs no file of the artifact, so that a release is named from its record.
    """
    own = {path: digest for path, digest in artifact.items() if path.startswith("code/")}
    return {
        "artifact": digests.of_files(artifact),
        "model code": digests.of_files(own or digests_of(_model_code(settings, model))),
        "serving code": digests.of_files(digests_of(serving_files(settings))),
        "environment": artifact.get(LOCK) or digests.of_file(serving_lock(settings, model, artifact)),
        "base image": digests.of_value(base_image(settings, model)),
    }


def fingerprint(components: Mapping[str, str]) -> str:
    """Return the fingerprint (64 hexadecimal digits) of an image with these components."""
    return digests.of_value(dict(components))


def of_container(record: Record) -> str:
    """Return the fingerprint of a version that a container answers, which has no bundle."""
    return fingerprint({"artifact": record.artifact.digest, "image": str(record.image)})


def serving_files(settings: Settings) -> dict[str, Path]:
    """Return the platform's files that enter an image, by their path in the bundle."""
    root = platform_root(settings)
    package = root / "src" / "slipway"
    code = closure(root / "src", sorted((package / "serving").rglob("*.py")), "slipway")
    data = [path for path in (package / "serving").rglob("*") if path.suffix in _DATA]
    return {
        **installing(root),
        "main.py": root / "functions" / "predict" / "main.py",
        **{path.relative_to(root / "src").as_posix(): path for path in sorted([*code, *data])},
    }


def installing(root: Path) -> dict[str, Path]:
    """Return the files by which an image installs its locks, by their path in every bundle.

    A repository with the Dockerfile of an earlier version has no `locks.py`, and its images need none.
    """
    script = root / "src/slipway/models/locks.py"
    return {"Dockerfile": root / "functions" / "Dockerfile", **({"locks.py": script} if script.is_file() else {})}


def platform_root(settings: Settings) -> Path:
    """Return the root of the platform's code: the repository, or the checkout that runs if it has none.

    Raise `SlipwayError` when neither has all of it.
    """
    for root in (settings.root, Path(slipway.__file__).parents[2]):
        if all((root / part).exists() for part in _PLATFORM):
            return root
    fix = "keep both in the repository, or install slipway from a checkout: pip install --editable"
    raise SlipwayError(f"the platform's code is missing: no folder has {' and '.join(_PLATFORM)}", fix=fix)


def base_image(settings: Settings, model: str) -> str:
    """Return the base image of a model."""
    return settings.model(model).base_image or settings.base_image


def digests_of(found: Mapping[str, Path]) -> dict[str, str]:
    """Return the digests of files by their path in a bundle."""
    return {path: digests.of_file(file) for path, file in found.items()}


def _sources(settings: Settings, model: str, artifact: Mapping[str, Path]) -> dict[str, Path]:
    """Return the platform's files, the artifact's, and the model's code: {path in the bundle: path}."""
    by_hand = not any(path.startswith("code/") for path in artifact)
    return {
        **serving_files(settings),
        **{f"artifact/{path}": file for path, file in artifact.items()},
        **(_model_code(settings, model) if by_hand else {}),
    }


def _model_code(settings: Settings, model: str) -> dict[str, Path]:
    return {f"code/{path}": file for path, file in model_files(settings, model).items()}


def _check_lock(lock: Path, model: str) -> None:
    text = lock.read_text(encoding="utf-8")
    for package in ("functions-framework", "msgspec"):
        if not re.search(rf"^{package}==", text, re.MULTILINE):
            fix = f"train or publish it again; slipway locks the requirements.txt of {model} with what serving needs"
            raise SlipwayError(f"the artifact's {LOCK} has no {package}, which every function needs", fix=fix)


def write(target: Path, sources: Mapping[str, Path], more: Mapping[str, bytes]) -> None:
    """Write the new folder `target`: copies of `sources`, and `more` files, each by its path in the bundle.

    It has a folder of wheels, also where there are none. All files get the same time, and modes that no umask decides.
    Raise `SlipwayError` when the disk refuses.
    """
    more = {**more, f"{WHEELS}/.keep": b""}
    with files.explained("write", target), files.new_folder(target) as draft:
        for path in {**sources, **more}:
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
        for path, source in sources.items():
            shutil.copyfile(source, draft / path)
        for path, content in more.items():
            (draft / path).write_bytes(content)
        for each in [draft, *draft.rglob("*")]:
            each.chmod(0o755 if each.is_dir() or each == draft / COMMAND else 0o644)
            os.utime(each, (_TIME, _TIME))
