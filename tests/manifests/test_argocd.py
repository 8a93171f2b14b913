"""The manifests for Argo CD, rendered by real kustomize: projects, Applications and their limits."""

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway import settings
from slipway.gitops import rendering
from slipway.overlays import documents
from tests.manifests.conftest import ENVIRONMENTS, ROOT, TRAINING, conform

CLUSTER_WIDE = {"Namespace", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


@cache
def content(root: Path = ROOT, part: str = "") -> bytes:
    return rendering.build(root / "manifests/argocd" / part, root)


def of(kind: str, **where: Any) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind by name."""
    return {item["metadata"]["name"]: item for item in yaml.safe_load_all(content(**where)) if item["kind"] == kind}


def kinds(project: dict[str, Any], scope: str) -> set[tuple[str, str]]:
    return {(item["group"], item["kind"]) for item in project["spec"][f"{scope}ResourceWhitelist"]}


def suffixes(environment: str) -> list[str]:
    """Return the suffixes of the names of an environment's projects."""
    return ["", "-namespace", *(["-training"] if environment in TRAINING else [])]


def group_kinds(items: list[dict[str, Any]]) -> set[tuple[str, str]]:
    groups = [item["apiVersion"].rpartition("/")[0] for item in items]
    return set(zip(groups, [item["kind"] for item in items], strict=True))


def test_nothing_is_left_open() -> None:
    """All placeholders are filled in from the settings. The settings object itself is not rendered."""
    assert b"set by the settings" not in content()
    assert not re.search(rb"slipway/v1|slipway-environment|[ /]environment-", content())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_reaches_its_own_namespace_alone(environment: str) -> None:
    """A project allows no destination in the namespace of another environment."""
    namespace = settings.load(ROOT).environment(environment).namespace
    for suffix in suffixes(environment):
        project = of("AppProject")[f"slipway-{environment}{suffix}"]["spec"]
        assert [place["namespace"] for place in project["destinations"]] == [namespace]
        assert project["sourceRepos"] == [repository()["url"]]


def test_overlays_may_make_what_they_are_made_of() -> None:
    """Projects allow routes and the kinds in the bases, no cluster-wide kinds, Secrets or accounts."""
    made = {"": based_on("manifests/function") | {("serving.knative.dev", "Route")}}
    made["-training"] = based_on("workflows/train")
    assert {"Job", "Service", "Route"} == {kind for _, kind in made[""]}
    for environment in ENVIRONMENTS:
        for suffix in {*suffixes(environment)} & made.keys():
            project = of("AppProject")[f"slipway-{environment}{suffix}"]
            assert project["spec"]["clusterResourceWhitelist"] == []
            assert kinds(project, "namespace") == made[suffix]


def based_on(folder: str) -> set[tuple[str, str]]:
    items = [item for path in ROOT.glob(f"{folder}/**/*.yaml") for item in yaml.safe_load_all(path.read_bytes())]
    return group_kinds([item for item in items if item["kind"] not in ("Component", "Kustomization")])


@pytest.mark.parametrize("part", ["", ENVIRONMENTS[-1]], ids=["one Argo CD", "one in each cluster"])
def test_each_environment_in_a_cluster_of_its_own(tmp_path: Path, part: str) -> None:
    """The setting `server` decides the cluster of all objects of an environment, which can be applied alone."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    servers = {environment: f"https://{environment}.example.org:6443" for environment in ENVIRONMENTS}
    for environment, server in servers.items():
        file = tmp_path / "manifests/environments" / environment / "settings/environment.yaml"
        declared = yaml.safe_load(file.read_text())
        declared["spec"]["server"] = server
        file.write_text(yaml.safe_dump(declared))
    where = {"root": tmp_path, "part": part}
    found: dict[str, set[str]] = {}
    for name, item in of("AppProject", **where).items():
        found.setdefault(name, set()).update(place["server"] for place in item["spec"]["destinations"])
    sources = {name: item["spec"] for name, item in of("Application", **where).items()}
    sources |= {name: item["spec"]["template"]["spec"] for name, item in of("ApplicationSet", **where).items()}
    for spec in sources.values():
        found.setdefault(spec["project"], set()).add(spec["destination"]["server"])
    there = servers if not part else {part: servers[part]}
    assert found == {
        f"slipway-{environment}{suffix}": {server}
        for environment, server in there.items()
        for suffix in suffixes(environment)
    }


@pytest.mark.parametrize("part", ["", *ENVIRONMENTS])
def test_argo_cd_may_be_in_another_namespace(tmp_path: Path, part: str) -> None:
    """One line sets the namespace, for all environments together and for each one."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    file = tmp_path / "manifests/argocd/repository/repository.yaml"
    declared = yaml.safe_load(file.read_text())
    declared["spec"]["argocd"] = "gitops"
    file.write_text(yaml.safe_dump(declared))
    items = list(yaml.safe_load_all(content(tmp_path, part)))
    assert items and {item["metadata"]["namespace"] for item in items} == {"gitops"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_namespace_may_be_made_of_what_is_declared(environment: str) -> None:
    """The project allows exactly the kinds of manifests/environments."""
    project = of("AppProject")[f"slipway-{environment}-namespace"]
    items: list[dict[str, Any]] = []
    for name in (f"slipway-{environment}", f"slipway-{environment}-namespace"):
        application = of("Application")[name]["spec"]
        assert application["project"] == f"slipway-{environment}-namespace"
        items += yaml.safe_load_all(rendering.build(ROOT / application["source"]["path"], ROOT))
    wide = [item for item in items if item["kind"] in CLUSTER_WIDE]
    assert kinds(project, "cluster") == group_kinds(wide)
    assert kinds(project, "namespace") == group_kinds([item for item in items if item not in wide])


def repository() -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load((ROOT / "manifests/argocd/repository/repository.yaml").read_text())["spec"]
    return found


def test_the_branch_is_that_of_the_settings() -> None:
    """Every Application follows the branch that slipway commits overlays to."""
    assert repository()["branch"] == settings.load(ROOT).branch
    sources = [item["spec"]["source"] for item in of("Application").values()]
    for item in of("ApplicationSet").values():
        [generator] = [each["git"] for each in item["spec"]["generators"]]
        sources += [item["spec"]["template"]["spec"]["source"], generator | {"targetRevision": generator["revision"]}]
    followed = repository()["url"], repository()["branch"]
    assert {(each["repoURL"], each["targetRevision"]) for each in sources} == {followed}


FUNCTIONS = "functions", "overlays/{}/*", "{}-{{{{.path.basename}}}}", "slipway-{}"
TRAININGS = "training", "overlays/{}/*/training", "training-{}-{{{{index .path.segments 2}}}}", "slipway-{}-training"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [(name, FUNCTIONS) for name in ENVIRONMENTS] + [(name, TRAININGS) for name in TRAINING],
)
def test_an_application_for_each_folder(environment: str, wanted: tuple[str, ...]) -> None:
    """Functions and trainings have separate Applications, each in its project of the environment."""
    part, path, name, project = (each.format(environment) for each in wanted)
    spec = of("ApplicationSet")[f"slipway-{environment}-{part}"]["spec"]
    assert spec["generators"][0]["git"]["directories"] == [{"path": path}]
    assert spec["template"]["metadata"]["name"] == name
    assert spec["template"]["spec"]["project"] == project
    assert spec["goTemplate"] and spec["goTemplateOptions"] == ["missingkey=error"]


def test_nothing_is_followed_but_that() -> None:
    """An environment that takes promotions has no Application for trainings."""
    followed = {f"slipway-{name}-functions" for name in ENVIRONMENTS} | {
        f"slipway-{name}-training" for name in TRAINING
    }
    assert of("ApplicationSet").keys() == followed


def templates() -> dict[str, dict[str, Any]]:
    return {name: item["spec"]["template"] for name, item in of("ApplicationSet").items()}


def test_what_is_committed_runs_and_what_was_not_is_undone() -> None:
    """Every Application syncs, prunes, heals itself, and retries with the newest commit.

    Only a function may lose all its objects: `slipway rollback --to nothing` takes a model off.
    """
    functions = {name: item for name, item in templates().items() if name.endswith("-functions")}
    assert functions
    for name, item in [*of("Application").items(), *templates().items()]:
        policy = item["spec"]["syncPolicy"]
        own = {"allowEmpty": True} if name in functions else {}
        assert policy["automated"] == {"prune": True, "selfHeal": True, **own}
        assert policy["retry"]["refresh"] is True and policy["retry"]["limit"] == -1
        # A rollback waits for the next attempt at the most.
        assert policy["retry"]["backoff"]["maxDuration"] == "15s"


def test_no_commit_waits_for_a_training() -> None:
    """Functions are pruned last, after the route has left them. No sync waits for a training."""
    for name, template in templates().items():
        assert ("PruneLast=true" in template["spec"]["syncPolicy"]["syncOptions"]) == name.endswith("-functions")
    made = [
        *ROOT.glob("manifests/function/**/*.yaml"),
        *ROOT.glob("workflows/**/*.yaml"),
        *ROOT.glob("overlays/**/*.yaml"),
    ]
    assert not [path for path in made if re.search("argocd.argoproj.io/(sync-wave|hook)", path.read_text())]


def test_one_models_commit_renders_one_application() -> None:
    """Each Application names its own folder for manifest generation: overlays are complete."""
    key = "argocd.argoproj.io/manifest-generate-paths"
    assert {template["metadata"]["annotations"][key] for template in templates().values()} == {"."}
    for item in of("Application").values():
        assert item["metadata"]["annotations"][key] == "/manifests/environments"


def test_deleting_what_follows_git_stops_no_function() -> None:
    """Functions outlive their Applications. A training that is no longer declared is deleted."""
    kept = {
        name: item["spec"]["syncPolicy"]["preserveResourcesOnDeletion"] for name, item in of("ApplicationSet").items()
    }
    assert kept == {name: name.endswith("-functions") for name in kept}


def test_nothing_is_ignored() -> None:
    """No Application ignores differences, because no controller writes the compared fields."""
    assert b"ignoreDifferences" not in content()


def test_what_argo_cd_is_told_of_health_is_a_patch() -> None:
    """The health checks are a patch. Applied as an object, they would delete other keys of the ConfigMap."""
    patch = documents.parse((ROOT / "manifests/argocd/health.yaml").read_bytes(), "health.yaml")
    assert patch.keys() == {"data"}
    assert all(key.startswith("resource.customizations.health.") for key in patch["data"])
    assert not of("ConfigMap")


def test_the_schemas_accept_it(schemas: Path) -> None:
    """Every object is valid by the CRDs of Argo CD, without additional fields."""
    count = len(list(yaml.safe_load_all(content())))
    assert conform(content(), schemas) == {"valid": count, "invalid": 0, "errors": 0, "skipped": 0}
