"""`python -m tests.fuzz`: send functions everything that callers can send, over HTTP and over gRPC.

Exit with status 1 when an answer is missing or from 500 on, when gRPC answers otherwise than HTTP, when a function
logs an error, or when its memory grows.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from slipway.images import bundle, running
from slipway.models.environment import python_for
from slipway.serving.process import METRICS_PORT, PROTOCOL
from slipway.settings import load
from slipway.store import store_of
from tests.fuzz.run import Report, call, run

ROOT = Path(__file__).parents[2]
_MODELS = ["iris", "tumor", "voyage"]
_SETTINGS = "environments: {test: {store: store/test, namespace: slipway-test}}\n"
_GROWTH = 0.1


def main() -> int:
    """Fuzz each model, or the function at a URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("models", nargs="*", default=_MODELS, help=f"default: {' '.join(_MODELS)}")
    parser.add_argument("--url", help="the address of a running function over HTTP that serves its metrics")
    parser.add_argument("--requests", type=int, default=100_000, help="over HTTP, for each (default: 100000)")
    parser.add_argument("--calls", type=int, default=20_000, help="over gRPC, for each (default: 20000)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same requests")
    args = parser.parse_args()
    if args.url:
        return int(_fuzz(args.url, partial(run, args.url, args.requests), args.seed, []))
    wrong = [_fuzz_model(name, args.requests, args.calls, args.seed) for name in args.models]
    return int(any(wrong))


def _fuzz_model(name: str, requests: int, calls: int, seed: int) -> bool:
    """Fuzz a model over both protocols; return whether anything is wrong."""
    port = str(running.usable_port("127.0.0.1", 0))
    with tempfile.TemporaryDirectory(prefix="slipway-fuzz-") as scratch:
        made = _bundle(name, Path(scratch))
        start = partial(running.start, made.folder, python=python_for(made.lock))
        with start(echo=(log := list[str]()).append) as http:
            wrong = _fuzz(f"{name}, HTTP", partial(run, http.url, requests), seed, log) if requests else False
            if not calls:
                return wrong
            env = {PROTOCOL: "grpc", METRICS_PORT: port}
            with start(env=env, echo=(log := list[str]()).append) as grpc:
                send = partial(call, grpc.url, http.url, f"http://127.0.0.1:{port}", calls)
                return _fuzz(f"{name}, gRPC", send, seed, log) or wrong


def _bundle(name: str, scratch: Path) -> bundle.Bundle:
    """Train a model of this repository, or one of those in tests/models, and return its bundle."""
    root = scratch / "repository"
    shutil.copytree(ROOT / "model", root / "model", ignore=shutil.ignore_patterns("__pycache__"))
    if not (root / "model" / name).exists():
        shutil.copytree(ROOT / "tests/models" / name, root / "model" / name)
    (root / "slipway.yaml").write_text(_SETTINGS)
    subprocess.run([sys.executable, "-m", "slipway", "-C", str(root), "train", name], check=True)
    settings = load(root)
    store = store_of(settings, "test")
    return bundle.make(settings, store, store.find(name), scratch / "bundle")


def _fuzz(name: str, send: Callable[..., Report], seed: int, log: list[str]) -> bool:
    """Send everything, print the report, and return whether anything is wrong."""
    found = send(seed=seed, report=lambda line: print(f"{name}: {line}", flush=True))
    print(f"{name}: {sum(found.statuses.values())} requests in {found.seconds:.0f} s")
    print("  " + ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items(), key=str)))
    print("  memory (MB): " + " ".join(f"{each / 1e6:.1f}" for each in found.memory))
    wrong = [*found.wrong, *(f"logged: {line}" for line in log if '"ERROR"' in line or not line.startswith("{"))]
    if found.growth() > _GROWTH:
        wrong.append(f"its memory grew by {found.growth():.0%}")
    for each in wrong[:_MOST_SHOWN]:
        print(f"  wrong: {each}")
    return bool(wrong or found.statuses[-1])


_MOST_SHOWN = 40


if __name__ == "__main__":
    sys.exit(main())
