"""`CODEOWNERS` as GitHub reads it: who has to approve a change of which paths."""

import re
from pathlib import Path

from slipway import settings as settings_file

__all__ = ["FILE", "covered", "owners"]

FILE = ".github/CODEOWNERS"

# GitHub takes the first that is there.
_PLACES = (FILE, "CODEOWNERS", "docs/CODEOWNERS")
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


def covered(root: Path) -> list[str]:
    """The paths of the repository that decide what runs in an environment with promotions, and that nobody owns.

    They are given as folders (`overlays/prod/`) and files, in the order in which they are worth mending.
    """
    text = next(((root / place).read_text(encoding="utf-8") for place in _PLACES if (root / place).is_file()), "")
    environments = settings_file.load(root).environments
    taking = [f"overlays/{name}/" for name, each in environments.items() if each.promotes_from]
    guarded = [*taking, "manifests/", settings_file.FILE, ".github/"]
    # A folder is owned when whatever may lie in it is, however deep.
    return [path for path in guarded if not owners(text, f"{path}any/file" if path.endswith("/") else path)]


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
