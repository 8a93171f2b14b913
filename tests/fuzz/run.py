"""Many requests from several callers, and a report of the answers."""

import itertools
import json
import re
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.fuzz.messages import Messages
from tests.fuzz.wire import Wire, Wrong

__all__ = ["Report", "memory", "run"]

_MOST_SHOWN = 20
_WARM = 0.5  # of all requests: memory for imports and for the largest requests is no leak


class Report(NamedTuple):
    """The number of answers by status (0: none, to a caller who left), and the wrong answers."""

    statuses: Counter[int]
    wrong: list[str]
    memory: list[int]
    """The memory of the process in bytes: when it was warm, and then ten times until the end."""
    seconds: float

    def growth(self) -> float:
        """Return the growth of the memory from the first to the last measurement, as a share."""
        return self.memory[-1] / self.memory[0] - 1 if self.memory else 0.0


def run(
    url: str, count: int, *, seed: int = 0, callers: int = 4, report: Callable[[str], None] = lambda _: None
) -> Report:
    """Send `count` requests, drawn by `seed`, to the function at `url`."""
    parts = urlsplit(url)
    address = str(parts.hostname), int(parts.port or 80)
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
        document = json.load(answer)
    shared = _Shared(count, url, report)
    threads = [
        threading.Thread(target=_call, args=(shared, address, document, f"{seed}/{number}"))
        for number in range(callers)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Report(shared.statuses, shared.wrong, [*shared.memory, memory(url)], time.monotonic() - began)


def memory(url: str) -> int:
    """Return the memory of the function's process in bytes, by its own metrics."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        found = re.search(r"^process_resident_memory_bytes\S* (\S+)$", answer.read().decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0


class _Shared:
    def __init__(self, count: int, url: str, report: Callable[[str], None]) -> None:
        self.count, self.url, self.report = count, url, report
        self.numbers = itertools.count()
        self.statuses: Counter[int] = Counter()
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


def _call(shared: _Shared, address: tuple[str, int], document: dict[str, Any], seed: str) -> None:
    messages, wire = Messages(document, Random(seed)), Wire(address)  # noqa: S311 - repeatable, no secret
    while (number := next(shared.numbers)) < shared.count:
        shared.look(number)
        message = messages.draw()
        try:
            found = wire.ask(message)
        except Wrong as error:
            wire.close()
            with shared.lock:
                shared.statuses[-1] += 1
                if len(shared.wrong) < _MOST_SHOWN:
                    shared.wrong.append(f"{error}\n  of {len(message.content)} bytes: {message.content[:600]!r}")
        except OSError as error:
            with shared.lock:
                shared.wrong.append(f"{type(error).__name__}: {error}")
            return
        else:
            with shared.lock:
                shared.statuses.update(found[:1])
    wire.close()
