"""Users and passwords of package indexes, given to the build of an image and kept in no layer."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.images.bundle import Bundle
from slipway.models import locks
from slipway.settings.package_indexes import index_variables


@contextmanager
def mounted(bundle: Bundle) -> Iterator[list[str]]:
    """Yield options of every engine by which a build may read the logins of the indexes in its locks.

    They come from the variables that uv reads; there are no options where none is set.
    """
    if not (found := _logins(bundle)):
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:  # only this user may look into it
        file = Path(scratch) / "indexes"
        file.write_text(json.dumps(found), encoding="utf-8")
        yield ["--secret", f"id=indexes,src={file}"]


def _logins(bundle: Bundle) -> dict[str, list[str]]:
    texts = [lock.read_text(encoding="utf-8") for lock in bundle.folder.glob("*.lock")]
    names = {origin.partition(" ")[0] for text in texts for origin in locks.parts(text) if " " in origin}
    found = {name: [os.environ.get(variable, "") for variable in index_variables(name)] for name in sorted(names)}
    return {name: login for name, login in found.items() if any(login)}
