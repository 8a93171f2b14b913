"""Containers on this machine, as little privileged as a cluster runs them; each is removed when its block ends."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.images import commands, engines, running
from slipway.images.commands import options, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["HOST", "READY", "begun", "executed", "new_name", "published", "serve", "user_of", "working"]

HOST = "127.0.0.1"
_PORT = 8080  # the one that an image listens on unless told otherwise

_CONFINED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
_READY = "/health/ready"
_NONE: Mapping[str, str] = MappingProxyType({})


@contextmanager
def published(engine: str, image: str, variables: Mapping[str, str] = _NONE, *, ready: str = _READY) -> Iterator[str]:
    """The address of what docker or podman starts of an image, until the block ends; its port is published here.

    Raises `SlipwayError` when it ends, or its path `ready` does not answer so.
    """
    port, name = running.usable_port(HOST, 0), new_name()
    publish = ["--rm", "--name", name, "--publish", f"{HOST}:{port}:{_PORT}"]
    told = _told({**variables, "PORT": str(_PORT)})
    command = [engine, "run", *publish, *_CONFINED, *told, *options("RUN"), image]
    try:
        with running.process(command, f"http://{HOST}:{port}", ready=ready) as server:
            yield server.url
    finally:
        _remove(engine, name)


@contextmanager
def begun(
    image: str, command: Sequence[str], variables: Mapping[str, str] = _NONE, *, ready: str = _READY
) -> Iterator[str]:
    """The address of what buildah starts by this command in an image; see `published`."""
    port = running.usable_port(HOST, 0)
    told = _told({**variables, "PORT": str(port)})
    with working(image) as container:
        words = ["buildah", "run", *told, *options("RUN"), container, "--", *command]
        with running.process(words, f"http://{HOST}:{port}", ready=ready) as server:
            yield server.url


def executed(engine: str, image: str, command: Sequence[str]) -> str:
    """What a command prints that docker or podman runs in an image to its end."""
    name = new_name()
    confined = [*_CONFINED, "--tmpfs", "/tmp", "--entrypoint", command[0]]  # noqa: S108 - of the container
    try:
        return run(engine, "run", "--rm", "--name", name, *confined, *options("RUN"), image, *command[1:])
    finally:
        _remove(engine, name)


@contextmanager
def working(image: str) -> Iterator[str]:
    """The name of a container that buildah makes of an image which is here."""
    name = new_name()
    try:
        run("buildah", "from", "--pull-never", "--name", name, image)
        yield name
    finally:
        with suppress(SlipwayError):
            run("buildah", "rm", name)


def new_name() -> str:
    """A container's name that no other process on this machine gives."""
    return f"slipway-{uuid.uuid4().hex[:16]}"


def _remove(engine: str, container: str) -> None:
    """Remove a container whose client was stopped before it could do so."""
    with suppress(SlipwayError):
        run(engine, "rm", "--force", container)


def _told(variables: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in variables.items()]


READY = "/v2/health/ready"


@contextmanager
def serve(image: str, *, model_id: str, release: str) -> Iterator[str]:
    """The address of the image's container, which runs until the block ends, as little privileged as in a cluster.

    Raises `SlipwayError` when no engine works here, the image cannot be pulled, or the container does not get ready.
    """
    engine = engines.find().name
    _pull(engine, image)  # which may take longer than a start is given
    told = {"MODEL_ID": model_id, "RELEASE": release}
    if engine == "buildah":
        started = begun(image, _command(image), told, ready=READY)
    else:
        started = published(engine, image, told, ready=READY)
    with started as url:
        yield url


def user_of(image: str) -> str:
    """As which user the image's container runs; the image is pulled unless it is here."""
    engine = engines.find().name
    _pull(engine, image)
    if engine == "buildah":
        return str(_config(image).get("User") or "")
    return commands.run(engine, "image", "inspect", "--format", "{{.Config.User}}", image).strip()


def _pull(engine: str, image: str) -> None:
    """Pull the image unless it is here; buildah looks by itself."""
    if engine == "buildah" or not commands.works(engine, "image", "inspect", image):
        without = [] if engine == "docker" else engines.plain(image)
        commands.run(engine, "pull", "--quiet", *without, image)


def _command(image: str) -> list[str]:
    """What the image says to start: buildah itself starts only what it is told to."""
    config = _config(image)
    found = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    if not found:
        raise SlipwayError(f"{image} says nothing to start", fix="give it an ENTRYPOINT")
    return found


def _config(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(commands.run("buildah", "inspect", "--type", "image", image))["OCIv1"]["config"]
    return found
