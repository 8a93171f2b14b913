"""From a bundle to an image that a cluster can pull, behind one small interface."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from slipway.artifacts import golden, manifest
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.images import clients, engines, verification
from slipway.images.bundle import base_image
from slipway.images.platform import NAME
from slipway.models import environment, tests
from slipway.overlays import overlay

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from slipway.images.bundle import Bundle
    from slipway.images.engines import Engine, Target
    from slipway.images.platform import Platform
    from slipway.images.trainer import Trainer
    from slipway.settings import Settings

__all__ = [
    "UNBUILT",
    "Builder",
    "Built",
    "Image",
    "Unbuilt",
    "builder_for",
    "is_unbuilt",
    "labels_of",
    "layers_of",
    "lies_under",
    "new",
    "text",
    "web_address",
]

UNBUILT = "unbuilt.invalid"
"""A registry that cannot exist (RFC 2606): no cluster pulls from it."""

_SMOKE = ["python", "-P", "-m", "slipway.cli.smoke"]
"""Checks in an image that it can do its work."""

_NAME = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*@sha256:[0-9a-f]{64}")


class Image(NamedTuple):
    """An image that can be pulled: `<registry>/<name>@sha256:<digest>`."""

    reference: str
    size: int = 0
    """Compressed bytes; 0 where nobody knows."""


class Builder(Protocol):
    """Makes the images of a model, and the platform's own."""

    def build(self, bundle: Bundle, name: str) -> Image:
        """The image of a bundle, `<registry>/<name>`, which can be pulled from now on."""

    def build_trainer(self, trainer: Trainer, name: str) -> Image:
        """The image of a trainer, `<registry>/<name>-train`, which can be pulled from now on."""

    def build_platform(self, platform: Platform) -> Image:
        """The platform's own image, `<registry>/slipway`, which can be pulled from now on."""


class Unbuilt:
    """Where there is no engine: names the image that would be, by the fingerprint, and builds nothing."""

    def build(self, bundle: Bundle, name: str) -> Image:
        """The name of an image that nobody built."""
        return Image(f"{UNBUILT}/{name}@sha256:{bundle.fingerprint}")

    def build_trainer(self, trainer: Trainer, name: str) -> Image:
        """The name of an image that nobody built."""
        return Image(f"{UNBUILT}/{name}-train@sha256:{trainer.fingerprint}")

    def build_platform(self, platform: Platform) -> Image:
        """The name of an image that nobody built."""
        return Image(f"{UNBUILT}/{NAME}@sha256:{platform.fingerprint}")


class Built:
    """Builds with an engine, starts what it built, holds it to its golden predictions, and pushes it.

    Nothing is pushed, or gets a name, that does not start, or predicts otherwise than when it was trained, or fails
    the model's own served tests.
    """

    def __init__(self, settings: Settings, registry: str, engine: Engine, report: Callable[[str], None]) -> None:
        self.settings, self.registry, self.engine, self.report = settings, registry, engine, report

    def build(self, bundle: Bundle, name: str) -> Image:
        """See `Builder.build`; raises `SlipwayError` with what the engine or the function said."""
        made = self._make(bundle, "function", name, base_image(self.settings, bundle.model))
        with _explained(name), self.engine.run(made.id) as url:
            self._hold(url, bundle)
            self._test(url, bundle.model)
        return self._push(made, name, bundle.fingerprint, self._known(name))

    def build_trainer(self, trainer: Trainer, name: str) -> Image:
        """See `Builder.build_trainer`; its image has to read its settings and import its model."""
        name = f"{name}-train"
        made = self._make(trainer, "train", name, base_image(self.settings, trainer.model))
        with _explained(name):
            self.engine.execute(made.id, [*_SMOKE, trainer.model])
        return self._push(made, name, trainer.fingerprint, ())

    def build_platform(self, platform: Platform) -> Image:
        """See `Builder.build_platform`; it has to show its verbs, and load what its pods need."""
        made = self._make(platform, "platform", NAME, self.settings.base_image)
        with _explained(NAME):
            self.engine.execute(made.id, ["slipway", "--version"])
            self.engine.execute(made.id, _SMOKE)
        return self._push(made, NAME, platform.fingerprint, ())

    def _make(self, context: Bundle | Trainer | Platform, target: Target, name: str, base: str) -> _Made:
        self.report(f"{name}: building with {self.engine.name}")
        told = labels_of(self.settings.root, name, context.fingerprint)
        began = time.monotonic()
        made = self.engine.build(context.folder, target, base, told)
        return _Made(made, time.monotonic() - began)

    def _hold(self, url: str, bundle: Bundle) -> None:
        found = clients.describe(url).fingerprint
        if found != bundle.fingerprint:
            problem = f"{url} is answered by {found[:8]}, and not by {bundle.fingerprint[:8]}"
            raise SlipwayError(problem, fix="another program took its port: run it again")
        expected = manifest.read_file(bundle.folder / "artifact", golden.FILE, golden.Golden)
        verification.hold(url, expected, manifest.read(bundle.folder / "artifact").tolerance)

    def _test(self, url: str, model: str) -> None:
        if tests.ask_for_url(self.settings, model):
            python = environment.python_for(environment.compile_lock(self.settings, model, "train"))
            tests.pytest(self.settings.root, self.settings.folder(model), f"--served-url={url}", python=python)

    def _push(self, made: _Made, name: str, fingerprint: str, known: Iterable[str]) -> Image:
        began = time.monotonic()
        digest = self.engine.push(made.id, f"{self.registry}/{name}:{fingerprint[:12]}")
        took = time.monotonic() - began
        reference = f"{self.registry}/{name}@{digest}"
        found = layers_of(self.engine, reference)
        size = sum(found.values())
        weight = f": {_weight(found, set(known))}" if found else ""
        self.report(f"{name}: built in {made.seconds:.1f} s, pushed in {took:.1f} s{weight}")
        return Image(reference, size)

    def _known(self, model: str) -> Iterator[str]:
        """The layers of the images that are declared here for the model, each environment's newest."""
        for name in self.settings.environments:
            with suppress(SlipwayError):  # what is damaged there stops nothing here
                found = overlay.read_folder(self.settings.root, name, model)
                declared = [release.record.image for release in found.releases] if found else []
                if declared and declared[0].startswith(f"{self.registry}/"):
                    yield from layers_of(self.engine, declared[0])


class _Made(NamedTuple):
    """An image that is not pushed, and how long it took to build, in seconds."""

    id: str
    seconds: float


def _weight(found: Mapping[str, int], known: Collection[str]) -> str:
    whole = text(sum(found.values()))
    return f"{text(new(found, known))} of {whole} are new" if known else whole


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except SlipwayError as error:
        fix = error.fix or "see what it said; slipway serve runs the same on this machine"
        raise SlipwayError(f"the image of {name} does not hold and is not pushed: {error.problem}", fix=fix) from error


def builder_for(settings: Settings, name: str, report: Callable[[str], None]) -> Builder:
    """What makes the images of an environment: an engine where `slipway.yaml` names a registry."""
    registry = settings.environment(name).registry
    return Unbuilt() if registry == UNBUILT else Built(settings, registry, engines.find(), report)


def is_unbuilt(image: str) -> bool:
    """Whether an image was only named."""
    return image.startswith(f"{UNBUILT}/")


def lies_under(image: str, registry: str) -> bool:
    """Whether an image is `<registry>/<name>@sha256:<digest>`; of `UNBUILT`, whether nobody built it."""
    return image.startswith(f"{registry}/") and _NAME.fullmatch(image, len(registry) + 1) is not None


_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+\.[\w-]+):(?!/)(.+)")


def labels_of(root: Path, title: str, fingerprint: str) -> dict[str, str]:
    """The labels of an image that is built from the repository at `root`; what git does not know is left out.

    There is no time among them, as nothing in an image depends on when it was built. An engine that has built just
    these files before may keep the revision of that time.
    """
    revision = source = ""
    with suppress(SlipwayError):
        repository = Repository(root)
        revision = repository.commit_at("HEAD") or ""
        source = web_address(repository.run("remote", "get-url", "origin").decode().strip())
    found = {"title": title, "version": fingerprint, "revision": revision, "source": source}
    return {f"org.opencontainers.image.{name}": value for name, value in found.items() if value}


def web_address(remote: str) -> str:
    """A remote's address as one reads it in a browser, without what may be secret in it; "" for what is no address.

    >>> web_address("git@github.com:team/models.git")
    'https://github.com/team/models'
    """
    if found := _SCP.fullmatch(remote):
        return f"https://{found[1]}/{found[2].removesuffix('.git')}"
    try:
        parts = urlsplit(remote)
        given = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https", "ssh", "git") or not parts.hostname:
        return ""
    scheme = parts.scheme if parts.scheme == "http" else "https"
    port = f":{given}" if given and parts.scheme in ("http", "https") else ""
    return f"{scheme}://{parts.hostname}{port}{parts.path.removesuffix('.git')}"


class _Part(msgspec.Struct, frozen=True):
    digest: str
    size: int


class _Manifest(msgspec.Struct, frozen=True):
    config: _Part
    layers: list[_Part]


def layers_of(engine: Engine, reference: str) -> dict[str, int]:
    """The layers of a pushed image and its configuration, as {digest: compressed bytes}; nothing where nobody says."""
    try:
        found = msgspec.json.decode(engine.manifest(reference), type=_Manifest)
    except (SlipwayError, msgspec.DecodeError):  # a size is worth knowing, and no reason to fail
        return {}
    return {part.digest: part.size for part in (found.config, *found.layers)}


def new(layers: Mapping[str, int], known: Collection[str]) -> int:
    """How many bytes of `layers` are in none that are `known`."""
    return sum(size for digest, size in layers.items() if digest not in known)


def text(size: int) -> str:
    """A number of bytes to read: `13 kB`, `58.1 MB`."""
    if size < 1000:
        return f"{size} bytes"
    for unit in ("kB", "MB"):
        size_in = size / (1e3 if unit == "kB" else 1e6)
        if size_in < 999.5:
            return f"{size_in:.1f} {unit}" if size_in < 99.95 else f"{size_in:.0f} {unit}"
    return f"{size / 1e9:.1f} GB"
