"""The platform's own image: what verifies releases and serves trainings, in one folder that is its build context.

    Dockerfile  platform.lock  platform/

`platform/` is the platform's own code and the entry points of its functions. Nothing of a model or an environment is in
it, so that one image serves all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement

from slipway import digests, files
from slipway.images.bundle import COMMAND, LAUNCHER, copy, fingerprint, platform, settle
from slipway.models import environment

if TYPE_CHECKING:
    from slipway.settings import Environment, Settings

__all__ = ["NAME", "Platform", "components", "is_bucket", "make"]

NAME = "slipway"
"""Of its image: `<registry>/slipway`."""

# It makes no environment of a model, and lists no image.
_LEFT_OUT = ("cyclonedx-python-lib", "uv")


class Platform(NamedTuple):
    """The build context in `folder`; its fingerprint is that of `components`."""

    folder: Path
    fingerprint: str
    components: dict[str, str]

    @property
    def lock(self) -> Path:
        """What its environment holds."""
        return self.folder / "platform.lock"


def is_bucket(environment: Environment) -> bool:
    """Whether an environment's store is one that pods reach; in a directory of some machine, they can do nothing."""
    return environment.store.startswith("gs://")


def make(settings: Settings, target: Path) -> Platform:
    """Make the build context in the folder `target`, which must not hold anything yet.

    The same code and lock give the same bytes. Raises `SlipwayError` when the lock cannot be made.
    """
    found = _files(settings)
    parts = _components(settings, found)
    with files.new_folder(target) as draft:
        for path, file in found.items():
            copy(file, draft / path)
        settle(draft)
    return Platform(target, fingerprint(parts), parts)


def components(settings: Settings) -> dict[str, str]:
    """What the fingerprint of the image is made of, by name; see `bundle.fingerprint` and `bundle.explain`."""
    return _components(settings, _files(settings))


def _components(settings: Settings, found: dict[str, Path]) -> dict[str, str]:
    digest = {path: digests.of_file(file) for path, file in found.items()}
    return {
        "environment": digest.pop("platform.lock"),
        "platform code": digests.of_files(digest),
        "base image": digests.of_value(settings.base_image),
    }


def _files(settings: Settings) -> dict[str, Path]:
    """Every file of the build context: {path in it: path}."""
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
