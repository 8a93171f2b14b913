"""A package index (PEP 503) of the wheels in a folder, which may ask for a user and a password."""

import base64
import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PackageIndex", "serve"]


class PackageIndex:
    """A running index: its URL, the folder whose wheels it has, and the projects that it was asked for."""

    def __init__(self, folder: Path, login: str) -> None:
        self.folder, self.login = folder, login
        self.asked: list[str] = []
        self.url = ""


@contextmanager
def serve(folder: Path, login: str = "") -> Iterator[PackageIndex]:
    """Serve the wheels of a folder until the block ends; `login` is `user:password`."""
    folder.mkdir(parents=True, exist_ok=True)
    index = PackageIndex(folder, login)
    handler = type("Handler", (_Handler,), {"index": index})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        index.url = f"http://127.0.0.1:{server.server_port}/simple"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield index
        server.shutdown()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    index: PackageIndex

    def do_GET(self) -> None:
        expected = f"Basic {base64.b64encode(self.index.login.encode()).decode()}"
        if self.index.login and self.headers.get("Authorization") != expected:
            self._answer(401, b"")
            return
        kind, name = self.path.strip("/").split("/")
        if kind == "simple":
            self.index.asked.append(name)
            found = [path for path in sorted(self.index.folder.glob("*.whl")) if _project(path) == name]
            self._answer(200 if found else 404, "".join(map(_link, found)).encode(), "text/html")
        else:
            self._answer(200, (self.index.folder / name).read_bytes())

    do_HEAD = do_GET  # noqa: N815 - as the server calls it

    def _answer(self, status: int, content: bytes, kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _project(path: Path) -> str:
    return path.name.split("-")[0].replace("_", "-").lower()


def _link(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f'<a href="/files/{path.name}#sha256={digest}">{path.name}</a>'
