"""A store in a Google Cloud Storage bucket. An upload "only if there is no such object" is its only way of writing."""

import os
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.store.backend import Missing
from slipway.store.disk import explained as disk_explained

try:
    import google.auth
    from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed
    from google.auth.credentials import AnonymousCredentials
    from google.auth.transport.requests import AuthorizedSession
    from google.cloud.storage import Blob, Bucket, Client
    from google.cloud.storage.retry import DEFAULT_RETRY
except ImportError as error:
    raise SlipwayError(
        "a gs:// store needs the package google-cloud-storage",
        fix="install what releases need: pip install 'slipway[release]'",
    ) from error

from slipway.store.gcs_errors import explained

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GcsBackend"]

_ABSENT = 0  # the generation of an object that is not there


class GcsBackend:
    """The objects below `gs://bucket/prefix`.

    `STORAGE_EMULATOR_HOST` names another server, which is shown no credentials. When the bucket cannot be reached, a
    call gives up after `SLIPWAY_STORE_TIMEOUT` seconds (20) and at most half as many again.
    """

    parallel = 8  # hides most of the latency, and stays below the ten connections that the client keeps

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._name = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._seconds = _timeout()
        # Connected at the first call: a store that is opened and not used asks for no credentials.
        self._connected: Client | None = None
        self._lock = Lock()
        # The library starts no retry after that time, and lets the last one end by itself: hence the shorter waits.
        self._limits: dict[str, Any] = {
            "timeout": (min(self._seconds / 2, 5), self._seconds / 2),
            "retry": DEFAULT_RETRY.with_timeout(self._seconds),
        }

    def create(self, key: str, source: Path | bytes) -> bool:
        """See `Backend.create`."""
        with explained(self._name, "write", self.url(key)):
            try:
                self._upload(self._blob(key), source)
            except PreconditionFailed:
                return False
            except Forbidden:
                # Who may create and no more is refused, too, what would write over an object that is there.
                if not self._blob(key).exists(**self._limits):
                    raise
                return False
        return True

    def read(self, key: str) -> bytes:
        """See `Backend.read`."""
        with self._reading(key):
            content: bytes = self._blob(key).download_as_bytes(**self._limits)
        return content

    def download(self, key: str, target: Path) -> None:
        """See `Backend.download`."""
        with disk_explained("write", target), target.open("wb") as file, self._reading(key):
            self._blob(key).download_to_file(file, **self._limits)

    def size(self, key: str) -> int | None:
        """See `Backend.size`."""
        with explained(self._name, "read", self.url(key)):
            found = self._bucket.get_blob(self._prefix + key, **self._limits)
        return None if found is None else int(found.size)

    def children(self, folder: str) -> list[str]:
        """See `Backend.children`."""
        prefix = self._prefix + (f"{folder}/" if folder else "")
        with explained(self._name, "list", self.url(folder)):
            found = self._client.list_blobs(self._bucket, prefix=prefix, delimiter="/", **self._limits)
            names = [blob.name for blob in found]
        return sorted(name.removeprefix(prefix) for name in [*names, *found.prefixes] if name != prefix)

    def url(self, key: str) -> str:
        """`gs://bucket/prefix/key`."""
        return f"gs://{self._name}/{self._prefix}{key}"

    @property
    def _client(self) -> Client:
        with self._lock:
            if self._connected is None:
                self._connected = _connect(self._seconds)
            return self._connected

    @property
    def _bucket(self) -> Bucket:
        return self._client.bucket(self._name)

    def _blob(self, key: str) -> Blob:
        return self._bucket.blob(self._prefix + key)

    def _upload(self, blob: Blob, source: Path | bytes) -> None:
        if isinstance(source, bytes):
            blob.upload_from_string(source, "application/json", if_generation_match=_ABSENT, **self._limits)
        else:
            kind = "application/octet-stream"
            blob.upload_from_filename(source, kind, if_generation_match=_ABSENT, **self._limits)

    @contextmanager
    def _reading(self, key: str) -> "Iterator[None]":
        with explained(self._name, "read", self.url(key)):
            try:
                yield
            except NotFound:
                # The answer is the same when the whole bucket is missing; listing, which we may, tells them apart.
                next(iter(self._client.list_blobs(self._bucket, max_results=1, **self._limits)), None)
                raise Missing(key) from None


def _connect(seconds: float) -> Client:
    # Objects need no project; with None the library would go and look for one.
    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return Client(project="<none>", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    credentials, _ = google.auth.default(scopes=Client.SCOPE)
    session = AuthorizedSession(credentials, refresh_timeout=seconds)  # type: ignore[no-untyped-call]
    return Client(project="<none>", credentials=credentials, _http=session)


def _timeout() -> float:
    """How many seconds to try before a bucket counts as out of reach."""
    text = os.environ.get("SLIPWAY_STORE_TIMEOUT", "20")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise SlipwayError(f"SLIPWAY_STORE_TIMEOUT is {text!r}", fix="set it to a number of seconds, such as 20")
    return seconds
