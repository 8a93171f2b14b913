"""Step `fetch`: take a snapshot of the data, named by its content."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from slipway import digests
from slipway.errors import SlipwayError
from slipway.model import Model
from slipway.models.data import READ, SNAPSHOT, local_path, scheme, table_of, write_table
from slipway.models.discovery import blame
from slipway.models.seeds import set_seeds
from slipway.network import Client, NoAnswer
from slipway.schema import tables
from slipway.settings.types import secrets_for
from slipway.store import Missing
from slipway.training.inputs import hide_secrets, read_secrets, secrets_in
from slipway.training.task import Workspace

_WEB = ("https", "http")
_SECONDS = 60.0


def run(workspace: Workspace) -> str:
    """Write the data as `data/<sha256><suffix>`, and its description as `data.json`.

    Raise `SlipwayError` when the data cannot be read, or has another digest than its pin.
    """
    data = workspace.task.data
    uri = data.uri.replace("{date}", datetime.now(UTC).date().isoformat())
    (workspace.folder / "data").mkdir()
    _check_pinned(uri, data.sha256, workspace.task.model)
    arrived, ending = _arrived(workspace, uri)
    digest = digests.of_file(arrived)
    if data.sha256 not in (None, digest):
        where = f"models.{workspace.task.model}.data.sha256"
        problem = f"{uri} has the digest {digest}, {where} says {data.sha256}"
        raise SlipwayError(problem, fix="find out who changed it, or pin it anew")
    file = f"data/{digest}{ending}"
    path = arrived.rename(workspace.folder / file)
    size = path.stat().st_size
    workspace.write("data.json", {"uri": uri, "sha256": digest, "size": size, "file": file})
    return f"{uri}: {size:,} bytes, {digest[:8]}"


def _arrived(workspace: Workspace, uri: str) -> tuple[Path, str]:
    """Get the data; return the file that holds them, and the ending of its name."""
    if uri == READ:
        found = _read(workspace)
        return found, f"{SNAPSHOT}{found.suffix}"
    target = workspace.folder / "data/arriving"
    _copy(uri, workspace.settings.root, target)
    path = urlsplit(uri).path if scheme(uri) in _WEB else uri
    return target, (SNAPSHOT if SNAPSHOT in Path(path).suffixes else "") + tables.suffix(path)


def _read(workspace: Workspace) -> Path:
    """Have the model's own `read` get the data, and write them to a file."""
    model, name = workspace.new_model(), workspace.task.model
    secrets = read_secrets(secrets_for(workspace.model.secrets, "training"))
    if type(model).read is Model.read:
        problem = f"models.{name}.data is {READ}, and {type(model).__name__} has no `read(self, path)` of its own"
        raise SlipwayError(problem, fix="write it: it gets None in place of a path, and returns a DataFrame")
    try:
        set_seeds()
        data = tables.plain(table_of(model, None))
    except SlipwayError:
        raise
    except Exception as error:
        problem = hide_secrets(f"the data cannot be read: {blame(error, workspace.settings.root)}", secrets)
        raise SlipwayError(problem) from error
    found = write_table(data.reset_index(drop=True), workspace.folder / "data", "arriving", model)
    if shown := secrets_in(found, secrets):
        problem = f"the data that {type(model).__name__}.read gives hold the value of the secret {shown}"
        raise SlipwayError(problem, fix="leave that column out: the snapshot of the data is kept, and holds no secrets")
    return found


def _check_pinned(uri: str, digest: str | None, model: str) -> None:
    """Refuse an address that tells a password, and content that anybody on the way could change."""
    if scheme(uri) not in _WEB:
        return
    if "@" in urlsplit(uri).netloc:
        problem = f"the address of the data of {model} holds a name or a password, and the record would show it"
        raise SlipwayError(problem, fix="give an address without one, or a bucket that the training may read")
    if scheme(uri) == "http" and digest is None:
        problem = f"{uri}: anybody on the way can change what comes by http://"
        fix = f"use https://, or pin the content: models.{model}.data: {{uri: …, sha256: …}}"
        raise SlipwayError(problem, fix=fix)


def _copy(uri: str, root: Path, target: Path) -> None:
    source = local_path(uri, root)
    if scheme(uri) == "gs":
        _download(uri, target)
    elif scheme(uri) in _WEB:
        _fetch(uri, target)
    elif source is None:
        raise SlipwayError(f"{uri}: data cannot be fetched by {scheme(uri)}://", fix="use a path, gs://… or https://…")
    elif not source.is_file():
        raise SlipwayError(f"no data at {source}", fix="put it there, or change the model's data in slipway.yaml")
    else:
        shutil.copyfile(source, target)


def _fetch(uri: str, target: Path) -> None:
    try:
        Client(direct=False).download(uri, target, timeout=_SECONDS)
    except (NoAnswer, ValueError) as error:
        fix = "open it in a browser, and see the model's data in slipway.yaml"
        raise SlipwayError(f"{uri} cannot be fetched: {error}", fix=fix) from error


def _download(uri: str, target: Path) -> None:
    from slipway.store.gcs import GcsBackend

    bucket, _, name = uri.removeprefix("gs://").partition("/")
    try:
        GcsBackend(bucket).download(name.lstrip("/"), target)
    except Missing as error:
        fix = "look at the bucket and at the model's data in slipway.yaml"
        raise SlipwayError(f"there is no object {uri}", fix=fix) from error
