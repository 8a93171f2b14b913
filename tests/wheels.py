"""Wheels that tests build: a module with one value, by a name, a version and what it needs."""

import base64
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["write"]

_TIME = (1980, 1, 1, 0, 0, 0)


def write(
    folder: Path,
    name: str,
    version: str,
    *,
    value: object = 1,
    needs: Sequence[str] = (),
    tag: str = "py3-none-any",
    python: str = ">=3.8",
) -> Path:
    """Write the wheel of a module that has `VALUE`; return its path."""
    module = name.replace("-", "_")
    about = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {python}\n"
    files = {
        f"{module}.py": f"VALUE = {value!r}\n",
        f"{about}/METADATA": metadata + "".join(f"Requires-Dist: {each}\n" for each in needs),
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in {**files, f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(inside, _TIME), text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
