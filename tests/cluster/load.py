"""A constant load of requests, and what became of each."""

import http.client
import json
import ssl
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Load", "ask"]


def ask(ingress: str, host: str, trusted: ssl.SSLContext | None = None) -> dict[str, Any]:
    """One prediction by the ingress at `ingress`, over HTTPS where it is said which certificates are `trusted`.

    Raises `OSError` or `http.client.HTTPException` when there is no answer, or another than a prediction.
    """
    address = str(urlsplit(ingress).hostname)
    connection: http.client.HTTPConnection
    if trusted:
        connection = _Named(address, host, trusted)
    else:
        connection = http.client.HTTPConnection(address, urlsplit(ingress).port, timeout=60)
    try:
        connection.request("POST", "/predict", b'{"number": 1}', {"Host": host, "Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"{answer.status}: {content[:200]!r}")
    found: dict[str, Any] = json.loads(content)
    return found


class _Named(http.client.HTTPSConnection):
    """A connection to an address that is to prove the name of a host."""

    def __init__(self, address: str, host: str, context: ssl.SSLContext) -> None:
        super().__init__(address, 443, timeout=60, context=context)
        self._named, self._context = host, context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._named)


class Load:
    """About ten requests a second from two callers while it is entered; `answers` counts them by release."""

    def __init__(self, ingress: str, host: str, trusted: ssl.SSLContext | None = None) -> None:
        self._target = (ingress, host, trusted)
        self.answers: Counter[str] = Counter()
        self.lost: list[str] = []
        self._stop = threading.Event()
        self._callers = [threading.Thread(target=self._call) for _ in range(2)]

    def __enter__(self) -> "Load":
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for caller in self._callers:
            caller.join()

    def since(self, before: Counter[str]) -> Counter[str]:
        """The answers that came after `before` was copied from `answers`."""
        return self.answers - before

    def _call(self) -> None:
        while not self._stop.wait(0.2):
            try:
                answer = ask(*self._target)
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(f"{time.strftime('%H:%M:%S')} {error!r}")
            else:
                self.answers[answer["release"]] += 1
