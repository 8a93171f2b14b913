"""A model's `requirements.txt`: each line one package at one version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "SERVE_FILE", "read", "read_converted", "read_serving"]

FILE = "requirements.txt"
SERVE_FILE = "requirements-serve.txt"
"""What predicting needs, where that is less than what training needs."""

# What a converted pipeline was made with, and does without.
_CONVERTED = frozenset({"pandas", "scikit-learn"})

# As pip has it: a # within a word is part of that.
_COMMENT = re.compile(r"(^|\s)#.*")


def read(folder: Path, root: Path) -> list[str]:
    """The requirements for training, normalised and sorted.

    Raises `SlipwayError` with file and line when the file is missing or a line is not pinned with `==`.
    """
    path = folder / FILE
    if not path.is_file():
        fix = "write one package a line, pinned: scikit-learn==1.9.1"
        raise SlipwayError(f"{path.relative_to(root)} is missing", fix=fix)
    return _texts(_parse(path, root))


def read_serving(folder: Path, root: Path) -> list[str]:
    """The requirements for predicting: those of `requirements-serve.txt`, or all when there is no such file.

    Raises `SlipwayError` as `read` does, and for a package that has another version there than in training: what one
    version saved, another may not read, or may answer otherwise.
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
    """The requirements for predicting when every estimator was converted: without scikit-learn and pandas.

    What `requirements-serve.txt` names stays: who wrote it knows what predicting needs. Raises `SlipwayError` as
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
    for number, line in enumerate(_lines(path, root), start=1):
        text = _COMMENT.sub("", line).strip()
        if not text:
            continue
        requirement = _pinned(text, f"{where}, line {number}")
        earlier = found.setdefault((requirement.name, str(requirement.marker)), requirement)
        if earlier.specifier != requirement.specifier:
            problem = f"{requirement.name} is pinned twice: {earlier.specifier} and {requirement.specifier}"
            raise SlipwayError(f"{where}, line {number}: {problem}", fix="keep one of them")
        earlier.extras |= requirement.extras
    return list(found.values())


def _lines(path: Path, root: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SlipwayError(f"{path.relative_to(root)} is not text in UTF-8", fix="save it as such") from error


def _pinned(text: str, where: str) -> Requirement:
    """One line as a requirement with its name normalised; raise `SlipwayError` when it is not pinned."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        fix = "write a package and its version, and no options: scikit-learn==1.9.1"
        raise SlipwayError(f"{where}: {text!r} is not a requirement", fix=fix) from error
    pins = [pin for pin in requirement.specifier if pin.operator == "==" and not pin.version.endswith("*")]
    if len(pins) != 1 or len(requirement.specifier) != 1:
        fix = f"name one version: {requirement.name}==…"
        raise SlipwayError(f"{where}: {text!r} is not pinned", fix=fix)
    requirement.name = canonicalize_name(requirement.name)
    return requirement
