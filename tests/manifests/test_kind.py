"""The cluster that `.ci/kind` makes: its manifests, its git server, and repeated runs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import tools
from tests.manifests.conftest import KUSTOMIZE, ROOT

FOLDER = ROOT / "tests/cluster/kind"
SCRIPT = ROOT / ".ci/kind"
# Of what the engines' releases hold, the objects that are changed.
RELEASED = {
    "core-install.yaml": [("v1", "ConfigMap", "", "argocd-cm")],
    "install.yaml": [
        ("v1", "ConfigMap", "argo", "workflow-controller-configmap"),
        ("apps/v1", "Deployment", "argo", "argo-server"),
    ],
    "serving-core.yaml": [
        ("v1", "ConfigMap", "knative-serving", f"config-{topic}")
        for topic in ("autoscaler", "deployment", "domain", "network")
    ],
    "kourier.yaml": [("v1", "Service", "kourier-system", "kourier")],
}
# Stands in for docker, kind, kubectl and kustomize: notes what it was asked, and keeps what it was given in files.
TOOL = r"""#!/usr/bin/env bash
cd "$FAKES" && name=$(basename "$0") && echo "$name $*" >> log
case "$name $*" in
"kind get clusters") cat cluster 2> /dev/null || true ;;
"kind create cluster"*) echo slipway > cluster ;;
"docker container inspect"*) [ -e registry ] ;;
"docker run"*) touch registry ;;
"docker exec --interactive"*) cat > /dev/null ;;
"kubectl get configmap"*) cat declared 2> /dev/null || true ;;
"kubectl create configmap"*) [[ "$*" =~ declared=([0-9]+) ]] && echo "${BASH_REMATCH[1]}" ;;
"kubectl apply --filename -") cat > declared ;;
"kubectl apply --server-side"*) [ -e served ] || { touch served && exit 1; } ;;
"kubectl get service"*) echo "http://$3" ;;
esac
"""


def remote() -> list[str]:
    """Return the remote resources of a kustomization."""
    return re.findall(r"https://\S+", "".join(path.read_text() for path in sorted(FOLDER.glob("*/kustomization.yaml"))))


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return the applied objects. Of the engines' releases, only the changed ones are included."""
    folder = tmp_path_factory.mktemp("kind") / "kind"
    shutil.copytree(FOLDER, folder)
    for path in folder.glob("*/kustomization.yaml"):
        for address in re.findall(r"https://\S+", path.read_text()):
            name = address.rpartition("/")[2]
            (path.parent / name).write_text(yaml.safe_dump_all(map(_object, RELEASED[name])))
            path.write_text(path.read_text().replace(address, name))
    command = [tools.find("kustomize", KUSTOMIZE), "build", str(folder)]
    built = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(built))


def _object(named: tuple[str, str, str, str]) -> dict[str, Any]:
    version, kind, namespace, name = named
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    ports = {"spec": {"ports": [{"name": "http2", "port": 80, "protocol": "TCP", "targetPort": 8080}]}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata} | (ports if kind == "Service" else {})


def find(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def test_every_engine_is_pinned() -> None:
    """Each engine has the version of a release. The node image has a digest too, as its tags move."""
    assert len(remote()) == len(RELEASED)
    for address in remote():
        assert re.search(r"/(knative-)?v\d+\.\d+\.\d+/", address), address
    [node] = yaml.safe_load((FOLDER / "kind.yaml").read_text())["nodes"]
    assert re.fullmatch(r"kindest/node:v[\d.]+@sha256:[0-9a-f]{64}", node["image"])


def test_what_tests_talk_to_is_reached_from_this_machine_alone(objects: list[dict[str, Any]]) -> None:
    """Each service has a node port, which is open on this machine under the same number."""
    services = find(objects, "Service")
    assert services.keys() == {"gcs", "git", "kourier"}
    ports = {port["nodePort"] for each in services.values() for port in each["spec"]["ports"] if "nodePort" in port}
    [node] = yaml.safe_load((FOLDER / "kind.yaml").read_text())["nodes"]
    mapped = node["extraPortMappings"]
    assert len(ports) == 3 and ports == {each["containerPort"] for each in mapped} == {
        each["hostPort"] for each in mapped
    }
    assert {each["listenAddress"] for each in mapped} == {"127.0.0.1"}


def test_the_engines_have_the_settings_of_tests(objects: list[dict[str, Any]]) -> None:
    """Each release is changed by a patch, and servers that no test needs are removed."""
    settings = {name: each["data"] for name, each in find(objects, "ConfigMap").items()}
    assert settings["config-network"]["ingress-class"].startswith("kourier.")
    assert settings["argocd-cm"]["timeout.reconciliation"] == "30s"
    assert "storage.svc" in settings["workflow-controller-configmap"]["executor"]
    assert find(objects, "Deployment").keys() == {"gcs", "git"}
    assert {"argo", "argocd", "git", "storage"} <= find(objects, "Namespace").keys()


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "served").mkdir()
    command = [sys.executable, str(FOLDER / "git/server.py"), str(tmp_path / "served"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        server.terminate()


def test_a_push_makes_the_repository(tmp_path: Path, git_server: str) -> None:
    """A push of any size creates a repository that can be cloned. Other names are not found."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    git("init", "--quiet", "--initial-branch", "main", "ours")
    (tmp_path / "ours/large").write_bytes(os.urandom(2_000_000))  # more than git sends in one piece
    git("-C", "ours", "add", "large")
    git("-C", "ours", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "-m", "Add it")
    git("-C", "ours", "push", "--quiet", f"{git_server}/ours.git", "main")
    git("clone", "--quiet", f"{git_server}/ours.git", "theirs")
    assert git("-C", "theirs", "rev-parse", "main") == git("-C", "ours", "rev-parse", "main")
    for path in ("", "etc/passwd", "ours.git/config"):
        asked = subprocess.run(["git", "ls-remote", f"{git_server}/{path}"], capture_output=True, check=False)
        assert asked.returncode == 128
    assert [path.name for path in (tmp_path / "served").iterdir()] == ["ours.git"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a machine whose docker, kind, kubectl and kustomize only record their arguments."""
    for name in [name for name in os.environ if name.startswith("SLIPWAY_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FAKES", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "bin").mkdir()
    for name in ("docker", "kind", "kubectl", "kustomize", "sleep"):
        (tmp_path / "bin" / name).write_text(TOOL)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def asked(machine: Path, *command: str) -> tuple[str, list[str]]:
    """Return the output of a command of `.ci/kind`, and the calls of the tools."""
    (machine / "log").unlink(missing_ok=True)
    done = subprocess.run([str(SCRIPT), *command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, (machine / "log").read_text().splitlines()


def test_what_is_there_is_left_alone(machine: Path, objects: list[dict[str, Any]]) -> None:
    """Cluster, registry and engines are made once. A command gets addresses and its own KUBECONFIG."""
    made = [r"kind create cluster", r"docker run", r"kustomize build", r"kubectl apply --server-side"]
    _, first = asked(machine, "true")
    assert [sum(bool(re.match(each, line)) for line in first) for each in made] == [1, 1, 1, 2]
    told, second = asked(machine, "env")
    assert not [line for line in second for each in made if re.match(each, line)]
    found = dict(line.split("=", 1) for line in told.splitlines() if re.match("(SLIPWAY_TEST_|KUBECONFIG=)", line))
    registry = found.pop("SLIPWAY_TEST_REGISTRY").removesuffix("/slipway")
    assert found == {
        "KUBECONFIG": f"{machine}/cache/slipway/kubeconfig",
        "SLIPWAY_TEST_INGRESS": "http://kourier",
        "SLIPWAY_TEST_GIT": "http://git",
        "SLIPWAY_TEST_STORAGE": "http://gcs",
    }
    skipped = find(objects, "ConfigMap")["config-deployment"]["data"]["registries-skipping-tag-resolving"]
    assert registry in skipped.split(",")


def test_how_a_command_ends_is_how_it_ends(machine: Path) -> None:  # noqa: ARG001
    """The exit status of the command is passed on to `make` and CI."""
    assert subprocess.run([str(SCRIPT), "sh", "-c", "exit 7"], capture_output=True, check=False).returncode == 7


def test_a_tool_that_is_missing_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is done before anything is made."""
    (machine / "bin/kind").unlink()
    for name in ("bash", "dirname"):
        (machine / "bin" / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", f"{machine}/bin")
    done = subprocess.run(["bash", str(SCRIPT), "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "kind is missing" in done.stderr and not (machine / "log").exists()
