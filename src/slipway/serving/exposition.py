"""Counters and histograms, and how they read in Prometheus' text format: all of it that a function needs.

Prometheus' own client would cost each start from zero some 45 ms, and each instance 3 MB.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

__all__ = ["CONTENT_TYPE", "Counter", "Histogram", "Sample", "format"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Sample(NamedTuple):
    """One line: what is added to the family's name (`_bucket`, `_sum`, or nothing), its own labels, and its value."""

    suffix: str
    labels: Mapping[str, str]
    value: float


class Counter:
    """Values that are added to, one for each combination of `labels` that was met; those in `known` begin at 0."""

    def __init__(self, *labels: str, known: Iterable[tuple[str, ...]] = ()) -> None:
        self._labels = labels
        self._values: dict[tuple[str, ...], float] = dict.fromkeys(known, 0)

    def add(self, *labels: str, by: float = 1) -> None:
        """Add to the value of these labels, which are given in the order of their names."""
        self._values[labels] = self._values.get(labels, 0) + by

    def samples(self) -> Iterator[Sample]:
        """Its lines."""
        for labels, value in self._values.items():
            yield Sample("", dict(zip(self._labels, labels, strict=True)), value)


class Histogram:
    """How many values were at or below each of `bounds`, which rise; and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self) -> Iterator[Sample]:
        """Its lines: the buckets, each with all that are below it, the sum and the count."""
        total = 0
        for bound, count in zip([*map(_number, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            yield Sample("_bucket", {"le": bound}, total)
        yield Sample("_sum", {}, self._sum)
        yield Sample("_count", {}, total)


def format(  # noqa: A001 - the other half of what a scraper parses
    families: Iterable[tuple[str, str, str, Iterable[Sample]]], labels: Mapping[str, str]
) -> bytes:
    """The text of `families`, each a name, a type, what it means and its samples; `labels` are on every line."""
    lines = []
    for name, kind, meaning, samples in families:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{suffix}{_shown({**labels, **own})} {_number(value)}" for suffix, own, value in samples]
    return ("\n".join(lines) + "\n").encode()


def _shown(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
