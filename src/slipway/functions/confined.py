"""Containers on this machine, as little privileged as a cluster runs them; each is removed when its block ends."""

import uuid
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.functions import running
from slipway.functions.commands import options, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["HOST", "begun", "executed", "new_name", "published", "working"]

HOST = "127.0.0.1"
_PORT = 8080  # the one that an image listens on unless told otherwise

_CONFINED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
_READY = "/health/ready"
_NONE: "Mapping[str, str]" = MappingProxyType({})


@contextmanager
def published(
    engine: str, image: str, variables: "Mapping[str, str]" = _NONE, *, ready: str = _READY
) -> "Iterator[str]":
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
    image: str, command: "Sequence[str]", variables: "Mapping[str, str]" = _NONE, *, ready: str = _READY
) -> "Iterator[str]":
    """The address of what buildah starts by this command in an image; see `published`."""
    port = running.usable_port(HOST, 0)
    told = _told({**variables, "PORT": str(port)})
    with working(image) as container:
        words = ["buildah", "run", *told, *options("RUN"), container, "--", *command]
        with running.process(words, f"http://{HOST}:{port}", ready=ready) as server:
            yield server.url


def executed(engine: str, image: str, command: "Sequence[str]") -> str:
    """What a command prints that docker or podman runs in an image to its end."""
    name = new_name()
    confined = [*_CONFINED, "--tmpfs", "/tmp", "--entrypoint", command[0]]  # noqa: S108 - of the container
    try:
        return run(engine, "run", "--rm", "--name", name, *confined, *options("RUN"), image, *command[1:])
    finally:
        _remove(engine, name)


@contextmanager
def working(image: str) -> "Iterator[str]":
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


def _told(variables: "Mapping[str, str]") -> list[str]:
    return [f"--env={name}={value}" for name, value in variables.items()]
