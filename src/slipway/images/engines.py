"""The container engines: docker (with buildx), podman and buildah, whichever works here.

Each builds an image, runs it on this machine, and pushes it. `SLIPWAY_ENGINE` chooses one. `SLIPWAY_BUILD_OPTIONS`,
`SLIPWAY_RUN_OPTIONS` and `SLIPWAY_PUSH_OPTIONS` add options, written as for a shell.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from slipway.errors import SlipwayError
from slipway.images import commands
from slipway.images.bundle import Target
from slipway.images.commands import options, run, works
from slipway.names import nearest
from slipway.serving.http.requests import V2_READY

_FUNCTION = ("python", "-m", "slipway.serving")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

# The time of images and their files, so that equal images are equal to the byte: 1980-01-01, as in bundles.
_TIME = "315532800"

_Served = AbstractContextManager[str]


class Engine(Protocol):
    """A program that makes images; every method raises `SlipwayError` with the program's own words.

    An image is known by its id until it is pushed: an image that fails its checks never has a name.
    """

    name: str

    def works(self) -> bool:
        """Tell whether it can be used; a client without its daemon cannot."""

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str]) -> str:
        """Build an image from `context` upon the image `base`; return its id."""

    def run(self, image: str) -> _Served:
        """Run the image's function until the block ends; yield its address."""

    def execute(self, image: str, command: Sequence[str]) -> str:
        """Run a command in the image to its end; return what it printed."""

    def push(self, image: str, tag: str) -> str:
        """Push the image by this name; return its digest in the registry, `sha256:…`."""

    def manifest(self, reference: str) -> str:
        """Return the manifest of a pushed image as JSON, or nothing where this engine cannot ask for it."""


class Docker:
    """Docker, with buildx as its builder."""

    name = "docker"

    def works(self) -> bool:
        """See `Engine.works`."""
        return works("docker", "info") and works("docker", "buildx", "version")

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str]) -> str:
        """See `Engine.build`."""
        with _id_file() as file:
            words = ["--load", "--target", target, *_of_build(base, labels), *options("BUILD"), "--iidfile", str(file)]
            # Attestations are made of the pushed image, and would make a list of this one.
            env = {"SOURCE_DATE_EPOCH": _TIME, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
            run("docker", "buildx", "build", *words, str(context), env=env)
            return file.read_text().strip()

    def run(self, image: str) -> _Served:
        """See `Engine.run`."""
        return commands.served("docker", image)

    def execute(self, image: str, command: Sequence[str]) -> str:
        """See `Engine.execute`."""
        return commands.executed("docker", image, command)

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
    """Podman and buildah share their code, and so most of their commands."""

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
            run(self.name, "build", *words, *_of_build(base, labels), *options("BUILD"), *ids, str(context))
            return file.read_text().strip()

    def push(self, image: str, tag: str) -> str:
        """See `Engine.push`."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "digest"
            words = ["--quiet", *_insecure(tag), *options("PUSH"), "--digestfile", str(file)]
            run(self.name, "push", *words, image, f"docker://{tag}")
            run(self.name, "tag", image, tag)  # an image without a name is pruned with the cache
            return _digest(file.read_text(), tag)

    def manifest(self, reference: str) -> str:
        """See `Engine.manifest`; buildah itself shows lists of images only."""
        if shutil.which("skopeo"):
            return run("skopeo", "inspect", "--raw", *_insecure(reference), f"docker://{reference}")
        return ""


class Podman(_Daemonless):
    """Podman, which needs no daemon."""

    name = "podman"

    def run(self, image: str) -> _Served:
        """See `Engine.run`."""
        return commands.served("podman", image)

    def execute(self, image: str, command: Sequence[str]) -> str:
        """See `Engine.execute`."""
        return commands.executed("podman", image, command)

    def manifest(self, reference: str) -> str:
        """See `Engine.manifest`."""
        return run("podman", "manifest", "inspect", *_insecure(reference), reference)


class Buildah(_Daemonless):
    """Buildah, which builds and pushes without a daemon and without rights; it runs an image as a process."""

    name = "buildah"

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str]) -> str:
        """See `Engine.build`; a host name that only this build knows marks what it leaves when stopped."""
        mark = commands.new_name()
        try:
            return self._build(context, target, base, labels, "--add-host", f"{mark}:{commands.HOST}")
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
        return commands.served_by_buildah(image, _FUNCTION)

    def execute(self, image: str, command: Sequence[str]) -> str:
        """See `Engine.execute`."""
        with commands.working(image) as container:
            return run("buildah", "run", *options("RUN"), container, "--", *command)


ENGINES: tuple[Engine, ...] = (Docker(), Podman(), Buildah())


def find() -> Engine:
    """Return the first engine that works; raise `SlipwayError` when none does, or the chosen one does not."""
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
def serve(image: str, *, model_id: str, release: str) -> Iterator[str]:
    """Run an image that speaks the Open Inference Protocol until the block ends; yield its address.

    Raise `SlipwayError` when no engine works here, the image cannot be pulled, or the container does not get ready.
    """
    engine = find().name
    _pull(engine, image)  # a pull may take longer than a start is given
    variables = {"MODEL_ID": model_id, "RELEASE": release}
    if engine == "buildah":
        started = commands.served_by_buildah(image, _command(image), variables, ready=V2_READY)
    else:
        started = commands.served(engine, image, variables, ready=V2_READY)
    with started as url:
        yield url


def user_of(image: str) -> str:
    """Return the user that the image runs as; pull the image unless it is here."""
    engine = find().name
    _pull(engine, image)
    if engine == "buildah":
        return str(_config(image).get("User") or "")
    return run(engine, "image", "inspect", "--format", "{{.Config.User}}", image).strip()


def _pull(engine: str, image: str) -> None:
    """Pull the image unless it is here; buildah looks by itself."""
    if engine == "buildah" or not works(engine, "image", "inspect", image):
        insecure = [] if engine == "docker" else _insecure(image)
        run(engine, "pull", "--quiet", *insecure, image)


def _command(image: str) -> list[str]:
    """Return the command of an image: buildah starts only what it is told to."""
    config = _config(image)
    found = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    if not found:
        raise SlipwayError(f"{image} says nothing to start", fix="give it an ENTRYPOINT")
    return found


def _config(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("buildah", "inspect", "--type", "image", image))["OCIv1"]["config"]
    return found


@contextmanager
def _id_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch) / "id"


def _insecure(tag: str) -> list[str]:
    """Return the option for a registry on this machine, which has no certificate."""
    local = tag.split("/")[0].rsplit(":", 1)[0] in ("localhost", "127.0.0.1", "[::1]")
    return ["--tls-verify=false"] if local else []


def _of_repository(tag: str, digests: str) -> str:
    """Return the one of docker's names for an image (JSON) that is in the repository of its tag; "" without one."""
    repository = re.sub(r":[^:/]+$", "", tag)
    # Docker leaves out the names that it takes for granted.
    familiar = re.sub(r"^(index\.)?docker\.io/(library/)?", "", repository)
    return next((name for name in json.loads(digests) or () if name.partition("@")[0] in (repository, familiar)), "")


def _digest(text: str, tag: str) -> str:
    found = _DIGEST.search(text)
    if found is None:
        raise SlipwayError(f"{tag} was pushed, but the engine names no digest for it: {text.strip()!r}")
    return found[0]


def _of_build(base: str, labels: Mapping[str, str]) -> list[str]:
    """Return the options of a build that every engine has; labels change no layer."""
    return [f"--build-arg=BASE_IMAGE={base}", *(f"--label={name}={value}" for name, value in labels.items())]
