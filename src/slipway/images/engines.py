"""The container engines: docker (with buildx), podman and buildah, whichever works here.

Each builds an image, runs it on this machine, confined as a cluster confines it, and pushes it. `SLIPWAY_ENGINE`
chooses one. `SLIPWAY_BUILD_OPTIONS`, `SLIPWAY_RUN_OPTIONS` and `SLIPWAY_PUSH_OPTIONS` add options, written as for a
shell.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from slipway.errors import SlipwayError
from slipway.images import running
from slipway.images.bundle import Target
from slipway.images.commands import options, run, works
from slipway.names import nearest
from slipway.serving.http.requests import READY, V2_READY

_HOST = "127.0.0.1"
_PORT = 8080  # an image listens here unless told otherwise
_CONFINED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NONE: Mapping[str, str] = MappingProxyType({})

# The time of images and their files, so that equal images are equal to the byte: 1980-01-01, as in bundles.
_TIME = "315532800"


class Engine:
    """A program that makes images; every method raises `SlipwayError` with the program's own words.

    An image is known by its id until it is pushed: an image that fails its checks never has a name.
    """

    name: str
    building: tuple[str, ...] = ("build", "--layers", "--force-rm", "--timestamp", _TIME)
    """The command that builds, with the options of this engine."""
    building_env: Mapping[str, str] = _NONE

    def works(self) -> bool:
        """Tell whether it can be used; a client without its daemon cannot."""
        return works(self.name, "info")

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str], *more: str) -> str:
        """Build an image from `context` upon the image `base`; return its id. Labels change no layer."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "id"
            given = [f"--build-arg=BASE_IMAGE={base}", *(f"--label={name}={value}" for name, value in labels.items())]
            words = ["--target", target, *more, *given, *options("BUILD"), "--iidfile", str(file), str(context)]
            run(self.name, *self.building, *words, env=self.building_env)
            return file.read_text().strip()

    @contextmanager
    def run(self, image: str, variables: Mapping[str, str | None] = _NONE, *, ready: str = READY) -> Iterator[str]:
        """Run what the image starts until the block ends; yield its address.

        A variable with None has its value of this process, which no list of processes then shows. Raise `SlipwayError`
        when it ends, or its path `ready` does not answer in time.
        """
        port, container = running.usable_port(_HOST, 0), _new_name()
        words = ["--rm", "--name", container, "--publish", f"{_HOST}:{port}:{_PORT}", *_CONFINED]
        given = _environment(variables, _PORT)
        try:
            command = [self.name, "run", *words, *given, *options("RUN"), image]
            with running.process(command, f"http://{_HOST}:{port}", ready=ready) as server:
                yield server.url
        finally:
            self._remove(container)

    def execute(self, image: str, command: Sequence[str]) -> str:
        """Run a command in the image to its end; return what it printed."""
        container = _new_name()
        words = ["--rm", "--name", container, *_CONFINED, "--tmpfs", "/tmp"]  # noqa: S108 - of the container
        try:
            return run(self.name, "run", *words, "--entrypoint", command[0], *options("RUN"), image, *command[1:])
        finally:
            self._remove(container)

    def _remove(self, container: str) -> None:
        """Remove a container whose client was stopped before it could do so."""
        with suppress(SlipwayError):
            run(self.name, "rm", "--force", container)

    def push(self, image: str, tag: str) -> str:
        """Push the image by this name; return its digest in the registry, `sha256:…`."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "digest"
            words = ["--quiet", *_insecure(tag), *options("PUSH"), "--digestfile", str(file)]
            run(self.name, "push", *words, image, f"docker://{tag}")
            run(self.name, "tag", image, tag)  # an image without a name is pruned with the cache
            return _digest(file.read_text(), tag)

    def save(self, image: str, file: Path) -> None:
        """Write the image to a file, from which `load` takes it on another machine."""
        run(self.name, "save", "--quiet", "--format", "oci-archive", "--output", str(file), image)

    def load(self, file: Path) -> str:
        """Take an image out of a file; return its id."""
        return _id(run(self.name, "load", "--quiet", "--input", str(file)), file)

    def labels(self, image: str) -> dict[str, str]:
        """Return the labels of an image on this machine."""
        return json.loads(run(self.name, "image", "inspect", "--format", "{{json .Config.Labels}}", image)) or {}

    def pull(self, image: str) -> None:
        """Pull the image unless it is here."""
        if not works(self.name, "image", "inspect", image):
            insecure = [] if self.name == "docker" else _insecure(image)
            run(self.name, "pull", "--quiet", *insecure, image)

    def user(self, image: str) -> str:
        """Return the user that an image on this machine runs as."""
        return run(self.name, "image", "inspect", "--format", "{{.Config.User}}", image).strip()

    def manifest(self, reference: str) -> str:
        """Return the manifest of a pushed image as JSON, or nothing where this engine cannot ask for it."""
        return run(self.name, "manifest", "inspect", *_insecure(reference), reference)


class Docker(Engine):
    """Docker, with buildx as its builder."""

    name = "docker"
    building = ("buildx", "build", "--load")
    # Attestations are made of the pushed image, and would make a list of this one.
    building_env = MappingProxyType({"SOURCE_DATE_EPOCH": _TIME, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})

    def works(self) -> bool:
        return works("docker", "info") and works("docker", "buildx", "version")

    def push(self, image: str, tag: str) -> str:
        run("docker", "tag", image, tag)
        run("docker", "push", "--quiet", *options("PUSH"), tag)
        digests = run("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", tag)
        return _digest(_of_repository(tag, digests), tag)

    def save(self, image: str, file: Path) -> None:
        run("docker", "save", "--output", str(file), image)

    def manifest(self, reference: str) -> str:
        return run("docker", "buildx", "imagetools", "inspect", "--raw", reference)


class Podman(Engine):
    """Podman, which needs no daemon."""

    name = "podman"


class Buildah(Engine):
    """Buildah, which builds and pushes without a daemon and without rights; it runs an image as a process."""

    name = "buildah"

    def build(self, context: Path, target: Target, base: str, labels: Mapping[str, str], *more: str) -> str:
        mark = _new_name()
        try:
            # A host name that only this build knows marks what it leaves when it is stopped.
            return super().build(context, target, base, labels, *more, "--add-host", f"{mark}:{_HOST}")
        except BaseException:
            self._clear(mark)
            raise

    def _clear(self, mark: str) -> None:
        with suppress(SlipwayError, OSError, ValueError, KeyError):
            storage = Path(json.loads(run("buildah", "info"))["store"]["GraphRoot"])
            for file in storage.glob("*-containers/*/userdata/buildah.json"):
                if mark in file.read_text():
                    run("buildah", "rm", file.parts[-3])

    @contextmanager
    def run(self, image: str, variables: Mapping[str, str | None] = _NONE, *, ready: str = READY) -> Iterator[str]:
        config = self._config(image)
        started = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
        if not started:
            raise SlipwayError(f"{image} says nothing to start", fix="give it an ENTRYPOINT")
        port = running.usable_port(_HOST, 0)
        with self._container(image) as container:
            command = ["buildah", "run", *_environment(variables, port), *options("RUN"), container, "--", *started]
            with running.process(command, f"http://{_HOST}:{port}", ready=ready) as server:
                yield server.url

    def execute(self, image: str, command: Sequence[str]) -> str:
        with self._container(image) as container:
            return run("buildah", "run", *options("RUN"), container, "--", *command)

    @contextmanager
    def _container(self, image: str) -> Iterator[str]:
        """Make a container of a local image; yield its name."""
        name = _new_name()
        try:
            run("buildah", "from", "--pull-never", "--name", name, image)
            yield name
        finally:
            with suppress(SlipwayError):
                run("buildah", "rm", name)

    def pull(self, image: str) -> None:
        run("buildah", "pull", "--quiet", *_insecure(image), image)  # it looks by itself whether the image is here

    def save(self, image: str, file: Path) -> None:
        run("buildah", "push", "--quiet", image, f"oci-archive:{file}")

    def load(self, file: Path) -> str:
        return _id(run("buildah", "pull", "--quiet", f"oci-archive:{file}"), file)

    def labels(self, image: str) -> dict[str, str]:
        return dict(self._config(image).get("Labels") or {})

    def user(self, image: str) -> str:
        return str(self._config(image).get("User") or "")

    def _config(self, image: str) -> dict[str, Any]:
        config: dict[str, Any] = json.loads(run("buildah", "inspect", "--type", "image", image))["OCIv1"]["config"]
        return config

    def manifest(self, reference: str) -> str:
        if shutil.which("skopeo") is None:  # buildah itself shows lists of images only
            return ""
        return run("skopeo", "inspect", "--raw", *_insecure(reference), f"docker://{reference}")


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
    fix = "install docker with buildx, podman or buildah, and see that `… info` works"
    problem = f"no engine works here: {chosen or ', '.join(names)}"
    raise SlipwayError(problem, fix=f"{fix}; or set no registry in slipway.yaml")


@contextmanager
def serve(image: str, *, model_id: str, release: str) -> Iterator[str]:
    """Run an image that speaks the Open Inference Protocol until the block ends; yield its address.

    Raise `SlipwayError` when no engine works here, the image cannot be pulled, or the container does not get ready.
    """
    engine = find()
    engine.pull(image)  # a pull may take longer than a start is given
    with engine.run(image, {"MODEL_ID": model_id, "RELEASE": release}, ready=V2_READY) as url:
        yield url


def user_of(image: str) -> str:
    """Return the user that the image runs as; pull the image unless it is here."""
    engine = find()
    engine.pull(image)
    return engine.user(image)


def _new_name() -> str:
    """Return a name for a container that no other process on this machine uses."""
    return f"slipway-{uuid.uuid4().hex[:16]}"


def _environment(variables: Mapping[str, str | None], port: int) -> list[str]:
    given = {**variables, "PORT": str(port)}
    return [f"--env={name}" if value is None else f"--env={name}={value}" for name, value in given.items()]


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


def _id(said: str, file: Path) -> str:
    """Return the id of a loaded image; docker and podman write words before it."""
    found = re.search(r"(?:sha256:)?[0-9a-f]{64}", said)
    if found is None:
        raise SlipwayError(f"{file} was loaded, and the engine names no image: {said.strip()!r}")
    return found[0]


def _digest(text: str, tag: str) -> str:
    found = _DIGEST.search(text)
    if found is None:
        raise SlipwayError(f"{tag} was pushed, but the engine names no digest for it: {text.strip()!r}")
    return found[0]
