"""A small HTTP proxy that can lose answers or give its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Proxy(ThreadingHTTPServer):
    """Pass requests on, and record them as (method, path, body)."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.seen: list[tuple[str, str, bytes]] = []
        self.loses: Callable[[str, bytes], bool] = lambda method, body: False  # noqa: ARG005
        """Return True if the answer to a request gets lost. The server carries the request out."""
        self.refuses: Callable[[str, bytes], int | None] = lambda method, body: None  # noqa: ARG005
        """Return a status to answer the request here, or None to pass it on."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, body))
        if status := self.server.refuses(self.command, body):
            self._answer(status, b'{"error": {"message": "refused on purpose"}}', [])
            return
        connection = HTTPConnection(self.server.upstream)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if self.server.loses(self.command, body):
            self.close_connection = True
            return
        self._answer(answer.status, content, answer.getheaders())

    def _answer(self, status: int, content: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                # An upload of several requests has an address of its own, and goes on through this proxy.
                self.send_header(name, value.replace(f"//{self.server.upstream}", f"//{self.headers['Host']}"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Print nothing, because the requests are in `seen`."""


@contextmanager
def between(upstream: str) -> Iterator[Proxy]:
    """Run a proxy before the server at `upstream` until the block ends."""
    with Proxy(upstream) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        yield proxy
        proxy.shutdown()
