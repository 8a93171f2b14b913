"""The `requirements.txt` of a model: on each line one package at one version."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from slipway.errors import SlipwayError

FILE = "requirements.txt"
SERVE_FILE = "requirements-serve.txt"
"""The requirements for predicting, if they are fewer than those for training."""

# A converted pipeline runs without the packages that made it.
_CONVERTED = frozenset({"pandas", "scikit-learn"})

# As in pip, a # within a word is part of the word.
_COMMENT = re.compile(r"(^|\s)#.*")


def read(folder: Path, root: Path) -> list[str]:
    """Return the requirements for training, normalised and sorted.

    Raise `SlipwayError` with file and line when the file is missing or a line is not pinned with `==`.
    """
    path = folder / FILE
    if not path.is_file():
        fix = "write one package a line, pinned: scikit-learn==1.9.1"
        raise SlipwayError(f"{path.relative_to(root)} is missing", fix=fix)
    return _texts(_parse(path, root))


def read_serving(folder: Path, root: Path) -> list[str]:
    """Return the requirements for predicting: those of `requirements-serve.txt`, or all if there is no such file.

    Raise `SlipwayError` as `read` does, and for a package with another version than in training: it may not read what
    training saved, or may answer otherwise.
    """
    path = folder / SERVE_FILE
    if not path.is_file():
        return read(folder, root)
    found = _parse(path, root)
    trained = _parse(folder / FILE, root) if (folder / FILE).is_file() else []
    versions = {requirement.name: requirement.specifier for requirement in trained}
    for requirement in found:
        if versions.get(requirement.name, requirement.specifier) != requirement.specifier:
            problem = f"{requirement.name}{requirement.specifier} differs from {FILE}: {versions[requirement.name]}"
            raise SlipwayError(f"{path.relative_to(root)}: {problem}", fix="serve with the version that trains")
    return _texts(found)


def read_converted(folder: Path, root: Path) -> list[str]:
    """Return the requirements for predicting when every estimator was converted: without scikit-learn and pandas.

    All of `requirements-serve.txt` stays: its author knows what predicting needs. Raise `SlipwayError` as
    `read_serving` does.
    """
    found = read_serving(folder, root)
    if (folder / SERVE_FILE).is_file():
        return found
    return [text for text in found if Requirement(text).name not in _CONVERTED]


def _texts(requirements: list[Requirement]) -> list[str]:
    return sorted({str(requirement) for requirement in requirements})


def _parse(path: Path, root: Path) -> list[Requirement]:
    where = path.relative_to(root)
    found: dict[tuple[str, str], Requirement] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SlipwayError(f"{where} is not text in UTF-8", fix="save it as such") from error
    for number, line in enumerate(lines, start=1):
        if not (text := _COMMENT.sub("", line).strip()):
            continue
        requirement = _pinned(text, f"{where}, line {number}")
        earlier = found.setdefault((requirement.name, str(requirement.marker)), requirement)
        if earlier.specifier != requirement.specifier:
            problem = f"{requirement.name} is pinned twice: {earlier.specifier} and {requirement.specifier}"
            raise SlipwayError(f"{where}, line {number}: {problem}", fix="keep one of them")
        earlier.extras |= requirement.extras
    return list(found.values())


def _pinned(text: str, where: str) -> Requirement:
    """Return a line as a requirement with a normalised name; raise `SlipwayError` when it is not pinned."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        fix = "write a package and its version, and no options: scikit-learn==1.9.1"
        raise SlipwayError(f"{where}: {text!r} is not a requirement", fix=fix) from error
    pins = [pin.operator == "==" and not pin.version.endswith("*") for pin in requirement.specifier]
    if pins != [True]:
        fix = f"name one version: {requirement.name}==…"
        raise SlipwayError(f"{where}: {text!r} is not pinned", fix=fix)
    requirement.name = canonicalize_name(requirement.name)
    return requirement
