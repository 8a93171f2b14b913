"""Dependencies in the code go one way: each part imports only from the parts before it."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src"
ORDER = (
    *("errors", "text", "names", "digests", "files", "network", "processes"),
    *("settings", "schema", "model", "wrapped", "models", "git", "store", "github", "overlays", "artifacts", "serving"),
    *("images", "containers", "training", "gitops", "release", "review", "provenance", "cli"),
)
OUTSIDE = {"__init__", "__main__", "testing"}


def modules() -> dict[str, Path]:
    """Return the file of each module of slipway, by its full name."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in ROOT.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules of slipway that a file imports, for types and inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{name.name}" for name in node.names}
            found |= {name if name in known else node.module for name in names}
    return found & known.keys()


def place(name: str) -> str:
    """Return the part of slipway that a module belongs to: its package, or itself."""
    return name.split(".")[1] if "." in name else "__init__"


def test_each_part_has_its_place() -> None:
    """A new package or loose module is put into the order."""
    assert {place(name) for name in modules()} - OUTSIDE == set(ORDER)


@pytest.mark.parametrize("part", ORDER)
def test_a_part_imports_from_those_before_it(part: str) -> None:
    """Each module is checked, with its lazy and typed imports."""
    known = modules()
    later = set(ORDER[ORDER.index(part) + 1 :])
    used = {(name, each) for name, path in known.items() if place(name) == part for each in imported(path, known)}
    assert {f"{name} imports {each}" for name, each in used if place(each) in later} == set()


def test_no_modules_import_one_another() -> None:
    """No chain of imports leads back to its start."""
    known = modules()
    graph = {name: imported(path, known) - {name} for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))
