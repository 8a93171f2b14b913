"""Addresses of functions, and credentials to call them."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from slipway import cli
from slipway.errors import OutOfReach, SlipwayError
from slipway.images import clients
from slipway.images.addresses import address, given

SCHEMES = ("https", "http")


@pytest.mark.parametrize(
    "url",
    ["https://iris.example.org", "http://127.0.0.1:8080/a", "http://[::1]:80", "http://iris.test.svc.cluster.local."],
)
def test_valid_address_is_split_into_its_parts(url: str) -> None:
    """The parts together give the URL again."""
    assert address(url, SCHEMES).geturl() == url


@pytest.mark.parametrize(
    "url",
    [
        "iris.example.org",
        "grpc://iris.example.org",
        "http://",
        "http://[bad",
        "http://host:99999",
        "http://host:port",
        "http://host:0",
        f"http://{'a' * 64}.example.org",
        "http://a..b",
    ],
)
def test_invalid_address_is_refused(url: str) -> None:
    """The error shows what an address looks like."""
    with pytest.raises(SlipwayError, match="is not the address of a function") as caught:
        address(url, SCHEMES)
    assert caught.value.fix == "write https://iris.example.org"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://[bad", "'http://[bad' is not the address of a function"),
        ("grpc://host:99999", "'grpc://host:99999' is not the address of a function"),
        ("http://127.0.0.1/é", "'http://127.0.0.1/é/v2' cannot be asked"),
    ],
)
def test_verify_refuses_an_invalid_address(url: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the address, over HTTP and over gRPC."""
    assert cli.main(["verify", url, "--store", "gs://team/test"]) == 1
    told = capsys.readouterr().err
    assert says in told and "  → write https://iris.example.org" in told


def test_unreachable_grpc_address_may_be_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status 75 says so, as over HTTP."""
    assert cli.main(["verify", "grpc://127.0.0.1:1", "--store", "gs://team/test"]) == 75
    assert "grpc://127.0.0.1:1 cannot be asked: UNAVAILABLE" in capsys.readouterr().err


VARIABLES = ("SLIPWAY_KEY", "SLIPWAY_USERNAME", "SLIPWAY_PASSWORD", "SLIPWAY_ACCESS", "SLIPWAY_ACCESS_KIND")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def set_to(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(f"SLIPWAY_{name}", str(value))


def test_no_credentials_give_no_header():
    """Most functions need none."""
    assert given().header == ""


def test_credentials_are_read_from_the_environment(monkeypatch):
    """A key gives a bearer token. A name and a password give basic credentials."""
    set_to(monkeypatch, KEY="abc\n")
    assert given().header == "Bearer abc"
    set_to(monkeypatch, KEY="", USERNAME="ada", PASSWORD="pä:ss")  # noqa: S106 - made up
    assert given().header == "Basic " + base64.b64encode("ada:pä:ss".encode()).decode()


@pytest.mark.parametrize(
    "variables",
    [{"USERNAME": "ada"}, {"PASSWORD": "x"}, {"KEY": "k", "USERNAME": "ada", "PASSWORD": "x"}, {"KEY": "two words"}],
)
def test_contradictory_credentials_are_refused(monkeypatch, variables):
    """The error comes before any call and does not show the secret."""
    set_to(monkeypatch, **variables)
    with pytest.raises(SlipwayError) as caught:
        given()
    assert "SLIPWAY_KEY" in str(caught.value) and "two words" not in str(caught.value)


def test_key_is_read_from_a_mounted_secret(monkeypatch, tmp_path):
    """The key `verify` is preferred, then the first. It is read at each call, and hidden files are ignored."""
    set_to(monkeypatch, ACCESS=tmp_path, ACCESS_KIND="bearer")
    assert given() == ("", True)
    for name in ("..2026", "bob", "ada"):
        (tmp_path / name).write_text(f"of {name}".replace(" ", "-"))
    assert given().header == "Bearer of-ada"
    (tmp_path / "verify").write_text("own\n")
    assert given() == ("Bearer own", True)


def test_name_and_password_are_read_from_a_mounted_secret(monkeypatch, tmp_path):
    """The files are `username` and `password`, as in Kubernetes' own type of Secret."""
    set_to(monkeypatch, ACCESS=tmp_path, ACCESS_KIND="basic")
    (tmp_path / "username").write_text("ada")
    (tmp_path / "password").write_text("x")
    assert given().header == "Basic " + base64.b64encode(b"ada:x").decode()


class Refusing(BaseHTTPRequestHandler):
    """Answer every request with 401, or with a redirect."""

    seen: list[tuple[str, str | None]]
    to = ""

    def do_GET(self):
        self.seen.append((self.path, self.headers["Authorization"]))
        self.send_response(302 if self.to else 401)
        if self.to:
            self.send_header("Location", self.to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serving(to="") -> Iterator[tuple[str, list]]:
    handler = type("Handler", (Refusing,), {"seen": [], "to": to})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler.seen
    server.shutdown()


def test_redirect_does_not_take_the_key_along(monkeypatch):
    """The other server gets the request without the header."""
    set_to(monkeypatch, KEY="secret-key")
    with serving() as (other, seen), serving(to=f"{other}/there") as (first, _), pytest.raises(SlipwayError):
        clients.describe(first)
    assert seen == [("/there", None)]


def test_refused_credentials_of_a_mounted_secret_may_be_tried_again(monkeypatch, tmp_path):
    """The function may see a new Secret later. A person is told at once."""
    with serving() as (url, _):
        set_to(monkeypatch, KEY="wrong")
        with pytest.raises(SlipwayError, match="does not let us in") as caught:
            clients.describe(url)
        assert not isinstance(caught.value, OutOfReach)
        set_to(monkeypatch, KEY="", ACCESS=tmp_path, ACCESS_KIND="bearer")
        with pytest.raises(OutOfReach):
            clients.describe(url)
