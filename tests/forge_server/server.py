"""The server: it checks the sender of a request, finds the handler, and sends the answer."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.forge_server import api, http_git, pulls
from tests.forge_server.repositories import Bare
from tests.forge_server.state import Failure, Refusal, State, Token, as_json, merge

__all__ = ["Forge", "started"]

_PLAIN = [("Content-Type", "text/plain; charset=utf-8")]
_NAME = r"\w[\w.-]*/\w[\w.-]*"


class Forge(ThreadingHTTPServer):
    """Serve the repositories below `root` with their pull requests, rules and settings. Use it as a context."""

    daemon_threads = True
    request_queue_size = 128  # as many pushes at once

    def __init__(self, root: Path, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__((host, port), _Handler)
        self.root = root.resolve()
        self.lock = threading.RLock()
        self.tokens: dict[str, Token] = {}
        """The known tokens. If empty, every token has every permission."""
        self.states: dict[str, State] = {}
        self.failures: list[Failure] = []
        self.requests: list[str] = []
        """The requests to the API as `GET /repos/team/models/pulls`, without prefix and query."""

    @property
    def url(self) -> str:
        """Return the address, which is also the address of the API."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    def repository(self, name: str, *, branch: str = "main") -> State:
        """Return a repository by `owner/name`. Create it if it does not exist. Its bare repository is `bare(name)`."""
        with self.lock:
            if name not in self.states:
                Bare.make(self.root / f"{name}.git", branch)
                self.states[name] = State(name, default_branch=branch)
            return self.states[name]

    def bare(self, name: str) -> Bare:
        """Return the bare repository."""
        return Bare(self.root / f"{name}.git")

    def clone_url(self, name: str, token: str = "") -> str:
        """Return the address for clones and pushes."""
        return f"http://{f'x-access-token:{token}@' if token else ''}{self.url.removeprefix('http://')}/{name}.git"

    def fail(self, status: int, **options: Any) -> None:
        """Let the next requests fail (`state.Failure`)."""
        with self.lock:
            self.failures.append(Failure(status, **options))

    def configure(self, wanted: dict[str, Any]) -> None:
        """Set `tokens` ({token: fields of `Token`}), `failures` and `repositories` ({name: fields of `State`})."""
        with self.lock:
            self.tokens |= {text: Token(**fields) for text, fields in wanted.get("tokens", {}).items()}
            self.failures += [Failure(**fields) for fields in wanted.get("failures", [])]
            for name, fields in wanted.get("repositories", {}).items():
                merge(self.repository(name, branch=fields.get("default_branch", "main")), fields)

    def find(self, name: str) -> State | None:
        """Return a known repository, or one whose bare repository exists."""
        if name not in self.states and (self.root / f"{name}.git" / "HEAD").is_file():
            self.repository(name)
        return self.states.get(name)


class _Handler(BaseHTTPRequestHandler):
    server: Forge
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        content = self._content()
        try:
            if parts.path in ("/_state", "/_set"):
                self._control(parts.path, content)
            elif match := re.match(rf"/({_NAME}?)(?:\.git)?/(info/refs|git-(?:upload|receive)-pack)$", parts.path):
                self._git(match[1], match[2], parts.query, content)
            else:
                prefix = "/api/v3" if parts.path.startswith("/api/v3/") else ""
                self._api(prefix, parts.path.removeprefix(prefix), dict(parse_qsl(parts.query)), content)
        except Refusal as refusal:
            self._json(refusal.status, refusal.body, list(refusal.headers.items()))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _control(self, path: str, content: bytes) -> None:
        forge = self.server
        if path == "/_set":
            try:
                forge.configure(api.parse(content))
            except (KeyError, TypeError, ValueError) as error:
                raise Refusal(422, f"not known here: {error}") from error
            self._json(200, {})
            return
        with forge.lock:
            for name, state in forge.states.items():
                asked = api.Asked(state, forge.bare(name), Token(), "", "", {"state": "all"}, {}, {})
                pulls.list_(asked)
            found = {"repositories": {name: as_json(state) for name, state in forge.states.items()}}
        self._json(200, found | {"requests": list(forge.requests)})

    def _token(self, text: str) -> Token:
        if not self.server.tokens and text:
            return Token()
        if text not in self.server.tokens:
            raise Refusal(401, "Bad credentials" if text else "Requires authentication")
        return self.server.tokens[text]

    def _api(self, prefix: str, path: str, query: dict[str, str], content: bytes) -> None:
        forge = self.server
        with forge.lock:
            forge.requests.append(f"{self.command} {path}")
            failure = self._failure(path)
            if failure and not failure.after:
                raise Refusal(failure.status, failure.message, headers=failure.headers)
            status, found = self._answer(prefix, path, query, content)
            if failure:
                raise Refusal(failure.status, failure.message, headers=failure.headers)
        self._json(status, *self._page(found, f"{forge.url}{prefix}{path}", query))

    def _answer(self, prefix: str, path: str, query: dict[str, str], content: bytes) -> tuple[int, Any]:
        forge = self.server
        token = self._token(self.headers.get("Authorization", "").partition(" ")[2].strip())
        if path == "/user":
            if token.type == "Bot":
                raise Refusal(403, "Resource not accessible by integration")
            return 200, {"login": token.login, "type": token.type}
        match = re.fullmatch(rf"/repos/({_NAME})(?:/(.*))?", path)
        state = forge.find(match[1]) if match else None
        if match is None or state is None:
            raise Refusal(404, "Not Found")
        where = f"{forge.url}{prefix}/repos/{state.name}"
        asked = api.Asked(state, forge.bare(state.name), token, forge.url, where, query, api.parse(content), {})
        return api.answer(asked, self.command, match[2] or "")

    def _failure(self, path: str) -> Failure | None:
        for each in self.server.failures:
            if each.times > 0 and each.path in path and each.method in ("", self.command):
                each.times -= 1
                return each
        return None

    def _page(self, found: Any, url: str, query: dict[str, str]) -> tuple[Any, list[tuple[str, str]]]:
        """Send one page of a list, with the addresses of the other pages."""
        if not isinstance(found, list):
            return found, []
        size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        last = max((len(found) + size - 1) // size, 1)
        links = {"next": page + 1, "last": last} if page < last else {}
        text = ", ".join(
            f'<{url}?{urlencode(query | {"page": number})}>; rel="{relation}"' for relation, number in links.items()
        )
        return found[(page - 1) * size : page * size], [("Link", text)] if text else []

    def _git(self, name: str, service: str, query: str, content: bytes) -> None:
        forge = self.server
        state = forge.find(name)
        text = http_git.password(self.headers.get("Authorization", ""))
        pushing = "git-receive-pack" in (service, query.removeprefix("service="))
        token = Token() if not text else self._token(text)
        if len(self.headers.get_all("Authorization") or []) > 1:
            self._send(400, b"Duplicate header: Authorization", _PLAIN)
        elif not text and (state is None or state.private or (pushing and (forge.tokens or state.pushes_need_token))):
            self._send(401, b"", [("WWW-Authenticate", 'Basic realm="GitHub"')])
        elif state is None:
            self._send(404, b"Repository not found.", _PLAIN)
        elif pushing and token.permissions.get("contents") != "write":
            self._send(403, f"Permission to {name}.git denied to {token.login}.".encode(), _PLAIN)
        else:
            said = self._decide(state, token, content) if service == "git-receive-pack" else ("", "")
            headers = {key.lower(): value for key, value in self.headers.items()}
            done = http_git.serve(forge.bare(name), f"/{service}", query, self.command, headers, content, said)
            self._send(done.status, done.body, done.headers)

    def _decide(self, state: State, token: Token, content: bytes) -> tuple[str, str]:
        """Return the reason for refusing a push, or "", and what else is said. Another author may push first."""
        forge, wanted = self.server, http_git.updates(content)
        with forge.lock:
            said = http_git.refusal(state, token, wanted, forge.url)
            known = [{"by": token.login, "accepted": not said, **update._asdict()} for update in wanted]
            state.pushes += known
            moved = [each.ref for each in wanted if int(each.old, 16) and each.ref.startswith("refs/heads/")]
            if not said and moved and state.moving > 0:
                state.moving -= 1
                forge.bare(state.name).move(moved[0].removeprefix("refs/heads/"))
        return said, http_git.remark(state, token, wanted)

    def _json(self, status: int, found: Any, headers: list[tuple[str, str]] | None = None) -> None:
        body = b"" if status == 204 else json.dumps(found).encode()
        self._send(status, body, [("Content-Type", "application/json; charset=utf-8"), *(headers or [])])

    def _send(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing, as the server remembers requests."""


@contextmanager
def started(root: Path, host: str = "127.0.0.1") -> Iterator[Forge]:
    """Run a server during the block. It listens on the address `host` of this machine."""
    with Forge(root, host=host) as forge:
        threading.Thread(target=forge.serve_forever, args=(0.02,), daemon=True).start()
        yield forge
        forge.shutdown()
