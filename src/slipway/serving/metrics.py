"""What a function counts, for Prometheus: requests, refusals, rows, what was predicted, and who answered.

No label takes a value from a caller, so that there are never more series than routes, statuses and classes; nothing of
what was asked is in it. Every series says model, environment and release: pods come and go, and these stay.
"""

import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from slipway.artifacts import Golden
from slipway.names import ModelId
from slipway.schema import Field
from slipway.serving import exposition
from slipway.serving.description import Identity
from slipway.serving.exposition import Counter, Histogram, Sample

__all__ = ["Metrics", "bounds", "process_age"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_MOST_CLASSES = 100
_OTHER = "other"
_NUMBER = "number"

Family = tuple[str, str, str, Iterator[Sample]]


class Metrics:
    """The counts of one process, from its start on; any thread may add to them."""

    def __init__(self, identity: Identity, target: Field, golden: Golden) -> None:
        named = ModelId.parse(identity.model_id)
        self._labels = {"model": named.model, "environment": named.environment, "release": identity.release}
        self._about = {name: getattr(identity, name) for name in ("model_id", "artifact", "fingerprint")}
        self._target = target.name
        self._classes = {value: _label(value) for value in target.categories[:_MOST_CLASSES]}
        self._lock = Lock()
        self._requests = Counter("route", "code", known=[("/predict", "200")])
        self._errors = Counter("error")
        self._seconds: dict[str, Histogram] = {"/predict": Histogram(_SECONDS)}
        self._rows = Histogram(_ROWS)
        self._predictions = Counter("outcome", known=[(label,) for label in self._classes.values()])
        self._values = None if self._classes else _histogram(target, golden)
        self._running = 0
        self._last = 0.0
        self._age = process_age()
        self._start = time.time() - self._age

    def begin(self) -> None:
        """A request came in."""
        with self._lock:
            self._running += 1

    def end(self, route: str, status: int, error: str, seconds: float) -> None:
        """It was answered: with this status and, when it was refused, this word for why."""
        with self._lock:
            self._running -= 1
            self._last = time.time()
            self._requests.add(route, str(status))
            self._seconds.setdefault(route, Histogram(_SECONDS)).add(seconds)
            if error:
                self._errors.add(error)

    def predicted(self, predictions: Sequence[Any]) -> None:
        """These predictions were made for one request; one that is a dict counts by what it says of the target."""
        outcomes = [_outcome(prediction, self._target) for prediction in predictions]
        tally: dict[str, int] = {}
        for value in outcomes:
            label = self._classes.get(value) or self._kind(value)
            tally[label] = tally.get(label, 0) + 1
        with self._lock:
            self._rows.add(len(outcomes))
            for label, count in tally.items():
                self._predictions.add(label, by=count)
            if self._values and _NUMBER in tally:
                for value in outcomes:
                    if type(value) in (int, float):
                        self._values.add(value)

    def format(self) -> bytes:
        """All of it in Prometheus' text format."""
        with self._lock:
            return exposition.format(self._families(), self._labels)

    def _kind(self, value: Any) -> str:
        return _NUMBER if self._values and type(value) in (int, float) else _OTHER

    def _families(self) -> Iterator[Family]:
        yield "slipway_model_info", "gauge", "What answers; always 1.", _one(1, **self._about)
        yield "slipway_requests_total", "counter", "Answers by route and HTTP status.", self._requests.samples()
        yield "slipway_errors_total", "counter", "Refusals and failures by their code.", self._errors.samples()
        yield "slipway_request_duration_seconds", "histogram", "From the head to the answer.", self._durations()
        yield "slipway_requests_in_progress", "gauge", "Requests being answered.", _one(self._running)
        yield "slipway_last_request_timestamp_seconds", "gauge", "When one was last answered; or 0.", _one(self._last)
        yield "slipway_request_rows", "histogram", "Rows of a request for predictions.", self._rows.samples()
        yield "slipway_predictions_total", "counter", "Rows by what was predicted.", self._predictions.samples()
        if self._values:
            yield "slipway_prediction_value", "histogram", "The quantities predicted.", self._values.samples()
        yield "slipway_start_duration_seconds", "gauge", "From the process's begin to all checked.", _one(self._age)
        yield "process_start_time_seconds", "gauge", "When the process began.", _one(self._start)
        yield "process_cpu_seconds_total", "counter", "CPU time of the process.", _one(time.process_time())
        if (memory := _memory()) is not None:
            yield "process_resident_memory_bytes", "gauge", "Memory of the process.", _one(memory)

    def _durations(self) -> Iterator[Sample]:
        for route, histogram in self._seconds.items():
            for suffix, own, value in histogram.samples():
                yield Sample(suffix, {"route": route, **own}, value)


def bounds(low: float, high: float) -> list[float]:
    """About ten steps of a round width that cover `low` to `high`: nearly equal ranges have equal bounds."""
    width = (high - low) / 10 or max(abs(low), 1) / 10
    power = 10.0 ** math.floor(math.log10(width))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width * 0.999)
    return [float(f"{at * step:.12g}") for at in range(math.floor(low / step), math.ceil(high / step) + 1)]


def process_age() -> float:
    """For how long (in seconds) this process has been running; where only the kernel of Linux knows, 0."""
    if sys.platform != "linux":
        return 0.0
    begun = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begun / os.sysconf("SC_CLK_TCK")


def _histogram(target: Field, golden: Golden) -> Histogram | None:
    """Over the range that the schema gives, or else that of the golden predictions with half as much on each side."""
    if target.kind not in ("number", "integer"):
        return None
    outcomes = (_outcome(prediction, target.name) for prediction in golden.predictions)
    seen = [value for value in outcomes if type(value) in (int, float)] or [0, 1]
    margin = (max(seen) - min(seen)) / 2
    first, last = min(seen) - margin, max(seen) + margin
    low = first if target.minimum is None else target.minimum
    high = last if target.maximum is None else target.maximum
    if high < low:  # all of them lie beyond the one end that is given
        low, high = min(first, high), max(last, low)
    return Histogram(bounds(low, high))


def _outcome(prediction: Any, target: str) -> Any:
    value = prediction.get(target) if type(prediction) is dict else prediction
    return value if type(value) in (str, int, float, bool) else None


def _label(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _one(value: float, **labels: str) -> Iterator[Sample]:
    yield Sample("", labels, value)


def _memory() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
