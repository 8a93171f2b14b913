"""The wheels in a model's folder, `wheels/*.whl`: packages that no index has, each named in `requirements.txt`."""

from __future__ import annotations

import platform
import re
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from email.parser import HeaderParser
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, NoReturn

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from slipway import digests
from slipway.errors import SlipwayError
from slipway.models import locks, requirements
from slipway.models.locks import WHEELS

_SOURCES = (".tar.gz", ".zip", ".egg")
_CONSTRAINTS = "wheels.txt"


class Wheel(NamedTuple):
    """A wheel that has been checked."""

    path: Path
    name: str
    version: Version
    sha256: str


def found(folder: Path) -> dict[str, Path]:
    """Return the wheels in a model's folder by their names, unchecked."""
    place = folder / WHEELS
    names = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
    return {name: place / name for name in names if name.lower().endswith(".whl")}


def read(folder: Path, root: Path) -> list[Wheel]:
    """Return the wheels in a model's folder.

    Raise `SlipwayError` for one that cannot be installed here, that is not what its name says, or that
    `requirements.txt` does not name.
    """
    place = folder / WHEELS
    _refuse_others(place, root)
    seen: dict[str, Wheel] = {}
    for path in found(folder).values():
        where = path.relative_to(root)
        if path.is_symlink() or place.is_symlink() or not path.is_file():
            raise SlipwayError(f"{where} is no file of this repository", fix="copy the wheel itself there")
        status = path.stat()
        wheel = _checked(path, str(where), (status.st_mtime_ns, status.st_size))
        if other := seen.get(wheel.name):
            problem = f"{where} and {other.path.name} are both {wheel.name}"
            raise SlipwayError(problem, fix="keep one of them: an environment has one")
        seen[wheel.name] = wheel
    if seen:
        _check_named(seen, folder, root)
    return list(seen.values())


def lay(wheels: Sequence[Wheel], folder: Path) -> None:
    """Put copies of wheels, and the constraints of `options`, into the folder in which a lock is made."""
    lines = []
    for wheel in wheels:
        (folder / WHEELS).mkdir(exist_ok=True)
        shutil.copyfile(wheel.path, folder / WHEELS / wheel.path.name)
        lines.append(f"{wheel.name} @ ./{WHEELS}/{wheel.path.name}\n")
    (folder / _CONSTRAINTS).write_text("".join(lines), encoding="utf-8")


def options(wheels: Sequence[Wheel]) -> list[str]:
    """Return options of uv by which each package that has a wheel comes from it, also as a dependency of others."""
    return [f"--constraints={_CONSTRAINTS}"] if wheels else []


def named(wheels: Sequence[Wheel], lock: str, where: str) -> str:
    """Return a lock of uv in which a package that comes from a wheel has its name and version, and then the wheel.

    Raise `SlipwayError` unless each package that has a wheel is locked to exactly that file.
    """
    for wheel in wheels:
        line = re.escape(f"./{WHEELS}/{wheel.path.name}")
        block = rf"^{line}(?=[ \n])(.*(?:\n .*)*)$"
        lock = re.sub(
            block, rf"{wheel.name}=={wheel.version}\1\n    # from {WHEELS}/{wheel.path.name}", lock, flags=re.M
        )
    known = {wheel.name: wheel for wheel in wheels}
    for package in locks.packages(lock):
        wheel_ = known.get(package.name)
        if wheel_ and (package.hashes, package.origin) != ((wheel_.sha256,), f"{WHEELS}/{wheel_.path.name}"):
            problem = f"{where}: {package.name}=={package.version} is not locked to {WHEELS}/{wheel_.path.name} alone"
            raise SlipwayError(problem, fix="see that no setting of uv on this machine names another source for it")
    return lock


def beside(lock: Path) -> dict[str, Path]:
    """Return the wheels beside a lock that it installs: {path beside the lock: path}.

    Raise `SlipwayError` when one is missing or is another one.
    """
    wanted = locks.wheels(lock.read_text(encoding="utf-8"))
    for name, sha256 in wanted.items():
        _check_same(lock.parent / name, sha256, f"{lock.name} installs {name}")
    return {name: lock.parent / name for name in wanted}


def of_model(folder: Path, lock: str) -> dict[str, Path]:
    """Return the wheels of a lock from the model's folder; raise `SlipwayError` when one has changed since."""
    wanted = locks.wheels(lock)
    for name, sha256 in wanted.items():
        _check_same(folder / name, sha256, f"the training began with {folder.name}/{name}")
    return {name: folder / name for name in wanted}


def _check_same(path: Path, sha256: str, what: str) -> None:
    if not path.is_file():
        raise SlipwayError(f"{what}, and {path} is not there", fix="bring it back, or train again")
    if digests.of_file(path) != sha256:
        problem = f"{what} with the digest {sha256[:8]}, and {path} is another file"
        raise SlipwayError(problem, fix="bring it back, or train again")


def _refuse_others(place: Path, root: Path) -> None:
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        if path.name.lower().endswith(_SOURCES):
            fix = f"build a wheel of it: pip wheel --no-deps {path.name}"
            raise SlipwayError(f"{path.relative_to(root)} is no wheel, and nothing would install it", fix=fix)


@lru_cache(maxsize=64)  # each use of a model's environment reads them
def _checked(path: Path, where: str, _stamp: tuple[int, int]) -> Wheel:
    try:
        name, version, build, tags = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, InvalidVersion) as error:
        fix = "leave the name as it was built: name-1.0-py3-none-any.whl"
        raise SlipwayError(f"{where}: this is no name of a wheel: {error}", fix=fix) from error
    middle = f"{build[0]}{build[1]}-" if build else ""
    start = f"{name.replace('-', '_')}-{version}-{middle}"
    rest = "-".join(path.name.removesuffix(".whl").split("-")[-3:])
    if path.name != f"{start}{rest}.whl":
        fix = f"build it with a tool of today, or rename it: {start}{rest}.whl"
        raise SlipwayError(f"{where}: the name is not written as it has to be", fix=fix)
    _check_fits(where, tags)
    _check_content(path, where, name, version)
    return Wheel(path, name, version, digests.of_file(path))


def _check_fits(where: str, tags: Iterable[Tag]) -> None:
    here = list(sys_tags())
    if not set(tags) & set(here):
        fix = f"bring the one for {here[0]}, or for any platform: …-py3-none-any.whl"
        raise SlipwayError(f"{where} does not fit this Python and platform", fix=fix)


def _check_content(path: Path, where: str, name: str, version: Version) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
            inside = [
                each for each in archive.namelist() if each.count("/") == 1 and each.endswith(".dist-info/METADATA")
            ]
            about = HeaderParser().parsestr(archive.read(inside[0]).decode(errors="replace")) if inside else None
    except Exception as error:  # noqa: BLE001 - a damaged archive raises whatever its parts do
        _refuse_content(where, f"it cannot be read ({error})")
    if broken or about is None:
        _refuse_content(where, f"{broken} in it is damaged" if broken else "it has no METADATA")
    if not _is_same(about["Name"] or "", about["Version"] or "", name, version):
        _refuse_content(where, f"it says of itself that it is {about['Name']} {about['Version']}")
    try:
        needed = SpecifierSet(about["Requires-Python"] or "")
    except InvalidSpecifier:
        _refuse_content(where, f"it needs the Python {about['Requires-Python']!r}, which means nothing")
    if not needed.contains(python := platform.python_version(), prereleases=True):
        raise SlipwayError(f"{where} needs Python {needed}, and this is {python}", fix="bring one for this Python")


def _is_same(name: str, version: str, expected: str, expected_version: Version) -> bool:
    try:
        return canonicalize_name(name) == expected and Version(version) == expected_version
    except InvalidVersion:
        return False


def _refuse_content(where: str, what: str) -> NoReturn:
    fix = "copy it anew from where it was built; a large file in git may be a pointer (git lfs pull)"
    raise SlipwayError(f"{where} is no wheel as its name says: {what}", fix=fix)


def _check_named(wheels: dict[str, Wheel], folder: Path, root: Path) -> None:
    """Raise `SlipwayError` unless `requirements.txt` pins the version of each wheel, and no other."""
    pins: dict[str, list[str]] = {}
    for text in requirements.read(folder, root):
        requirement = Requirement(text)
        pins.setdefault(requirement.name, []).extend(pin.version for pin in requirement.specifier)
    for name, wheel in wheels.items():
        where = wheel.path.relative_to(root)
        if name not in pins:
            fix = f"write {name}=={wheel.version} there, or remove the wheel"
            raise SlipwayError(f"{where}: no line of {requirements.FILE} names {name}", fix=fix)
        for version in pins[name]:
            if Version(version) != wheel.version:
                problem = f"{where}: {requirements.FILE} names {name}=={version}, and the wheel is {wheel.version}"
                raise SlipwayError(problem, fix=f"write {name}=={wheel.version}, or bring the other wheel")
