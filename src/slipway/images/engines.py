"""The container engines: docker (with buildx), podman and buildah, whichever works here.

Each builds an image, runs it on this machine, and pushes it. Further options of a build, a run or a push are taken from
`SLIPWAY_BUILD_OPTIONS`, `SLIPWAY_RUN_OPTIONS` and `SLIPWAY_PUSH_OPTIONS`, written as for a shell; `SLIPWAY_ENGINE`
chooses among engines that work.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from slipway.errors import SlipwayError
from slipway.images import confined
from slipway.images.commands import options, run, works
from slipway.names import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    _Served = AbstractContextManager[str]

__all__ = ["ENGINES", "Engine", "Target", "find", "plain"]

Target = Literal["function", "platform", "train"]
"""What the Dockerfile makes."""

_FUNCTION = ("python", "-m", "slipway.serving")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

# The time that images and their files are given, so that equal ones are equal to the byte: 1980-01-01, as in bundles.
_TIME = "315532800"


class Engine(Protocol):
    """What makes an image of a build context; every method raises `SlipwayError` with the engine's own words.

    An image is known by its id until it is pushed: one that does not hold never had a name.
    """

    name: str

    def works(self) -> bool:
        """Whether it can be used; a client whose engine does not run cannot."""

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str]) -> str:
        """Build an image from `context` upon the image `base`; returns its id."""

    def run(self, image: str) -> _Served:
        """The address of the image's function, which runs until the block ends."""

    def execute(self, image: str, command: Sequence[str]) -> str:
        """Run a command in the image to its end; returns what it printed."""

    def push(self, image: str, tag: str) -> str:
        """Push the image by this name; returns its digest in the registry, `sha256:…`."""

    def manifest(self, reference: str) -> str:
        """The manifest of a pushed image, as JSON; empty where this engine has no means to ask for it."""


class Docker:
    """Docker, with buildx as its builder."""

    name = "docker"

    def works(self) -> bool:
        """See `Engine.works`."""
        return works("docker", "info") and works("docker", "buildx", "version")

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str]) -> str:
        """See `Engine.build`."""
        with _id_file() as file:
            words = ["--load", "--target", target, *_settled(base, labels), *options("BUILD"), "--iidfile", str(file)]
            # Attestations are made of what was pushed, and would make a list of the image.
            env = {"SOURCE_DATE_EPOCH": _TIME, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
            run("docker", "buildx", "build", *words, str(context), env=env)
            return file.read_text().strip()

    def run(self, image: str) -> _Served:
        """See `Engine.run`."""
        return confined.published("docker", image)

    def execute(self, image: str, command: Sequence[str]) -> str:
        """See `Engine.execute`."""
        return confined.executed("docker", image, command)

    def push(self, image: str, tag: str) -> str:
        """See `Engine.push`."""
        run("docker", "tag", image, tag)
        run("docker", "push", "--quiet", *options("PUSH"), tag)
        digests = run("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", tag)
        return _digest(_of_repository(tag, digests), tag)

    def manifest(self, reference: str) -> str:
        """See `Engine.manifest`."""
        return run("docker", "buildx", "imagetools", "inspect", "--raw", reference)


class _Daemonless:
    """What podman and buildah, which share their code, do alike."""

    name: str

    def works(self) -> bool:
        """See `Engine.works`."""
        return works(self.name, "info")

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str]) -> str:
        """See `Engine.build`."""
        return self._build(context, target, base, labels)

    def _build(self, context: Path, target: Target, base: str, labels: Mapping[str, str], *more: str) -> str:
        with _id_file() as file:
            words = ["--layers", "--force-rm", "--timestamp", _TIME, "--target", target, *more]
            ids = ["--iidfile", str(file)]
            run(self.name, "build", *words, *_settled(base, labels), *options("BUILD"), *ids, str(context))
            return file.read_text().strip()

    def push(self, image: str, tag: str) -> str:
        """See `Engine.push`."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "digest"
            words = ["--quiet", *plain(tag), *options("PUSH"), "--digestfile", str(file)]
            run(self.name, "push", *words, image, f"docker://{tag}")
            run(self.name, "tag", image, tag)  # what has no name is pruned with the cache
            return _digest(file.read_text(), tag)

    def manifest(self, reference: str) -> str:
        """See `Engine.manifest`; buildah itself shows lists of images only."""
        if shutil.which("skopeo"):
            return run("skopeo", "inspect", "--raw", *plain(reference), f"docker://{reference}")
        return ""


class Podman(_Daemonless):
    """Podman, which needs no daemon."""

    name = "podman"

    def run(self, image: str) -> _Served:
        """See `Engine.run`."""
        return confined.published("podman", image)

    def execute(self, image: str, command: Sequence[str]) -> str:
        """See `Engine.execute`."""
        return confined.executed("podman", image, command)

    def manifest(self, reference: str) -> str:
        """See `Engine.manifest`."""
        return run("podman", "manifest", "inspect", *plain(reference), reference)


class Buildah(_Daemonless):
    """Buildah, which builds and pushes without a daemon and without rights; it runs an image as a process."""

    name = "buildah"

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str]) -> str:
        """See `Engine.build`; what a build that is stopped leaves is found by the name of a host that only it knows."""
        mark = confined.new_name()
        try:
            return self._build(context, target, base, labels, "--add-host", f"{mark}:{confined.HOST}")
        except BaseException:
            self._clear(mark)
            raise

    def _clear(self, mark: str) -> None:
        with suppress(SlipwayError, OSError, ValueError, KeyError):
            storage = Path(json.loads(run("buildah", "info"))["store"]["GraphRoot"])
            for file in storage.glob("*-containers/*/userdata/buildah.json"):
                if mark in file.read_text():
                    run("buildah", "rm", file.parts[-3])

    def run(self, image: str) -> _Served:
        """See `Engine.run`."""
        return confined.begun(image, _FUNCTION)

    def execute(self, image: str, command: Sequence[str]) -> str:
        """See `Engine.execute`."""
        with confined.working(image) as container:
            return run("buildah", "run", *options("RUN"), container, "--", *command)


ENGINES: tuple[Engine, ...] = (Docker(), Podman(), Buildah())


def find() -> Engine:
    """The first engine that works; raises `SlipwayError` when none does, or the chosen one does not."""
    chosen = os.environ.get("SLIPWAY_ENGINE", "")
    names = [engine.name for engine in ENGINES]
    if chosen and chosen not in names:
        raise SlipwayError(f"SLIPWAY_ENGINE: unknown engine {chosen!r}", fix=nearest(chosen, names))
    for engine in ENGINES:
        if chosen in ("", engine.name) and engine.works():
            return engine
    fix = (
        "install docker with buildx, podman or buildah, and see that `… info` works; or set no registry in slipway.yaml"
    )
    raise SlipwayError(f"no engine works here: {chosen or ', '.join(names)}", fix=fix)


@contextmanager
def _id_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch) / "id"


def plain(tag: str) -> list[str]:
    """The option for a registry on this machine, which has no certificate."""
    local = tag.split("/")[0].rsplit(":", 1)[0] in ("localhost", "127.0.0.1", "[::1]")
    return ["--tls-verify=false"] if local else []


def _of_repository(tag: str, digests: str) -> str:
    """Of all names by which docker knows an image, as JSON, the one in the repository of its tag; "" without it."""
    repository = re.sub(r":[^:/]+$", "", tag)
    # Docker does not write what it takes to be meant anyway.
    familiar = re.sub(r"^(index\.)?docker\.io/(library/)?", "", repository)
    return next((name for name in json.loads(digests) or () if name.partition("@")[0] in (repository, familiar)), "")


def _digest(text: str, tag: str) -> str:
    found = _DIGEST.search(text)
    if found is None:
        raise SlipwayError(f"{tag} was pushed, but the engine names no digest for it: {text.strip()!r}")
    return found[0]


def _settled(base: str, labels: Mapping[str, str]) -> list[str]:
    """The options of a build that every engine has; labels change no layer."""
    return [f"--build-arg=BASE_IMAGE={base}", *(f"--label={name}={value}" for name, value in labels.items())]
