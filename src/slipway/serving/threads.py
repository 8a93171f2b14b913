"""The threads that predict, and the time that a prediction may take in them.

A thread cannot be killed: a prediction that never ends keeps its thread. Its caller is answered in time, and when all
threads are stuck in this way, the process ends, so that who started it starts it anew.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from slipway.serving import log
from slipway.serving.answers import Refusal
from slipway.serving.process import THREADS, setting

T = TypeVar("T")

LIVE, EXIT = 30, 60
"""Seconds that all threads are stuck before the function is no longer live, and before its process ends."""

# A prediction on the event loop holds up everything. It is brief; one that never ends is as bad as stuck threads.
_SILENT = 5  # seconds beyond the limit of a prediction

_TICK = 1.0
_SOON = 0.02


class Threads:
    """`count` threads that predict."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="predict")
        # When each busy thread has to be done, by its id.
        self._until: dict[int, float] = {}

    async def run(
        self,
        work: Callable[[], T],
        began: float,
        seconds: float = math.inf,
        leaving: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> T:
        """Return what `work` returns in a thread. Work that no thread has begun yet is dropped with its caller.

        Raise `Refusal`: 504 when it is not done `seconds` after the request `began` (`time.monotonic`), 499 when
        `leaving` ends before, and 503 when all threads are stuck.
        """
        self.check()
        future = asyncio.get_running_loop().run_in_executor(self._pool, self._begin, work, began + seconds)
        either: list[asyncio.Future[Any]] = [future]
        try:
            # To look after the caller costs more than most predictions take.
            await asyncio.wait(either, timeout=min(_SOON, seconds))
            if future.done():
                return future.result()
            if leaving:
                either.append(asyncio.ensure_future(leaving()))
            waiting = max(0, began + seconds - time.monotonic()) if seconds < math.inf else None
            await asyncio.wait(either, timeout=waiting, return_when="FIRST_COMPLETED")
            if future.done():
                return future.result()
            if either[-1].done():
                raise Refusal(499, "disconnected", "the caller went away before the answer")
            raise Refusal(504, "too_long", f"there was no answer within {seconds:g} s; fewer rows take less")
        finally:
            for each in either:
                each.cancel()

    def stuck_for(self) -> float:
        """Return for how many seconds all threads have been busy beyond their limit; 0 while any of them is not."""
        limits = list(self._until.values())
        return max(0.0, time.monotonic() - max(limits)) if len(limits) >= self.count else 0.0

    def check(self, seconds: float = 0) -> None:
        """Raise `Refusal` (503) when all threads have been stuck for longer than so many `seconds`."""
        if self.stuck_for() > seconds:
            message = f"all {self.count} threads are stuck in predictions beyond their time; the log has where"
            raise Refusal(503, "stuck", message, headers={"retry-after": "30"})

    def busy(self) -> list[int]:
        """Return the ids of the busy threads."""
        return list(self._until)

    def _begin(self, work: Callable[[], T], until: float) -> T:
        own = threading.get_ident()
        self._until[own] = until
        try:
            return work()
        finally:
            del self._until[own]


@cache
def threads() -> Threads:
    """Return the `THREADS` that predict; each is made when first needed."""
    return Threads(setting(THREADS, 4))


def watch(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """End the process when all threads have been stuck for `EXIT`, or the event loop beyond `seconds`, a prediction's.

    A thread watches from now on, until the loop is closed.
    """
    threading.Thread(target=_watch, args=(loop, seconds + _SILENT), name="watch", daemon=True).start()


def _watch(loop: asyncio.AbstractEventLoop, silent: float) -> None:
    told = False
    heard = threading.Event()
    ticks = 0  # not the clock, which goes on while a process is stopped
    main = threading.main_thread().ident
    while True:
        heard.clear()
        try:
            loop.call_soon_threadsafe(heard.set)
        except RuntimeError:  # the loop is closed
            return
        while not heard.wait(_TICK):
            ticks += 1
            if ticks * _TICK > silent:
                _exit(f"a prediction on the event loop does not end within {silent:g} s", [main] if main else [])
        ticks = 0
        time.sleep(_TICK)
        lasting = threads().stuck_for()
        if lasting > EXIT:
            _exit(f"all {threads().count} threads have been stuck for {lasting:.0f} s", threads().busy())
        if lasting and not told:
            where = _stacks(threads().busy())
            log.write("ERROR", f"all {threads().count} threads are stuck in predictions", traceback=where)
        told = lasting > 0


def _exit(problem: str, where: list[int]) -> None:
    log.write("CRITICAL", f"the function ends: {problem}", traceback=_stacks(where))
    os._exit(1)


def _stacks(idents: list[int]) -> str:
    """Return where these threads are, each as a traceback."""
    frames = sys._current_frames()  # noqa: SLF001 - it is documented, for a case like this
    return "\n".join("".join(traceback.format_stack(frames[each])) for each in idents if each in frames)


def finish() -> None:
    """End the process with status 0 when predictions would keep it from ending by itself."""
    if left := len(threads().busy()):
        log.write("WARNING", f"the function ends, and {left} predictions that nobody waits for with it")
        os._exit(0)
