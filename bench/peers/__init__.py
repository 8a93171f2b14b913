"""Compare slipway with its peers on this machine: `make bench BENCH=peers`; see README.md of the folder above.

Each folder here is a peer: the `requirements.txt` of its environment, and its code.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench import prepare
from bench.peers import contestants, measuring, report, trained

HERE = Path(__file__).parents[1]


def run(machine: str, rounds: int, seconds: float) -> str:
    """Measure for some minutes a round, write `peers.md` and `peers.svg` in the folder above, and return the table."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        scratch = Path(folder)
        load = prepare.load(scratch)
        models = trained.train(scratch)
        taking_part = [each for model in models.values() for each in contestants.of(model, scratch)]
        found = measuring.measure(load, taking_part, rounds, seconds)
        taken = {name: _stages(model, scratch) for name, model in models.items() if model.converted}
    told = f"{machine}, at the end {prepare.load_average()}\n\n{_versions()}. {_how(rounds, seconds)}\n\n"
    told += f"{report.table(found)}\n"
    told += f"\n## One answer, taken apart\n\n{_STAGES}\n\n{report.stages_table(taken)}\n"
    (HERE / "peers.md").write_text(f"# Beside its peers\n\nWritten by `make bench BENCH=peers`: {told}")
    note = f"make bench BENCH=peers · {time.strftime('%Y-%m-%d')} · {_rounds(rounds)}, one CPU for each server"
    (HERE / "peers.svg").write_text(report.picture(found, note))
    return told


_STAGES = """Each stage by itself, again and again within the process, the best of five: to read the body and check the
rows (decode), what `predict` does besides the graph (prepare), the graph (run), the check of the predictions, their
JSON (encode), the line in the log, and the metrics (count). `all` is one answer from the body on, without log and HTTP:
what the table above has more for an answer is HTTP, the event loop and the network."""


def _stages(model: trained.Trained, scratch: Path) -> dict[str, dict[str, float]]:
    """Return the microseconds of each stage of an answer, by the number of rows."""
    bodies = scratch / f"{model.name}.bodies"
    asked = {f"{count} row{'s' if count > 1 else ''}": json.dumps(model.rows[:count]) for count in (1, 100)}
    bodies.write_text(json.dumps(list(asked.values())))
    served = model.converted
    assert served  # noqa: S101 - only converted models are asked
    script = str(Path(__file__).with_name("stages.py"))
    told = prepare.run(str(served.python), script, str(served.folder), str(bodies))
    return dict(zip(asked, json.loads(told), strict=True))


def _versions() -> str:
    pinned = {package: peer for peer, packages in contestants.VERSIONS.items() for package in packages}
    told = [f"{package} {contestants.version(peer, package)}" for package, peer in pinned.items()]
    return ", ".join([f"Python {'.'.join(map(str, sys.version_info[:3]))}", *told])


def _how(rounds: int, seconds: float) -> str:
    has_more = len(os.sched_getaffinity(0)) > 1
    cpus = "the server has one CPU, and the callers have the rest" if has_more else "server and callers have one CPU"
    return (
        f"The servers in changing order, {_rounds(rounds)}, {seconds:g} s for each load; {cpus}. 10,000 rows are one "
        "request: the median time of up to 40, one after another, and the memory after them. A figure in brackets is a "
        "multiple of slipway's: slipway is better where it is high for times and memory, and low for answers a second."
    )


def _rounds(rounds: int) -> str:
    return f"the median of {rounds} rounds" if rounds > 1 else "one round"
