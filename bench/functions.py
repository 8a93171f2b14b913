"""Measure functions on a cluster: the start from zero, and answers, latency and memory under load."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.cluster import Function, Namespace
from bench.prepare import run

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)
_SETTLE = 1  # second, after the last pod was told to end


def from_zero(namespace: Namespace, functions: Sequence[Function], rounds: int) -> dict[str, list[float]]:
    """Ask each function once a round when it has no pod; return {name: seconds of each round}.

    The order changes in each round.
    """
    took: dict[str, list[float]] = {function.name: [] for function in functions}
    for _ in range(rounds):
        for function in random.sample(functions, len(functions)):
            namespace.until(partial(namespace.at_zero, function), f"{function.name} is at zero")
            time.sleep(_SETTLE)
            took[function.name].append(namespace.ask(function))
    return took


def zero_table(took: dict[str, list[float]], reference: str) -> str:
    """Return a table in Markdown: median, quickest, slowest, and the ratio to the reference."""
    base = median(took[reference])
    lines = ["| from zero | s | quickest to slowest | ratio to the smallest |", "| --- | --- | --- | --- |"]
    for name, seconds in sorted(took.items(), key=lambda item: median(item[1])):
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        lines.append(f"| {name} | {median(seconds):.2f} | {spread} | {median(seconds) / base:.2f} |")
    return "\n".join(lines)


class Warm(NamedTuple):
    """The medians of one function at one number of connections; times are in milliseconds."""

    name: str
    connections: int
    per_second: float
    p50: float
    p99: float
    wrong: int
    """The number of answers other than 200."""


def under_load(
    namespace: Namespace, load: Path, functions: Sequence[Function], rounds: int, seconds: float
) -> tuple[list[Warm], dict[str, tuple[float, float]]]:
    """Return the figures, and for each function the memory (MB) before and after the load.

    Functions take turns, so that other work on the machine slows all of them alike.
    """
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    memory: dict[str, tuple[float, float]] = {}
    for _ in range(rounds):
        for function in functions:
            namespace.ask(function)
            idle = None if function.name.startswith("hello") else namespace.memory(function)
            for connections in CONNECTIONS:
                told = _load(load, namespace, function, connections, seconds)
                found.setdefault((function.name, connections), []).append(told)
            if idle is not None:
                memory[function.name] = (idle, namespace.memory(function))
    return [_warm(name, connections, told) for (name, connections), told in found.items()], memory


def load_table(found: Sequence[Warm], memory: dict[str, tuple[float, float]]) -> str:
    """Return tables in Markdown: a line for each function and number of connections, and the memory."""
    lines = [
        "| function | at a time | answers/s | p50 ms | p99 ms | not 200 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {at.name} | {at.connections} | {at.per_second:.0f} | {at.p50:.1f} | {at.p99:.1f} | {at.wrong} |"
        for at in found
    ]
    lines += ["", "| function | MB idle | MB after load |", "| --- | --- | --- |"]
    lines += [f"| {name} | {idle:.0f} | {loaded:.0f} |" for name, (idle, loaded) in memory.items()]
    return "\n".join(lines)


def _load(load: Path, namespace: Namespace, function: Function, connections: int, seconds: float) -> Any:
    where = ("-url", f"{namespace.ingress}/predict", "-host", function.host, "-body", function.body)
    return json.loads(run(str(load), *where, "-connections", str(connections), "-seconds", str(seconds)))


def _warm(name: str, connections: int, told: list[dict[str, Any]]) -> Warm:
    figures = {key: median(at[key] for at in told) for key in ("per_second", "p50", "p99")}
    wrong = sum(count for at in told for outcome, count in at["outcomes"].items() if outcome != "200")
    return Warm(name, connections, **figures, wrong=wrong)
