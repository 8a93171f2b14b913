"""The manifests of declared trainings, rendered by real kustomize and checked by Argo's linter and schemas."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from slipway.errors import SlipwayError
from slipway.gitops import rendering, training_folder
from slipway.overlays import documents
from slipway.overlays.types import Training, TrainingService
from slipway.settings.types import Announce, ModelSecret, TrainingSettings
from slipway.training.task import STEPS
from tests.manifests.conftest import ROOT, conform

FOLDER = ROOT / "workflows/train"
BASE = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.yaml")}
IMAGE = f"registry.example/team/iris-train@sha256:{'0' * 64}"
PLATFORM = f"registry.example/team/slipway@sha256:{'1' * 64}"
SERVICE = TrainingService(parameters={"c": 1.0})
SECRETS = msgspec.convert({"TOKEN": {"secret": "iris-source", "key": "token"}}, dict[str, ModelSecret])


def training(**more: Any) -> Training:
    return Training(
        digest="1a2b3c4d" * 8,
        image=IMAGE,
        commit="c" * 40,
        branch="trainpred/deeper",
        created="2026-11-21T10:00:00Z",
        by="Ada <ada@example.org>",
        **more,
    )


def files(**more: Any) -> dict[str, bytes]:
    return training_folder.files(BASE, "test", "iris", "slipway-test", training(**more), ROOT)


def assembled(folder: Path, **more: Any) -> bytes:
    for path, content in files(**more).items():
        (folder / path).write_bytes(content)
    return rendering.build(folder, ROOT)


def template(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files(**more)["template.yaml"])
    return found


def service(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files(**more)["service.yaml"])["spec"]["template"]["spec"]
    return found


def steps(**more: Any) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in template(**more)["spec"]["templates"]}


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def test_nothing_of_the_base_is_left_open(tmp_path: Path) -> None:
    """All placeholders of the base are filled in."""
    assert b"set by slipway" not in assembled(tmp_path, schedule="@daily", service=SERVICE)


def test_what_is_declared_is_assembled(tmp_path: Path) -> None:
    """The template comes before the workflow, which needs it. The record is not rendered."""
    found = list(yaml.safe_load_all(assembled(tmp_path, schedule="0 3 * * 1")))
    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [
        ("WorkflowTemplate", "train-iris"),
        ("Workflow", "train-iris-1a2b3c4d"),
        ("CronWorkflow", "train-iris"),
    ]
    assert {item["metadata"]["namespace"] for item in found} == {"slipway-test"}
    assert {item["metadata"]["labels"]["app.kubernetes.io/managed-by"] for item in found} == {"slipway"}


def test_without_a_schedule_nothing_is_trained_again() -> None:
    """Only a model with a schedule has a CronWorkflow, which makes up for a missed run."""
    assert "cron.yaml" not in files()
    cron = yaml.safe_load(files(schedule="0 3 * * 1")["cron.yaml"])
    assert cron["spec"]["schedules"] == ["0 3 * * 1"]
    assert cron["spec"]["startingDeadlineSeconds"] == 3600
    assert cron["spec"]["workflowSpec"] == {"workflowTemplateRef": {"name": "train-iris"}}


def test_the_workflow_says_nothing_but_its_template() -> None:
    """An admission policy can refuse all other fields. Argo CD would start a deleted workflow again, so it stays.

    Only a workflow that ended by an error of the cluster is deleted, to run again.
    """
    declared = yaml.safe_load(files()["workflow.yaml"])
    assert declared["spec"] == {
        "workflowTemplateRef": {"name": "train-iris"},
        "ttlStrategy": {
            "secondsAfterSuccess": 2**31 - 1,
            "secondsAfterFailure": 2**31 - 1,
            "secondsAfterCompletion": 600,
        },
    }
    assert declared["metadata"]["annotations"]["slipway/training-digest"] == "1a2b3c4d" * 8


def test_what_was_submitted_goes_after_a_week() -> None:
    """Submitted workflows are deleted after a week, with any result."""
    assert template()["spec"]["ttlStrategy"] == {"secondsAfterCompletion": 7 * 24 * 3600}


def test_the_steps_are_those_of_a_laptop_in_their_order() -> None:
    """Each step is a pod of its own, and hands its folder to the next."""
    order = [group[0] for group in steps()["train"]["steps"]]
    assert [each["template"] for each in order] == list(STEPS)
    handed = [each["arguments"]["artifacts"][0]["from"] for each in order[1:]]
    assert handed == [f"{{{{steps.{name}.outputs.artifacts.run}}}}" for name in STEPS[:-1]]
    assert {name: steps()[name]["container"]["args"][:2] for name in STEPS} == {name: ["step", name] for name in STEPS}


def test_the_trainer_is_named_once() -> None:
    """The trainer's image and command are defaults. The last step has the platform's image."""
    found = template(platform=PLATFORM)["spec"]
    assert found["templateDefaults"]["container"]["image"] == IMAGE
    assert found["templateDefaults"]["container"]["command"] == ["slipway"]
    own = {
        each["name"]: each["container"]["image"] for each in found["templates"] if "image" in each.get("container", {})
    }
    assert own == {"ended": PLATFORM}


def test_what_a_person_may_give() -> None:
    """Other data and parameters reach the first step. The environment is the declared one."""
    arguments = {each["name"]: each["value"] for each in template()["spec"]["arguments"]["parameters"]}
    assert arguments == {"data": "", "parameters": ""}
    fetch = steps()["fetch"]["container"]["args"]
    assert dict(zip(fetch[2::2], fetch[3::2], strict=True)) == {
        "--model": "iris",
        "--env": "test",
        "--data": "{{workflow.parameters.data}}",
        "--parameters": "{{workflow.parameters.parameters}}",
        "--out": "/run/slipway/out",
    }


@pytest.mark.parametrize(("deployed", "told"), [(None, ""), (7, "7")])
def test_what_the_record_of_the_version_is_to_say(deployed: int | None, told: str) -> None:
    """Variables hold commit, branch, run, deployed version and time: an image has no git."""
    found = variables(template(deployed=deployed)["spec"]["templateDefaults"]["container"])
    assert found == {
        "SLIPWAY_COMMIT": "c" * 40,
        "SLIPWAY_BRANCH": "trainpred/deeper",
        "SLIPWAY_DECLARED": "2026-11-21T10:00:00Z",
        "SLIPWAY_DEPLOYED": told,
        "SLIPWAY_DEPLOYED_AT": "http://iris.slipway-test.svc.cluster.local",
        "SLIPWAY_RUN": {"fieldRef": {"fieldPath": "metadata.labels['workflows.argoproj.io/workflow']"}},
    }


def test_the_environments_variables_reach_every_step() -> None:
    """The training service gets them, too."""
    more = {"variables": {"STORAGE_EMULATOR_HOST": "http://gcs"}, "platform": PLATFORM, "service": SERVICE}
    found = template(**more)["spec"]["templateDefaults"]["container"]
    assert variables(found)["STORAGE_EMULATOR_HOST"] == "http://gcs"
    assert variables(service(**more)["containers"][0])["STORAGE_EMULATOR_HOST"] == "http://gcs"


def test_what_a_training_gets() -> None:
    """The settings decide the CPU request, the memory, and the deadline of the whole training."""
    settings = TrainingSettings(cpu="2", memory="8Gi", deadline=600)
    spec = template(settings=settings)["spec"]
    assert spec["activeDeadlineSeconds"] == 600
    resources = spec["templateDefaults"]["container"]["resources"]
    assert resources == {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}}


def test_how_it_ended_is_told_and_announced() -> None:
    """The exit step always runs. Only this step has the token for announcements."""
    announce = msgspec.convert({"secret": "github", "key": "token", "repository": "team/models"}, Announce)
    found = steps(platform=PLATFORM, announce=announce, store="gs://team/test")["ended"]["container"]
    assert template()["spec"]["onExit"] == "ended"
    assert found["args"][:2] == ["ended", "iris"]
    assert dict(zip(found["args"][2::2], found["args"][3::2], strict=True)) == {
        "--env": "test",
        "--store": "gs://team/test",
        "--phase": "{{workflow.status}}",
        "--seconds": "{{workflow.duration}}",
    }
    assert variables(found) == {
        "SLIPWAY_FAILURES": "{{workflow.failures}}",
        "GITHUB_REPOSITORY": "team/models",
        "SLIPWAY_DISPATCH_TOKEN": {"secretKeyRef": {"name": "github", "key": "token", "optional": True}},
    }


def test_the_scores_are_metrics_of_the_workflow() -> None:
    """Each metric of a version has a gauge. A missing metric has none."""
    found = steps(scores=["accuracy", "profit"])["publish"]
    left = {each["name"]: each["valueFrom"] for each in found["outputs"]["parameters"]}
    assert left["profit"] == {"path": "/run/slipway/out/scores/profit", "default": ""}
    gauges = found["metrics"]["prometheus"]
    assert {each["name"] for each in gauges} == {"slipway_training_score"}
    told = [{label["key"]: label["value"] for label in each["labels"]} for each in gauges]
    assert told == [{"environment": "test", "metric": name, "model": "iris"} for name in ("accuracy", "profit")]
    assert gauges[1]["when"] == "'{{outputs.parameters.profit}}' != ''"
    assert gauges[1]["gauge"] == {"realtime": False, "value": "{{outputs.parameters.profit}}"}


def test_the_training_service() -> None:
    """It has the platform's image, scales to zero, and uses the one account that may start trainings."""
    spec = service(platform=PLATFORM, service=SERVICE, store="gs://team/test")
    assert (spec["serviceAccountName"], spec["containers"][0]["image"]) == ("slipway-training-service", PLATFORM)
    told = variables(spec["containers"][0])
    assert (told["SLIPWAY_MODEL"], told["SLIPWAY_STORE"]) == ("iris", "gs://team/test")
    assert json.loads(told["SLIPWAY_PARAMETERS"]) == {"c": 1.0}
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert volumes["access"]["secret"] == {"secretName": "iris-training", "optional": True}
    assert [mount["name"] for mount in spec["containers"][0]["volumeMounts"]] == ["access", "token", "scratch"]


def test_a_base_with_more_than_the_training_service() -> None:
    """Any further object is refused."""
    more = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}}
    changed = BASE["service/kustomization.yaml"].replace(b"resources:", b"resources:\n  - more.yaml")
    refused({"service/more.yaml": documents.format(more), "service/kustomization.yaml": changed})


def test_a_base_with_another_service_than_one_of_knative() -> None:
    """A Kubernetes Service of the same name is refused: it starts no container."""
    other = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "iris-training"}, "spec": {"ports": []}}
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "resources": ["service.yaml"]}
    refused(
        {"service/service.yaml": documents.format(other), "service/kustomization.yaml": documents.format(component)}
    )


def refused(files: dict[str, bytes]) -> None:
    of = training(platform=PLATFORM, service=SERVICE)
    with pytest.raises(SlipwayError, match="renders something else than one Service iris-training"):
        training_folder.files({**BASE, **files}, "test", "iris", "slipway-test", of, ROOT)


def test_the_token_of_the_training_service() -> None:
    """The token is valid for an hour. Neither pod nor account mounts another one."""
    spec = service(platform=PLATFORM, service=SERVICE, store="gs://team/test")
    assert spec["automountServiceAccountToken"] is False
    [volume] = [each for each in spec["volumes"] if "projected" in each]
    [token] = [each["serviceAccountToken"] for each in volume["projected"]["sources"] if "serviceAccountToken" in each]
    assert token == {"path": "token", "expirationSeconds": 3600}


@pytest.mark.parametrize(("visibility", "label"), [("cluster-local", "cluster-local"), ("public", None)])
def test_who_reaches_the_training_service(visibility: Any, label: str | None) -> None:
    """By default, only the cluster. All callers need a name and a password."""
    settings = TrainingSettings(visibility=visibility, access="team-access")
    more = {"platform": PLATFORM, "service": SERVICE, "settings": settings}
    found = yaml.safe_load(files(**more)["service.yaml"])
    assert found["metadata"]["name"] == "iris-training"
    assert found["metadata"]["labels"].get("networking.knative.dev/visibility") == label
    assert found["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"] == "team-access"


def test_evaluate_gets_the_secrets_of_the_function() -> None:
    """It starts the fresh function; fit asks the model as well."""
    serving = msgspec.convert({"KEY": {"secret": "iris", "key": "k", "scope": "serving"}}, dict[str, ModelSecret])
    found = steps(secrets={**SECRETS, **serving})
    assert variables(found["fit"]["container"]).keys() == {"SLIPWAY_MODEL", "TOKEN", "KEY"}
    expected = {"secretKeyRef": {"name": "iris", "key": "k"}}
    assert variables(found["evaluate"]["container"]) == {"KEY": expected}


def test_fetch_gets_the_secrets_for_training_where_the_model_gets_its_data() -> None:
    """Secrets for serving alone are left out."""
    serving = msgspec.convert({"KEY": {"secret": "iris", "key": "k", "scope": "serving"}}, dict[str, ModelSecret])
    found = steps(secrets={**SECRETS, **serving}, reads=True)
    expected = {"secretKeyRef": {"name": "iris-source", "key": "token"}}
    assert variables(found["fetch"]["container"]) == {"TOKEN": expected}
    assert "env" not in steps(reads=True)["fetch"]["container"]


def test_only_fit_gets_the_secrets() -> None:
    """Secrets are referenced. Their values are not rendered."""
    found = steps(secrets=SECRETS)
    expected = {"secretKeyRef": {"name": "iris-source", "key": "token"}}
    assert variables(found["fit"]["container"]) == {"SLIPWAY_MODEL": "iris", "TOKEN": expected}
    assert not any("env" in found[name]["container"] for name in STEPS if name != "fit")


def test_one_training_of_a_model_at_a_time() -> None:
    """The mutex has the model's name and the environment's namespace. The plural field is used."""
    assert template()["spec"]["synchronization"] == {"mutexes": [{"name": "train-iris"}]}


def test_only_what_can_get_better_is_tried_again() -> None:
    """Steps retry after a lost pod or status 75. The whole workflow, which would fit again, does not."""
    found = steps()
    assert len({found[name]["retryStrategy"]["expression"] for name in (*STEPS, "ended")}) == 1
    assert "retryStrategy" not in found["train"]
    assert "retryStrategy" not in template()["spec"]["templateDefaults"]


@pytest.mark.parametrize(
    ("phase", "code", "message", "again"),
    [
        ("Error", "-1", "pod deleted", True),
        ("Failed", f"{os.EX_TEMPFAIL}", "main: Error (exit code 75): error: the bucket cannot be reached", True),
        ("Failed", "130", "main: Error (exit code 130): stopped", True),
        ("Failed", "143", "main: Error (exit code 143)", True),
        ("Failed", "137", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi.", True),
        ("Failed", "-1", "Pod was rejected: The node had condition: [DiskPressure]. ", True),
        ("Failed", "-1", "Pod was terminated in response to imminent node shutdown.", True),
        ("Failed", "-1", "Pod was rejected as the node is shutting down.", True),
        ("Failed", "-1", "Preempted in order to admit critical pod", True),
        ("Failed", "137", "main: OOMKilled (exit code 137)", False),
        ("Failed", "1", "main: Error (exit code 1): error: a gate is missed: evictions 3, at most 2", False),
        ("Failed", "-1", "workflow shutdown with strategy:  Terminate", False),
    ],
)
def test_what_counts_as_lost(phase: str, code: str, message: str, *, again: bool) -> None:
    """Messages of Argo and the kubelet about a lost pod count. Output of the step does not."""
    expression = steps()["fit"]["retryStrategy"]["expression"]
    form = r"lastRetry\.status == '(.+?)' \|\| lastRetry\.exitCode in \[(.+?)\] \|\| lastRetry\.message matches '(.+)'"
    status, codes, words = re.fullmatch(form, expression).groups()  # type: ignore[union-attr]
    assert (phase == status or f"'{code}'" in codes.split(", ") or bool(re.search(words, message))) is again


def test_the_strictest_pod_security() -> None:
    """All containers meet `restricted`, and the model's code gets no token."""
    spec = template()["spec"]
    assert spec["templateDefaults"]["container"]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    patch = yaml.safe_load(spec["podSpecPatch"])
    for container in [*patch["initContainers"], *patch["containers"]]:
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert [mount["name"] for mount in container["volumeMounts"]] == ["executor-token"]
    assert "executor-token" not in str(spec["templateDefaults"])


@pytest.mark.parametrize("more", [{}, {"schedule": "@daily", "secrets": SECRETS, "deployed": 7}], ids=["least", "all"])
def test_argo_accepts_it(tmp_path: Path, more: dict[str, Any]) -> None:
    """Argo's linter resolves the template, all parameters and artifacts, and finds no unknown field."""
    done = lint(tmp_path, assembled(tmp_path, **more))
    assert done.returncode == 0, done.stdout + done.stderr


def test_argo_would_refuse(tmp_path: Path) -> None:
    """An artifact that no step makes is refused, so the test above is effective."""
    wrong = assembled(tmp_path).replace(b"{{steps.fit.outputs", b"{{steps.fitt.outputs")
    assert lint(tmp_path, wrong).returncode != 0


@pytest.mark.parametrize(
    "more",
    [{}, {"schedule": "@daily", "secrets": SECRETS, "service": SERVICE, "platform": PLATFORM}],
    ids=["least", "all"],
)
def test_the_schemas_accept_it(tmp_path: Path, schemas: Path, more: dict[str, Any]) -> None:
    """Every object is valid by the full CRDs of Argo, without additional fields."""
    found = conform(assembled(tmp_path, **more), schemas)
    assert found == {"valid": 2 + 2 * bool(more), "invalid": 0, "errors": 0, "skipped": 0}


def lint(folder: Path, content: bytes) -> "subprocess.CompletedProcess[str]":
    if shutil.which("argo") is None:
        pytest.skip(
            "argo is missing: get it from github.com/argoproj/argo-workflows/releases; make test-cluster has it"
        )
    path = folder / "assembled.yml"
    path.write_bytes(content)
    command = ["argo", "lint", "--offline", "--strict", "--no-color", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
