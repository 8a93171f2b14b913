"""Images that a cluster can pull: built, checked, pushed, labelled and weighed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from slipway.artifacts import golden, manifest
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.images import clients, engines, index_secrets, running, verification
from slipway.images.bundle import Bundle
from slipway.images.engines import Engine
from slipway.models import environment, model_tests
from slipway.overlays import overlay
from slipway.settings import Settings
from slipway.settings.types import secrets_for

UNBUILT = "unbuilt.invalid"
"""A registry that cannot exist (RFC 2606): no cluster pulls from it."""

_CHECK = ["python", "-P", "-m", "slipway.cli.image_check"]
"""Checks in an image that it can do its work."""

_NAME = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*@sha256:[0-9a-f]{64}")
_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+\.[\w-]+):(?!/)(.+)")


class Image(NamedTuple):
    """An image that can be pulled: `<registry>/<name>@sha256:<digest>`."""

    reference: str
    size: int = 0
    """Compressed bytes; 0 where they are not known."""


Builder = Callable[[Bundle], Image]
"""A maker of images: the image of a bundle can be pulled when it returns."""


def builder_for(settings: Settings, name: str, report: Callable[[str], None]) -> Builder:
    """Return the builder of an environment: with an engine where `slipway.yaml` names a registry."""
    registry = settings.environment(name).registry
    return unbuilt if registry == UNBUILT else EngineBuilder(settings, registry, engines.find(), report).build


def keeper_for(settings: Settings, name: str, report: Callable[[str], None], file: Callable[[str], Path]) -> Builder:
    """Return a builder that needs no right: it pushes nothing, and writes each image to the `file` of its name."""
    registry = settings.environment(name).registry
    return unbuilt if registry == UNBUILT else _Keeper(settings, registry, engines.find(), report, file).build


def push_kept(
    settings: Settings, environment: str, file: Path, name: str, fingerprint: str, report: Callable[[str], None]
) -> Image:
    """Push an image that a keeper has made; raise `SlipwayError` for one of another name or fingerprint."""
    registry = settings.environment(environment).registry
    pusher = EngineBuilder(settings, registry, engines.find(), report)
    made = pusher.engine.load(file)
    labels = pusher.engine.labels(made)
    if [labels.get(f"org.opencontainers.image.{each}") for each in ("title", "version")] != [name, fingerprint]:
        raise SlipwayError(f"{file} is not the image of {name} {fingerprint[:8]}", fix="run the workflow again")
    return pusher.push(made, name, fingerprint, "built without rights")


def unbuilt(bundle: Bundle) -> Image:
    """Name an image by its fingerprint, and build nothing: a builder where there is no engine."""
    return Image(f"{UNBUILT}/{bundle.name}@sha256:{bundle.fingerprint}")


def is_unbuilt(image: str) -> bool:
    """Tell whether an image was only named."""
    return image.startswith(f"{UNBUILT}/")


def lies_under(image: str, registry: str) -> bool:
    """Tell whether an image is `<registry>/<name>@sha256:<digest>`."""
    return image.startswith(f"{registry}/") and _NAME.fullmatch(image, len(registry) + 1) is not None


class EngineBuilder:
    """Build images with an engine, check and push them.

    The image of a function is pushed only when it starts, reproduces its golden predictions, and passes the model's
    served tests. A trainer's has to read its settings and import its model; the platform's, to know its verbs and load
    what its pods need.
    """

    def __init__(self, settings: Settings, registry: str, engine: Engine, report: Callable[[str], None]) -> None:
        self.settings, self.registry, self.engine, self.report = settings, registry, engine, report

    def build(self, bundle: Bundle) -> Image:
        """Return the image of a bundle, pushed; raise `SlipwayError` with the words of the engine or the function."""
        self.report(f"{bundle.name}: building with {self.engine.name}")
        labels = labels_of(self.settings.root, bundle.name, bundle.fingerprint)
        began = time.monotonic()
        with index_secrets.mounted(bundle) as secrets:
            made = self.engine.build(bundle.folder, bundle.target, bundle.base_image, labels, *secrets)
        took = time.monotonic() - began
        try:
            self._check(made, bundle)
        except SlipwayError as error:
            problem = f"the image of {bundle.name} fails its checks and is not pushed: {error.problem}"
            fix = error.fix or "see what it said; slipway serve runs the same on this machine"
            raise SlipwayError(problem, fix=fix) from error
        return self._finish(made, bundle, f"built in {took:.1f} s")

    def _finish(self, made: str, bundle: Bundle, built: str) -> Image:
        return self.push(made, bundle.name, bundle.fingerprint, built)

    def _check(self, made: str, bundle: Bundle) -> None:
        if bundle.target == "function":
            secrets = secrets_for(self.settings.model(bundle.model).secrets, "serving")
            variables = {**running.secret_variables(secrets), **dict.fromkeys(secrets)}
            with self.engine.run(made, variables) as url:
                _reproduce(url, bundle)
                self._test(url, bundle.model)
        elif bundle.target == "train":
            self.engine.execute(made, [*_CHECK, bundle.model])
        else:
            self.engine.execute(made, ["slipway", "--version"])
            self.engine.execute(made, _CHECK)

    def _test(self, url: str, model: str) -> None:
        if model_tests.use_served_url(self.settings, model):
            python = environment.python_for(environment.compile_lock(self.settings, model, "train"))
            model_tests.run(self.settings, model, f"--served-url={url}", python=python)

    def push(self, made: str, name: str, fingerprint: str, built: str) -> Image:
        """Push an image that was checked; report its weight beside that of the model's newest declared one."""
        began = time.monotonic()
        digest = self.engine.push(made, f"{self.registry}/{name}:{fingerprint[:12]}")
        took = time.monotonic() - began
        reference = f"{self.registry}/{name}@{digest}"
        found = layers_of(self.engine, reference)
        known = set(self._known(name))
        size = sum(found.values())
        weight = f": {text(new(found, known))} of {text(size)} are new" if known else f": {text(size)}"
        self.report(f"{name}: {built}, pushed in {took:.1f} s{weight if found else ''}")
        return Image(reference, size)

    def _known(self, model: str) -> Iterator[str]:
        """Yield the layers of the model's newest declared image in each environment."""
        for name in self.settings.environments:
            with suppress(SlipwayError):  # a damaged overlay does not stop a build
                found = overlay.read_folder(self.settings.root, name, model)
                declared = [release.record.image for release in found.releases] if found else []
                if declared and declared[0].startswith(f"{self.registry}/"):
                    yield from layers_of(self.engine, declared[0])


class _Keeper(EngineBuilder):
    """Build and check images, and keep each in a file."""

    def __init__(
        self,
        settings: Settings,
        registry: str,
        engine: Engine,
        report: Callable[[str], None],
        file: Callable[[str], Path],
    ) -> None:
        super().__init__(settings, registry, engine, report)
        self.file = file

    def _finish(self, made: str, bundle: Bundle, built: str) -> Image:
        file = self.file(bundle.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        self.engine.save(made, file)
        self.report(f"{bundle.name}: {built}, kept")
        return unbuilt(bundle)


def _reproduce(url: str, bundle: Bundle) -> None:
    """Compare a new image with its golden predictions; raise `SlipwayError` when something else answers at `url`."""
    found = clients.describe(url).fingerprint
    if found != bundle.fingerprint:
        problem = f"{url} is answered by {found[:8]}, and not by {bundle.fingerprint[:8]}"
        raise SlipwayError(problem, fix="another program took its port: run it again")
    expected = manifest.read_file(bundle.folder / "artifact", golden.FILE, golden.Golden)
    tolerance = manifest.read(bundle.folder / "artifact").tolerance
    verification.golden_difference(url, expected, clients.reproduce(url, expected), tolerance)


def labels_of(root: Path, title: str, fingerprint: str) -> dict[str, str]:
    """Return the labels of an image that is built from the repository at `root`, as far as git knows them.

    They hold no time, because nothing in an image depends on it. An engine that has built the same files before may
    keep the earlier revision.
    """
    revision = source = ""
    with suppress(SlipwayError):
        repository = Repository(root)
        revision = repository.commit_at("HEAD") or ""
        source = web_address(repository.run("remote", "get-url", "origin").decode().strip())
    found = {"title": title, "version": fingerprint, "revision": revision, "source": source}
    return {f"org.opencontainers.image.{name}": value for name, value in found.items() if value}


def web_address(remote: str) -> str:
    """Return a remote's address for a browser, without secrets; "" where it is no address.

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


def layers_of(engine: Engine, reference: str) -> dict[str, int]:
    """Return layers and configuration of a pushed image as {digest: compressed bytes}; nothing where not known."""
    try:
        found = json.loads(engine.manifest(reference))
        return {part["digest"]: part["size"] for part in (found["config"], *found["layers"])}
    except (SlipwayError, ValueError, KeyError):  # a size is worth knowing, and no reason to fail
        return {}


def new(layers: Mapping[str, int], known: Collection[str]) -> int:
    """Return the bytes of `layers` that are not among the `known`."""
    return sum(size for digest, size in layers.items() if digest not in known)


def text(size: int) -> str:
    """Return a number of bytes for people: `13 kB`, `58.1 MB`."""
    if size < 1000:
        return f"{size} bytes"
    for unit in ("kB", "MB"):
        size_in = size / (1e3 if unit == "kB" else 1e6)
        if size_in < 999.5:
            return f"{size_in:.1f} {unit}" if size_in < 99.95 else f"{size_in:.0f} {unit}"
    return f"{size / 1e9:.1f} GB"
