"""Waiting for what was started: whoever else answers at its port, it is not ready."""

import sys

import pytest

from slipway.errors import SlipwayError
from slipway.images import running

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
def test_another_protocol_is_not_ready(answer):
    """It is told as what it is, and waited for no longer than for one that does not answer."""
    port = running.usable_port("127.0.0.1", 0)
    command = [sys.executable, "-c", ANSWERS, str(port), answer]
    started = running.process(command, f"http://127.0.0.1:{port}", patience=0.5)
    with pytest.raises(SlipwayError, match=r"the function was not ready after 0\.5 s: it wrote nothing"), started:
        pass
