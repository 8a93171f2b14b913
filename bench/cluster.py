"""A namespace for the measurements on the cluster that KUBECONFIG names, and functions in it."""

from __future__ import annotations

import copy
import json
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from bench.prepare import run

_PATIENCE = 300  # seconds
# Run in the function's container; it leaves out its own process.
_PSS = """
import os, pathlib, re
found = [path for path in pathlib.Path("/proc").glob("[0-9]*/smaps_rollup") if path.parent.name != str(os.getpid())]
print(sum(int(re.search("^Pss: +([0-9]+)", path.read_text(), re.M)[1]) for path in found))
"""


class Function(NamedTuple):
    """A running function, its host, and the body to send."""

    name: str
    host: str
    body: str


def variant(service: dict[str, Any], name: str, *, cpu: str = "1", concurrency: int = 10) -> dict[str, Any]:
    """Return a release's Service under another name, open to callers outside, with at most one instance."""
    made = copy.deepcopy(service)
    made["metadata"]["name"] = name
    made["metadata"]["labels"].pop("networking.knative.dev/visibility", None)
    template = made["spec"]["template"]
    template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] = "1"
    template["spec"]["containerConcurrency"] = concurrency
    (container,) = template["spec"]["containers"]
    container["resources"]["limits"]["cpu"] = cpu
    for variable in container["env"]:
        if variable["name"] == "THREADS":
            variable["value"] = str(concurrency)
    return made


class Namespace(NamedTuple):
    """A namespace under the Pod Security level `restricted`, and the cluster's ingress."""

    name: str
    ingress: str

    def apply(self, services: list[dict[str, Any]]) -> list[Function]:
        """Create Services and return them as functions, once all are ready; the body of each is its own example."""
        functions = []
        for service in services:  # one after the other, as starts at the same time slow each other down
            run("kubectl", "apply", "-n", self.name, "-f", "-", stdin=json.dumps(service))
            name = service["metadata"]["name"]
            self.until(partial(self._ready, name), f"{name} is ready")
            host = self._get("services.serving.knative.dev", name)["status"]["url"].split("://")[1]
            functions.append(Function(name, host, self._example(host)))
        return functions

    def ask(self, function: Function) -> float:
        """Ask a function, and return the seconds from the request to the whole answer."""
        headers = {"Host": function.host, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.ingress}/predict", function.body.encode(), headers)
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            answer.read()
        return time.perf_counter() - began

    def at_zero(self, function: Function) -> bool:
        """Return True if a function has no pod; ending ones do not count."""
        selector = f"serving.knative.dev/service={function.name}"
        found = json.loads(run("kubectl", "get", "deployments", "-n", self.name, "-l", selector, "-o", "json"))["items"]
        return all(not item["spec"]["replicas"] and not item["status"].get("replicas") for item in found)

    def memory(self, function: Function) -> float:
        """Return the MB that a function's processes hold; shared memory counts once (Pss)."""
        selector = f"serving.knative.dev/service={function.name}"
        pods = json.loads(run("kubectl", "get", "pods", "-n", self.name, "-l", selector, "-o", "json"))["items"]
        pod = next(pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"])
        command = ("kubectl", "exec", "-n", self.name, pod, "-c", "function", "--", "python", "-ISc", _PSS)
        return int(run(*command)) * 1024 / 1e6

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds; end with an error after `_PATIENCE`."""
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                sys.exit(f"waited {_PATIENCE} s in vain until {what}")
            time.sleep(0.5)

    def _example(self, host: str) -> str:
        with urllib.request.urlopen(urllib.request.Request(self.ingress, headers={"Host": host})) as answer:
            return json.dumps(json.load(answer).get("example", {}).get("request", {}))

    def _ready(self, name: str) -> bool:
        status = self._get("services.serving.knative.dev", name).get("status", {})
        return any(at["type"] == "Ready" and at["status"] == "True" for at in status.get("conditions", []))

    def _get(self, kind: str, name: str) -> dict[str, Any]:
        return dict(json.loads(run("kubectl", "get", kind, name, "-n", self.name, "-o", "json")))


@contextmanager
def namespace(ingress: str) -> Iterator[Namespace]:
    """Create a namespace, and delete it afterwards."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    run("kubectl", "create", "namespace", name)
    run("kubectl", "label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    run("kubectl", "create", "serviceaccount", "slipway-function", "-n", name)
    try:
        yield Namespace(name, ingress)
    finally:
        run("kubectl", "delete", "namespace", name, "--wait=false")
