"""While it is asked: answers in a second, how long they take, and the memory, by how many ask at a time."""

import json
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.prepare import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.cluster import Function, Namespace

__all__ = ["CONNECTIONS", "Warm", "measure", "table"]

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)


class Warm(NamedTuple):
    """One function at one number of connections, the median of all rounds; times in milliseconds."""

    name: str
    connections: int
    per_second: float
    p50: float
    p99: float
    wrong: int
    """Answers other than 200."""


def measure(
    namespace: "Namespace", load: "Path", functions: "Sequence[Function]", rounds: int, seconds: float
) -> tuple[list[Warm], dict[str, tuple[float, float]]]:
    """What was found, and for each function the memory (MB) before and after; in turns, so that all meet the same."""
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


def table(found: "Sequence[Warm]", memory: dict[str, tuple[float, float]]) -> str:
    """In Markdown: a line for each function and number of connections."""
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


def _load(load: "Path", namespace: "Namespace", function: "Function", connections: int, seconds: float) -> Any:
    where = ("-url", f"{namespace.ingress}/predict", "-host", function.host, "-body", function.body)
    return json.loads(run(str(load), *where, "-connections", str(connections), "-seconds", str(seconds)))


def _warm(name: str, connections: int, told: list[dict[str, Any]]) -> Warm:
    figures = {key: median(at[key] for at in told) for key in ("per_second", "p50", "p99")}
    wrong = sum(count for at in told for outcome, count in at["outcomes"].items() if outcome != "200")
    return Warm(name, connections, **figures, wrong=wrong)
