"""Functions that do not get ready on this machine give the reason."""

import socket
import sys
from pathlib import Path

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.images import running
from slipway.settings.types import ModelSecret
from tests.unit.serving import tiny

PYTHON = Path(sys.executable)


def test_function_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    """The error gives the reason from the function's log."""
    spoilt = tiny.bundled(tmp_path / "spoilt", predictions=[4.0, 9.0])
    told = r"ended with status 1: .*row 1: expected 9\.0, found 8\.0"
    with pytest.raises(SlipwayError, match=told), running.serve(spoilt, python=PYTHON):
        pass


def test_port_in_use_is_an_error(tmp_path: Path) -> None:
    """The error comes before the start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = f"port {port} of 127.0.0.1 cannot be used"
        with pytest.raises(SlipwayError, match=told), running.start(tmp_path, port=port):
            pass


ANSWERS = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(bytes.fromhex(sys.argv[2]))
"""


@pytest.mark.parametrize(
    "answer", ["00000604000000000000040000000000", "1503030002020a", ""], ids=["gRPC", "TLS", "nothing"]
)
def test_answer_in_another_protocol_is_not_ready(answer):
    """It counts as no answer, and the wait ends in time."""
    port = running.usable_port("127.0.0.1", 0)
    command = [sys.executable, "-c", ANSWERS, str(port), answer]
    started = running.process(command, f"http://127.0.0.1:{port}", patience=0.5)
    with pytest.raises(SlipwayError, match=r"the function was not ready after 0\.5 s: it wrote nothing"), started:
        pass


ASKS = """
import os

from slipway.model import Model


class Tiny(Model):
    source_features = ["weight", "wrapping", "fragile"]
    target_variable = "price"

    def predict(self, rows):
        found = "OF_THE_LAPTOP" in os.environ or os.environ["API_KEY"] != "hunter2"
        return [0.0 if found else price for price in (4.0, 8.0)][:len(rows)]
"""
NAMED = {"API_KEY": {"secret": "tiny-api", "key": "key.txt", "scope": "serving"}}
SECRETS = msgspec.convert(NAMED, dict[str, ModelSecret])


def test_a_function_gets_its_secrets_and_nothing_else_of_this_process(tmp_path: Path, monkeypatch) -> None:
    """A cluster does not have the variables of a laptop."""
    monkeypatch.setenv("OF_THE_LAPTOP", "yes")
    monkeypatch.setenv("API_KEY", "hunter2")
    with running.serve(tiny.bundled(tmp_path, code=ASKS), SECRETS, python=PYTHON) as url:
        assert url.startswith("http://127.0.0.1:")


def test_a_function_without_its_secret_says_which(tmp_path: Path, monkeypatch) -> None:
    """The message has the variable, the Secret and the key."""
    monkeypatch.delenv("API_KEY", raising=False)
    told = r"the secret API_KEY, which the model needs, is not set\n.*Secret tiny-api, key key\.txt; .*export API_KEY=…"
    with (
        pytest.raises(SlipwayError, match=told),
        running.serve(tiny.bundled(tmp_path, code=ASKS), SECRETS, python=PYTHON),
    ):
        pass
