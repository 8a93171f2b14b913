"""The manifests of releases, rendered by real kustomize and checked by the CRDs of Knative."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import yaml

from slipway.errors import SlipwayError
from slipway.gitops import release_folder, rendering
from slipway.images.running import limit_variables
from slipway.overlays import documents
from slipway.overlays.overlay import format  # noqa: A004
from slipway.overlays.types import Overlay, Release
from slipway.settings import ModelSettings
from slipway.settings.types import AccessSettings, LimitSettings, ModelSecret, Scale
from tests.manifests.conftest import BASE, ROOT, conform, record, rendered, service

FINGERPRINT = "1a2b3c4d" * 8


def test_names_and_labels() -> None:
    """The Service has the release's name, no address outside of the cluster, and labels of model and release."""
    metadata = service()["metadata"]
    assert metadata["name"] == "iris-v7-1a2b3c4d"
    assert metadata["labels"] == {
        "app.kubernetes.io/component": "function",
        "app.kubernetes.io/name": "iris",
        "app.kubernetes.io/version": "v7-1a2b3c4d",
        "networking.knative.dev/visibility": "cluster-local",
    }


def test_nothing_of_the_base_is_left_open() -> None:
    """All placeholders of the base are filled in."""
    assert b"set by the release" not in rendered()


def test_what_identifies_the_release() -> None:
    """Fingerprint, model id and artifact are annotations. The function gets model id and release."""
    template = service()["spec"]["template"]
    annotations = template["metadata"]["annotations"]
    assert annotations["slipway/fingerprint"] == FINGERPRINT
    assert annotations["slipway/model-id"] == "iris/test/7"
    assert annotations["slipway/artifact"] == "0" * 64
    [container] = template["spec"]["containers"]
    assert container["image"] == f"unbuilt.invalid/iris@sha256:{FINGERPRINT}"
    variables = {item["name"]: item["value"] for item in container["env"]}
    assert variables == {
        "MODEL_ID": "iris/test/7",
        "RELEASE": "v7-1a2b3c4d",
        "THREADS": "10",
        "SLIPWAY_TIMEOUT": "60",
        "SLIPWAY_METRICS_PORT": "9464",
        "SLIPWAY_MAX_BODY": "10240000",
        "SLIPWAY_MAX_ROWS": "10000",
        "HOME": "/dev/shm",  # noqa: S108
        "TMPDIR": "/dev/shm",  # noqa: S108
    }


def test_origins_of_pages() -> None:
    """They are a variable of the function, which a model without them has not."""
    [container] = service(ModelSettings(cors=["https://app.example.org", "http://localhost:3000"]))["spec"]["template"][
        "spec"
    ]["containers"]
    assert {"name": "SLIPWAY_CORS", "value": "https://app.example.org http://localhost:3000"} in container["env"]
    [usual] = service()["spec"]["template"]["spec"]["containers"]
    assert "SLIPWAY_CORS" not in {each["name"] for each in usual["env"]}


def test_scale() -> None:
    """The current settings decide instances, concurrency, timeout and resources. Annotations are strings."""
    scale = Scale(min=1, max=9, concurrency=4, cpu="500m", memory="1Gi", timeout=30)
    spec = service(ModelSettings(scale=scale))["spec"]["template"]
    annotations = spec["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/min-scale"] == "1"
    assert annotations["autoscaling.knative.dev/max-scale"] == "9"
    assert annotations["serving.knative.dev/progress-deadline"] == "300s"
    assert (spec["spec"]["containerConcurrency"], spec["spec"]["timeoutSeconds"]) == (4, 35)
    [container] = spec["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}
    assert container["resources"]["requests"]["memory"] == "1Gi"
    assert {"name": "THREADS", "value": "4"} in container["env"]
    assert {"name": "SLIPWAY_TIMEOUT", "value": "30"} in container["env"]


def test_limits() -> None:
    """The limits of bytes and rows are variables with numbers as text."""
    [container] = service(ModelSettings(limits=LimitSettings(body="3Ki", rows=7)))["spec"]["template"]["spec"][
        "containers"
    ]
    assert {"name": "SLIPWAY_MAX_BODY", "value": "3072"} in container["env"]
    assert {"name": "SLIPWAY_MAX_ROWS", "value": "7"} in container["env"]


def test_limits_are_those_of_a_laptop() -> None:
    """`slipway serve` and the step `evaluate` hold requests to what the release will."""
    scale, limits = Scale(concurrency=4, timeout=30), LimitSettings(body="3Ki", rows=7)
    own = ModelSettings(scale=scale, limits=limits, cors=["https://app.example.org"])
    [container] = service(own)["spec"]["template"]["spec"]["containers"]
    given = {each["name"]: each["value"] for each in container["env"]}
    assert len(limit_variables(own)) == 5
    assert limit_variables(own).items() <= given.items()


@pytest.mark.parametrize(
    ("access", "secret"),
    [
        (AccessSettings(kind="bearer", secret="callers"), "callers"),  # noqa: S106 - its name
        (AccessSettings(kind="basic"), "iris-access"),
    ],
)
def test_access(access: AccessSettings, secret: str) -> None:
    """The Secret is mounted as an optional folder. Rendering does not read it."""
    spec = service(ModelSettings(access=access))["spec"]["template"]["spec"]
    assert spec["volumes"] == [{"name": "access", "secret": {"secretName": secret, "optional": True}}]
    [container] = spec["containers"]
    assert container["volumeMounts"] == [{"name": "access", "mountPath": "/etc/slipway/access", "readOnly": True}]
    assert {"name": "SLIPWAY_ACCESS", "value": "/etc/slipway/access"} in container["env"]
    assert {"name": "SLIPWAY_ACCESS_KIND", "value": access.kind} in container["env"]


def test_without_access_nothing_is_mounted() -> None:
    """Everybody may call, and no start waits for a Secret."""
    spec = service()["spec"]["template"]["spec"]
    assert "volumes" not in spec
    assert b"SLIPWAY_ACCESS" not in rendered()


@pytest.mark.parametrize("spoil", [lambda name: name.startswith("access/"), lambda _: False])
def test_a_base_that_would_let_everybody_in(spoil: Callable[[str], bool]) -> None:
    """A base that does not mount the Secret is refused."""
    base = {path: content for path, content in BASE.items() if not spoil(path)}
    if "access/kustomization.yaml" in base:
        component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
        base["access/kustomization.yaml"] = documents.format(component)
    with pytest.raises(SlipwayError, match="access"):
        release_folder.manifests(base, "iris", record(), ModelSettings(access=AccessSettings(kind="bearer")), ROOT)


@pytest.mark.parametrize("kind", ["ConfigMap", "Service", "Job"])
def test_a_base_that_renders_something_else(kind: str) -> None:
    """A base without a Service is refused. Other objects may have any form."""
    other = documents.format({"apiVersion": "v1", "kind": kind, "metadata": {"name": "NAME"}, "spec": {"ports": []}})
    base = {**BASE, "service.yaml": other, "kustomization.yaml": NAMED}
    with pytest.raises(SlipwayError, match="renders no Service iris-v7-1a2b3c4d with the image"):
        release_folder.manifests(base, "iris", record(), ModelSettings(), ROOT)


NAMED = b"""
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [service.yaml]
replacements:
  - source: {kind: Release, fieldPath: spec.name}
    targets: [{select: {name: NAME}, fieldPaths: [metadata.name]}]
"""


def test_no_initial_scale() -> None:
    """Each release starts once, to prove that it gets ready. Knative refuses 0 by default."""
    assert b"initial-scale" not in rendered()


def test_the_strictest_pod_security() -> None:
    """The container meets the Pod Security Standard `restricted`, with a read-only root file system."""
    spec = service()["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
    assert spec["serviceAccountName"] == "slipway-function"


def test_probes() -> None:
    """Readiness and liveness have separate HTTP checks."""
    [container] = service()["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"


def test_the_longest_names_fit() -> None:
    """Model, version and Knative's suffixes have less than 63 characters."""
    name = service(model="a" * 24, version=99999999)["metadata"]["name"]
    assert len(f"{name}-00001-deployment") < 63


def test_kustomize_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has one command that installs it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlipwayError, match="kustomize is not installed") as caught:
        rendering.find_kustomize(tmp_path)
    assert caught.value.fix == "make tools"


def overlay(shares: dict[int, int]) -> Overlay:
    releases = []
    for version in sorted(shares, reverse=True):
        of = record(version=version, short=f"{version:08x}")
        kustomization = documents.format({"resources": ["manifests.yaml"]})
        manifests = release_folder.manifests(
            BASE, "iris", of, ModelSettings(access=AccessSettings(kind="bearer")), ROOT
        )
        files = {"kustomization.yaml": kustomization, "manifests.yaml": manifests, "record.yaml": b""}
        releases.append(Release(record=of, files=files))
    return Overlay(
        environment="test",
        model="iris",
        namespace="slipway-test",
        releases=tuple(releases),
        route={release.name: shares[release.version] for release in releases if shares[release.version]},
    )


def assembled(shares: dict[int, int], folder: Path) -> bytes:
    for path, content in format(overlay(shares)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return rendering.build(folder, ROOT)


def test_an_overlay_is_assembled(tmp_path: Path) -> None:
    """The overlay has releases and a route with its namespace and labels, and no records."""
    documents_ = list(yaml.safe_load_all(assembled({5: 0, 6: 90, 7: 10}, tmp_path)))
    assert sorted((item["kind"], item["metadata"]["name"]) for item in documents_) == [
        ("Route", "iris"),
        ("Service", "iris-v5-00000005"),
        ("Service", "iris-v6-00000006"),
        ("Service", "iris-v7-00000007"),
    ]
    assert {item["metadata"]["namespace"] for item in documents_} == {"slipway-test"}
    assert {item["metadata"]["labels"]["app.kubernetes.io/managed-by"] for item in documents_} == {"slipway"}


def test_an_empty_overlay_is_assembled(tmp_path: Path) -> None:
    """A model may be held before its first release. Its overlay then renders no objects."""
    assert assembled({}, tmp_path).strip() == b""


def test_the_schemas_accept_it(tmp_path: Path, schemas: Path) -> None:
    """Every object of an overlay is valid by the CRDs of Knative, without additional fields."""
    assert conform(assembled({6: 90, 7: 10}, tmp_path), schemas) == {
        "valid": 3,
        "invalid": 0,
        "errors": 0,
        "skipped": 0,
    }


def test_the_schemas_would_refuse(tmp_path: Path, schemas: Path) -> None:
    """A field that Knative does not know is refused, so the test above is effective."""
    wrong = re.sub(rb"containerConcurrency", b"containersConcurrency", assembled({7: 100}, tmp_path))
    assert conform(wrong, schemas)["invalid"] == 1


def test_what_git_holds_is_accepted(schemas: Path) -> None:
    """Every overlay of this repository renders to valid objects."""
    for folder in sorted(path.parent for path in ROOT.glob("overlays/*/*/kustomization.yaml")):
        found = conform(rendering.build(folder, ROOT), schemas)
        assert found["invalid"] == found["errors"] == 0, folder


def test_secrets_of_the_function_are_named_and_optional_to_kubernetes() -> None:
    """So the function starts and says what is missing. Those of the training are not there."""
    named = {
        "API_KEY": {"secret": "iris-api", "key": "key", "scope": "serving"},
        "BOTH": {"secret": "iris-api", "key": "both", "scope": "both"},
        "SOURCE": {"secret": "iris-source", "key": "token"},
    }
    secrets = msgspec.convert(named, dict[str, ModelSecret])
    plain, found = (service(ModelSettings(**more))["spec"]["template"]["spec"] for more in ({}, {"secrets": secrets}))
    env = found["containers"][0]["env"]
    assert env[: len(plain["containers"][0]["env"])] == plain["containers"][0]["env"]
    assert env[len(plain["containers"][0]["env"]) :] == [
        {"name": "SLIPWAY_SECRETS", "value": "API_KEY=iris-api/key BOTH=iris-api/both"},
        *(
            {"name": name, "valueFrom": {"secretKeyRef": {"name": "iris-api", "key": key, "optional": True}}}
            for name, key in (("API_KEY", "key"), ("BOTH", "both"))
        ),
    ]
