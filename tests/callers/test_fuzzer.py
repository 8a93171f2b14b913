"""Schemathesis sends what `/openapi.json` allows, and what it does not, and holds each answer to the document."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.models.environment import python_for
from tests.callers.conftest import Served
from tests.unit.serving.conftest import CLIENTS

HERE = Path(__file__).parent / "clients"


@pytest.mark.long(120)
@pytest.mark.parametrize("name", ["iris", "freight", "carrier"])
def test_answers_agree_with_the_document(serve: Callable[..., Served], name: str, tmp_path: Path) -> None:
    """All checks in all phases find nothing: statuses, bodies, headers, and that each row of the schema is taken."""
    command = [
        python_for(CLIENTS / "requirements.lock"),
        "-m",
        "schemathesis.cli",
        "--config-file",
        HERE / "schemathesis.toml",
    ]
    options = ["--seed", "1", "--max-examples", "10", "--no-color"]
    own = {each: value for each, value in os.environ.items() if each != "PYTHONPATH"}
    own |= {"PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "schemathesis_formats"}
    address = f"{serve(name).url}/openapi.json"
    done = subprocess.run(
        [*command, "run", address, *options], cwd=tmp_path, env=own, capture_output=True, text=True, check=False
    )
    assert "No issues found" in done.stdout, done.stdout[-5000:] + done.stderr[-5000:]
