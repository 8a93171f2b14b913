"""`slipway serve`: unknown models, environments and versions, and the limits of a model."""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from slipway.cli import main
from slipway.cli.commands import functions
from slipway.models import environment
from slipway.store import open_store
from tests.unit.serving import tiny


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tinny"], "unknown model 'tinny'"),
        (["tiny", "--env", "tset"], "unknown environment 'tset'"),
        (["tiny", "--env", "prod"], "tiny has no version in prod yet"),
        (["tiny", "--version", "9"], "no version 9"),
        (["tiny", "--folder", "/nowhere"], "/nowhere is no artifact"),
    ],
)
def test_serve_refuses_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    """Nothing is started, and the message says what does not exist."""
    root = tiny.repository(tmp_path / "repository").root
    open_store("store/test", root=root, environment="test").publish("tiny", tiny.artifact(tmp_path / "artifact"))
    assert main(["-C", str(root), "serve", *arguments]) == 1
    assert told in capsys.readouterr().err


def test_serve_limits_requests_as_a_release_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's own limits and time hold, with those of the environment, and no variable of the shell."""
    root = tiny.repository(tmp_path / "repository").root
    with (root / "slipway.yaml").open("a") as file:
        file.write("models: {tiny: {limits: {rows: 3, body: 2Ki}, scale: {timeout: 7},\n")
        file.write("  per_environment: {test: {limits: {rows: 4}}}}}\n")
    told: list[Any] = []

    def ask(server: Any) -> None:
        with urllib.request.urlopen(server.url, timeout=10) as answer:
            told.append(json.load(answer)["limits"])

    monkeypatch.setattr(environment, "python_for", lambda _: Path(sys.executable))  # the lock of tiny has no packages
    monkeypatch.setattr(functions, "_until_stopped", ask)
    monkeypatch.setenv("SLIPWAY_MAX_ROWS", "9999")
    folder = str(tiny.artifact(tmp_path / "artifact"))
    assert main(["-C", str(root), "serve", "tiny", "--folder", folder, "--port", "0"]) == 0
    assert told == [{"body": 2048, "rows": 4, "seconds": 7}]
