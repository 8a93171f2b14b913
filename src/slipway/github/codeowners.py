"""The rules of `CODEOWNERS`: the people who must approve a change of a path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from slipway.settings import Environment

__all__ = ["FILE", "guarded", "owners"]

FILE = ".github/CODEOWNERS"

# The sources of releases, the code that renders and judges releases, and the files that install that code.
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
    """Return the owners of `path` (relative to the repository) by the last rule that matches it.

    The rules are those of gitignore without `!`, `[…]` and `\\#`, as on GitHub. A rule without an owner removes
    ownership. Ignore a rule with an invalid owner.
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
    """Return the folders and files that decide what runs in an environment with promotions.

    Order them by importance, the most important first. Folders end with a slash (`overlays/prod/`).
    """
    return [*(f"overlays/{name}/" for name, each in environments.items() if each.promotes_from), *_DECISIVE]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a rule to a pattern of paths: a file of that name, or all files below a folder of that name."""
    anchored = "/" in pattern.rstrip("/")
    body = pattern.strip("/")
    parts = [_part(part) for part in body.split("/")]
    words = "/".join(parts).replace("**/", "(?:.*/)?").replace("/**", "/.*").replace("**", ".*")
    above = "" if anchored else "(?:.*/)?"
    if pattern.endswith("/"):
        return re.compile(f"{above}{words}/.*")
    # `docs/*` matches the files in docs, but no files in its subfolders.
    below = "" if body.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{above}{words}{below}")


def _part(text: str) -> str:
    if text == "**":
        return text
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter)) for letter in text)
