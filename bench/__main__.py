"""Measure functions and clusters: `python -m bench [peers] [zero] [warm] [idle] [change]`; see README.md here."""

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import fleet, functions, peers, prepare
from bench.cluster import namespace, variant
from bench.prepare import run

CPUS = ("250m", "500m", "1", "2")
PARTS = ("peers", "zero", "warm", "idle", "change")

# Numbers of models in one repository.
IDLE = (3, 50)
# Number of additional releases of one of them.
KEPT = 40
CHANGE = (10, 100, 1000)

# Seconds of load on one machine. A further round makes a figure more exact than a longer load does.
_LONG_ENOUGH = 2


def main() -> None:
    """Prepare and measure the chosen parts, and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="*", choices=(*PARTS, []), help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=1000, help="models at the most, in idle and change (default: 1000)")
    parser.add_argument("--seconds", type=float, default=5, help="of load for each figure (default: 5)")
    args = parser.parse_args()
    what = args.what or PARTS
    settings = {name: os.environ.get(f"SLIPWAY_TEST_{name}") for name in ("REGISTRY", "INGRESS", "GIT")}
    missing = [f"SLIPWAY_TEST_{name}" for name, value in settings.items() if not value]
    if missing and set(args.what) - {"peers"}:
        sys.exit(f"{' and '.join(missing)} not set\n  → see tests/cluster/README.md")
    if "peers" in what:
        print(peers.run(_machine(), args.rounds, min(args.seconds, _LONG_ENOUGH)), flush=True)
    if missing:
        print("all but peers is left out: it needs a cluster (tests/cluster/README.md)", file=sys.stderr)
        return
    if "zero" in what or "warm" in what:
        _on_cluster(what, str(settings["REGISTRY"]), str(settings["INGRESS"]), args.rounds, args.seconds)
    if "idle" in what:
        with fleet.followed() as team:
            used = {f"{count} models": fleet.idle(team, count) for count in IDLE if count <= args.most}
            used[f"{KEPT} releases more"] = fleet.kept(team, KEPT)
        print(f"\n{fleet.idle_table(used)}\n{prepare.load_average()}", flush=True)
    if "change" in what:
        with fleet.followed() as team:
            costs = {count: fleet.change(team, count, args.rounds) for count in CHANGE if count <= args.most}
        print(f"\n{fleet.change_table(costs)}\n{prepare.load_average()}", flush=True)


def _on_cluster(what: Sequence[str], registry: str, ingress: str, rounds: int, seconds: float) -> None:
    server = json.loads(run("kubectl", "version", "--output=json"))["serverVersion"]["gitVersion"]
    print(f"{_machine()} · Kubernetes {server}", flush=True)
    with tempfile.TemporaryDirectory() as scratch, namespace(ingress) as space:
        services = prepare.releases(Path(scratch), registry)
        services["hello"] = _hello(services["plain"], prepare.hello(registry))
        if "zero" in what:
            variants = [variant(services["hello"], "hello"), variant(services["tumor"], "tumor")]
            variants += [
                variant(services[name], f"{name}-{cpu}", cpu=cpu) for name in ("plain", "iris") for cpu in CPUS
            ]
            took = functions.from_zero(space, space.apply(variants), rounds)
            print(f"\n{functions.zero_table(took, 'hello')}\n{prepare.load_average()}", flush=True)
        if "warm" in what:
            variants = [variant(service, f"{name}-warm", concurrency=64) for name, service in services.items()]
            found = functions.under_load(space, prepare.load(Path(scratch)), space.apply(variants), rounds, seconds)
            print(f"\n{functions.load_table(*found)}\n{prepare.load_average()}", flush=True)


def _hello(like: dict[str, Any], image: str) -> dict[str, Any]:
    """Return a Service like that of a release, but with the image of the smallest function."""
    made = copy.deepcopy(like)
    made["metadata"]["labels"]["app.kubernetes.io/name"] = "hello"
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["image"] = image
    return made


def _machine() -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    told = [f"{os.cpu_count()} CPUs", f"Python {python}", run("go", "version").strip()]
    return " · ".join([time.strftime("%Y-%m-%d %H:%M"), *told, prepare.load_average()])


if __name__ == "__main__":
    main()
