"""A release over gRPC: the same image with other settings for Knative."""

from pathlib import Path

import msgspec
import pytest
import yaml

from slipway.errors import SlipwayError
from slipway.gitops import release_folder
from slipway.settings import Environment, ModelSettings
from slipway.settings.types import AccessSettings
from tests.manifests.conftest import BASE, ROOT, conform, record, rendered, service

OVER_GRPC = ModelSettings(protocol="grpc")


def test_one_setting_switches_it() -> None:
    """Only the variable, the port's name and the probes differ from HTTP."""
    [container] = service(OVER_GRPC)["spec"]["template"]["spec"]["containers"]
    [usual] = service()["spec"]["template"]["spec"]["containers"]
    own = {each["name"]: each["value"] for each in container["env"] if each not in usual["env"]}
    assert own == {"SLIPWAY_PROTOCOL": "grpc"}
    assert container.pop("ports") == [{"name": "h2c", "containerPort": 8080}]
    assert container.pop("readinessProbe") == {"grpc": {"port": 8080}}
    assert container.pop("livenessProbe") == {"grpc": {"port": 8080}, "timeoutSeconds": 5, "failureThreshold": 6}
    container["env"] = usual["env"]
    assert container == {name: value for name, value in usual.items() if not name.endswith("Probe")}


def test_access_holds_for_it_too() -> None:
    """The parts of the base for gRPC and for access work together."""
    own = ModelSettings(protocol="grpc", access=AccessSettings(kind="bearer"))
    [container] = service(own)["spec"]["template"]["spec"]["containers"]
    assert {"SLIPWAY_PROTOCOL", "SLIPWAY_ACCESS_KIND"} <= {each["name"] for each in container["env"]}


def test_it_is_verified_over_grpc() -> None:
    """The Job calls the function over gRPC, and has another name than the one for HTTP."""
    environment = Environment(store="gs://models/test", namespace="slipway-test")
    of = msgspec.structs.replace(record(), verifier=f"r.example.org/slipway@sha256:{'0' * 64}")
    values = [
        release_folder.verification_values(BASE, environment, "iris", of, own) or {}
        for own in (ModelSettings(), OVER_GRPC)
    ]
    assert [each["address"] for each in values] == ["http://iris-v7-1a2b3c4d", "grpc://iris-v7-1a2b3c4d"]
    assert values[0]["name"] != values[1]["name"]
    found = yaml.safe_load_all(release_folder.manifests(BASE, "iris", of, OVER_GRPC, ROOT, values[1]))
    [job] = [each for each in found if each["kind"] == "Job"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert "grpc://iris-v7-1a2b3c4d.$(NAMESPACE).svc.cluster.local" in container["args"]


def test_a_base_that_does_not_say_how_is_refused() -> None:
    """Otherwise the release would speak another protocol than its settings name."""
    path = "grpc/kustomization.yaml"
    base = BASE | {path: BASE[path].replace(b"SLIPWAY_PROTOCOL", b"OTHER")}
    with pytest.raises(SlipwayError, match=r"does not speak gRPC, and models\.iris\.protocol is grpc"):
        release_folder.manifests(base, "iris", record(), OVER_GRPC, ROOT)


def test_the_schemas_accept_it(schemas: Path) -> None:
    """The CRD of Knative knows every field."""
    assert conform(rendered(OVER_GRPC), schemas)["valid"] == 1
