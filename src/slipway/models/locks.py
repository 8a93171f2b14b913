"""Locks: the packages of an environment, each at one version with the digests of its files, and where they come from.

A line `# from wheels/NAME.whl` below a package says that it comes from that file in the folder `wheels` beside the
lock, and `# from NAME URL` that it comes from the package index at this URL, which slipway.yaml calls so. Any other
package comes from the package index of the machine.

`python locks.py PYTHON LOCK` installs a lock in an image. This module imports nothing that an image lacks then.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

WHEELS = "wheels"
"""The folder of wheels: in a model's folder, in an artifact, and beside a lock."""

_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]+)")
_ORIGIN = re.compile(r"^ +# from (wheels/\S+|[a-z][a-z0-9-]* https?://\S+)$", re.MULTILINE)

# An image build mounts users and passwords of package indexes here: {name: [user, password]}.
_SECRETS = Path("/run/secrets/indexes")
# What else would be looked into, beside the one index that gives these packages.
_ELSEWHERE = ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX")


class Locked(NamedTuple):
    """A package of a lock. A lock may have a package once for each platform."""

    name: str
    version: str
    hashes: tuple[str, ...]
    origin: str
    """The path of its wheel beside the lock, or name and URL of its index; "" for the index of the machine."""
    text: str
    """Its lines in the lock."""

    @property
    def content(self) -> str:
        """Return the version, and where it comes from; of a wheel the digest, for another may have the same version."""
        if self.wheel:
            return f"{self.version} (wheel {self.hashes[0][:8]})"
        return f"{self.version} ({self.origin.partition(' ')[0]})" if self.origin else self.version

    @property
    def wheel(self) -> str:
        """Return the path of its wheel beside the lock; "" if it comes from an index."""
        return self.origin if self.origin.startswith(f"{WHEELS}/") else ""


def packages(lock: str) -> Iterator[Locked]:
    """Yield the packages of a lock in its order."""
    for block in _blocks(lock):
        if match := _PACKAGE.match(block):
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            yield Locked(name, match[2], tuple(_HASH.findall(block)), _origin(block), block)


def wheels(lock: str) -> dict[str, str]:
    """Return the wheels that a lock installs: {path beside the lock: digest}."""
    return {each.wheel: each.hashes[0] for each in packages(lock) if each.wheel}


def parts(lock: str) -> dict[str, str]:
    """Return the lines of a lock by where these packages come from: "", `wheels`, or name and URL of an index."""
    found: dict[str, str] = {}
    for block in _blocks(lock):
        origin = _origin(block)
        place = WHEELS if origin.startswith(f"{WHEELS}/") else origin
        found[place] = found.get(place, "") + block
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
    words = ["--no-deps", "--no-compile", "--no-input", "--disable-pip-version-check", "--quiet"]
    command = ["pip", "--python", python, "install", "--require-hashes", "--cache-dir=/tmp/cache", *words]
    for origin, text in parts(Path(lock).read_text(encoding="utf-8")).items():
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(text)
            file.flush()
            options = ["--no-index", f"--find-links={WHEELS}"] if origin == WHEELS else []
            done = subprocess.run([*command, *options, "-r", file.name], env=_variables(origin), check=False)
        if done.returncode:
            if " " in origin:  # with a wrong password, pip only says that there is no such package
                advice = "see that it can be reached, and that the builder has its user and password"
                sys.stderr.write(f"These packages come from {origin}: {advice}\n")
            return done.returncode
    return 0


def _variables(origin: str) -> dict[str, str]:
    """Return the variables by which pip installs packages of an origin; no list of processes shows them."""
    if not (url := origin.partition(" ")[2]):
        return dict(os.environ)
    known = json.loads(_SECRETS.read_text(encoding="utf-8")) if _SECRETS.is_file() else {}
    if login := known.get(origin.partition(" ")[0]):
        scheme, _, rest = url.partition("://")
        url = f"{scheme}://{':'.join(quote(each, safe='') for each in login)}@{rest}"
    return {name: value for name, value in os.environ.items() if name not in _ELSEWHERE} | {"PIP_INDEX_URL": url}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
