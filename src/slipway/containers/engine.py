"""A container that somebody else built, pulled and started on this machine."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from slipway.errors import SlipwayError
from slipway.functions import commands, engines, running

__all__ = ["READY", "serve", "user_of"]

READY = "/v2/health/ready"

_HOST = "127.0.0.1"
_PORT = 8080


@contextmanager
def serve(image: str, *, model_id: str, release: str) -> Iterator[str]:
    """The address of the image's container, which runs until the block ends, as little privileged as in a cluster.

    Raises `SlipwayError` when no engine works here, the image cannot be pulled, or the container does not get ready.
    """
    engine = engines.find().name
    told = {"MODEL_ID": model_id, "RELEASE": release}
    port = running.usable_port(_HOST, 0)
    name = engines.container_name()
    if engine == "buildah":
        began = _began_with_buildah(name, image, told | {"PORT": str(port)})
    else:
        publish = ["--rm", "--name", name, "--publish", f"{_HOST}:{port}:{_PORT}", *engines.CONFINED]
        words = [*publish, *_variables(told | {"PORT": str(_PORT)}), *commands.options("RUN")]
        began = [engine, "run", *words, image]
    try:
        with running.process(began, f"http://{_HOST}:{port}", ready=READY) as server:
            yield server.url
    finally:
        with suppress(SlipwayError):
            commands.run(engine, "rm", *([] if engine == "buildah" else ["--force"]), name)


def user_of(image: str) -> str:
    """As which user the image's container runs; the image is pulled unless it is here."""
    engine = engines.find().name
    if engine == "buildah":
        _pull(image)
        return str(_config(image).get("User") or "")
    commands.run(engine, "pull", "--quiet", image)
    return commands.run(engine, "image", "inspect", "--format", "{{.Config.User}}", image).strip()


def _began_with_buildah(name: str, image: str, variables: Mapping[str, str]) -> list[str]:
    """The command that starts what the image says: buildah itself starts only what it is told to."""
    _pull(image)
    config = _config(image)
    started = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    if not started:
        raise SlipwayError(f"{image} says nothing to start", fix="give it an ENTRYPOINT")
    commands.run("buildah", "from", "--pull-never", "--name", name, image)
    return ["buildah", "run", *_variables(variables), *commands.options("RUN"), name, "--", *started]


def _pull(image: str) -> None:
    commands.run("buildah", "pull", "--quiet", *engines.plain(image), image)


def _config(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(commands.run("buildah", "inspect", "--type", "image", image))["OCIv1"]["config"]
    return found


def _variables(values: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in values.items()]
