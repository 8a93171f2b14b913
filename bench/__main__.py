"""`python -m bench [zero] [warm]`: see README.md beside this file."""

import argparse
import copy
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import prepare, warm, zero
from bench.cluster import namespace, variant
from bench.prepare import run

CPUS = ("250m", "500m", "1", "2")


def main() -> None:
    """Prepare, measure what is asked for, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="*", choices=("zero", "warm", []), help="default: both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of load for each figure (default: 5)")
    args = parser.parse_args()
    settings = {name: os.environ.get(f"SLIPWAY_TEST_{name}") for name in ("REGISTRY", "INGRESS")}
    if missing := [f"SLIPWAY_TEST_{name}" for name, value in settings.items() if not value]:
        sys.exit(f"{' and '.join(missing)} not set\n  → see tests/cluster/README.md")
    print(_machine(), flush=True)
    with tempfile.TemporaryDirectory() as scratch, namespace(str(settings["INGRESS"])) as space:
        services = prepare.releases(Path(scratch), str(settings["REGISTRY"]))
        services["hello"] = _hello(services["plain"], prepare.hello(str(settings["REGISTRY"])))
        if "zero" in args.what or not args.what:
            variants = [variant(services["hello"], "hello"), variant(services["tumor"], "tumor")]
            variants += [
                variant(services[name], f"{name}-{cpu}", cpu=cpu) for name in ("plain", "iris") for cpu in CPUS
            ]
            took = zero.measure(space, space.apply(variants), args.rounds)
            print(f"\n{zero.table(took, 'hello')}\n{_load()}", flush=True)
        if "warm" in args.what or not args.what:
            variants = [variant(service, f"{name}-warm", concurrency=64) for name, service in services.items()]
            found = warm.measure(space, prepare.load(Path(scratch)), space.apply(variants), args.rounds, args.seconds)
            print(f"\n{warm.table(*found)}\n{_load()}", flush=True)


def _hello(like: dict[str, Any], image: str) -> dict[str, Any]:
    """The smallest function as a Service in all else like that of a release."""
    made = copy.deepcopy(like)
    made["metadata"]["labels"]["app.kubernetes.io/name"] = "hello"
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["image"] = image
    return made


def _machine() -> str:
    server = json.loads(run("kubectl", "version", "--output=json"))["serverVersion"]["gitVersion"]
    python = ".".join(map(str, sys.version_info[:3]))
    told = [f"{os.cpu_count()} CPUs", f"Kubernetes {server}", f"Python {python}", run("go", "version").strip()]
    return " · ".join([time.strftime("%Y-%m-%d %H:%M"), *told, _load()])


def _load() -> str:
    return "load average " + " ".join(f"{at:.1f}" for at in os.getloadavg())


if __name__ == "__main__":
    main()
