"""Measure all servers with all models in rounds; the order changes, so that other work slows all of them alike."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.peers import running
from bench.peers.contestants import Contestant
from bench.peers.running import Running
from bench.prepare import run

LOADS = ((1, 1), (1, 16), (100, 1), (100, 16))
"""Rows of a request, and callers at a time."""

MANY = (10_000, 1)
# Enough to see what stays in memory; a slow server gets as many as it answers in twice the time of a load.
_MANY_REQUESTS = 40


class Measured(NamedTuple):
    """The medians of one server with one model."""

    start: float
    """Milliseconds from the start to the first answer."""
    memory: float
    """MB after the loads."""
    memory_after: float
    """MB after requests of many rows."""
    per_second: dict[tuple[int, int], float]
    """Answers a second, by load (`LOADS`)."""
    p50: dict[tuple[int, int], float]
    """Milliseconds of the median answer, by load, and for many rows."""
    cpu: dict[tuple[int, int], float]
    """Microseconds of the server's CPU time for an answer, by load: other work disturbs them least."""


def measure(
    load: Path, contestants: Sequence[Contestant], rounds: int, seconds: float
) -> dict[tuple[str, str], Measured]:
    """Return the figures by name and model; end with an error when two servers predict differently."""
    found: dict[tuple[str, str], list[Measured]] = {each.key: [] for each in contestants}
    answers: dict[str, tuple[str, list[int]]] = {}
    for number in range(rounds):
        for contestant in random.sample(contestants, len(contestants)):
            print(f"round {number + 1}: {contestant.name}, {contestant.model}", file=sys.stderr, flush=True)
            with running.start(contestant) as server:
                _compare(contestant, server, answers)
                found[contestant.key].append(_measured(load, contestant, server, seconds))
    return {key: _middle(some) for key, some in found.items()}


def _compare(contestant: Contestant, server: Running, answers: dict[str, tuple[str, list[int]]]) -> None:
    """End with an error when a server predicts other classes than the first one.

    Servers name classes differently, so each class counts as the place of its first row.
    """
    predictions = contestant.predictions(server.ask(contestant.bodies[100]))
    found = [predictions.index(each) for each in predictions]
    name, expected = answers.setdefault(contestant.model, (contestant.name, found))
    if len(found) != 100 or found != expected:
        sys.exit(f"{contestant.name} predicts something else for {contestant.model} than {name}")


def _measured(load: Path, contestant: Contestant, server: Running, seconds: float) -> Measured:
    ours, others = _parted()
    server.keep_to(ours)
    told: dict[tuple[int, int], Any] = {}
    took: dict[tuple[int, int], float] = {}
    command = [*_pinned(others), str(load)]
    for what in LOADS:
        before = server.cpu()
        told[what] = _asked(command, contestant, server, what, seconds)
        took[what] = (server.cpu() - before) * 1e6 / sum(told[what]["outcomes"].values())
    memory = server.memory()
    told[MANY] = _asked(command, contestant, server, MANY, 2 * seconds, "-requests", str(_MANY_REQUESTS))
    rates = {what: told[what]["per_second"] for what in LOADS}
    p50 = {what: at["p50"] for what, at in told.items()}
    return Measured(server.milliseconds, memory, server.memory(), rates, p50, took)


def _asked(
    command: list[str], contestant: Contestant, server: Running, what: tuple[int, int], seconds: float, *more: str
) -> Any:
    """Return what the load tells; end with an error when an answer is wrong."""
    rows, connections = what
    with tempfile.NamedTemporaryFile("w") as body:  # a command takes no argument of this length
        body.write(contestant.bodies[rows])
        body.flush()
        asked = ("-url", server.url, "-body", f"@{body.name}", "-connections", str(connections))
        told = json.loads(run(*command, *asked, "-seconds", str(seconds), *more))
    if wrong := told["outcomes"].keys() - {"200"}:
        sys.exit(f"{contestant.name} answers {rows} rows of {contestant.model} with {', '.join(sorted(wrong))}")
    return told


def _parted() -> tuple[set[int], set[int]]:
    """Return the CPU of the server and those of the callers, which are the same on a machine with one CPU."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}


def _pinned(cpus: set[int]) -> list[str]:
    return ["taskset", "--cpu-list", ",".join(map(str, sorted(cpus)))]


def _middle(some: Sequence[Measured]) -> Measured:
    return Measured(
        median(at.start for at in some),
        median(at.memory for at in some),
        median(at.memory_after for at in some),
        {what: median(at.per_second[what] for at in some) for what in LOADS},
        {what: median(at.p50[what] for at in some) for what in (*LOADS, MANY)},
        {what: median(at.cpu[what] for at in some) for what in LOADS},
    )
