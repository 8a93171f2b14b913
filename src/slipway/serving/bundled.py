"""`bundle.json`: the content of a bundle, written when it is made and compared with its files at every start."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from slipway import digests
from slipway.errors import SlipwayError

FILE = "bundle.json"

_FIX = "make the bundle and its image again from the store: slipway release"


class BundledArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact in the bundle: its digest, and the digest of each file by its path within `artifact/`."""

    digest: str
    files: dict[str, str]


class BundleFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `bundle.json`; the fingerprint is the digest of `components`."""

    model: str
    artifact: BundledArtifact
    fingerprint: str
    components: dict[str, str]
    base_image: str


class Identity(NamedTuple):
    """The model id and the release that answer, and the digests of what the bundle holds."""

    model_id: str
    release: str
    artifact: str = ""
    fingerprint: str = ""

    def named(self) -> dict[str, str]:
        """Return the two parts that every answer has."""
        return {"model_id": self.model_id, "release": self.release}


def read(folder: Path) -> BundleFile:
    """Read the `bundle.json` in `folder`; raise `SlipwayError` when it is missing or invalid."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=BundleFile)
    except FileNotFoundError:
        fix = "a function starts from a bundle; to serve a model from here: slipway serve MODEL"
        raise SlipwayError(f"there is no {FILE} in {folder}", fix=fix) from None
    except msgspec.DecodeError as error:
        raise SlipwayError(f"{folder / FILE} is not as slipway writes it: {error}", fix=_FIX) from error


def check(folder: Path, artifact: BundledArtifact) -> None:
    """Raise `SlipwayError` that names each file of `folder/artifact` that is missing, changed or undeclared."""
    present = digests.walk(folder / "artifact")
    wrong = [f"artifact/{path} is missing" for path in sorted(artifact.files.keys() - present.keys())]
    wrong += [f"artifact/{path} is not declared in {FILE}" for path in sorted(present.keys() - artifact.files.keys())]
    for path, declared in sorted(artifact.files.items()):
        if path in present and (found := digests.of_file(present[path])) != declared:
            wrong.append(f"artifact/{path} has changed: sha256 {declared} is declared, {found} was found")
    if wrong:
        raise SlipwayError("the artifact is damaged: " + "; ".join(wrong), fix=_FIX)
