"""The platform's own image, which verifies releases and starts trainings: the folder that it is built from.

    Dockerfile  platform.lock  platform/

`platform/` holds the platform's code and the entry points of its functions. Nothing of a model or an environment is in
it, so that one image serves all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from slipway import digests, files
from slipway.images.bundle import COMMAND, LAUNCHER, copy, fingerprint, platform, settle
from slipway.models import environment
from slipway.settings import Settings

__all__ = ["NAME", "Platform", "components", "make"]

NAME = "slipway"
"""The name of the image: `<registry>/slipway`."""

# The image makes no environment of a model, and lists no image.
_LEFT_OUT = ("cyclonedx-python-lib", "uv")


class Platform(NamedTuple):
    """The build context on the disk, and the fingerprint of its components."""

    folder: Path
    fingerprint: str
    components: dict[str, str]

    @property
    def lock(self) -> Path:
        return self.folder / "platform.lock"


def make(settings: Settings, target: Path) -> Platform:
    """Make the build context in the new folder `target`.

    The same code and lock give the same bytes. Raise `SlipwayError` when the lock cannot be made.
    """
    found = _files(settings)
    parts = _components(settings, found)
    with files.new_folder(target) as draft:
        for path, file in found.items():
            copy(file, draft / path)
        settle(draft)
    return Platform(target, fingerprint(parts), parts)


def components(settings: Settings) -> dict[str, str]:
    """Return the parts of the image's fingerprint by name; see `bundle.fingerprint` and `bundle.explain`."""
    return _components(settings, _files(settings))


def _components(settings: Settings, found: dict[str, Path]) -> dict[str, str]:
    digest = {path: digests.of_file(file) for path, file in found.items()}
    return {
        "environment": digest.pop("platform.lock"),
        "platform code": digests.of_files(digest),
        "base image": digests.of_value(settings.base_image),
    }


def _files(settings: Settings) -> dict[str, Path]:
    """Return the files of the build context: {path in it: path}."""
    root = platform(settings.root)
    training = digests.walk(root / "functions" / "training")
    return {
        "Dockerfile": root / "functions" / "Dockerfile",
        "platform.lock": _lock(root),
        COMMAND: root / LAUNCHER,
        **{f"platform/src/slipway/{path}": file for path, file in digests.walk(root / "src" / "slipway").items()},
        **{f"platform/functions/training/{path}": file for path, file in training.items()},
    }


def _lock(root: Path) -> Path:
    wanted = [
        text for text in sorted(environment.platform_packages("release")) if Requirement(text).name not in _LEFT_OUT
    ]
    return environment.locked(wanted, root / "requirements.lock", "the platform's own image")
