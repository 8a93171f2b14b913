"""Functions that do not get ready on this machine give the reason."""

import socket
import sys
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.images import running
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
