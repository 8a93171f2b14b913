"""Which types a saved part may hold, decided by our code and by the model's own, never by the artifact.

skops compares names. That is not enough here, for two reasons that are looked after in this module: a name in the
model's module may be something imported (`from subprocess import run`), and a function that may be *held* must not be
*called* while a part is loaded, which skops does with whatever stands for the type of a container or of a key.
"""

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

from slipway.artifacts.sklearn_types import CLASSES, FUNCTIONS
from slipway.imports import closure

__all__ = ["Trust", "misused", "nodes", "own_modules"]

_PLAIN_TYPES = frozenset({"builtins.bool", "builtins.float", "builtins.int", "builtins.str"})
_PLAIN_FACTORIES = _PLAIN_TYPES | {"builtins.dict", "builtins.list", "builtins.set", "collections.OrderedDict"}
_PARTIAL = "functools.partial"


class Trust(NamedTuple):
    """The modules whose own classes and functions a part may hold, and the full names of further types."""

    modules: frozenset[str]
    types: frozenset[str]

    @classmethod
    def of(cls, model: type) -> "Trust":
        """What the class of a model is trusted with."""
        return cls(own_modules(model.__module__), frozenset(getattr(model, "trusted_types", ())))

    def kinds(self, schema: dict[str, Any]) -> dict[str, str]:
        """What is trusted of the full names in the `schema.json` of a skops file, each as `class` or `function`."""
        names = {_name(node) for node in nodes(schema)}
        return {name: kind for name in sorted(names | self.types) if (kind := self._kind(name))}

    def _kind(self, name: str) -> str:
        if name in CLASSES or name in self.types:
            return "class"
        if name in FUNCTIONS:
            return "function"
        module, _, attribute = name.rpartition(".")
        return _defined(module, attribute) if module in self.modules else ""


def own_modules(module: str) -> frozenset[str]:
    """Full names of the model's own modules: `module`, and what it imports from the same top package."""
    file = getattr(sys.modules[module], "__file__", None)
    if file is None:
        return frozenset()
    path, parts = Path(file), module.split(".")
    root = path.parents[len(parts) - (path.name != "__init__.py")]
    found = (each.relative_to(root).with_suffix("").parts for each in closure(root, [path], parts[0]))
    return frozenset(".".join(each[:-1] if each[-1] == "__init__" else each) for each in found)


def _defined(module: str, name: str) -> str:
    """What `name` is, if it is written in `module` itself at its outermost level."""
    found = vars(import_module(module)).get(name)
    if getattr(found, "__module__", None) != module or getattr(found, "__qualname__", None) != name:
        return ""
    if inspect.isclass(found):
        return "class"
    return "function" if type(found) is FunctionType else ""


def misused(schema: dict[str, Any], kinds: dict[str, str]) -> set[str]:
    """Full names in the `schema.json` of a skops file that stand where skops would call them, and must not.

    `kinds` is what `Trust.kinds` says of the file. skops itself refuses the names that are not in it.
    """
    functions = {name for name, kind in kinds.items() if kind == "function"}
    misplaced = {
        _name(node) for node in nodes(schema) if node["__loader__"] != "FunctionNode" and _name(node) in functions
    }
    return misplaced | set(_called(schema)) | set(_bound(schema))


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every node in the `schema.json` of a skops file, each before those below it."""
    if isinstance(value, dict):
        if isinstance(value.get("__loader__"), str):
            yield value
        for below in value.values():
            yield from nodes(below)
    elif isinstance(value, list):
        for below in value:
            yield from nodes(below)


def _called(schema: dict[str, Any]) -> Iterator[str]:
    """Names that skops, or the loaded dict, would call with a key, and that are no simple type."""
    for node in nodes(schema):
        if "key_types" in node:
            keys = node["key_types"]
            called = [key for key in keys["content"] if not _is_type(key, _PLAIN_TYPES)]
            # An id would let the list, or one of its items, stand for an object elsewhere in the file.
            if "__id__" in keys or keys["__loader__"] != "ListNode" or _name(keys) != "builtins.list":
                called.append(keys)
            yield from map(_name, called)
        if node["__loader__"] == "DefaultDictNode":
            factory = node["content"]["default_factory"]
            if not _is_type(factory, _PLAIN_FACTORIES):
                yield _name(factory)


def _bound(schema: dict[str, Any]) -> Iterator[str]:
    """`functools.partial`, where it is of anything but a function that scikit-learn keeps in this way."""
    for node in nodes(schema):
        if _name(node) == _PARTIAL:
            function = node["content"].get("func", {}) if node["__loader__"] == "PartialNode" else {}
            # An id would let it stand for an object elsewhere in the file.
            known = function.get("__loader__") == "FunctionNode" and "__id__" not in function
            if not known or _name(function) not in FUNCTIONS:
                yield _PARTIAL


def _is_type(node: dict[str, Any], plain: frozenset[str]) -> bool:
    name = _name(node)
    return node["__loader__"] == "TypeNode" and "__id__" not in node and (name in plain or name.startswith("numpy."))


def _name(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"
