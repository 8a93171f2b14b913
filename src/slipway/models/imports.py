"""The files of a repository that a module imports, directly or not, read from the source."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from slipway.errors import SlipwayError


def closure(root: Path, start: Iterable[Path], package: str) -> set[Path]:
    """Return `start` and the files below `root/package` that it imports, directly or not, with their `__init__`s.

    Imports inside functions count; imports for type checkers do not. `root/package/a/b.py` is `package.a.b`. Raise
    `SlipwayError` with file and line when a file is not Python.
    """
    waiting, found = set(start), set[Path]()
    while waiting:
        path = waiting.pop()
        found.add(path)
        names = (name for name in _imports(path, root) if name.partition(".")[0] == package)
        waiting.update(file for name in names for file in _files(root, name) if file not in found)
    return found


def _files(root: Path, name: str) -> Iterator[Path]:
    parts = name.split(".")
    inits = (root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1))
    return (path for path in (*inits, root.joinpath(*parts).with_suffix(".py")) if path.is_file())


def _imports(path: Path, root: Path) -> frozenset[str]:
    """Return the full names that a file may import; `from a import b` gives `a` and `a.b`."""
    inside = path.relative_to(root)
    try:
        return _imported(path.read_bytes(), inside.parent.parts)
    except SyntaxError as error:
        where = f"{inside}, line {error.lineno}" if error.lineno else f"{inside}"
        raise SlipwayError(f"{where}: {error.msg}: {(error.text or '').strip()}".rstrip(": ")) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SlipwayError(f"{inside} is not Python: {error}") from error


@lru_cache(maxsize=1024)  # a release reads shared files once per model
def _imported(source: bytes, parents: tuple[str, ...]) -> frozenset[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns again at the import
        tree = ast.parse(source)
    names: set[str] = set()
    for node in _nodes(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level <= len(parents):
            above = parents[: len(parents) - node.level + 1] if node.level else ()
            base = ".".join((*above, *(node.module.split(".") if node.module else ())))
            names.update((base, *(f"{base}.{alias.name}" for alias in node.names)))
    return frozenset(names)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield `node` and all nodes below it except those for type checkers."""
    waiting = [node]
    while waiting:
        yield (current := waiting.pop())
        waiting.extend(_branches(current))


def _branches(node: ast.AST) -> Iterable[ast.AST]:
    if isinstance(node, ast.If):
        if _names_type_checking(node.test):
            return node.orelse
        if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not):
            return node.body if _names_type_checking(node.test.operand) else ast.iter_child_nodes(node)
    return ast.iter_child_nodes(node)


def _names_type_checking(test: ast.AST) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", None), getattr(test, "attr", None))
