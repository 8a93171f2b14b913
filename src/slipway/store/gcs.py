"""A store in a Google Cloud Storage bucket. Every upload has the condition that the object does not exist."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from slipway import files
from slipway.errors import OutOfReach, SlipwayError
from slipway.store.backend import Missing

try:
    import google.auth
    import requests
    import urllib3
    from google.api_core import exceptions as refusals
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import AuthorizedSession
    from google.cloud.storage import Blob, Bucket, Client
    from google.cloud.storage.exceptions import DataCorruption
    from google.cloud.storage.retry import DEFAULT_RETRY
except ImportError as error:
    raise SlipwayError(
        "a gs:// store needs the package google-cloud-storage",
        fix="install what releases need: pip install 'slipway[release]'",
    ) from error


_ABSENT = 0  # the generation of an object that does not exist


class GcsBackend:
    """Hold the objects below `gs://bucket/prefix`.

    `STORAGE_EMULATOR_HOST` names another server, which gets no credentials. When the bucket cannot be reached, a
    call stops after `SLIPWAY_STORE_TIMEOUT` seconds (20), and at the latest after 1.5 times as long.
    """

    parallel = 8  # hides most of the latency and stays below the client's limit of ten connections

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._name = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._seconds = _timeout()
        # The client connects at the first call, so that a store that nobody uses asks for no credentials.
        self._connected: Client | None = None
        self._lock = Lock()
        # The library starts no retry after `_seconds` but lets the last one end. Half the wait limits the excess.
        self._limits: dict[str, Any] = {
            "timeout": (min(self._seconds / 2, 5), self._seconds / 2),
            "retry": DEFAULT_RETRY.with_timeout(self._seconds),
        }

    def create(self, key: str, source: Path | bytes) -> bool:
        with _explained(self._name, "write", self.url(key)):
            for last in (False, False, True):
                try:
                    return self._create(key, source)
                except refusals.GoogleAPICallError as error:
                    if last or not _lost_upload(error):
                        raise
        raise AssertionError("the last try returns or raises")

    def _create(self, key: str, source: Path | bytes) -> bool:
        try:
            given = {"if_generation_match": _ABSENT, **self._limits}
            if isinstance(source, bytes):
                self._blob(key).upload_from_string(source, "application/json", **given)
            else:
                self._blob(key).upload_from_filename(source, "application/octet-stream", **given)
        except refusals.PreconditionFailed:
            return False
        except refusals.Forbidden:
            # An account with the right to create only is also refused when the object exists.
            if not self._blob(key).exists(**self._limits):
                raise
            return False
        return True

    def read(self, key: str) -> bytes:
        with self._reading(key):
            content: bytes = self._blob(key).download_as_bytes(**self._limits)
        return content

    def download(self, key: str, target: Path) -> None:
        with files.explained("write", target), target.open("wb") as file, self._reading(key):
            self._blob(key).download_to_file(file, **self._limits)

    def size(self, key: str) -> int | None:
        with _explained(self._name, "read", self.url(key)):
            found = self._bucket.get_blob(self._prefix + key, **self._limits)
        return None if found is None else int(found.size)

    def children(self, folder: str) -> list[str]:
        prefix = self._prefix + (f"{folder}/" if folder else "")
        with _explained(self._name, "list", self.url(folder)):
            found = self._client.list_blobs(self._bucket, prefix=prefix, delimiter="/", **self._limits)
            names = [blob.name for blob in found]
        return sorted(name.removeprefix(prefix) for name in [*names, *found.prefixes] if name != prefix)

    def url(self, key: str) -> str:
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

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        with _explained(self._name, "read", self.url(key)):
            try:
                yield
            except refusals.NotFound:
                # A missing bucket gives the same answer. Listing raises an error only when the bucket is missing.
                next(iter(self._client.list_blobs(self._bucket, max_results=1, **self._limits)), None)
                raise Missing(key) from None


def _lost_upload(error: refusals.GoogleAPICallError) -> bool:
    """Return True if the server has lost an upload of several requests, which then starts anew as Google asks."""
    sent = getattr(getattr(error, "response", None), "request", None)
    return error.code == 410 or (error.code == 404 and getattr(sent, "method", "") == "PUT")


def _connect(seconds: float) -> Client:
    # Objects need no project. With None the library would search for one.
    if os.environ.get("STORAGE_EMULATOR_HOST"):
        return Client(project="<none>", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    credentials, _ = google.auth.default(scopes=Client.SCOPE)
    session = AuthorizedSession(credentials, refresh_timeout=seconds)  # type: ignore[no-untyped-call]
    return Client(project="<none>", credentials=credentials, _http=session)


def _timeout() -> float:
    """Return the number of seconds after which a bucket counts as out of reach."""
    text = os.environ.get("SLIPWAY_STORE_TIMEOUT", "20")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise SlipwayError(f"SLIPWAY_STORE_TIMEOUT is {text!r}", fix="set it to a number of seconds, such as 20")
    return seconds


_UNREACHABLE = (
    refusals.RetryError,
    TransportError,
    ConnectionError,
    TimeoutError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
)
_TEMPORARY = (408, 429, 500, 502, 503, 504)

_PAUSE = 10.0  # seconds
_out_of_reach: dict[tuple[str | None, str], tuple[float, tuple[str, str]]] = {}


@contextmanager
def _explained(bucket: str, action: str, url: str) -> Iterator[None]:
    """Turn an error of the client into a `SlipwayError` that names the bucket, the reason and the fix.

    Raise `OutOfReach` where a new try may help. After that, fail at once for some seconds: a caller that goes on with
    the next model must not wait for the time limit again.
    """
    place = (os.environ.get("STORAGE_EMULATOR_HOST"), bucket)
    until, found = _out_of_reach.get(place, (0.0, ("", "")))
    if time.monotonic() < until:
        raise OutOfReach(f"cannot {action} {url}: {found[0]}", fix=found[1])
    try:
        yield
    except (refusals.GoogleAPIError, GoogleAuthError, DataCorruption, *_UNREACHABLE) as error:
        reason, fix = _diagnosis(error, bucket)
        if _is_out_of_reach(error):
            _out_of_reach[place] = (time.monotonic() + _PAUSE, (reason, fix))
            raise OutOfReach(f"cannot {action} {url}: {reason}", fix=fix) from error
        raise SlipwayError(f"cannot {action} {url}: {reason}", fix=fix) from error


def _is_out_of_reach(error: Exception) -> bool:
    return isinstance(error, _UNREACHABLE) or getattr(error, "code", None) in _TEMPORARY or _not_given_yet(error)


def _not_given_yet(error: Exception) -> bool:
    """Return True if a pod lacks credentials. Their server may not answer in the first seconds of a pod."""
    in_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    return in_pod and isinstance(error, GoogleAuthError) and not isinstance(error, TransportError)


def _diagnosis(error: Exception, bucket: str) -> tuple[str, str]:
    """Return the reason of an error and its fix."""
    if isinstance(error, refusals.NotFound):
        fix = f"make it (`gcloud storage buckets create gs://{bucket}`), or correct the store in slipway.yaml"
        return f"there is no bucket {bucket!r}", fix
    if isinstance(error, refusals.Forbidden):
        fix = f"grant it roles/storage.objectViewer and, to publish, roles/storage.objectCreator on gs://{bucket}"
        command = "`gcloud storage buckets add-iam-policy-binding`"
        return f"the account in use has no right to (403: {error.message})", f"{fix} ({command})"
    if _not_given_yet(error):
        fix = "try again: they may come some seconds after its start; where they never do, bind its service account to"
        place = "one of Google's (manifests/README.md)"
        return f"there are no Google credentials for this pod ({_first_line(error)})", f"{fix} {place}"
    if _is_out_of_reach(error):
        fix = "look at the network and try again; SLIPWAY_STORE_TIMEOUT sets after how many seconds this gives up"
        return f"the bucket {bucket!r} cannot be reached ({_innermost(error)})", fix
    if isinstance(error, GoogleAuthError | refusals.Unauthorized):
        fix = "run `gcloud auth application-default login`, or give the job a service account (Workload Identity)"
        return f"there are no valid Google credentials ({_first_line(error)})", fix
    if isinstance(error, DataCorruption):
        return "the content changed on its way, its checksum differs", "try again"
    return _first_line(error), f"look at what Google Cloud Storage says of gs://{bucket}"


def _innermost(error: BaseException) -> str:
    """Return the message of the first error, which the client wraps several times."""
    while isinstance(cause := error.__cause__ or error.__context__, Exception):
        if isinstance(error, refusals.GoogleAPICallError):
            break
        error = cause
    return _first_line(error)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
