"""`slipway serve`: unknown models, environments and versions."""

from pathlib import Path

import pytest

from slipway.cli import main
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
