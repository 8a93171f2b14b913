"""`python -m tests.fuzz`: send a function everything that callers can send.

Exit with status 1 when an answer is missing or from 500 on, or when the memory grows.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.images import bundle, running
from slipway.models.environment import python_for
from slipway.settings import load
from slipway.store import store_of
from tests.fuzz.run import Report, run

ROOT = Path(__file__).parents[2]
_GROWTH = 0.1


def main() -> int:
    """Fuzz each model, or the function at a URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("models", nargs="*", default=["iris", "tumor"], help="default: iris tumor")
    parser.add_argument("--url", help="the address of a running function that serves its metrics")
    parser.add_argument("--requests", type=int, default=100_000, help="for each (default: 100000)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same requests")
    args = parser.parse_args()
    wrong = False
    for name in [args.url] if args.url else args.models:
        with _running(name) as url:
            found = run(url, args.requests, seed=args.seed, report=lambda line, name=name: print(f"{name}: {line}"))
        wrong |= _show(name, found)
    return int(wrong)


@contextmanager
def _running(name: str) -> Iterator[str]:
    """Yield the address of a model of this repository, trained and served in a clone; or the given address."""
    if "://" in name:
        yield name
        return
    with tempfile.TemporaryDirectory(prefix="slipway-fuzz-") as scratch:
        root = Path(scratch) / "repository"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(root)], check=True)
        subprocess.run([sys.executable, "-m", "slipway", "-C", str(root), "train", name], check=True)
        settings = load(root)
        store = store_of(settings, "test")
        made = bundle.make(settings, store, store.find(name), Path(scratch) / "bundle")
        with running.start(made.folder, python=python_for(made.lock)) as server:
            yield server.url


def _show(name: str, found: Report) -> bool:
    """Print the report, and return whether anything is wrong."""
    total = sum(found.statuses.values())
    print(f"{name}: {total} requests in {found.seconds:.0f} s")
    print("  " + ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items())))
    print("  memory (MB): " + " ".join(f"{each / 1e6:.1f}" for each in found.memory))
    for each in found.wrong:
        print(f"  wrong: {each}")
    grown = found.growth() > _GROWTH
    if grown:
        print(f"  wrong: its memory grew by {found.growth():.0%}")
    return bool(found.wrong or found.statuses[-1] or grown)


if __name__ == "__main__":
    sys.exit(main())
