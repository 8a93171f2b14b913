"""Bills of materials list the parts of images."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.images import sbom
from slipway.images.build import Image
from slipway.images.bundle import Bundle
from tests.unit.serving import tiny

IMAGE = Image(f"localhost:5000/team/tiny@sha256:{'ab' * 32}", 62_000_000)

LOCK = f"""\
functions-framework==3.10.2 \\
    --hash=sha256:{"1" * 64} \\
    --hash=sha256:{"2" * 64}
msgspec==0.22.0 \\
    --hash=sha256:{"3" * 64}
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{"4" * 64}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{"5" * 64}
pywin32==311 ; sys_platform == 'win32' \\
    --hash=sha256:{"6" * 64}
"""


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle whose lock has packages for other machines too."""
    monkeypatch.setattr(tiny, "LOCK", LOCK)
    return tiny.bundled(tmp_path)


def parts(document: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in document["components"] if part["type"] == kind}


def test_document_lists_packages_base_image_and_model(bundled: Bundle) -> None:
    """It has the packages that the lock installs on Linux, with their hashes."""
    document = json.loads(sbom.make(bundled, IMAGE))
    packages = parts(document, "library")
    assert {name: part["purl"] for name, part in packages.items()} == {
        "functions-framework": "pkg:pypi/functions-framework@3.10.2",
        "msgspec": "pkg:pypi/msgspec@0.22.0",
        "numpy": "pkg:pypi/numpy@2.4.6",
    }
    hashes = packages["functions-framework"]["hashes"]
    assert [(each["alg"], each["content"][0]) for each in hashes] == [("SHA-256", "1"), ("SHA-256", "2")]
    assert parts(document, "container")["python"]["version"] == "3.11-slim"
    told = json.loads((bundled.folder / "bundle.json").read_bytes())
    model = parts(document, "machine-learning-model")["tiny"]
    assert model["version"] == model["hashes"][0]["content"] == told["artifact"]["digest"]


def test_document_names_its_image_by_digest(bundled: Bundle) -> None:
    """A document of another image is recognised."""
    image = json.loads(sbom.make(bundled, IMAGE))["metadata"]["component"]
    assert image["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert {"name": "slipway:fingerprint", "value": bundled.fingerprint} in image["properties"]


def test_the_same_image_gives_the_same_bytes(bundled: Bundle, tmp_path: Path) -> None:
    """It holds no time and no random number. Another fingerprint gives another document."""
    assert sbom.make(bundled, IMAGE) == sbom.make(bundled, IMAGE)
    other = tiny.bundled(tmp_path / "other", predictions=[4.0, 8.0000001])
    numbers = {json.loads(sbom.make(each, IMAGE))["serialNumber"] for each in (bundled, other)}
    assert len(numbers) == 2


def check(text: str) -> None:
    """Hold a document to the schema of CycloneDX."""
    # The import takes seconds.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@pytest.mark.long(7)
def test_document_is_valid_cyclonedx(bundled: Bundle) -> None:
    """The official schema of CycloneDX 1.6 accepts it."""
    text = sbom.make(bundled, IMAGE).decode()
    assert json.loads(text)["specVersion"] == "1.6"
    check(text)


@pytest.mark.parametrize(
    ("python", "numpy"), [("3.11", "2.4.6"), ("3.11.9", "2.4.6"), ("3.12", "2.5.5"), ("3.13.1", "2.5.5")]
)
def test_packages_are_those_of_the_image_s_python(python: str, numpy: str) -> None:
    """A lock serves several versions of Python. The image installs one line of each package."""
    assert {package.version for package in sbom.packages(LOCK, python) if package.name == "numpy"} == {numpy}


@pytest.mark.long(7)
def test_document_of_the_platform_s_own_image(tmp_path: Path) -> None:
    """It has the lock's packages, the base image and the platform, and no model."""
    (tmp_path / "platform.lock").write_text(LOCK)
    made = Bundle(tmp_path, "platform", "slipway", "debian:bookworm", {"environment": "12"})
    text = sbom.make(made, IMAGE)
    check(text.decode())
    document = json.loads(text)
    assert parts(document, "library")["numpy"]["version"] == "2.4.6"
    assert parts(document, "container")["debian"]["version"] == "bookworm"
    assert parts(document, "machine-learning-model") == {}
    assert {"name": "slipway:fingerprint", "value": made.fingerprint} in document["metadata"]["component"]["properties"]
