"""`CODEOWNERS` as GitHub reads it: who has to approve a change of which paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.settings import Environment

__all__ = ["FILE", "guarded", "owners"]

FILE = ".github/CODEOWNERS"

# What releases are rendered from, the code that renders and judges them, and what that code is installed by.
_DECISIVE = (
    "manifests/",
    "slipway.yaml",
    ".github/",
    "workflows/",
    "functions/",
    "src/",
    ".ci/",
    "Makefile",
    "pyproject.toml",
    "requirements.lock",
)
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9._-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+")


def owners(text: str, path: str) -> list[str]:
    """Who owns `path` (relative to the repository), by the last rule that matches it; empty when nobody does.

    The rules are those of gitignore without `!`, `[…]` and `\\#`, which GitHub does not take; a rule without an owner
    takes ownership away, and one with an owner that cannot be is passed over.
    """
    found: list[str] = []
    for line in text.splitlines():
        pattern, *names = re.sub(r"(^|\s)#.*", "", line).split() or [""]
        if not pattern or pattern.startswith("!") or "[" in pattern or not all(map(_OWNER.fullmatch, names)):
            continue
        if _compiled(pattern).fullmatch(path):
            found = names
    return found


def guarded(environments: Mapping[str, Environment]) -> list[str]:
    """What decides what runs in an environment with promotions, as folders (`overlays/prod/`) and files.

    They are in the order in which they are worth mending.
    """
    return [*(f"overlays/{name}/" for name, each in environments.items() if each.promotes_from), *_DECISIVE]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """The paths that a rule is about: a file of that name, or all below a folder of that name."""
    anchored = "/" in pattern.rstrip("/")
    body = pattern.strip("/")
    parts = [_part(part) for part in body.split("/")]
    words = "/".join(parts).replace("**/", "(?:.*/)?").replace("/**", "/.*").replace("**", ".*")
    above = "" if anchored else "(?:.*/)?"
    if pattern.endswith("/"):
        return re.compile(f"{above}{words}/.*")
    # `docs/*` is about the files in docs, and not about what lies deeper.
    below = "" if body.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{above}{words}{below}")


def _part(text: str) -> str:
    if text == "**":
        return text
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)) for letter in text)
