"""All contestants with all models, round by round and each time in another order, so that all meet the same."""

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

__all__ = ["LOADS", "Measured", "measure"]

LOADS = ((1, 1), (1, 16), (100, 1), (100, 16))
"""Rows of a request, and how many ask at a time."""


class Measured(NamedTuple):
    """One contestant with one model, the median of all rounds."""

    start: float
    """Milliseconds from its start to its first answer."""
    memory: float
    """MB after all that was asked."""
    per_second: dict[tuple[int, int], float]
    """Answers by what was asked (`LOADS`)."""
    p50: dict[tuple[int, int], float]
    """Milliseconds of an answer, likewise."""


def measure(
    load: Path, contestants: Sequence[Contestant], rounds: int, seconds: float
) -> dict[tuple[str, str], Measured]:
    """By name and model what was found; ends when two of them do not predict the same."""
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
    """Classes have other names here and there: each counts as the place where it first came."""
    predictions = contestant.predictions(server.ask(contestant.bodies[100]))
    found = [predictions.index(each) for each in predictions]
    name, expected = answers.setdefault(contestant.model, (contestant.name, found))
    if len(found) != 100 or found != expected:
        sys.exit(f"{contestant.name} predicts something else for {contestant.model} than {name}")


def _measured(load: Path, contestant: Contestant, server: Running, seconds: float) -> Measured:
    ours, others = _parted()
    server.keep_to(ours)
    told: dict[tuple[int, int], Any] = {}
    for rows, connections in LOADS:
        body = ("-body", contestant.bodies[rows])
        asked = ("-url", server.url, *body, "-connections", str(connections), "-seconds", str(seconds))
        told[rows, connections] = json.loads(run(*_pinned(others), str(load), *asked))
        if wrong := told[rows, connections]["outcomes"].keys() - {"200"}:
            sys.exit(f"{contestant.name} answers {contestant.model} with {', '.join(sorted(wrong))}")
    rates = {what: at["per_second"] for what, at in told.items()}
    return Measured(server.milliseconds, server.memory(), rates, {what: at["p50"] for what, at in told.items()})


def _parted() -> tuple[set[int], set[int]]:
    """One CPU for the server, the others for who asks; where there is but one, both on it."""
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
    )
