"""What was published and released by earlier code, as a repository to work in."""

import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.unit.conftest import ROOT, Site

__all__ = ["BY_HAND", "VERSIONS", "renewed", "repository"]

_FOLDER = ROOT / "tests/earlier"

VERSIONS = {
    "parcel": {"json"},
    "tide": {"npy"},
    "wine": {"onnx"},
    "soil": {"skops"},
    "berry": {"json", "npy", "onnx", "skops"},
    "leaf": {"json"},
    "boxes": {"json"},
    "crates": {"json"},
    "fruit": {"json"},
}
"""The trained models, and the forms of the parts of their version 1."""

BY_HAND = ("byhand", 2)


def repository(root: Path) -> Site:
    """Make the team's repository and its stores, as the earlier code left them."""
    subprocess.run(["git", "clone", "--quiet", str(_FOLDER / "team.bundle"), str(root)], check=True)
    site = Site(root)
    site.git("remote", "remove", "origin")
    with tarfile.open(_FOLDER / "store.tar.xz") as archive:
        archive.extractall(root / ".slipway", filter="data")
    return site


def renewed(root: Path, *, released: bool = True) -> Site:
    """Make the same repository with the platform of today in place of its own; `released` keeps what is released."""
    site = repository(root)
    gone = ("src", "functions", "manifests", *(() if released else ("overlays",)))
    site.git("rm", "-r", "--quiet", *gone)
    shutil.copytree(ROOT / "manifests/function", root / "manifests/function")
    site.commit("Take the new platform")
    for verified in [] if released else (root / ".slipway/store").glob("*/*/verified"):
        shutil.rmtree(verified)
    return site
