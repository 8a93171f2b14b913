"""Container engines: docker (with buildx), podman and buildah, whichever works here.

Each builds an image, runs it on this machine, and pushes it. Further options of a build, a run or a push are taken from
`SLIPWAY_BUILD_OPTIONS`, `SLIPWAY_RUN_OPTIONS` and `SLIPWAY_PUSH_OPTIONS`, written as for a shell; `SLIPWAY_ENGINE`
chooses among engines that work.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from slipway.errors import SlipwayError
from slipway.names import nearest
from slipway.release import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    _Served = AbstractContextManager[str]

__all__ = ["ENGINES", "Engine", "find"]

_HOST = "127.0.0.1"
_PORT = 8080  # the one that the image listens on unless told otherwise
_FUNCTION = ("functions-framework", "--target", "predict", "--source", "main.py")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Engine(Protocol):
    """What makes an image of a build context; every method raises `SlipwayError` with the engine's own words."""

    name: str

    def works(self) -> bool:
        """Whether it can be used; a client whose engine does not run cannot."""

    def build(self, context: Path, tag: str, arguments: "Mapping[str, str]") -> None:
        """Build the image `tag` from `context`, with these build arguments."""

    def run(self, tag: str) -> "_Served":
        """The address of the image's function, which runs until the block ends."""

    def push(self, tag: str) -> str:
        """Push the image; returns its digest in the registry, `sha256:…`."""


class Docker:
    """Docker, with buildx as its builder."""

    name = "docker"

    def works(self) -> bool:
        """See `Engine.works`."""
        return _works("docker", "info") and _works("docker", "buildx", "version")

    def build(self, context: Path, tag: str, arguments: "Mapping[str, str]") -> None:
        """See `Engine.build`."""
        _run(
            "docker",
            "buildx",
            "build",
            "--load",
            *_arguments(arguments),
            *_options("BUILD"),
            "--tag",
            tag,
            str(context),
        )

    def run(self, tag: str) -> "_Served":
        """See `Engine.run`."""
        return _published("docker", tag)

    def push(self, tag: str) -> str:
        """See `Engine.push`."""
        _run("docker", "push", "--quiet", *_options("PUSH"), tag)
        found = _run("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", tag)
        return _digest(found, tag)


class _Daemonless:
    """What podman and buildah, which share their code, do alike."""

    name: str

    def works(self) -> bool:
        """See `Engine.works`."""
        return _works(self.name, "info")

    def build(self, context: Path, tag: str, arguments: "Mapping[str, str]") -> None:
        """See `Engine.build`."""
        _run(self.name, "build", "--layers", *_arguments(arguments), *_options("BUILD"), "--tag", tag, str(context))

    def push(self, tag: str) -> str:
        """See `Engine.push`."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "digest"
            options = [*(["--tls-verify=false"] if _is_local(tag) else []), *_options("PUSH")]
            _run(self.name, "push", "--quiet", *options, "--digestfile", str(file), tag, f"docker://{tag}")
            return _digest(file.read_text(), tag)


class Podman(_Daemonless):
    """Podman, which needs no daemon."""

    name = "podman"

    def run(self, tag: str) -> "_Served":
        """See `Engine.run`."""
        return _published("podman", tag)


class Buildah(_Daemonless):
    """Buildah, which builds and pushes without a daemon and without rights; it runs an image as a process."""

    name = "buildah"

    @contextmanager
    def run(self, tag: str) -> "Iterator[str]":
        """See `Engine.run`."""
        container = _run("buildah", "from", "--pull-never", tag).strip()
        port = running.usable_port(_HOST, 0)
        try:
            command = ["buildah", "run", "--env", f"PORT={port}", *_options("RUN"), container, "--", *_FUNCTION]
            with running.process(command, f"http://{_HOST}:{port}") as server:
                yield server.url
        finally:
            _run("buildah", "rm", container)


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
def _published(engine: str, tag: str) -> "Iterator[str]":
    """Run an image with its port published on this machine, as little privileged as a cluster runs it."""
    port = running.usable_port(_HOST, 0)
    confined = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]
    publish = ["--rm", "--publish", f"{_HOST}:{port}:{_PORT}"]
    command = [engine, "run", *publish, *confined, *_options("RUN"), tag]
    with running.process(command, f"http://{_HOST}:{port}") as server:
        yield server.url


def _is_local(tag: str) -> bool:
    """Whether the registry is this machine, which has no certificate."""
    return tag.split("/")[0].rsplit(":", 1)[0] in ("localhost", "127.0.0.1", "[::1]")


def _digest(text: str, tag: str) -> str:
    found = _DIGEST.search(text)
    if found is None:
        raise SlipwayError(f"{tag} was pushed, but the engine names no digest for it: {text.strip()!r}")
    return found[0]


def _arguments(arguments: "Mapping[str, str]") -> list[str]:
    return [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]


def _options(kind: str) -> list[str]:
    return shlex.split(os.environ.get(f"SLIPWAY_{kind}_OPTIONS", ""))


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise SlipwayError(f"{' '.join(command[:2])} failed:\n  {said}", fix=_fix(said, command))
    return done.stdout


def _fix(said: str, command: "tuple[str, ...]") -> str:
    """What to do about the failures that are a matter of rights or reach; the engine's words say the rest."""
    registry = command[-1].removeprefix("docker://").split("/")[0]
    if re.search(r"unauthorized|denied|forbidden|authentication required|no basic auth", said, re.IGNORECASE):
        return f"log in with the right to push: {command[0]} login {registry}"
    if re.search(r"no such host|connection refused|i/o timeout|network is unreachable", said, re.IGNORECASE):
        return "see that the registry, the base image's and the package index can be reached from here"
    return ""
