"""The metrics of a function: counters and histograms in Prometheus' text format.

Prometheus' own client would cost each start from zero about 45 ms, and each instance 3 MB.
"""

from __future__ import annotations

import math
import os
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from slipway.artifacts import Golden
from slipway.model import ContractError
from slipway.names import ModelId
from slipway.schema import Field
from slipway.serving.answers import Answer
from slipway.serving.bundled import Identity
from slipway.serving.http.requests import PREDICT
from slipway.serving.process import LOST
from slipway.wrapped import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


Sample = tuple[str, Mapping[str, str], float]
"""One line: the suffix to the family's name (`_bucket`, `_sum`, or none), the labels, and the value."""

Family = tuple[str, str, str, Iterable[Sample]]
"""A name, its type, its meaning, and its lines."""

Counts = Counter[tuple[str, ...]]
"""A count for each combination of labels."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_MOST_CLASSES = 100
_COUNTED = frozenset({str, int, float, bool})
_OTHER = "other"
_NUMBER = "number"


class Histogram:
    """The numbers of values up to each of the rising `bounds`, and the sum of the values."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_all(self, values: Sequence[float]) -> None:
        """Count some values."""
        for value in values:
            self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += sum(values)

    def samples(self) -> Iterator[Sample]:
        """Yield the lines: cumulative buckets, the sum and the count."""
        total = 0
        for bound, count in zip([*map(_number, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            yield "_bucket", {"le": bound}, total
        yield "_sum", {}, self._sum
        yield "_count", {}, total


def exposition(families: Iterable[Family], labels: Mapping[str, str]) -> bytes:
    """Return the text of `families`; every line has `labels`."""
    lines = []
    for name, kind, meaning, samples in families:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{suffix}{_shown({**labels, **own})} {_number(value)}" for suffix, own, value in samples]
    return ("\n".join(lines) + "\n").encode()


def sums(counts: Counts, *names: str) -> Iterator[Sample]:
    """Yield a line for each combination of labels, whose `names` are given in their order."""
    return (("", dict(zip(names, labels, strict=True)), value) for labels, value in counts.items())


def _shown(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


class Metrics:
    """The metrics of one process since its start; any thread may add to them."""

    def __init__(self, identity: Identity, target: Field, golden: Golden) -> None:
        named = ModelId.parse(identity.model_id)
        self._labels = {"model": named.model, "environment": named.environment, "release": identity.release}
        self._about = {name: getattr(identity, name) for name in ("model_id", "artifact", "fingerprint")}
        self._target = target.name
        self._classes = {value: _label(value) for value in target.categories[:_MOST_CLASSES]}
        self._lock = Lock()
        self._requests: Counts = Counter({(PREDICT, "200"): 0})
        self._errors: Counts = Counter()
        self._seconds: dict[str, Histogram] = {PREDICT: Histogram(_SECONDS)}
        self._rows = Histogram(_ROWS)
        self._predictions: Counts = Counter({(label,): 0 for label in self._classes.values()})
        self._values = None if self._classes else _histogram(target, golden)
        self._own = _Own()
        self._running = 0
        self._last = 0.0
        self._age = _process_age()
        self._start = time.time() - self._age

    def begin(self) -> None:
        """Count a request that came in."""
        with self._lock:
            self._running += 1

    def end(self, route: str, status: int, error: str, seconds: float) -> None:
        """Count its answer by route, status and time, and by the code of its `error`, if any."""
        with self._lock:
            self._running -= 1
            self._last = time.time()
            self._requests[route, str(status)] += 1
            if (histogram := self._seconds.get(route)) is None:
                histogram = self._seconds[route] = Histogram(_SECONDS)
            histogram.add(seconds)
            if error:
                self._errors[error,] += 1

    def predicted(self, predictions: Sequence[Any]) -> None:
        """Count the predictions of one request; a dict counts by its value of the target."""
        outcomes = _outcomes(predictions, self._target)
        numbers = [value for value in outcomes if type(value) in (int, float)] if self._values else []
        # A class is named once for all rows that have it.
        tally = [(self._classes.get(value) or self._kind(value), count) for value, count in _counted(outcomes)]
        with self._lock:
            self._rows.add(len(outcomes))
            for label, count in tally:
                self._predictions[label,] += count
            if self._values:
                self._values.add_all(numbers)

    def add(self, metric: Metric) -> None:
        """Add a metric that a foreign class gives for one request."""
        with self._lock:
            self._own.add(metric)

    def format(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        with self._lock:
            return exposition(self._families(), self._labels)

    def answer(self) -> Answer:
        """Return the answer to a scrape over HTTP."""
        return Answer(200, {"content-type": CONTENT_TYPE}, self.format())

    def _kind(self, value: Any) -> str:
        return _NUMBER if self._values and type(value) in (int, float) else _OTHER

    def _families(self) -> Iterator[Family]:
        yield "slipway_model_info", "gauge", "What answers; always 1.", _one(1, **self._about)
        yield "slipway_requests_total", "counter", "Answers by route and status.", sums(self._requests, "route", "code")
        yield "slipway_errors_total", "counter", "Refusals and failures by their code.", sums(self._errors, "error")
        yield "slipway_log_lines_lost_total", "counter", "Lines that could not be written.", _one(LOST["lines"])
        yield "slipway_request_duration_seconds", "histogram", "From the head to the answer.", self._durations()
        yield "slipway_requests_in_progress", "gauge", "Requests being answered.", _one(self._running)
        yield "slipway_last_request_timestamp_seconds", "gauge", "When one was last answered; or 0.", _one(self._last)
        yield "slipway_request_rows", "histogram", "Rows of a request for predictions.", self._rows.samples()
        yield "slipway_predictions_total", "counter", "Rows by their prediction.", sums(self._predictions, "outcome")
        if self._values:
            yield "slipway_prediction_value", "histogram", "The quantities predicted.", self._values.samples()
        yield from self._own.families()
        yield "slipway_start_duration_seconds", "gauge", "From the process's begin to all checked.", _one(self._age)
        yield "process_start_time_seconds", "gauge", "When the process began.", _one(self._start)
        yield "process_cpu_seconds_total", "counter", "CPU time of the process.", _one(time.process_time())
        if (memory := _memory()) is not None:
            yield "process_resident_memory_bytes", "gauge", "Memory of the process.", _one(memory)

    def _durations(self) -> Iterator[Sample]:
        for route, histogram in self._seconds.items():
            for suffix, own, value in histogram.samples():
                yield suffix, {"route": route, **own}, value


class _Own:
    """The metrics of a foreign class, named as Seldon's servers name them."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._values: dict[str, dict[tuple[tuple[str, str], ...], float | Histogram]] = {}

    def add(self, metric: Metric) -> None:
        """Add to a counter or a timer, or set a gauge; raise `ContractError` for a name of another kind."""
        if self._kinds.setdefault(metric.name, metric.kind) != metric.kind:
            raise ContractError(f"metrics gave {metric.name} as {self._kinds[metric.name]} and as {metric.kind}")
        values, labels = self._values.setdefault(metric.name, {}), tuple(sorted(metric.labels.items()))
        if metric.kind == "TIMER":
            timer: Any = values.setdefault(labels, Histogram(_SECONDS))
            timer.add(metric.value / 1000)
        else:
            before: Any = values.get(labels, 0) if metric.kind == "COUNTER" else 0
            values[labels] = before + metric.value

    def families(self) -> Iterator[Family]:
        """Yield the families; the name of a counter ends with `_total`, and a timer is in seconds."""
        for name, values in self._values.items():
            kind = self._kinds[name]
            shown = f"{name}_total" if kind == "COUNTER" and not name.endswith("_total") else name
            type_ = "histogram" if kind == "TIMER" else kind.lower()
            yield shown, type_, "Given by the model's class.", list(_lines(values))


def _lines(values: Mapping[tuple[tuple[str, str], ...], float | Histogram]) -> Iterator[Sample]:
    for labels, value in values.items():
        for suffix, own, number in value.samples() if isinstance(value, Histogram) else [("", {}, value)]:
            yield suffix, {**dict(labels), **own}, number


def bounds(low: float, high: float) -> list[float]:
    """Return about ten bounds of a round width that cover `low` to `high`; similar ranges have equal bounds."""
    width = (high - low) / 10 or max(abs(low), 1) / 10
    power = 10.0 ** math.floor(math.log10(width))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width * 0.999)
    return [float(f"{at * step:.12g}") for at in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _process_age() -> float:
    """Return the age of this process in seconds; 0 except on Linux."""
    if sys.platform != "linux":
        return 0.0
    begun = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begun / os.sysconf("SC_CLK_TCK")


def _histogram(target: Field, golden: Golden) -> Histogram | None:
    """Return a histogram over the schema's range, or over the golden predictions and half their range on each side."""
    if target.kind not in ("number", "integer"):
        return None
    outcomes = (_outcome(prediction, target.name) for prediction in golden.predictions)
    seen = [value for value in outcomes if type(value) in (int, float)] or [0, 1]
    margin = (max(seen) - min(seen)) / 2
    first, last = min(seen) - margin, max(seen) + margin
    low = first if target.minimum is None else target.minimum
    high = last if target.maximum is None else target.maximum
    if high < low:  # all golden predictions lie beyond the schema's one limit
        low, high = min(first, high), max(last, low)
    return Histogram(bounds(low, high))


def _outcomes(predictions: Sequence[Any], target: str) -> Sequence[Any]:
    return (
        predictions if _COUNTED.issuperset(map(type, predictions)) else [_outcome(each, target) for each in predictions]
    )


def _counted(outcomes: Sequence[Any]) -> Iterable[tuple[Any, int]]:
    """Return each of the outcomes with its number; 1, 1.0 and True are not the same."""
    if len(outcomes) == 1:
        return [(outcomes[0], 1)]
    if len(set(map(type, outcomes))) < 2:
        return Counter(outcomes).items()
    return [(value, count) for (_, value), count in Counter((type(each), each) for each in outcomes).items()]


def _outcome(prediction: Any, target: str) -> Any:
    value = prediction.get(target) if type(prediction) is dict else prediction
    return value if type(value) in _COUNTED else None


def _label(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _one(value: float, **labels: str) -> list[Sample]:
    return [("", labels, value)]


def _memory() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
