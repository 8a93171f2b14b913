"""Dependencies in the code go one way: a package imports from those before it, and from none after it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src/slipway"
LAYERS = (
    ("wrapped", "store", "overlays"),
    ("artifacts",),
    ("serving", "forge"),
    ("functions",),
    ("training",),
    ("containers",),
    ("release",),
    ("provenance", "service"),
    ("review",),
    ("doctor",),
    ("cli",),
)
PLACES = {package: place for place, layer in enumerate(LAYERS) for package in layer}


def imported(path: Path) -> set[str]:
    """The packages of slipway that a module names in an import, wherever it stands in it."""
    tree = ast.parse(path.read_text())
    names = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{name.name}" for name in node.names}
    return {name.split(".")[1] for name in names if name.startswith("slipway.")} & PLACES.keys()


def test_each_package_has_its_place() -> None:
    """A new one is put where it belongs."""
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == PLACES.keys()


@pytest.mark.parametrize("package", PLACES)
def test_a_package_imports_from_those_before_it(package: str) -> None:
    """For types and inside functions, too."""
    used = {name for path in (ROOT / package).rglob("*.py") for name in imported(path)} - {package}
    assert {name for name in used if PLACES[name] >= PLACES[package]} == set()
