"""`slipway diff`: the rendered manifests of the overlays that a change touches, before and after, object by object."""

from __future__ import annotations

import difflib
import html
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.github.markdown import Section, code, details, fence, fitted
from slipway.gitops import rendering
from slipway.overlays import documents
from slipway.overlays.overlay import KUSTOMIZATION
from slipway.review import aftermath, claims, written
from slipway.text import printable

if TYPE_CHECKING:
    from slipway.review.aftermath import Following
    from slipway.review.claims import Claim
    from slipway.settings import Settings

__all__ = ["MARKER", "Diff", "ObjectDiff", "OverlayDiff", "diff", "markdown", "objects", "text"]

MARKER = "<!-- slipway: diff -->"
"""What the comment begins with, so that the next run finds it."""

_MOST = 60_000
_MOST_OVERLAYS = 300
_MOST_LINES = 20_000
_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What slipway's own kustomizations have. Others may name what lies elsewhere, and are not built.
_KEYS = frozenset({"apiVersion", "kind", "labels", "namespace", "resources", "sortOptions"})
_RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


class ObjectDiff(NamedTuple):
    """How one object differs."""

    kind: str
    name: str
    change: str
    """`added`, `removed` or `changed`."""
    lines: list[str]
    """A unified diff without its heads."""


class OverlayDiff(NamedTuple):
    """How what is rendered from one folder differs."""

    environment: str
    folder: str
    """Below the environment: `iris`, or `iris/training`."""
    objects: list[ObjectDiff]
    problem: str = ""
    """Why it cannot be rendered; then there are no objects."""


class Diff(NamedTuple):
    """What a change makes of the rendered manifests, and what follows from its merge."""

    overlays: list[OverlayDiff]
    following: list[Following]


def diff(settings: Settings, *, base: str | None = None, head: str | None = None) -> Diff:
    """The change from the branch `base` (else the remote's that the cluster follows) to `head` (else HEAD).

    Only overlays that it touches are built, from git. Raises `SlipwayError` when the commits cannot be compared.
    """
    repository = Repository(settings.root)
    commits = claims.compared(repository, settings, base, head)
    found = [
        _overlay(repository, claim, part)
        for claim in claims.claims(repository, commits)
        for part in ("", written.TRAINING)
        if _part(claim.before, part) != _part(claim.after, part)
    ]
    following = aftermath.following(repository, commits.fork, commits.head)
    return Diff([each for each in found if each.objects or each.problem], following)


def objects(before: bytes, after: bytes) -> list[ObjectDiff]:
    """How the objects of two rendered overlays differ, by kind and name; each as kustomize prints it."""
    old, new = _documents(before), _documents(after)
    found = []
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            change = "added" if key not in old else "removed" if key not in new else "changed"
            lines = [*difflib.unified_diff(old.get(key, []), new.get(key, []), lineterm="")][2:]
            found.append(ObjectDiff(*key, change, lines))
    return found


def text(found: Diff) -> str:
    """The difference for a terminal; empty when there is none."""
    parts = []
    for each in found.overlays:
        parts.append(claims.plain(f"{each.environment}/{each.folder}: {each.problem or _counted(each)}"))
        for item in each.objects:
            parts.append(f"  {claims.plain(f'{item.kind} {item.name} {item.change}')}")
            parts.extend(f"    {printable(line)}" for line in item.lines)
    if found.following:
        parts.append("after the merge:")
    parts.extend(claims.plain(f"- {each}") for each in found.following)
    return "\n".join(parts)


def markdown(found: Diff) -> str:
    """The comment of a pull request; empty when nothing that runs changes and nothing follows."""
    if not found.overlays and not found.following:
        return ""
    sections = [Section((MARKER,)), Section(("### What this changes of what runs" if found.overlays else "",))]
    for place, each in enumerate(found.overlays[:_MOST_OVERLAYS]):
        if place == 0 or found.overlays[place - 1].environment != each.environment:
            sections.append(Section((f"#### {code(each.environment)}",)))
        sections.append(_section(each))
    if more := len(found.overlays) - _MOST_OVERLAYS:
        sections.append(Section((f"… and {more} overlays more: `slipway diff` shows all.",) if more > 0 else ("",)))
    sections.append(_after(found.following))
    return fitted(sections, _MOST - 1)


def _section(each: OverlayDiff) -> Section:
    name = f"<code>{html.escape(claims.plain(each.folder)[:80])}</code>"
    if each.problem:
        return Section((f"{code(each.folder)} is not rendered: {code(each.problem, 300)}",))
    summary = f"{name}: {_counted(each)}"
    lines = [line for item in each.objects for line in (f"# {item.kind} {item.name}: {item.change}", *item.lines)]
    forms = [details(summary, fence("\n".join(map(printable, lines)), "diff", most)) for most in (None, 200, 40)]
    return Section((*forms, f"{summary} (`slipway diff` shows it)"))


def _after(following: list[Following]) -> Section:
    if not following:
        return Section(("",))
    lines = [_follows(each) for each in following]
    shorter = [
        "\n".join([*lines[:most], f"- … and {len(lines) - most} more (`slipway diff` shows them)"])
        for most in (100, 20)
        if len(lines) > most
    ]
    return Section(tuple(f"### After the merge\n\n{form}" for form in ("\n".join(lines), *shorter)))


def _follows(each: Following) -> str:
    said = f": {code(each.said, 300)}" if each.said else ""
    return f"- {code(each.model) if each.model else 'all models'}: {each.text}{said}"


def _counted(each: OverlayDiff) -> str:
    counts = {change: sum(item.change == change for item in each.objects) for change in ("added", "changed", "removed")}
    return ", ".join(f"{count} {change}" for change, count in counts.items() if count)


def _part(files: Mapping[str, claims.Entry], part: str) -> dict[str, claims.Entry]:
    """The releases of an overlay, or what lies below a folder of it."""
    if not part:
        return claims.own(files)
    return {path.removeprefix(part): entry for path, entry in files.items() if path.startswith(part)}


def _overlay(repository: Repository, claim: Claim, part: str) -> OverlayDiff:
    folder = f"{claim.model}/{part}".rstrip("/")
    try:
        sides = [
            _built(written.contents(repository, _part(files, part)), repository.root)
            for files in (claim.before, claim.after)
        ]
        return OverlayDiff(claim.environment, folder, objects(*sides))
    except (SlipwayError, yaml.YAMLError) as error:
        return OverlayDiff(claim.environment, folder, [], str(getattr(error, "problem", error)))


def _built(files: Mapping[str, bytes], root: Path) -> bytes:
    """What kustomize makes of the files; nothing of no files. Raises `SlipwayError` when they are not slipway's."""
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
    """Refuse to build what reaches beyond its folder: on whose machine this runs is not for a change to say."""
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
        document = yaml.load(content, _READER)  # noqa: S506 - a safe loader
        if isinstance(document, dict):
            key = (str(document.get("kind")), str((document.get("metadata") or {}).get("name")))
            found[key] = content.decode(errors="replace").splitlines()
    return found
