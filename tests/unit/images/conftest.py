"""A server that plays a container, with the answers that a test sets."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.unit.release.conftest import team


def differing(before, after):
    """Return the names of the components in which two images differ."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


class Container:
    """A container by its answers: {path: (status, content)}; the content of `infer` is a function of the body."""

    def __init__(self, url, model_id, release):
        self.url = url
        model, _, version = model_id.split("/")
        tensors = [{"name": name, "shape": [-1], "datatype": "FP64"} for name in ("length", "width")]
        metadata = {"name": model, "versions": [version], "inputs": tensors, "outputs": [{"name": "kind"}]}
        self.answers = {
            "/v2/health/live": (200, {}),
            "/v2/health/ready": (200, {}),
            "/v2": (200, {"name": model_id, "version": release, "extensions": []}),
            f"/v2/models/{model}": (200, metadata),
            f"/v2/models/{model}/infer": (200, self.infer),
        }

    def infer(self, body):
        """Answer `large` for a length above 2."""
        try:
            inputs = {each["name"]: each["data"] for each in json.loads(body)["inputs"]}
            kinds = ["large" if length > 2 else "small" for length in inputs["length"]]
        except (ValueError, KeyError) as error:
            return 400, {"error": str(error)}
        return 200, {"outputs": [{"name": "kind", "shape": [len(kinds)], "datatype": "BYTES", "data": kinds}]}

    def answer(self, path, body):
        status, content = self.answers.get(path, (404, {"error": "there is no such path"}))
        return content(body) if callable(content) else (status, content)


@pytest.fixture
def container():
    """Return a function that starts such a server until the test ends."""
    servers = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, content = self.server.container.answer(self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_words):
            """Say nothing."""

    def made(model_id="leaves/dev/1", release="dev"):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.container = Container(f"http://127.0.0.1:{server.server_port}", model_id, release)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.container

    yield made
    for server in servers:
        server.shutdown()
        server.server_close()


__all__ = ["Container", "container", "differing", "team"]
