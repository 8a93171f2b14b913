"""Which modules a change of code can reach, read from their words: cheap with a thousand models."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from slipway.settings import ModelSettings

if TYPE_CHECKING:
    from slipway.settings import Settings

__all__ = ["named", "reached"]

_WORD = re.compile(r"\w+")
_RELATIVE = re.compile(r"(?m)^\s*from\s+\.")


def reached(texts: Mapping[str, str], changed: Iterable[str]) -> set[str]:
    """The modules that may import a changed one, directly or not, and the changed ones; never too few, rarely too many.

    `texts` are all modules below `model/` by their path in the repository.
    """
    words = {path: frozenset(_WORD.findall(text)) for path, text in texts.items()}
    relative = {path for path, text in texts.items() if _RELATIVE.search(text)}
    found = {path for path in changed if path.endswith(".py")}
    waiting = list(found)
    while waiting:
        name, parent = _names(waiting.pop())
        new = {
            path
            for path in words.keys() - found
            if name in words[path] and (path in relative or not parent or parent in words[path])
        }
        found |= new
        waiting.extend(new)
    return found


def named(settings: "Settings") -> "Settings":
    """The settings with every model named in them: none is looked for in the folders each time it is asked of."""
    declared = {name: settings.declared.get(name, ModelSettings()) for name in settings.models()}
    return msgspec.structs.replace(settings, declared=declared)


def _names(path: str) -> tuple[str, str]:
    """The words that whoever imports a module has to write: its own name, and that of its package."""
    module = PurePosixPath(path).with_suffix("")
    parts = module.parent.parts if module.name == "__init__" else module.parts
    return parts[-1], parts[-2] if len(parts) > 1 else ""
