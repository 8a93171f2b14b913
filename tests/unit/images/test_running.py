"""A function that is started here, and does not get that far."""

import socket
import sys
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.images import running
from tests.unit.serving import tiny

PYTHON = Path(sys.executable)


def test_function_that_does_not_start_is_told(tmp_path: Path) -> None:
    """The reason is the function's own last word."""
    spoilt = tiny.bundled(tmp_path / "spoilt", predictions=[4.0, 9.0])
    told = r"ended with status 1: .*row 1: expected 9\.0, found 8\.0"
    with pytest.raises(SlipwayError, match=told), running.serve(spoilt, python=PYTHON):
        pass


def test_port_in_use_is_told(tmp_path: Path) -> None:
    """Before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = f"port {port} of 127.0.0.1 cannot be used"
        with pytest.raises(SlipwayError, match=told), running.start(tmp_path, port=port):
            pass
