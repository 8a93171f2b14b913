"""Real publishers, each in a process of its own. `tests/unit/store/test_processes.py` runs this as a command.

They are forked from one process that has imported everything, so that they all start at once, and the machine's two
cores are spent on publishing.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from slipway.store import open_store

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Barrier

_MEGABYTE = 1 << 20


def publish(url: str, text: str) -> int:
    """Publish two files: one with `text`, and one that all publishers share."""
    with TemporaryDirectory() as name:
        Path(name, "mine.txt").write_text(text)
        Path(name, "ours.txt").write_text("the same for all")
        store = open_store(url, root=Path.cwd(), environment="test")
        return store.publish("iris", Path(name), record={"metadata": {"text": text}}).version


def race(url: str, publishers: int) -> list[list[object]]:
    """Publish from several processes at the same moment; return pairs of text and version."""
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(publishers), context.SimpleQueue()
    processes = [context.Process(target=_race, args=(url, str(n), start, results)) for n in range(publishers)]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return found


def _race(url: str, text: str, start: "Barrier", results: "SimpleQueue[list[object]]") -> None:
    start.wait()
    try:
        results.put([text, publish(url, text)])
    except Exception as error:  # noqa: BLE001 - the test shows it
        results.put([text, repr(error)])


def kill(url: str, times: int, longest: float) -> None:
    """Start a process that publishes without end and kill it within `longest` seconds, several times.

    The time begins with its first publication; the last process has made one when it is killed.
    """
    for left in reversed(range(times)):
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            _publish_for_ever(url, tell)
        os.read(told, 1)
        if not left:
            os.read(told, 1)
        time.sleep(random.uniform(0, longest))  # noqa: S311 - any moment will do
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(told)
        os.close(tell)


def _publish_for_ever(url: str, tell: int) -> None:
    folder = Path.cwd() / f"artifact-{os.getpid()}"
    folder.mkdir()
    store = open_store(url, root=Path.cwd(), environment="test")
    for number in count():
        (folder / "weights.bin").write_bytes(os.urandom(_MEGABYTE))
        (folder / "number.txt").write_text(str(number))
        os.write(tell, b".")
        store.publish("iris", folder)


if __name__ == "__main__":
    open_store(sys.argv[1], root=Path.cwd(), environment="test")  # imports what is only imported for such a store
    if sys.argv[2] == "race":
        print(json.dumps(race(sys.argv[1], int(sys.argv[3]))))  # noqa: T201 - the answer to the test
    else:
        kill(sys.argv[1], int(sys.argv[3]), float(sys.argv[4]))
