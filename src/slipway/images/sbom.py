"""Bills of materials of images, as CycloneDX 1.6: packages, base image, and the model of a release."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from slipway import __version__
from slipway.artifacts import manifest
from slipway.images.build import Image
from slipway.images.bundle import Bundle
from slipway.models import locks
from slipway.serving import bundled

_PYTHON = re.compile(r"(?:^|/)python:(\d+\.\d+(?:\.\d+)?)")
_LEAST = "3.11"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/slipway")


class Package(NamedTuple):
    """A package of a lock, with the SHA-256 digests of its files, of which one is installed."""

    name: str
    version: str
    hashes: tuple[str, ...]
    origin: Mapping[str, str] = MappingProxyType({})
    """The qualifier that says where it comes from, if it does not come from the usual index."""


def make(bundle: Bundle, image: Image) -> bytes:
    """Return the document of the image of a release or of the platform as JSON; the same image gives the same bytes.

    It has the packages that the lock installs on Linux. The Python is that of the base image where its name says so
    (`python:3.11-slim`), else the one that trained the artifact, or 3.11 without one.
    """
    found = _PYTHON.search(bundle.base_image)
    python, models = found[1] if found else _LEAST, []
    if bundle.target == "function":
        python = found[1] if found else manifest.read(bundle.folder / "artifact").python
        models = [_model(bundled.read(bundle.folder))]
    platform = Component(type=ComponentType.FRAMEWORK, name="slipway", version=__version__, bom_ref="slipway")
    root = _image(image, bundle.fingerprint, python)
    installed = [_component(package) for package in packages(bundle.lock.read_text(encoding="utf-8"), python)]
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, bundle.fingerprint),
        metadata=BomMetaData(component=root, tools=None),
        components=[*models, _base(bundle.base_image), platform, *installed],
    )
    # Without a time the same image gives the same bytes; the format allows that, the library's types do not.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(root, bom.components)
    return (JsonV1Dot6(bom).output_as_string(indent=1) + "\n").encode()


def packages(lock: str, python: str) -> Iterator[Package]:
    """Yield by name the packages that a lock of pip installs on Linux with this Python (`3.11` or `3.11.9`)."""
    here = {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python if python.count(".") == 2 else f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_machine": "x86_64",
    }
    for each in sorted(locks.packages(lock), key=lambda each: (each.name, each.text)):
        requirement = Requirement(each.text.replace("\\\n", " ").split("--hash")[0].split("#")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(here):
            yield Package(each.name, each.version, each.hashes, _qualifiers(each))


def _qualifiers(package: locks.Locked) -> dict[str, str]:
    if package.wheel:
        return {"file_name": package.wheel.rpartition("/")[2]}
    return {"repository_url": package.origin.partition(" ")[2]} if package.origin else {}


def _component(package: Package) -> Component:
    url = PackageURL("pypi", name=package.name, version=package.version, qualifiers=dict(package.origin))
    return Component(
        name=package.name, version=package.version, purl=url, bom_ref=str(url), hashes=_sha256(*package.hashes)
    )


def _image(image: Image, fingerprint: str, python: str) -> Component:
    repository, _, digest = image.reference.partition("@")
    name = repository.rpartition("/")[2]
    told = {"slipway:fingerprint": fingerprint, "slipway:python": python}
    return Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=digest,
        purl=PackageURL("oci", name=name, version=digest, qualifiers={"repository_url": repository}),
        bom_ref=image.reference,
        hashes=_sha256(digest.partition(":")[2]),
        properties=[Property(name=name, value=value) for name, value in told.items()],
    )


def _base(reference: str) -> Component:
    """Return the base image by its digest, or by its tag without one."""
    tagged, _, digest = reference.partition("@")
    path, _, tag = tagged.rpartition(":") if ":" in tagged.rpartition("/")[2] else (tagged, "", "")
    hashes = _sha256(digest.partition(":")[2]) if digest else None
    kind = ComponentType.CONTAINER
    return Component(type=kind, name=path, version=digest or tag, bom_ref=f"base:{reference}", hashes=hashes)


def _model(about: bundled.BundleFile) -> Component:
    kind, digest = ComponentType.MACHINE_LEARNING_MODEL, about.artifact.digest
    return Component(
        type=kind, name=about.model, version=digest, bom_ref=f"model:{about.model}", hashes=_sha256(digest)
    )


def _sha256(*digests: str) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in digests]
