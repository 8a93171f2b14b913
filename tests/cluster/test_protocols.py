"""By what a release is asked: HTTP with both of its protocols, or gRPC, through Knative's proxies and the ingress."""

import json
import re
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest

from slipway.serving.grpc.messages import message
from slipway.store import Store
from tests.cluster.conftest import PATIENCE, Team
from tests.cluster.verifications import ended, released

pytestmark = pytest.mark.long

INFER = "/inference.GRPCInferenceService/ModelInfer"


def by_grpc(team: Team) -> Any:
    """One prediction over HTTP/2, through the cluster's ingress."""
    request = message("ModelInferRequest")(model_name="coin")
    number = request.inputs.add(name="number", datatype="INT64", shape=[2])
    number.contents.int64_contents.extend([1, 2])
    options = [("grpc.default_authority", team.host("route", "coin")), ("grpc.enable_http_proxy", 0)]
    ingress = urlsplit(team.ingress)
    with grpc.insecure_channel(f"{ingress.hostname}:{ingress.port or 80}", options) as channel:
        content = request.SerializeToString()
        return message("ModelInferResponse").FromString(channel.unary_unary(INFER)(content, timeout=PATIENCE))


def image(team: Team) -> str:
    [record] = (team.root / "overlays/test/coin").glob("v1-*/record.yaml")
    return re.findall("^image: (.*)$", record.read_text(), re.MULTILINE)[0]


@pytest.mark.usefixtures("store")
def test_the_open_inference_protocol_over_http(team: Team) -> None:
    """A release answers it beside `/predict`."""
    name = released(team)
    team.until(lambda: team.ready("route", "coin"), "the route is ready")
    assert team.ask()["release"] == str(name)
    headers = {"Host": team.host("route", "coin"), "Content-Type": "application/json"}
    tensor = {"name": "number", "datatype": "INT64", "shape": [2], "data": [1, 2]}
    body = json.dumps({"inputs": [tensor]}).encode()
    request = urllib.request.Request(f"{team.ingress}/v2/models/coin/infer", body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        told = json.load(answer)
    assert told["outputs"][0]["data"] == ["heads", "heads"]
    assert told["parameters"]["release"] == str(name)


def test_one_setting_has_the_same_image_speak_grpc(team: Team) -> None:
    """Released again with `protocol: grpc` it is asked over HTTP/2, at the same address."""
    before, settings = image(team), team.root / "slipway.yaml"
    settings.write_text(settings.read_text().replace("{train: manual,", "{train: manual, protocol: grpc,"))
    team.commit("Ask coin over gRPC")
    team.slipway("release", "coin", "--version", "1")
    assert image(team) == before
    team.kubectl("apply", "-k", "overlays/test/coin")
    [name] = [folder.name for folder in (team.root / "overlays/test/coin").glob("v1-*")]
    team.until(lambda: team.ready("service", f"coin-{name}"), "the release is ready")
    answer = by_grpc(team)
    assert list(answer.outputs[0].contents.bytes_contents) == [b"heads", b"heads"]
    assert answer.parameters["release"].string_param == name


def test_metrics_have_a_port_of_their_own(team: Team) -> None:
    """The pod serves them where Prometheus, which speaks no gRPC, is told to look."""
    by_grpc(team)
    selector = "app.kubernetes.io/component=function,slipway/protocol=grpc"
    [pod, *_] = team.kubectl("get", "pods", "-n", team.namespace, "-l", selector, "-o", "name").split()
    at = f"/api/v1/namespaces/{team.namespace}/pods/{pod.removeprefix('pod/')}:9464/proxy/metrics"
    assert f'route="{INFER}",code="200"' in team.kubectl("get", "--raw", at)


def test_it_is_verified_over_grpc_where_it_runs(team: Team, store: Store) -> None:
    """The Job of the next release asks it as its callers do."""
    name = released(team)
    team.until(lambda: ended(team, name, "Complete"), "the release is verified")
    evidence = store.verified("coin", name)
    assert evidence
    assert evidence["where"] == f"grpc://coin-{name}.{team.namespace}.svc.cluster.local"
    assert evidence["rows"] > 0


def test_a_function_over_grpc_starts_from_zero(team: Team) -> None:
    """The activator holds the call until a pod is there."""
    team.until(lambda: team.pods() == 0, "there is no pod")
    assert list(by_grpc(team).outputs[0].shape) == [2]
