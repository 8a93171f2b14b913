"""Calls over HTTP, of servers that answer, refuse, redirect and break off; and calls that are tried again."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from slipway.network import Answer, Client, NoAnswer, repeat


class Handler(BaseHTTPRequestHandler):
    """Answers with the method, the key and the body of a request."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/here")
            self.end_headers()
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
        elif self.path == "/strange":
            self.wfile.write(b"SSH-2.0\r\n")
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self.send_response(503 if self.path == "/busy" else 200)
            self.end_headers()
            self.wfile.write(f"{self.command} {self.headers['X-Key']} {body}".encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_body_makes_it_a_post(url: str) -> None:
    """Headers and body arrive. Without a body, the request is a GET."""
    client = Client(direct=True)
    assert client.call(url, headers={"X-Key": "k"}, timeout=5) == Answer(200, "OK", b"GET k ")
    assert client.call(url, b"rows", {"X-Key": "k"}, timeout=5).content == b"POST k rows"


def test_an_error_status_is_an_answer(url: str) -> None:
    """The answer has the reason and the content."""
    assert Client(direct=True).call(f"{url}/busy", timeout=5) == Answer(503, "Service Unavailable", b"GET None ")


def test_headers_stay_with_the_server_that_they_are_for(url: str) -> None:
    """A redirect is followed without headers, because they may hold credentials."""
    assert Client(direct=True).call(f"{url}/moved", headers={"X-Key": "k"}, timeout=5).content == b"GET None "


@pytest.mark.parametrize("path", ["/", "/busy"])
def test_content_is_cut_at_the_limit(url: str, path: str) -> None:
    """The limit holds for answers of every status."""
    assert Client(direct=True).call(f"{url}{path}", timeout=5, limit=3).content == b"GET"


@pytest.mark.parametrize(
    ("path", "reason"), [("/short", "IncompleteRead"), ("/strange", "SSH-2.0")], ids=["short", "strange"]
)
def test_a_broken_answer_is_none(url: str, path: str, reason: str) -> None:
    """An answer that ends too early or is not HTTP raises `NoAnswer`."""
    with pytest.raises(NoAnswer, match=reason):
        Client(direct=True).call(f"{url}{path}", timeout=5)


def test_nobody_listens() -> None:
    """The reason is that of the operating system."""
    with pytest.raises(NoAnswer, match="Connection refused"):
        Client(direct=True).call("http://127.0.0.1:1", timeout=5)


def test_a_direct_call_uses_no_proxy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other calls go to the proxy of the environment."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert Client(direct=True).call(url, timeout=5).status == 200
    with pytest.raises(NoAnswer, match="Connection refused"):
        Client(direct=False).call(url, timeout=5)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that were waited; no time passes."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


def failing(times: int, calls: list[int]) -> str:
    calls.append(len(calls))
    if len(calls) <= times:
        raise ValueError(f"failure {len(calls)}")
    return "answer"


def test_it_answers_in_the_end(pauses: list[float]) -> None:
    """Each pause is twice the one before."""
    calls: list[int] = []
    assert repeat(lambda: failing(3, calls), lambda _, factor: 0.5 * factor) == "answer"
    assert pauses == [0.5, 1.0, 2.0]


def test_the_fourth_failure_is_raised(pauses: list[float]) -> None:
    """There is no pause after the last failure."""
    calls: list[int] = []
    with pytest.raises(ValueError, match="failure 4"):
        repeat(lambda: failing(9, calls), lambda _, factor: 1.0 * factor)
    assert len(calls) == 4 and len(pauses) == 3


def test_some_errors_are_not_tried_again(pauses: list[float]) -> None:
    """Such an error is raised at once."""
    calls: list[int] = []
    with pytest.raises(ValueError, match="failure 1"):
        repeat(lambda: failing(9, calls), lambda *_: None)
    assert len(calls) == 1 and pauses == []
