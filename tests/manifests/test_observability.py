"""The dashboard and its rules use the metrics that functions serve."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.artifacts import Golden
from slipway.gitops.training_folder import GAUGE
from slipway.images import running
from slipway.schema import Field
from slipway.serving.bundled import Identity
from slipway.serving.grpc.messages import METHODS
from slipway.serving.http.requests import Request
from slipway.serving.metrics import Metrics
from tests.unit.serving import tiny

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "manifests/observability"
RULES = yaml.safe_load((FOLDER / "rules.yaml").read_text())["spec"]["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
TRAINING = f"argo_workflows_{GAUGE}"
NAME = re.compile(r"\b(?:slipway|process|argo_workflows|activator)[a-z0-9_:]*")


def expressions() -> list[str]:
    """Return all PromQL expressions of the dashboard."""
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return asked + [variable["query"]["query"] for variable in DASHBOARD["templating"]["list"][1:]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a function that predicts a quantity."""
    with running.start(tiny.bundled(tmp_path_factory.mktemp("served")).folder) as server:
        yield server.url


def told(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="module")
def served(url: str) -> dict[str, set[str]]:
    """Return the labels of each metric, of a function for a quantity and of one for classes."""
    bad = urllib.request.Request(f"{url}/predict", b"{")
    with pytest.raises(urllib.request.HTTPError, match="415"):
        urllib.request.urlopen(bad, timeout=10)
    text = told(f"{url}/metrics")
    species = Field(name="species", kind="string", categories=("setosa",))
    text += Metrics(Identity("iris/test/1", "v1-1a2b3c4d"), species, Golden(rows=[], predictions=[])).format().decode()
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^([a-z_]+)\{(.*)\} ", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def labels_of(expression: str) -> set[str]:
    """Return the labels that an expression selects by or groups by."""
    grouped = re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", expression)
    return {label.strip() for group in grouped for label in group.split(",") if label.strip()} | set(
        re.findall(r"(\w+)=~?\"", expression)
    )


def test_rules_ask_for_what_functions_serve(served: dict[str, set[str]]) -> None:
    """Functions serve every metric of a rule with all labels that the rule keeps."""
    for rule in RULES:
        (name,) = set(NAME.findall(rule["expr"]))
        assert labels_of(rule["expr"]) <= served[name], rule["record"]


def test_dashboard_asks_for_what_functions_serve_or_rules_record(served: dict[str, set[str]]) -> None:
    """Every metric of the dashboard exists with the labels of its expression."""
    known = served | {rule["record"]: labels_of(rule["expr"]) for rule in RULES}
    known[TRAINING] = {"model", "environment", "metric"}
    for expression in expressions():
        names = set(NAME.findall(expression))
        assert names, expression
        assert names <= known.keys(), expression
        assert labels_of(expression) <= set.union(*(known[name] for name in names)), expression


def test_dashboard_sees_every_protocol(url: str) -> None:
    """Expressions with a route include exactly the routes that predict."""
    [pattern] = {found for text in expressions() for found in re.findall(r'route=~?"(.*?)"', text)}
    paths = json.loads(told(f"{url}/openapi.json"))["paths"]
    routes = {
        Request(method.upper(), path, path, {}).counted: method
        for path, methods in paths.items()
        for method in [*methods, "options"]
    }
    predict = {route for route, method in routes.items() if method == "post"}
    predict |= {path for path in METHODS if path.endswith("Infer")}
    assert len(predict) == 6
    assert {route for route in [*routes, *METHODS, "other"] if re.fullmatch(pattern, route)} == predict


def test_dashboard_counts_by_rules_only() -> None:
    """`increase` misses the first requests of a pod. Only the use of CPU may use `rate`."""
    rated = {name for text in expressions() for name in re.findall(r"(?:rate|increase)\((\w+)", text)}
    assert rated == {"process_cpu_seconds_total"}


def test_panels_have_names_and_places_of_their_own() -> None:
    """No two panels have the same number or overlap."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_what_is_applied_is_whole() -> None:
    """Kustomize renders all objects, and the monitor selects pods by an existing label."""
    done = subprocess.run(["kustomize", "build", str(FOLDER)], capture_output=True, check=True)
    made: dict[str, Any] = {
        f"{item['kind']} {item['metadata']['name']}": item for item in yaml.safe_load_all(done.stdout)
    }
    monitors = {"PodMonitor slipway-functions", "PodMonitor slipway-training"}
    assert set(made) == {"ConfigMap slipway-dashboard", "PrometheusRule slipway-functions"} | monitors
    assert json.loads(made["ConfigMap slipway-dashboard"]["data"]["slipway.json"]) == DASHBOARD
    service = yaml.safe_load((ROOT / "manifests/function/service.yaml").read_text())
    wanted = made["PodMonitor slipway-functions"]["spec"]["selector"]["matchLabels"].items()
    assert wanted <= service["spec"]["template"]["metadata"]["labels"].items()
