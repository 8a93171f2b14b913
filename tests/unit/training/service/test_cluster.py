"""Workflows by the Kubernetes API, spoken to as a pod does: by HTTPS, with a token that changes."""

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import OutOfReach, SlipwayError
from slipway.training.service.runs import ClusterRuns, Run

LABELS = {"app.kubernetes.io/component": "training", "app.kubernetes.io/name": "iris"}
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/slipway-test/workflows"


class Server:
    """A server that answers as the API does; `asked` has method, path, token and body of each request."""

    def __init__(self, folder: Path) -> None:
        self.workflows: dict[str, dict[str, Any]] = {}
        self.refuses: tuple[int, str] | None = None
        self.asked: list[tuple[str, str, str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.tell(*server.get(self.path), None)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.tell(201, body | {"metadata": body["metadata"] | {"name": "train-iris-x7k2p"}}, body)

            def tell(self, status: int, content: Any, body: Any) -> None:
                server.asked.append((self.command, self.path, self.headers["Authorization"], body))
                if server.refuses:
                    status, content = server.refuses[0], {"message": server.refuses[1]}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "ca.crt", folder / "key.pem")
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.http.server_port}"

    def get(self, path: str) -> tuple[int, Any]:
        path = path.partition("?")[0]
        if path == WORKFLOWS:
            return 200, {"items": list(self.workflows.values()) or None}  # as Kubernetes writes an empty list
        found = self.workflows.get(path.rpartition("/")[2])
        return (200, found) if found else (404, {"message": "not found"})

    def has(self, name: str, created: str, phase: str = "", **status: Any) -> None:
        own = {"workflows.argoproj.io/phase": phase} if phase else {}
        if phase in ("Succeeded", "Failed"):
            own["workflows.argoproj.io/completed"] = "true"
        metadata = {"name": name, "creationTimestamp": created, "labels": LABELS | own}
        self.workflows[name] = {"metadata": metadata, "status": {"phase": phase, **status}}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pod")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-subj", "/CN=kubernetes", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*words, "-keyout", folder / "key.pem", "-out", folder / "ca.crt"], check=True, capture_output=True)
    (folder / "namespace").write_text("slipway-test")
    return folder


@pytest.fixture
def server(certificate: Path) -> Iterator[Server]:
    (certificate / "token").write_text("first\n")
    found = Server(certificate)
    thread = threading.Thread(target=found.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.http.shutdown()
    found.http.server_close()


@pytest.fixture
def runs(server: Server, certificate: Path) -> ClusterRuns:
    return ClusterRuns(certificate, server.url, "iris")


def test_a_workflow_has_only_its_template_and_arguments(server: Server, runs: ClusterRuns) -> None:
    """The cluster admits nothing else. A value with blanks or quotes stays one word."""
    assert runs.start({"c": 0.1, "fast": True, "solver": "it's a b"}, None) == Run("train-iris-x7k2p", "Pending")
    ((method, path, token, body),) = server.asked
    assert (method, path, token) == ("POST", WORKFLOWS, "Bearer first")
    assert body["metadata"] == {"generateName": "train-iris-", "labels": LABELS}
    words = """c=0.1 fast=True 'solver=it'"'"'s a b'"""
    assert body["spec"] == {
        "workflowTemplateRef": {"name": "train-iris"},
        "arguments": {"parameters": [{"name": "parameters", "value": words}]},
    }


def test_arguments_that_are_not_given_are_left_out(server: Server, runs: ClusterRuns) -> None:
    """The template's own arguments hold."""
    runs.start({}, None)
    runs.start({}, "gs://bucket/new.csv")
    given = [asked[3]["spec"]["arguments"]["parameters"] for asked in server.asked]
    assert given == [[], [{"name": "data", "value": "gs://bucket/new.csv"}]]


def test_last_is_the_newest_run_of_the_model(server: Server, runs: ClusterRuns) -> None:
    """Runs are ordered by time, not by name."""
    assert (runs.last(), runs.under_way()) == (None, None)
    server.has("train-iris-b", "2026-11-21T10:00:00Z", "Succeeded", startedAt="2026-11-21T10:00:01Z")
    server.has("train-iris-a", "2026-11-21T11:00:00Z", "Running")
    assert runs.last() == Run("train-iris-a", "Running")
    assert runs.under_way() == Run("train-iris-a", "Running")
    listed = next(path for _, path, _, _ in server.asked if "?" in path)
    assert listed.endswith("labelSelector=app.kubernetes.io/component%3Dtraining%2Capp.kubernetes.io/name%3Diris")


def test_a_run_without_labels_is_under_way(server: Server, runs: ClusterRuns) -> None:
    """Argo's controller labels a new run a moment later."""
    server.has("train-iris-a", "2026-11-21T11:00:00Z")
    assert runs.under_way() == Run("train-iris-a", "Pending")


def test_only_runs_of_the_model_are_found(server: Server, runs: ClusterRuns) -> None:
    """A caller may give the name of any object in the namespace."""
    server.has("other", "2026-11-21T11:00:00Z", "Succeeded")
    server.workflows["other"]["metadata"]["labels"] = {"app.kubernetes.io/name": "tumor"}
    assert runs.find("other") is None
    assert runs.find("no such") is None
    assert runs.find("../secrets/token") is None
    assert server.asked[-1][1] == f"{WORKFLOWS}/..%2Fsecrets%2Ftoken"


def test_a_failed_run_has_the_message_of_its_last_failed_step(server: Server, runs: ClusterRuns) -> None:
    """Without such a step it has the message of Argo."""
    nodes = {
        "1": {"type": "Pod", "phase": "Error", "templateName": "fetch", "message": "lost", "finishedAt": "10:00"},
        "2": {"type": "Pod", "phase": "Failed", "templateName": "evaluate", "message": "missed", "finishedAt": "10:01"},
        "3": {"type": "Steps", "phase": "Failed", "message": "child failed", "finishedAt": "10:02"},
    }
    server.has("train-iris-a", "2026-11-21T11:00:00Z", "Failed", message="child failed", nodes=nodes)
    server.has("train-iris-b", "2026-11-21T11:00:00Z", "Failed", message="deadline exceeded")
    assert runs.find("train-iris-a").message == "evaluate: missed"  # type: ignore[union-attr]
    assert runs.find("train-iris-b").message == "deadline exceeded"  # type: ignore[union-attr]


def test_a_new_token_is_used_at_once(server: Server, runs: ClusterRuns, certificate: Path) -> None:
    """Kubernetes replaces a token before it expires."""
    runs.last()
    (certificate / "token").write_text("second")
    runs.last()
    assert [token for _, _, token, _ in server.asked] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_api_is_out_of_reach(server: Server, runs: ClusterRuns, status: int) -> None:
    """The caller may ask again."""
    server.refuses = (status, "try later")
    with pytest.raises(OutOfReach, match="the cluster's API is not ready: try later"):
        runs.last()


@pytest.mark.parametrize("status", [401, 403, 422])
def test_a_refusal_of_the_api_names_the_rights(server: Server, runs: ClusterRuns, status: int) -> None:
    """The error has the API's message, and the place of the rights."""
    server.refuses = (status, "workflows is forbidden")
    with pytest.raises(
        SlipwayError, match=rf"nobody create a workflow here \({status}\): workflows is forbidden"
    ) as caught:
        runs.start({}, None)
    assert not isinstance(caught.value, OutOfReach)
    assert "manifests/environments" in caught.value.fix


def test_an_unknown_api_is_out_of_reach(server: Server, certificate: Path) -> None:
    """An API with another certificate counts as absent."""
    runs = ClusterRuns(certificate, "https://127.0.0.1:1", "iris")
    with pytest.raises(OutOfReach, match="cannot be reached"):
        runs.last()
    runs = ClusterRuns(certificate, server.url.replace("127.0.0.1", "localhost"), "iris")
    with pytest.raises(OutOfReach, match="CERTIFICATE_VERIFY_FAILED"):
        runs.last()
