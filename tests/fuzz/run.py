"""Many requests from several callers, and a report of the answers."""

import itertools
import json
import re
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from statistics import median
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from tests.fuzz.calls import Calls
from tests.fuzz.channel import Channel
from tests.fuzz.messages import Messages
from tests.fuzz.twin import Twin
from tests.fuzz.wire import Wire, Wrong

__all__ = ["Report", "call", "memory", "run"]

_MOST_SHOWN = 20
_WARM = 0.5  # of all requests: memory for imports and for the largest requests is no leak


class Report(NamedTuple):
    """The number of answers by status (0: none, to a caller who left; -1: a wrong one), and the wrong answers."""

    statuses: Counter[Any]
    wrong: list[str]
    memory: list[int]
    """The memory of the process in bytes: when it was warm, and then ten times until the end."""
    seconds: float

    def growth(self) -> float:
        """Return the growth of the memory from the first half of the measurements to the second, as a share.

        A large request may be in memory at any of them, so that the median of each half counts.
        """
        half = len(self.memory) // 2
        return median(self.memory[half:]) / median(self.memory[:half]) - 1 if half else 0.0


class _Caller(Protocol):
    def ask(self) -> Any:
        """Send the next message and return the status of the answer; raise `Wrong` with both."""

    def close(self) -> None: ...


def run(
    url: str, count: int, *, seed: int = 0, callers: int = 4, report: Callable[[str], None] = lambda _: None
) -> Report:
    """Send `count` requests, drawn by `seed`, to the function at `url`."""
    document = _document(url)
    made = [_Asking(_address(url), document, f"{seed}/{number}") for number in range(callers)]
    return _run(made, count, url, report)


def call(
    url: str,
    twin: str,
    metrics: str,
    count: int,
    *,
    seed: int = 0,
    callers: int = 4,
    report: Callable[[str], None] = lambda _: None,
) -> Report:
    """Make `count` calls over gRPC, drawn by `seed`, to the function at `url`.

    Compare the answers with those of the same function over HTTP at `twin`; its memory is told at `metrics`.
    """
    document = _document(twin)
    made = [_Calling(_address(url), _address(twin), document, f"{seed}/{number}") for number in range(callers)]
    return _run(made, count, metrics, report)


class _Asking:
    """A caller over HTTP."""

    def __init__(self, address: tuple[str, int], document: dict[str, Any], seed: str) -> None:
        self._messages, self._wire = Messages(document, Random(seed)), Wire(address)  # noqa: S311 - repeatable, no secret
        self.close = self._wire.close

    def ask(self) -> int:
        message = self._messages.draw()
        try:
            return self._wire.ask(message)[0]
        except Wrong as error:
            self.close()
            raise Wrong(f"{error}\n  of {len(message.content)} bytes: {message.content[:600]!r}") from None


class _Calling:
    """A caller over gRPC, who asks the same over HTTP."""

    def __init__(self, address: tuple[str, int], twin: tuple[str, int], document: dict[str, Any], seed: str) -> None:
        self._calls = Calls(document, Random(seed))  # noqa: S311 - repeatable, no secret
        self._channel, self._twin = Channel(address), Twin(twin)

    def ask(self) -> str:
        call = self._calls.draw()
        try:
            ended = self._channel.ask(call)
            self._twin.compare(call, ended)
        except Wrong as error:
            content = b"".join(call.contents)
            raise Wrong(f"{error}\n  {call.path}, {len(content)} bytes: {content[:600]!r}, {call[2:]}") from None
        return ended.status

    def close(self) -> None:
        self._channel.close()
        self._twin.close()


def _run(made: Sequence[_Caller], count: int, metrics: str, report: Callable[[str], None]) -> Report:
    shared = _Shared(count, metrics, report)
    threads = [threading.Thread(target=_ask, args=(shared, caller)) for caller in made]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Report(shared.statuses, shared.wrong, [*shared.memory, memory(metrics)], time.monotonic() - began)


def _document(url: str) -> Any:
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
        return json.load(answer)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 80)


def memory(url: str) -> int:
    """Return the memory of the function's process in bytes, by its own metrics."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        found = re.search(r"^process_resident_memory_bytes\S* (\S+)$", answer.read().decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0


class _Shared:
    def __init__(self, count: int, url: str, report: Callable[[str], None]) -> None:
        self.count, self.url, self.report = count, url, report
        self.numbers = itertools.count()
        self.statuses: Counter[Any] = Counter()
        self.wrong: list[str] = []
        self.memory: list[int] = []
        self.lock = threading.Lock()
        self.marks = {int(count * (_WARM + (1 - _WARM) * tenth / 10)) for tenth in range(10)}

    def look(self, number: int) -> None:
        if number in self.marks:
            found = memory(self.url)
            with self.lock:
                self.memory.append(found)
            self.report(f"{number} requests, {found / 1e6:.1f} MB")


def _ask(shared: _Shared, caller: _Caller) -> None:
    while (number := next(shared.numbers)) < shared.count:
        shared.look(number)
        try:
            found = caller.ask()
        except Wrong as error:
            with shared.lock:
                shared.statuses[-1] += 1
                if len(shared.wrong) < _MOST_SHOWN:
                    shared.wrong.append(str(error))
        except Exception as error:  # noqa: BLE001 - a caller who ends too soon is a finding, too
            with shared.lock:
                shared.wrong.append(f"{type(error).__name__}: {error}")
            return
        else:
            with shared.lock:
                shared.statuses[found] += 1
    caller.close()
