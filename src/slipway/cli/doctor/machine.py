"""This machine: tools, git and its identity, an engine for images, stores that answer."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.cli.doctor import Finding, either, missing, ok, tried, unknown
from slipway.errors import SlipwayError
from slipway.git import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.settings import Settings

_LEAST_GIT = (2, 31)


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
    remotes = repository.run("remote").decode().split()
    good, bad = "there is a remote called origin", "there is no remote called origin: nothing can be pushed"
    yield either("git", "origin" in remotes, good, bad, "git remote add origin URL")


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
            fix = f"whoever publishes there needs objectCreator on the bucket: slipway publish MODEL --env {name}"
            yield unknown("stores", f"{name}: whether {where} can be written shows when something is", fix)
        else:
            yield _writable(name, settings.root / Path(where).expanduser())


def _writable(name: str, directory: Path) -> Finding:
    nearest = next(each for each in (directory, *directory.parents) if each.exists())
    good, bad = f"{name}: {directory} can be written", f"{name}: {nearest} cannot be written"
    writable = os.access(nearest, os.W_OK | os.X_OK)
    return either("stores", writable, good, bad, f"give yourself the right to: chmod u+w {nearest}")
