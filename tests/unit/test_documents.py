"""Documents, and comments in YAML and Dockerfiles, name existing files."""

import re
import subprocess
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = re.compile(r"(?<![\w./-])(?:src/slipway|tests|functions|workflows|manifests|bench)/[\w./{},*-]*[\w*}/]")
# What settings fill in, and what a reader makes.
MADE = ("manifests/environments/environment", "manifests/environments/staging", "manifests/argocd/staging")


def documents() -> list[str]:
    """Return the tracked files that people read for advice."""
    kinds = ("*.md", "*.yaml", "*.yml", "*Dockerfile", "Makefile")
    listed = subprocess.run(["git", "ls-files", *kinds], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if not name.startswith(("overlays/", "tests/earlier/"))]


def expanded(path: str) -> list[str]:
    """Return the paths that braces stand for: `a/{b,c}.py` are two."""
    parts = [part.split(",") for part in re.split(r"[{}]", path)]
    return ["".join(each) for each in product(*parts)]


@pytest.mark.parametrize("name", documents())
def test_a_named_file_is_there(name: str) -> None:
    """A moved module moves in the documents, too."""
    found = {path for match in PATH.findall((ROOT / name).read_text()) for path in expanded(match)}
    assert sorted(path for path in found if not path.startswith(MADE) and not any(ROOT.glob(path.rstrip("/")))) == []
