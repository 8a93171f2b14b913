"""Locks: the packages of an environment, each at one version with the digests of its files, and where they come from.

A line `# from wheels/NAME.whl` below a package says that it comes from that file in the folder `wheels` beside the
lock. Any other package comes from the package index of the machine.

`python locks.py PYTHON LOCK` installs a lock in an image. This module imports nothing that an image lacks then.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

WHEELS = "wheels"
"""The folder of wheels: in a model's folder, in an artifact, and beside a lock."""

_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]+)")
_ORIGIN = re.compile(r"^ +# from (wheels/\S+)$", re.MULTILINE)


class Locked(NamedTuple):
    """A package of a lock. A lock may have a package once for each platform."""

    name: str
    version: str
    hashes: tuple[str, ...]
    origin: str
    """The path of its wheel beside the lock; "" for the package index of the machine."""
    text: str
    """Its lines in the lock."""

    @property
    def content(self) -> str:
        """Return the version, and of a wheel the digest as well: it may be another one of the same version."""
        return f"{self.version} (wheel {self.hashes[0][:8]})" if self.origin else self.version


def packages(lock: str) -> Iterator[Locked]:
    """Yield the packages of a lock in its order."""
    for block in _blocks(lock):
        if match := _PACKAGE.match(block):
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            yield Locked(name, match[2], tuple(_HASH.findall(block)), _origin(block), block)


def wheels(lock: str) -> dict[str, str]:
    """Return the wheels that a lock installs: {path beside the lock: digest}."""
    return {each.origin: each.hashes[0] for each in packages(lock) if each.origin}


def parts(lock: str) -> dict[tuple[str, ...], str]:
    """Return the lines of a lock by the options of pip and uv that say where these packages come from."""
    found: dict[tuple[str, ...], str] = {}
    for block in _blocks(lock):
        options = ("--no-index", f"--find-links={WHEELS}") if _origin(block) else ()
        found[options] = found.get(options, "") + block
    return found


def _blocks(lock: str) -> list[str]:
    """Return the lines of a lock, those of a package together."""
    blocks = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)
    return [block if block.endswith("\n") else f"{block}\n" for block in blocks if block.strip()]


def _origin(block: str) -> str:
    found = _ORIGIN.search(block)
    return found[1] if found else ""


def main(python: str, lock: str) -> int:
    """Install a lock by pip into the environment of an interpreter; the working folder is that of the lock."""
    words = ["--no-deps", "--no-compile", "--cache-dir=/tmp/cache", "--disable-pip-version-check", "--quiet"]
    for options, text in parts(Path(lock).read_text(encoding="utf-8")).items():
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(text)
            file.flush()
            command = ["pip", "--python", python, "install", "--require-hashes", *words, *options, "-r", file.name]
            if status := subprocess.run(command, check=False).returncode:
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
