"""From zero to an answer: every function is asked once in a round, in changing order, when it has no pod."""

import random
import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.cluster import Function, Namespace

__all__ = ["measure", "table"]

_SETTLE = 1  # second, after the last pod was told to go


def measure(namespace: "Namespace", functions: "Sequence[Function]", rounds: int) -> dict[str, list[float]]:
    """Seconds of each round by the function's name."""
    took: dict[str, list[float]] = {function.name: [] for function in functions}
    for _ in range(rounds):
        for function in random.sample(functions, len(functions)):
            namespace.until(partial(namespace.at_zero, function), f"{function.name} is at zero")
            time.sleep(_SETTLE)
            took[function.name].append(namespace.ask(function))
    return took


def table(took: dict[str, list[float]], reference: str) -> str:
    """In Markdown: median, quickest and slowest, and how many times the reference that is."""
    base = median(took[reference])
    lines = ["| from zero | s | quickest to slowest | ratio to the smallest |", "| --- | --- | --- | --- |"]
    for name, seconds in sorted(took.items(), key=lambda item: median(item[1])):
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        lines.append(f"| {name} | {median(seconds):.2f} | {spread} | {median(seconds) / base:.2f} |")
    return "\n".join(lines)
