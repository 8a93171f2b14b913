"""Packages that come from another index than the machine's, as `indexes` in slipway.yaml says, and from there only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from slipway.errors import SlipwayError
from slipway.models import locks, requirements
from slipway.settings import FILE, Settings
from slipway.settings.package_indexes import index_variables

_PROJECT = "pyproject.toml"
_REQUIREMENTS = "in.txt"
_ANNOTATION = re.compile(r"\n +# from (\S+)(?=\n|\Z)")


def origins(settings: Settings) -> dict[str, str]:
    """Return the packages of other indexes, each with name and URL of its index, as locks name it."""
    return {
        package: f"{name} {index.url.rstrip('/')}"
        for name, index in settings.indexes.items()
        for package in index.packages
    }


def pinned(settings: Settings, model: str) -> dict[str, str]:
    """Return those packages that a model's `requirements.txt` pins, each with name and URL of its index."""
    known = origins(settings)
    names = (
        {Requirement(text).name for text in requirements.read(settings.folder(model), settings.root)} if known else ()
    )
    return {name: known[name] for name in sorted(names) if name in known}


def used(settings: Settings, model: str) -> dict[str, Any]:
    """Return the settings of the indexes that a model needs, with its packages only."""
    found: dict[str, Any] = {}
    if settings.model(model).image is None:
        for package, origin in pinned(settings, model).items():
            name, _, url = origin.partition(" ")
            found.setdefault(name, {"url": url, "packages": []})["packages"].append(package)
    return found


def lay(wanted: Sequence[str], origins: Mapping[str, str], folder: Path) -> list[str]:
    """Write requirements into the folder in which a lock is made; return words for uv's `pip compile`.

    A package of another index is asked for there only. No code of one that has its name elsewhere is ever run.
    """
    names = {Requirement(text).name for text in wanted}
    here = {name: origin for name, origin in origins.items() if name in names}
    # uv builds a source distribution to learn what it needs; of these, none may come from the machine's index.
    words = [f"--only-binary={name}" for name in sorted(origins.keys() - names)]
    if not here:
        (folder / _REQUIREMENTS).write_text("\n".join(wanted))
        return [*words, _REQUIREMENTS]
    (folder / _PROJECT).write_text(_project(wanted, here), encoding="utf-8")
    return [*words, "--emit-index-annotation", _PROJECT]


def _project(wanted: Sequence[str], here: Mapping[str, str]) -> str:
    """Return a project for uv: it ignores where a package comes from in any other kind of file."""
    lines = ["[project]", 'name = "slipway-environment"', 'version = "0"', 'requires-python = ">=3.11"']
    lines += [f"dependencies = {_toml(list(wanted))}", "[tool.uv.sources]"]
    lines += [f"{name} = {{index = {_toml(origin.partition(' ')[0])}}}" for name, origin in here.items()]
    for origin in sorted(set(here.values())):
        name, _, url = origin.partition(" ")
        lines += ["[[tool.uv.index]]", f"name = {_toml(name)}", f"url = {_toml(url)}", "explicit = true"]
    return "\n".join(lines) + "\n"


def _toml(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)  # texts, and lists of them, are written alike in both


def named(origins: Mapping[str, str], lock: str, where: str) -> str:
    """Return a lock of uv that names the index of each package of `origins`, and no index of the machine.

    Raise `SlipwayError` when a package comes from another index than it has to.
    """
    urls = {origin.partition(" ")[2]: origin for origin in origins.values()}
    lock = _ANNOTATION.sub(lambda found: _line(urls.get(found[1].rstrip("/"), "")), lock) if urls else lock
    for package in locks.packages(lock):
        wanted = origins.get(package.name, "")
        if not package.wheel and package.origin != wanted:
            raise _refused(package, wanted, where)
    return lock


def _line(origin: str) -> str:
    return f"\n    # from {origin}" if origin else ""


def _refused(package: locks.Locked, wanted: str, where: str) -> SlipwayError:
    pin = f"{package.name}=={package.version}"
    if wanted:
        problem = f"{where}: {pin} is needed by another package, and {FILE} says that it comes from {wanted}"
        fix = f"pin it, so that it is taken from there: write {package.name}==… into {where}"
        return SlipwayError(problem, fix=f"{fix} (and into {requirements.SERVE_FILE}, if there is one)")
    problem = f"{where}: {pin} comes from {package.origin}, which {FILE} does not name for it"
    return SlipwayError(problem, fix="name it among the packages of that index, or see what else uv is told there")


def advice(origins: Sequence[str]) -> str:
    """Return what lets a user into the indexes of a lock; "" where there are none."""
    names = sorted({origin.partition(" ")[0] for origin in origins if " " in origin})
    variables = [" and ".join(index_variables(name)) for name in names]
    return f"; for {' and '.join(names)}, export {', '.join(variables)} where a password is needed" if names else ""
