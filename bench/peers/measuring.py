"""Measure all servers with all models in rounds; the order changes, so that other work slows all of them alike."""

from __future__ import annotations

import json
import os
import random
import sys
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


class Measured(NamedTuple):
    """The medians of one server with one model."""

    start: float
    """Milliseconds from the start to the first answer."""
    memory: float
    """MB after the load."""
    per_second: dict[tuple[int, int], float]
    """Answers a second, by load (`LOADS`)."""
    p50: dict[tuple[int, int], float]
    """Milliseconds of the median answer, by load."""
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
    for rows, connections in LOADS:
        body = ("-body", contestant.bodies[rows])
        asked = ("-url", server.url, *body, "-connections", str(connections), "-seconds", str(seconds))
        before = server.cpu()
        told[rows, connections] = json.loads(run(*_pinned(others), str(load), *asked))
        took[rows, connections] = (server.cpu() - before) * 1e6 / sum(told[rows, connections]["outcomes"].values())
        if wrong := told[rows, connections]["outcomes"].keys() - {"200"}:
            sys.exit(f"{contestant.name} answers {contestant.model} with {', '.join(sorted(wrong))}")
    rates = {what: at["per_second"] for what, at in told.items()}
    p50 = {what: at["p50"] for what, at in told.items()}
    return Measured(server.milliseconds, server.memory(), rates, p50, took)


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
        {what: median(at.per_second[what] for at in some) for what in LOADS},
        {what: median(at.p50[what] for at in some) for what in LOADS},
        {what: median(at.cpu[what] for at in some) for what in LOADS},
    )
