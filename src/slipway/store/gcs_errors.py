"""What the errors of Google's client mean to who meets them."""

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
import urllib3
from google.api_core.exceptions import Forbidden, GoogleAPICallError, GoogleAPIError, NotFound, RetryError, Unauthorized
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.storage.exceptions import DataCorruption

from slipway.errors import OutOfReach, SlipwayError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["explained"]

_UNREACHABLE = (
    RetryError,
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
def explained(bucket: str, action: str, url: str) -> "Iterator[None]":
    """Turn an error of the client within the block into a `SlipwayError`: which bucket, what happened, what to do.

    It is `OutOfReach` where trying again may help.
    A bucket that could not be reached is not asked again for a while: what goes on with the next model would wait anew.
    """
    place = (os.environ.get("STORAGE_EMULATOR_HOST"), bucket)
    until, found = _out_of_reach.get(place, (0.0, ("", "")))
    if time.monotonic() < until:
        raise OutOfReach(f"cannot {action} {url}: {found[0]}", fix=found[1])
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, DataCorruption, *_UNREACHABLE) as error:
        reason, fix = _diagnosis(error, bucket)
        if _is_out_of_reach(error):
            _out_of_reach[place] = (time.monotonic() + _PAUSE, (reason, fix))
            raise OutOfReach(f"cannot {action} {url}: {reason}", fix=fix) from error
        raise SlipwayError(f"cannot {action} {url}: {reason}", fix=fix) from error


def _is_out_of_reach(error: Exception) -> bool:
    return isinstance(error, _UNREACHABLE) or getattr(error, "code", None) in _TEMPORARY or _not_given_yet(error)


def _not_given_yet(error: Exception) -> bool:
    """Whether a pod has no credentials: they come of a server that may not answer a pod in its first seconds."""
    in_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    return in_pod and isinstance(error, GoogleAuthError) and not isinstance(error, TransportError)


def _diagnosis(error: Exception, bucket: str) -> tuple[str, str]:
    if isinstance(error, NotFound):
        return f"there is no bucket {bucket!r}", (
            f"make it (`gcloud storage buckets create gs://{bucket}`), or correct the store in slipway.yaml"
        )
    if isinstance(error, Forbidden):
        return f"the account in use has no right to (403: {error.message})", (
            f"grant it roles/storage.objectViewer and, to publish, roles/storage.objectCreator on gs://{bucket}"
            " (`gcloud storage buckets add-iam-policy-binding`)"
        )
    if _not_given_yet(error):
        return f"there are no Google credentials for this pod ({_first_line(error)})", (
            "try again: they may come some seconds after its start; where they never do, bind its service account to"
            " one of Google's (manifests/README.md)"
        )
    if _is_out_of_reach(error):
        return f"the bucket {bucket!r} cannot be reached ({_innermost(error)})", (
            "look at the network and try again; SLIPWAY_STORE_TIMEOUT sets after how many seconds this gives up"
        )
    if isinstance(error, GoogleAuthError | Unauthorized):
        return f"there are no valid Google credentials ({_first_line(error)})", (
            "run `gcloud auth application-default login`, or give the job a service account (Workload Identity)"
        )
    if isinstance(error, DataCorruption):
        return "the content changed on its way, its checksum differs", "try again"
    return _first_line(error), f"look at what Google Cloud Storage says of gs://{bucket}"


def _innermost(error: BaseException) -> str:
    """What the system said; the client wraps it in several layers of its own."""
    while isinstance(cause := error.__cause__ or error.__context__, Exception):
        if isinstance(error, GoogleAPICallError):
            break
        error = cause
    return _first_line(error)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
