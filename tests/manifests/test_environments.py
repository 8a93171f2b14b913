"""The manifests of a namespace, rendered by real kustomize: accounts, rights, limits and policies."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway import settings
from slipway.gitops import rendering
from tests.manifests.conftest import ENVIRONMENTS, ROOT, TRAINING, conform

HERE = TRAINING[0]
ACCOUNTS = {"default", "slipway-function", "slipway-verify"}
TRAIN = {"slipway-train", "slipway-training-service"}


@cache
def content(environment: str) -> bytes:
    """Return the namespace and the objects in it."""
    folder = ROOT / "manifests/environments" / environment
    return rendering.build(folder / "namespace", ROOT) + b"---\n" + rendering.build(folder, ROOT)


def rendered(environment: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(content(environment)))


def declared(environment: str) -> dict[str, Any]:
    """Return the settings of the environment."""
    file = ROOT / "manifests/environments" / environment / "settings/environment.yaml"
    found: dict[str, Any] = yaml.safe_load(file.read_text())["spec"]
    return found


def of(kind: str, environment: str = HERE) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind by name."""
    return {item["metadata"]["name"]: item for item in rendered(environment) if item["kind"] == kind}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_settings_agree_with_those_of_slipway(environment: str) -> None:
    """The namespace is that of slipway.yaml, and every object is in it or has its name."""
    namespace = settings.load(ROOT).environment(environment).namespace
    for item in rendered(environment):
        metadata = item["metadata"]
        assert namespace in (metadata.get("namespace"), metadata["name"]), item


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_left_open(environment: str) -> None:
    """All placeholders are filled in from the settings."""
    assert b"set by the settings" not in content(environment)


def test_environments_share_nothing() -> None:
    """No two environments have the same object, not even a cluster-wide one."""
    objects = [
        (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        for environment in ENVIRONMENTS
        for item in rendered(environment)
    ]
    assert len(objects) == len(set(objects))


def test_the_strictest_pod_security_is_enforced() -> None:
    """Kubernetes refuses pods that are not `restricted`, and no sync deletes the namespace."""
    [namespace] = of("Namespace").values()
    levels = {key: value for key, value in namespace["metadata"]["labels"].items() if "pod-security" in key}
    assert levels == {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    assert namespace["metadata"]["annotations"] == {"argocd.argoproj.io/sync-options": "Prune=false,Delete=false"}


def test_the_namespace_is_alone() -> None:
    """The namespace has its own Application: healed together with its content, it would not come back."""
    folder = ROOT / "manifests/environments" / HERE
    assert [item["kind"] for item in yaml.safe_load_all(rendering.build(folder / "namespace", ROOT))] == ["Namespace"]
    assert b"kind: Namespace\n" not in rendering.build(folder, ROOT)


def test_accounts_have_no_token_where_none_is_needed() -> None:
    """No account mounts a token. A pod that calls Kubernetes mounts a short-lived one itself."""
    accounts = of("ServiceAccount")
    assert {name: item["automountServiceAccountToken"] for name, item in accounts.items()} == dict.fromkeys(
        ACCOUNTS | TRAIN, False
    )


@pytest.mark.parametrize("environment", sorted({*ENVIRONMENTS} - {*TRAINING}))
def test_where_nothing_is_trained_nothing_can_be(environment: str) -> None:
    """An environment that takes promotions has no rights and no volume for trainings."""
    assert of("ServiceAccount", environment).keys() == ACCOUNTS
    kinds = {item["kind"] for item in rendered(environment)}
    assert kinds == {"Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount"}


def test_pods_are_of_accounts_that_are_there() -> None:
    """Every pod that slipway declares uses an account of the namespace."""
    bases = [ROOT / "manifests/function/service.yaml", ROOT / "manifests/function/verification/job.yaml"]
    bases += [ROOT / "workflows/train/template.yaml", ROOT / "workflows/train/service/service.yaml"]
    named = [re.findall("serviceAccountName: (.*)", path.read_text()) for path in bases]
    assert named == [["slipway-function"], ["slipway-verify"], ["slipway-train"], ["slipway-training-service"]]
    assert {name for [name] in named} == (ACCOUNTS | TRAIN) - {"default"}


def test_rights_are_the_least() -> None:
    """No account may read Secrets, change templates, or use a wildcard."""
    roles = {name: item["rules"] for name, item in of("Role").items()}
    assert roles["slipway-train"] == [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    ]
    assert roles["slipway-training-service"] == [
        {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get", "list"]}
    ]
    every = [rule for rules in roles.values() for rule in rules]
    assert not [rule for rule in every if "*" in str(rule) or "secrets" in rule["resources"]]
    assert not [rule for rule in every if "workflowtemplates" in rule["resources"] and "create" in rule["verbs"]]
    bound = {item["roleRef"]["name"]: item["subjects"] for item in of("RoleBinding").values()}
    assert bound == {name: [{"kind": "ServiceAccount", "name": name}] for name in TRAIN}


def test_no_default_limit_of_cpu() -> None:
    """A default would limit Knative's sidecar, and slow down every request."""
    for limits in of("LimitRange").values():
        for limit in limits["spec"]["limits"]:
            assert "cpu" not in limit["default"]
    [quota] = of("ResourceQuota").values()
    # With one, every container without a limit of its own would be refused.
    assert "limits.cpu" not in quota["spec"]["hard"]


def test_artifacts_are_kept_without_a_key() -> None:
    """The bucket is that of the settings, there is no Secret, and each run has its own path."""
    repositories = of("ConfigMap")["artifact-repositories"]
    [default] = [repositories["metadata"]["annotations"]["workflows.argoproj.io/default-artifact-repository"]]
    found = yaml.safe_load(repositories["data"][default])
    assert found == {
        "gcs": {
            "bucket": declared(HERE)["bucket"],
            "keyFormat": "runs/{{workflow.namespace}}/{{workflow.name}}/{{workflow.uid}}/{{pod.name}}",
        }
    }


def test_functions_are_reached_by_those_of_the_settings_alone() -> None:
    """All traffic is denied, except that of the named namespaces to Knative's pods."""
    policies = of("NetworkPolicy")
    assert policies["slipway-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    [rule] = policies["slipway-reached"]["spec"]["ingress"]
    [place] = rule["from"]
    named = declared(HERE)["reachedFrom"]
    assert place["namespaceSelector"]["matchExpressions"] == [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": named}
    ]


def test_the_policy_is_bound_to_its_namespace() -> None:
    """The admission policy denies in its own namespace only, and fails closed."""
    [policy], [binding] = of("ValidatingAdmissionPolicy").values(), of("ValidatingAdmissionPolicyBinding").values()
    settings_ = declared(HERE)
    assert binding["spec"]["policyName"] == policy["metadata"]["name"] == settings_["namespace"]
    assert binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": settings_["namespace"]
    }
    assert "Deny" in binding["spec"]["validationActions"] and policy["spec"]["failurePolicy"] == "Fail"
    [condition] = policy["spec"]["matchConditions"]
    assert condition["expression"] == f"request.userInfo.username != '{settings_['workflowController']}'"


def test_trainings_refer_to_no_further_template() -> None:
    """The policy allows the fields that argo sends, and no further template references."""
    assert not [path for path in ROOT.glob("workflows/**/*.yaml") if "templateRef:" in path.read_text()]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_schemas_accept_it(environment: str, schemas: Path) -> None:
    """Every object is valid by the schemas of Kubernetes, without additional fields."""
    found = conform(content(environment), schemas)
    assert found == {"valid": len(rendered(environment)), "invalid": 0, "errors": 0, "skipped": 0}
