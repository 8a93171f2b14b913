"""The Job that verifies a release, as rendered into the release's folder."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from slipway import digests
from slipway.errors import SlipwayError
from slipway.gitops import release_folder
from slipway.overlays import documents
from slipway.overlays.types import ReleaseRecord
from slipway.settings import Environment, ModelSettings
from slipway.settings.types import AccessSettings, Announce
from tests.manifests.conftest import conform

ROOT = Path(__file__).parents[2]
FUNCTION = ROOT / "manifests/function"
BASE = {path: file.read_bytes() for path, file in digests.walk(FUNCTION).items()}
VERIFIER = f"registry.example/team/slipway@sha256:{'ab' * 32}"
ENVIRONMENT = Environment(store="gs://bucket/test", namespace="slipway-test")
RECORD = ReleaseRecord(
    release="v7-1a2b3c4d",
    version=7,
    model_id="iris/test/7",
    fingerprint="1a2b3c4d" * 8,
    image=f"unbuilt.invalid/iris@sha256:{'1a2b3c4d' * 8}",
    verifier=VERIFIER,
    artifact="0" * 64,
    commit="0" * 40,
    created="2026-11-21T10:00:00Z",
    by="Ada <ada@example.org>",
)


def rendered(
    environment: Environment = ENVIRONMENT,
    record: ReleaseRecord = RECORD,
    base: Any = BASE,
    access: AccessSettings = AccessSettings(),  # noqa: B008 - it cannot be changed
) -> bytes:
    values = release_folder.verification_values(base, environment, "iris", record, ModelSettings(access=access))
    return release_folder.manifests(base, "iris", record, ModelSettings(access=access), ROOT, values)


def job(environment: Environment = ENVIRONMENT, record: ReleaseRecord = RECORD) -> dict[str, Any]:
    [found] = [each for each in yaml.safe_load_all(rendered(environment, record)) if each["kind"] == "Job"]
    return dict(found)


def container(**changes: Any) -> dict[str, Any]:
    found = job(msgspec.structs.replace(ENVIRONMENT, **changes))["spec"]["template"]["spec"]["containers"]
    assert len(found) == 1
    return dict(found[0])


def test_it_calls_its_own_release() -> None:
    """It calls the address within the cluster, and records the result in the environment's store."""
    pod = container()
    assert pod["image"] == VERIFIER
    address = "http://iris-v7-1a2b3c4d.$(NAMESPACE).svc.cluster.local"
    assert pod["command"] + pod["args"][:6] == [
        *("slipway", "verify", "test/iris/v7-1a2b3c4d", "--store", "gs://bucket/test", "--at", address)
    ]
    variables = {each["name"]: each for each in pod["env"]}
    assert variables["NAMESPACE"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert variables["LOGNAME"]["value"] == job()["metadata"]["name"]


def test_names_and_labels() -> None:
    """The Job has the name of the release. Its component label differs from the function's."""
    found = job()
    assert found["metadata"]["name"].startswith("verify-iris-v7-1a2b3c4d-")
    assert found["metadata"]["labels"] == found["spec"]["template"]["metadata"]["labels"]
    assert found["metadata"]["labels"] == {
        "app.kubernetes.io/component": "verification",
        "app.kubernetes.io/name": "iris",
        "app.kubernetes.io/version": "v7-1a2b3c4d",
    }
    assert b"set by the release" not in rendered()


def test_only_what_can_get_better_is_tried_again() -> None:
    """It retries after status 75 and lost pods. No sync deletes it or makes it again."""
    spec = job()["spec"]
    lost, failed = spec["podFailurePolicy"]["rules"]
    assert (lost["action"], lost["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert (failed["action"], failed["onExitCodes"]["operator"], failed["onExitCodes"]["values"]) == (
        *("FailJob", "NotIn", [75]),
    )
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert "ttlSecondsAfterFinished" not in spec


def test_no_sync_waits_for_it() -> None:
    """It is in no hook and no wave: a rollback would have to wait."""
    assert "annotations" not in job()["metadata"]


def test_it_has_no_more_rights_than_it_needs() -> None:
    """It is `restricted`, has a read-only root and its own account, and no token."""
    spec = job()["spec"]["template"]["spec"]
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("slipway-verify", False)
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_variables_of_the_environment_reach_it() -> None:
    """The function does not get them, as it needs no store."""
    given = {"STORAGE_EMULATOR_HOST": "http://gcs:4443", "NUMBER": "1"}
    assert {"name": "NUMBER", "value": "1"} in container(variables=given)["env"]
    found = yaml.safe_load_all(rendered(msgspec.structs.replace(ENVIRONMENT, variables=given)))
    assert ["STORAGE_EMULATOR_HOST" in str(each) for each in found if each["kind"] == "Service"] == [False]


def test_a_token_is_named_and_may_be_missing() -> None:
    """The token is an optional reference to a Secret."""
    told = Announce(repository="team/models", secret="dispatch", key="token")  # noqa: S106 - its name
    variables = {each["name"]: each for each in container(announce=told)["env"]}
    assert variables["GITHUB_REPOSITORY"]["value"] == "team/models"
    token = variables["SLIPWAY_DISPATCH_TOKEN"]["valueFrom"]["secretKeyRef"]
    assert token == {"name": "dispatch", "key": "token", "optional": True}
    assert "SLIPWAY_DISPATCH_TOKEN" not in str(container())


def test_what_changes_it_gives_it_another_name() -> None:
    """A Job cannot be changed, so another image, setting or base gives another name."""
    names = {
        job()["metadata"]["name"],
        job(record=msgspec.structs.replace(RECORD, verifier=VERIFIER.replace("ab", "cd")))["metadata"]["name"],
        job(msgspec.structs.replace(ENVIRONMENT, variables={"A": "b"}))["metadata"]["name"],
    }
    assert len(names) == 3
    assert job()["metadata"]["name"] in names


def test_it_is_let_in_by_the_models_own_secret() -> None:
    """The Job of a function with access mounts its Secret. Another Secret gives another Job."""
    keys = AccessSettings(kind="bearer")
    [found] = [each for each in yaml.safe_load_all(rendered(access=keys)) if each["kind"] == "Job"]
    spec = found["spec"]["template"]["spec"]
    assert {"name": "access", "secret": {"secretName": "iris-access", "optional": True}} in spec["volumes"]
    mounts = {each["name"]: each for each in spec["containers"][0]["volumeMounts"]}
    assert mounts["access"] == {"name": "access", "mountPath": "/etc/slipway/access", "readOnly": True}
    assert mounts["scratch"]["mountPath"] == "/tmp"  # noqa: S108
    variables = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    assert variables["SLIPWAY_ACCESS"] == "/etc/slipway/access" and variables["SLIPWAY_ACCESS_KIND"] == "bearer"
    assert "LOGNAME" in variables
    other = AccessSettings(kind="bearer", secret="x")  # noqa: S106 - its name
    values = release_folder.verification_values(BASE, ENVIRONMENT, "iris", RECORD, ModelSettings(access=other))
    assert values and len({values["name"], found["metadata"]["name"], job()["metadata"]["name"]}) == 3


@pytest.mark.parametrize(
    ("environment", "record", "base"),
    [
        (ENVIRONMENT, msgspec.structs.replace(RECORD, verifier=""), BASE),
        (Environment(store=".slipway/store", namespace="slipway-test"), RECORD, BASE),
        (ENVIRONMENT, RECORD, {path: content for path, content in BASE.items() if "/" not in path}),
    ],
    ids=["no image", "a directory", "no such part"],
)
def test_without_a_bucket_an_image_or_a_part_there_is_none(environment: Any, record: Any, base: Any) -> None:
    """The release is only a Service then."""
    assert [each["kind"] for each in yaml.safe_load_all(rendered(environment, record, base))] == ["Service"]


def test_a_part_that_makes_no_such_job_is_told() -> None:
    """The message names the part of the base to look at."""
    content = BASE["verification/kustomization.yaml"].replace(b"spec.verification.image", b"spec.image")
    with pytest.raises(SlipwayError, match=r"renders no Job verify-iris-v7-1a2b3c4d-\w{4} with the image") as caught:
        rendered(base=BASE | {"verification/kustomization.yaml": content})
    assert release_folder.BASE in caught.value.fix


def test_schema(schemas: Path) -> None:
    """The Job is valid by the strict schema of Kubernetes."""
    summary = conform(documents.format(job()), schemas)
    assert summary["invalid"] == summary["errors"] == 0
    assert summary["valid"] + summary["skipped"] == 1
