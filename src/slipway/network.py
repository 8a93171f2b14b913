"""Calls over the network: HTTP by the standard library, and any call tried again after a pause that doubles."""

from __future__ import annotations

import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from ssl import SSLContext
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

_TRIES = 4
_OK = 200


class NoAnswer(Exception):  # noqa: N818 - it is said of a call, and read as that
    """Say why a call got no complete answer; the caller says whom it called."""


class Answer(NamedTuple):
    """An answer of any status, also of one that means an error."""

    status: int
    reason: str
    """The words beside the status."""
    content: bytes


class Client:
    """Call servers by HTTP or HTTPS.

    With `direct`, use no proxy; otherwise, use those of the environment. `context` holds the trusted certificates of
    servers. Default: those of the system.
    """

    def __init__(self, *, direct: bool, context: SSLContext | None = None) -> None:
        proxies = urllib.request.ProxyHandler({} if direct else None)
        self._open = urllib.request.build_opener(proxies, urllib.request.HTTPSHandler(context=context)).open

    def call(
        self,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float,
        limit: int | None = None,
    ) -> Answer:
        """Return the answer to GET, or to POST if there is a body, with at most `limit` bytes of its content.

        Follow redirects without the `headers`, because they may hold credentials. Raise `NoAnswer` when the server
        cannot be reached or breaks off, and `ValueError` for a URL that cannot be written in a request.
        """
        request = urllib.request.Request(url, body)  # noqa: S310 - callers make sure that it is http or https
        for name, value in (headers or {}).items():
            request.add_unredirected_header(name, value)
        try:
            with self._answer(request, timeout) as answer:
                return Answer(answer.status, answer.reason, answer.read(limit))
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(str(getattr(error, "reason", None) or error)) from error

    def download(self, url: str, target: Path, *, timeout: float) -> None:
        """Write the content at a URL to a file, piece by piece; `timeout` is for each wait on the network.

        Raise `NoAnswer` for a status that is not 200, for a redirect from HTTPS to anything else, and for content that
        breaks off.
        """
        request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310 - as above
        try:
            with self._answer(request, timeout) as answer, target.open("wb") as file:
                if url.startswith("https://") and not answer.url.startswith("https://"):
                    raise NoAnswer(f"it leads to {answer.url}, which is not https")
                if answer.status != _OK:
                    raise NoAnswer(f"{answer.status} {answer.reason}".strip())
                shutil.copyfileobj(answer, file)
                length = answer.headers.get("Content-Length")
                if length is not None and file.tell() != int(length):
                    raise NoAnswer(f"it broke off after {file.tell():,} of {int(length):,} bytes")
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(str(getattr(error, "reason", None) or error)) from error

    def _answer(self, request: urllib.request.Request, timeout: float) -> Any:
        try:
            return self._open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            return error


def repeat(call: Callable[[], T], wait: Callable[[Exception, int], float | None]) -> T:
    """Return what `call` returns; after an error, wait and call again, four times at the most.

    `wait` gets the error and how often the pause was doubled, as a factor: 1, 2, 4. It returns the seconds to wait,
    or None when another try makes no sense. The last error is raised.
    """
    for number in range(_TRIES):
        try:
            return call()
        except Exception as error:
            seconds = wait(error, 2**number) if number + 1 < _TRIES else None
            if seconds is None:
                raise
        time.sleep(seconds)
    raise AssertionError("the last try returns or raises")
