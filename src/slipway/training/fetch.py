"""Step `fetch`: a snapshot of the data, named by its content."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from slipway import digests
from slipway.errors import SlipwayError
from slipway.models.data import local_path, scheme

if TYPE_CHECKING:
    from slipway.training.run import Run

__all__ = ["run"]


def run(run: Run) -> str:
    """Leave the data as `data/<sha256><suffix>` and what is known of it as `data.json`.

    Raises `SlipwayError` when the data cannot be read, or is not what its pin says.
    """
    uri = run.about.data.uri.replace("{date}", datetime.now(UTC).date().isoformat())
    folder = run.folder / "data"
    folder.mkdir()
    arrived = folder / "arriving"
    _bring(uri, run.settings.root, arrived)
    digest = digests.of_file(arrived)
    pinned = run.about.data.sha256
    if pinned is not None and pinned != digest:
        where = f"models.{run.about.model}.data.sha256"
        raise SlipwayError(
            f"{uri} has the digest {digest}, {where} says {pinned}", fix="find out who changed it, or pin it anew"
        )
    file = f"data/{digest}{PurePosixPath(uri).suffix}"
    arrived.rename(run.folder / file)
    size = (run.folder / file).stat().st_size
    run.write("data.json", {"uri": uri, "sha256": digest, "size": size, "file": file})
    return f"{uri}: {size:,} bytes, {digest[:8]}"


def _bring(uri: str, root: Path, target: Path) -> None:
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
    from slipway.store import Missing
    from slipway.store.gcs import GcsBackend

    bucket, _, name = uri.removeprefix("gs://").partition("/")
    try:
        GcsBackend(bucket).download(name.lstrip("/"), target)
    except Missing as error:
        raise SlipwayError(
            f"there is no object {uri}", fix="look at the bucket and at the model's data in slipway.yaml"
        ) from error
