"""server.py DIRECTORY PORT: serves git over HTTP, /NAME.git to read and to push, made when it is first asked for.

It lets everybody in, and is for the tests of a cluster alone. It needs nothing but Python and git.
"""

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

_PATH = re.compile(r"/(\w[\w.-]*)\.git/(info/refs|git-(?:upload|receive)-pack)")


class Server(ThreadingHTTPServer):
    """Repositories below `root`."""

    def __init__(self, root: Path, port: int) -> None:
        super().__init__(("", port), _Handler)
        self.root, self._lock = root, Lock()

    def serve(self, repository: str, variables: dict[str, str], body: bytes) -> bytes:
        """Return the answer of git, as CGI has it."""
        with self._lock:
            if not (self.root / repository).is_dir():
                subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", repository], cwd=self.root)
        env = os.environ | variables | {"GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1"}
        command = ["git", "-c", "http.receivepack=true", "http-backend"]
        return subprocess.run(command, env=env, input=body, stdout=subprocess.PIPE).stdout


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        body = self._body()
        match = _PATH.fullmatch(path)
        if match is None:
            self.send_error(404)
            return
        variables = {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        self._answer(self.server.serve(f"{match[1]}.git", variables, body))

    do_GET = do_POST = _serve  # noqa: N815 - the names that http.server looks for

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _answer(self, said: bytes) -> None:
        head, _, content = said.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200" if headers else "500").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    server = Server(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
