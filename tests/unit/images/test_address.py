"""What somebody gives as a function's address."""

import pytest

from slipway import cli
from slipway.errors import SlipwayError
from slipway.images.addresses import address

SCHEMES = ("https", "http")


@pytest.mark.parametrize(
    "url",
    ["https://iris.example.org", "http://127.0.0.1:8080/a", "http://[::1]:80", "http://iris.test.svc.cluster.local."],
)
def test_an_address(url: str) -> None:
    """Its parts are those of the URL."""
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
def test_what_is_no_address(url: str) -> None:
    """Is said, with what one looks like."""
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
def test_verifying_at_what_is_no_address(url: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of the user, for either protocol."""
    assert cli.main(["verify", url, "--store", "gs://team/test"]) == 1
    told = capsys.readouterr().err
    assert says in told and "  → write https://iris.example.org" in told


def test_nobody_answers_over_grpc_yet(capsys: pytest.CaptureFixture[str]) -> None:
    """It may later, as over HTTP: the status says that."""
    assert cli.main(["verify", "grpc://127.0.0.1:1", "--store", "gs://team/test"]) == 75
    assert "grpc://127.0.0.1:1 cannot be asked: UNAVAILABLE" in capsys.readouterr().err
