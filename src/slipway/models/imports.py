"""Which files of a repository a module needs: its imports, read from the source, followed to the end."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["closure"]


def closure(root: Path, start: Iterable[Path], package: str) -> set[Path]:
    """The files below `root/package` that those in `start` import, directly or not; `start` and `__init__`s included.

    Imports inside functions count too, those for type checkers only do not. `root` is where `package` is found, so
    `root/package/a/b.py` is `package.a.b`.
    Raises `SlipwayError` with file and line when a file is not Python.
    """
    waiting = list(start)
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in _imports(path, root):
            if name == package or name.startswith(f"{package}."):
                waiting.extend(_files(root, name))
    return found


def _files(root: Path, name: str) -> Iterator[Path]:
    parts = name.split(".")
    for depth in range(1, len(parts)):
        init = root.joinpath(*parts[:depth], "__init__.py")
        if init.is_file():
            yield init
    for candidate in (root.joinpath(*parts).with_suffix(".py"), root.joinpath(*parts, "__init__.py")):
        if candidate.is_file():
            yield candidate


def _imports(path: Path, root: Path) -> frozenset[str]:
    """Full names of what a file may import; `from a import b` gives both `a` and `a.b`."""
    inside = path.relative_to(root)
    try:
        return _imported(path.read_bytes(), inside.parent.parts)
    except SyntaxError as error:
        where = f"{inside}, line {error.lineno}" if error.lineno else f"{inside}"
        raise SlipwayError(f"{where}: {error.msg}: {(error.text or '').strip()}".rstrip(": ")) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SlipwayError(f"{inside} is not Python: {error}") from error


@lru_cache(maxsize=1024)  # one release reads the same files for each of its models
def _imported(source: bytes, parents: tuple[str, ...]) -> frozenset[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd in a module is told when it is imported
        tree = ast.parse(source)
    names: set[str] = set()
    for node in _running(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level <= len(parents):
            above = parents[: len(parents) - node.level + 1] if node.level else ()
            base = ".".join((*above, *(node.module.split(".") if node.module else ())))
            names.update((base, *(f"{base}.{alias.name}" for alias in node.names)))
    return frozenset(names)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below `node`, but for what is there for type checkers alone."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
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
