"""`slipway doctor`: check what a repository needs, and change nothing.

This module checks the machine and the clone: tools, git, the engine for images, stores, and the files in `.github`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from slipway.errors import SlipwayError
from slipway.git import Repository, line_ends
from slipway.github import protection
from slipway.github.failures import Refused
from slipway.github.protection import CODEOWNERS
from slipway.settings import FILE, Settings

State = Literal["ok", "missing", "unknown"]

_LEAST_GIT = (2, 38)
# The owner in the file as it comes; nobody on GitHub has this name.
_PLACEHOLDER = "@OWNER/"
_LISTED = re.compile(r"^\s*branches: *\[(.*)\]")
_FULL = re.compile(r"refs/heads/([\w./*-]+)")
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}|docker://[^@\s]+@sha256:[0-9a-f]{64}")


class Finding(NamedTuple):
    """Hold the state of one thing that was checked."""

    area: str
    """`tools`, `git`, `settings`, `stores`, `overlays`, `files`, `cluster` or `github`."""
    state: State
    what: str
    fix: str = ""
    """Advice; empty where there is nothing to do."""

    def __str__(self) -> str:
        line = f"{self.area}: {self.what}" + (f" → {self.fix}" if self.fix else "")
        return f"{self.state:<7}  {' '.join(line.split())}"


def ok(area: str, what: str, advice: str = "") -> Finding:
    """Return the finding that a thing is in order; `advice` says what would be better."""
    return Finding(area, "ok", what, advice)


def missing(area: str, what: str, fix: str) -> Finding:
    """Return the finding that a thing is absent or wrong."""
    return Finding(area, "missing", what, fix)


def either(area: str, holds: bool, good: str, bad: str, fix: str) -> Finding:
    """Return the finding `good` if a thing is in order, and `bad` with its fix if not."""
    return ok(area, good) if holds else missing(area, bad, fix)


def unknown(area: str, what: str, fix: str) -> Finding:
    """Return the finding that a thing cannot be seen from here; `fix` says what is needed for that."""
    return Finding(area, "unknown", what, fix)


def tried(area: str, check: Callable[[], str]) -> Finding:
    """Return what `check` returns as in order; as missing where it raises `SlipwayError`."""
    try:
        return ok(area, check())
    except SlipwayError as error:
        return missing(area, error.problem, error.fix)


def by_token(permission: str) -> str:
    """Return the advice to use a token with this permission; the bot does its work without."""
    return f"use a token of yours with `{permission}`, or look yourself: repository Settings"


def unreadable(error: Refused, permission: str, about: str = "") -> Finding:
    """Return the finding that GitHub does not tell the state of a thing."""
    problem = f"{about}: {error.problem}" if about else error.problem
    return unknown("github", problem, by_token(permission) if error.status in (403, 404) else error.fix)


def tools(root: Path) -> Iterator[Finding]:
    """Check the programs that releases call."""
    from slipway.gitops.rendering import find_kustomize

    yield tried("tools", _git_version)
    yield tried("tools", lambda: f"{Path(find_kustomize(root)[0]).name} is there")


def _git_version() -> str:
    fix = f"install git {'.'.join(map(str, _LEAST_GIT))} or newer"
    try:
        said = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise SlipwayError("git is not installed", fix=fix) from error
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _LEAST_GIT:
        raise SlipwayError(f"{said} is too old", fix=fix)
    return said


def git(root: Path) -> Iterator[Finding]:
    """Check the repository, its remote and the identity for commits."""
    try:
        repository = Repository(root)
        head = repository.head()
    except SlipwayError as error:
        yield missing("git", error.problem, error.fix)
        return
    yield ok("git", f"{head.branch} is checked out, at {head.commit[:12]}")
    yield tried("git", lambda: f"commits are by {repository.identity()}")
    yield _tried_line_ends(root)
    remotes = repository.run("remote").decode().split()
    good, bad = "there is a remote called origin", "there is no remote called origin: nothing can be pushed"
    yield either("git", "origin" in remotes, good, bad, "git remote add origin URL")


def _tried_line_ends(root: Path) -> Finding:
    def look() -> str:
        line_ends.refuse_converted(root)
        return "files are what the commit holds, byte for byte"

    return tried("git", look)


def images(settings: Settings) -> Iterator[Finding]:
    """Check the engine where images are built, and that base images are pinned."""
    from slipway.images import engines
    from slipway.images.build import UNBUILT

    if any(environment.registry != UNBUILT for environment in settings.environments.values()):
        yield tried("tools", lambda: f"{engines.find().name} works, for images")
    else:
        yield ok("settings", "no registry is set: images are named and not built", "set one where a cluster pulls them")
    named = {settings.base_image, *(each.base_image for each in settings.declared.values() if each.base_image)}
    for image in sorted(named):
        advice = "" if "@sha256:" in image else f"pin it: {image}@sha256:…, so that it changes only when you say so"
        yield ok("settings", f"the base image is {image}", advice)


def stores(settings: Settings) -> Iterator[Finding]:
    """Check that each store can be read, and written as far as that shows without writing."""
    from slipway.store import store_of

    for name, environment in settings.environments.items():
        where = environment.store
        try:
            # This takes one listing, whatever the size of the store.
            store_of(settings, name).versions(next(iter(settings.models()), "none"))
        except SlipwayError as error:
            yield missing("stores", f"{name}: {error.problem}", error.fix)
            continue
        yield ok("stores", f"{name}: {where} can be read")
        if environment.in_bucket:
            fix = "whoever trains for it, or promotes to it, needs objectCreator on the bucket"
            yield unknown("stores", f"{name}: whether {where} can be written shows when something is", fix)
        else:
            yield _writable(name, settings.root / Path(where).expanduser())


def _writable(name: str, directory: Path) -> Finding:
    nearest = next(each for each in (directory, *directory.parents) if each.exists())
    good, bad = f"{name}: {directory} can be written", f"{name}: {nearest} cannot be written"
    writable = os.access(nearest, os.W_OK | os.X_OK)
    return either("stores", writable, good, bad, f"give yourself the right to: chmod u+w {nearest}")


def overlays(settings: Settings) -> Iterator[Finding]:
    """Check that no folder of a declared release was changed by hand."""
    from slipway.gitops.snapshot import TAKE_DOWN, Snapshot
    from slipway.overlays import overlay

    try:
        repository = Repository(settings.root)
        commit = repository.latest()
    except SlipwayError:  # told by `git`
        return
    snapshot = Snapshot(repository, commit, settings)
    for name, models in snapshot.abandoned().items():
        problem = f"{', '.join(sorted(models))} run in {name}, which is no environment of {FILE}"
        yield missing("overlays", problem, TAKE_DOWN.format(name))
    try:
        places = [(name, model) for name in settings.environments for model in sorted(snapshot.load(name))]
        found = [(*place, each) for place in places for each in overlay.altered(snapshot.overlay(*place))]
    except SlipwayError as error:
        yield missing("overlays", error.problem, error.fix)
        return
    for each in found:
        yield missing("overlays", *overlay.told_altered(*each))
    if not found:
        yield ok("overlays", "all releases are as their records say", "slipway audit renders them anew")


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


def followed(root: Path, branch: str) -> Iterator[Finding]:
    """Check that the workflows start on the followed branch and check it out: they cannot read the settings."""
    foreign = []
    for path in sorted(root.glob(".github/workflows/*.y*ml")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if any("slipway" in line for line in lines):
            where = path.relative_to(root).as_posix()
            named = [(number, name) for number, line in enumerate(lines, 1) for name in _branches(line)]
            foreign += [f"{where}:{number} names {name}" for number, name in named if name != branch]
    for each in foreign:
        yield missing("files", f"{each[:200]}, and {FILE} follows {branch}", f"write {branch} there")
    if not foreign:
        yield ok("files", f"all workflows follow {branch}")


def _branches(line: str) -> list[str]:
    """Return the branches that a line of a workflow names; patterns stand for branches of their own."""
    listed = _LISTED.search(line)
    found = [*re.split(r"[\s,\"']+", listed[1]), *_FULL.findall(line)] if listed else _FULL.findall(line)
    return [name for name in found if name and "*" not in name]


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
