"""Take one request apart: `python stages.py BUNDLE BODIES`, in the bundle's environment.

BODIES is a file with a list of bodies, as JSON. Print for each of them the microseconds of CPU time that each stage of
its answer takes within the process. What HTTP takes is not among them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LEAST = 0.2  # seconds for a figure
_ROUNDS = 5


class Recorder:
    """A session of a graph that keeps what it is asked."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.asked: tuple[Any, ...] = ()

    def run(self, *asked: Any) -> Any:
        self.asked = asked
        return self.session.run(*asked)


def main(folder: Path, bodies: Path) -> None:
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    from slipway.serving.start import load

    function = load(folder)
    print(json.dumps([taken(function, body.encode()) for body in json.loads(bodies.read_text())]))


def taken(function: Any, body: bytes) -> dict[str, float]:
    """Return the microseconds of each stage."""
    from slipway.serving import log
    from slipway.serving.answers import of
    from slipway.serving.http.requests import PREDICT, Request

    loaded, named = function._loaded, function.named
    graph = next(each for each in vars(loaded.model).values() if hasattr(each, "_session"))
    graph._session = session = Recorder(graph._session)
    columns, many = function._decoder.read(body)
    found = loaded._predictions(columns)
    graph._session, asked = session.session, session.asked
    from slipway.artifacts import values

    answers = values.to_json(found, len(columns), loaded.schema.target)
    content = {"status": "ok", "prediction": answers if many else answers[0], **named}
    answer = of(200, content, rows=len(columns))
    request = Request("POST", PREDICT, PREDICT, {"content-type": "application/json"}, log.request_id({}), body=body)

    def counted() -> None:
        function.metrics.begin()
        function.metrics.predicted(answers)
        function.metrics.end(PREDICT, 200, "", 0.001)

    stages: dict[str, Callable[[], Any]] = {
        "decode": lambda: function._decoder.read(body),
        "prepare": lambda: loaded._predictions(function._decoder.read(body).rows),
        "run": lambda: graph._session.run(*asked),
        "check": lambda: function._form.check(values.to_json(found, len(columns), loaded.schema.target)),
        "encode": lambda: of(200, content, rows=len(columns)),
        "log": lambda: log._tell(request, named, answer, 0.001),
        "count": counted,
        "all": lambda: function.answer(Request("POST", PREDICT, PREDICT, {}, "1", body=body)),
    }
    best = dict.fromkeys(stages, float("inf"))
    for _ in range(_ROUNDS):
        for name, stage in stages.items():
            best[name] = min(best[name], _microseconds(stage))
    best["prepare"] -= best["decode"] + best["run"]
    return best


def _microseconds(stage: Callable[[], Any]) -> float:
    count, seconds = 1, 0.0
    while seconds < _LEAST / _ROUNDS:
        count *= 2
        began = time.process_time()
        for _ in range(count):
            stage()
        seconds = time.process_time() - began
    return seconds / count * 1e6


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
