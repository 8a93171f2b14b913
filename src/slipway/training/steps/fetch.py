"""Step `fetch`: take a snapshot of the data, named by its content."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from slipway import digests
from slipway.errors import SlipwayError
from slipway.models.data import local_path, scheme
from slipway.schema.tables import suffix
from slipway.store import Missing
from slipway.training.task import Workspace


def run(workspace: Workspace) -> str:
    """Write the data as `data/<sha256><suffix>`, and its description as `data.json`.

    Raise `SlipwayError` when the data cannot be read, or has another digest than its pin.
    """
    data = workspace.task.data
    uri = data.uri.replace("{date}", datetime.now(UTC).date().isoformat())
    (workspace.folder / "data").mkdir()
    arrived = workspace.folder / "data/arriving"
    _copy(uri, workspace.settings.root, arrived)
    digest = digests.of_file(arrived)
    if data.sha256 not in (None, digest):
        where = f"models.{workspace.task.model}.data.sha256"
        problem = f"{uri} has the digest {digest}, {where} says {data.sha256}"
        raise SlipwayError(problem, fix="find out who changed it, or pin it anew")
    file = f"data/{digest}{suffix(uri)}"
    path = arrived.rename(workspace.folder / file)
    size = path.stat().st_size
    workspace.write("data.json", {"uri": uri, "sha256": digest, "size": size, "file": file})
    return f"{uri}: {size:,} bytes, {digest[:8]}"


def _copy(uri: str, root: Path, target: Path) -> None:
    source = local_path(uri, root)
    if scheme(uri) == "gs":
        _download(uri, target)
    elif source is None:
        raise SlipwayError(f"{uri}: data cannot be fetched by {scheme(uri)}://", fix="use a path or gs://bucket/object")
    elif not source.is_file():
        raise SlipwayError(f"no data at {source}", fix="put it there, or change the model's data in slipway.yaml")
    else:
        shutil.copyfile(source, target)


def _download(uri: str, target: Path) -> None:
    from slipway.store.gcs import GcsBackend

    bucket, _, name = uri.removeprefix("gs://").partition("/")
    try:
        GcsBackend(bucket).download(name.lstrip("/"), target)
    except Missing as error:
        fix = "look at the bucket and at the model's data in slipway.yaml"
        raise SlipwayError(f"there is no object {uri}", fix=fix) from error
