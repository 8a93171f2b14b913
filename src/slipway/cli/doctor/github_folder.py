"""The files in `.github`: owners of all that decides about production, and actions that are pinned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from slipway.cli.doctor import Finding, missing, ok
from slipway.github import protection
from slipway.github.protection import CODEOWNERS
from slipway.settings import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.settings import Settings

# The owner in the file as it comes; nobody on GitHub has this name.
_PLACEHOLDER = "@OWNER/"
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}|docker://[^@\s]+@sha256:[0-9a-f]{64}")


def owners(settings: Settings) -> Iterator[Finding]:
    """Check that all files that decide about production have an owner, who approves each change."""
    try:
        text = (settings.root / CODEOWNERS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        fix = f"write it: /overlays/prod/ @TEAM, and so on; {FILE} names the environments that take promotions"
        yield missing("files", f"there is no {CODEOWNERS} that can be read: anybody may approve anything", fix)
        return
    for place in protection.guarded(settings.environments):
        yield _owned(settings.root, place, text)


def _owned(root: Path, place: str, text: str) -> Finding:
    """Check that each file of a place has an owner, and that each future file will have one."""
    there = [path.relative_to(root).as_posix() for path in sorted((root / place).rglob("*")) if path.is_file()]
    samples = [f"{place}anything", f"{place}any/folder/anything"] if place.endswith("/") else [place]
    found = {path: protection.owners(text, path) for path in [*samples, *there]}
    free = next((path for path, owners in found.items() if not owners), None)
    if free is not None:
        fix = f"add a line at the end of {CODEOWNERS}: /{place} @TEAM"
        return missing("files", f"nobody owns {free if free in there else place}: anybody may approve its change", fix)
    people = sorted({owner for owners in found.values() for owner in owners})
    if any(owner.startswith(_PLACEHOLDER) for owner in people):
        fix = f"name a team or a person in {CODEOWNERS} who may write to this repository"
        return missing("files", f"{place} is owned by {' '.join(people)}, whom nobody has named yet", fix)
    return ok("files", f"{place} is owned by {' '.join(people)}")


def actions(root: Path) -> Iterator[Finding]:
    """Check that each action of others is named by commit, which nobody can move."""
    workflows = [*root.glob(".github/workflows/*.y*ml"), *root.glob(".github/actions/**/action.y*ml")]
    bad, count = [], 0
    for path in sorted(workflows):
        where = path.relative_to(root).as_posix()
        try:
            used = sorted(set(_used(yaml.safe_load(path.read_text(encoding="utf-8")))))
        except (OSError, ValueError, yaml.YAMLError):
            yield missing("files", f"{where} cannot be read as YAML", "mend it: actionlint says where")
            continue
        count += len(used)
        bad += [f"{name} in {where}" for name in used if not name.startswith("./") and not _PINNED.fullmatch(name)]
    for each in bad:
        yield missing(
            "files", f"{each[:200]} is no commit: whoever owns it can change it", "name OWNER/NAME@COMMIT # TAG"
        )
    if not bad:
        yield ok("files", f"all {count} uses of actions in .github are named by commit, or are this repository's own")


def _used(content: Any) -> Iterator[str]:
    """Yield every `uses` of a workflow or an action, at any depth."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "uses" and isinstance(value, str):
                yield value
            else:
                yield from _used(value)
    elif isinstance(content, list):
        for each in content:
            yield from _used(each)
