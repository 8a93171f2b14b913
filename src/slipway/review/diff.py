"""`slipway diff`: the rendered manifests of the overlays that a change touches, before and after."""

from __future__ import annotations

import difflib
import html
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.github.markdown import Section, code, details, fence, fitted
from slipway.gitops import rendering
from slipway.overlays import documents
from slipway.overlays.overlay import KUSTOMIZATION
from slipway.review.changes import TRAINING, OverlayChange, below, contents, merge, overlay_changes, releases_of
from slipway.review.consequences import Consequence, consequences
from slipway.settings import Settings
from slipway.text import cut, one_line, printable

MARKER = "<!-- slipway: diff -->"
"""The comment begins with it, so that the next run finds the comment."""

_MOST, _MOST_OVERLAYS, _MOST_LINES = 60_000, 300, 20_000

# Slipway's own kustomizations have these keys. Others may name files elsewhere, and are not built.
_KEYS = frozenset({"apiVersion", "kind", "labels", "namespace", "resources", "sortOptions"})
_RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


class ObjectDiff(NamedTuple):
    """The difference of one object."""

    kind: str
    name: str
    change: str
    """`added`, `removed` or `changed`."""
    lines: list[str]
    """A unified diff without its heads."""


class OverlayDiff(NamedTuple):
    """The difference of the objects that are rendered from one folder."""

    environment: str
    folder: str
    """Below the environment: `iris`, or `iris/training`."""
    objects: list[ObjectDiff]
    problem: str = ""
    """Why it cannot be rendered; then there are no objects."""


class Diff(NamedTuple):
    """A change's differences in the rendered manifests, and the consequences of its merge."""

    overlays: list[OverlayDiff]
    consequences: list[Consequence]


def diff(settings: Settings, *, base: str | None = None, head: str | None = None) -> Diff:
    """Compare the branch `base` (else the remote's followed branch) with itself after the merge of `head` (else HEAD).

    Only overlays that the merge changes are built, from git. Raise `SlipwayError` when the commits cannot be compared.
    """
    repository = Repository(settings.root)
    found = merge(repository, settings, base, head)
    changed = overlay_changes(repository, found)
    overlays = [_overlay(repository, change, part) for change in changed for part in ("", TRAINING)]
    following = consequences(repository, found.tip, found.tree)
    return Diff([each for each in overlays if each.objects or each.problem], following)


def _objects(before: bytes, after: bytes) -> list[ObjectDiff]:
    """Compare the objects of two rendered overlays, by kind and name; each as kustomize prints it."""
    old, new = _documents(before), _documents(after)
    found = []
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            change = "added" if key not in old else "removed" if key not in new else "changed"
            lines = [*difflib.unified_diff(old.get(key, []), new.get(key, []), lineterm="")][2:]
            found.append(ObjectDiff(*key, change, lines))
    return found


def text(found: Diff) -> str:
    """Return the difference for a terminal; empty when there is none."""
    parts = []
    for each in found.overlays:
        parts.append(one_line(f"{each.environment}/{each.folder}: {each.problem or _counted(each)}"))
        for item in each.objects:
            parts.append(f"  {one_line(f'{item.kind} {item.name} {item.change}')}")
            parts.extend(f"    {printable(line)}" for line in item.lines)
    if found.consequences:
        parts.append("after the merge:")
    parts.extend(one_line(f"- {each}") for each in found.consequences)
    return "\n".join(parts)


def markdown(found: Diff) -> str:
    """Return the comment of a pull request; empty when nothing that runs changes and nothing follows."""
    if not found.overlays and not found.consequences:
        return ""
    sections = [Section((MARKER,))]
    if found.overlays:
        sections.append(Section(("### What this changes of what runs",)))
    for environment, overlays in groupby(found.overlays[:_MOST_OVERLAYS], lambda each: each.environment):
        sections += [Section((f"#### {code(environment)}",)), *map(_section, overlays)]
    if (more := len(found.overlays) - _MOST_OVERLAYS) > 0:
        sections.append(Section((f"… and {more} overlays more: `slipway diff` shows all.",)))
    if found.consequences:
        sections.append(_after(found.consequences))
    return fitted(sections, _MOST - 1)


def _section(each: OverlayDiff) -> Section:
    name = f"<code>{html.escape(cut(one_line(each.folder), 80))}</code>"
    if each.problem:
        return Section((f"{code(each.folder)} is not rendered: {code(each.problem, 300)}",))
    summary = f"{name}: {_counted(each)}"
    lines = [line for item in each.objects for line in (f"# {item.kind} {item.name}: {item.change}", *item.lines)]
    # What cannot fit is not written at all: with hundreds of overlays that would take minutes.
    whole = sum(map(len, lines)) < _MOST
    shown = "\n".join([*map(printable, lines if whole else lines[:200]), *([] if whole else lines[200:])])
    forms = [details(summary, fence(shown, "diff", most)) for most in ((None,) if whole else ()) + (200, 40)]
    return Section((*forms, f"{summary} (`slipway diff` shows it)"))


def _after(following: list[Consequence]) -> Section:
    lines = []
    for each in following:
        reason = f": {code(each.reason, 300)}" if each.reason else ""
        lines.append(f"- {code(each.model) if each.model else 'all models'}: {each.text}{reason}")
    rest = "more (`slipway diff` shows them)"
    short = [[*lines[:most], f"- … and {len(lines) - most} {rest}"] for most in (100, 20) if len(lines) > most]
    return Section(tuple("\n".join(["### After the merge", "", *form]) for form in (lines, *short)))


def _counted(each: OverlayDiff) -> str:
    counts = Counter(item.change for item in each.objects)
    return ", ".join(f"{count} {change}" for change, count in sorted(counts.items()))


def _overlay(repository: Repository, change: OverlayChange, part: str) -> OverlayDiff:
    """Compare the releases of an overlay, or a folder of it; build nothing where the files are the same."""
    folder = f"{change.model}/{part}".rstrip("/")
    sides = [below(files, part) if part else releases_of(files) for files in (change.before, change.after)]
    try:
        built = [_built(contents(repository, files), repository.root) for files in sides if sides[0] != sides[1]]
        return OverlayDiff(change.environment, folder, _objects(*built) if built else [])
    except (SlipwayError, yaml.YAMLError) as error:
        return OverlayDiff(change.environment, folder, [], str(getattr(error, "problem", error)))


def _built(files: Mapping[str, bytes], root: Path) -> bytes:
    """Return what kustomize renders; nothing of no files. Raise `SlipwayError` when they are not slipway's."""
    if not files:
        return b""
    for path, content in files.items():
        if path.rpartition("/")[2] in (KUSTOMIZATION, "kustomization.yml", "Kustomization"):
            _check(path, documents.parse(content, path), files)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        for path, content in files.items():
            (Path(scratch) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / path).write_bytes(content)
        made = rendering.build(Path(scratch), root)
    if made.count(b"\n") > _MOST_LINES:
        raise SlipwayError(f"more than {_MOST_LINES} lines are rendered from it")
    return made


def _check(path: str, document: Mapping[str, Any], files: Iterable[str]) -> None:
    """Raise `SlipwayError` for a kustomization that reaches beyond its folder: the change may be a stranger's."""
    resources = document.get("resources") or []
    if not isinstance(resources, list):
        raise SlipwayError(f"{path} is not what slipway writes: its resources are no list")
    folder = path.rpartition("/")[0]
    near = {"/".join(part for part in (folder, str(name)) if part) for name in resources}
    there = {each for file in files for each in (file, file.rpartition("/")[0])}
    if document.keys() - _KEYS or not all(_RESOURCE.fullmatch(str(name)) for name in resources) or near - there:
        raise SlipwayError(f"{path} is not what slipway writes")


def _documents(rendered: bytes) -> dict[tuple[str, str], list[str]]:
    found = {}
    # A line of three dashes cannot be within a document.
    for content in rendered.split(b"\n---\n"):
        document = yaml.load(content, documents.READER)  # noqa: S506 - a safe loader
        if isinstance(document, dict):
            key = (str(document.get("kind")), str((document.get("metadata") or {}).get("name")))
            found[key] = content.decode(errors="replace").splitlines()
    return found
