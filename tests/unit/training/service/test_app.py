"""The service starts with the variables that it needs."""

from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.training.service import app
from slipway.training.service.local import LocalRuns

GIVEN = {
    "SLIPWAY_ACCESS": "/etc/slipway/access",
    "SLIPWAY_ENVIRONMENT": "test",
    "SLIPWAY_MODEL": "iris",
    "SLIPWAY_PARAMETERS": '{"c": 1.0}',
    "SLIPWAY_STORE": "gs://team/test",
}


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that there has to be."""
    monkeypatch.delenv("SLIPWAY_CLUSTER", raising=False)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


def test_on_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The steps run as processes; no bucket is spoken to."""
    monkeypatch.setenv("SLIPWAY_ROOT", str(tmp_path))
    found = app.load()
    assert isinstance(found.runs, LocalRuns) and found.runs.root == tmp_path
    assert found.identity == ("iris", "test", {"c": 1.0})


def test_in_a_cluster_that_gives_no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It says so, and what mounts one."""
    monkeypatch.setenv("SLIPWAY_CLUSTER", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(SlipwayError, match="is not what a pod gets to speak with its cluster") as caught:
        app.load()
    assert "workflows/train/service" in caught.value.fix


@pytest.mark.parametrize("name", [name for name in GIVEN if name != "SLIPWAY_PARAMETERS"])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """And how it is started otherwise."""
    monkeypatch.delenv(name)
    with pytest.raises(SlipwayError, match=f"{name} is not set"):
        app.load()


@pytest.mark.parametrize("text", ["[]", '{"c": [1]}', "c=1"])
def test_parameters_that_are_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Names and plain values are needed."""
    monkeypatch.setenv("SLIPWAY_PARAMETERS", text)
    with pytest.raises(SlipwayError, match="SLIPWAY_PARAMETERS is no JSON object"):
        app.load()


def test_it_ends_with_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of JSON, which says why, and no traceback."""
    monkeypatch.delenv("SLIPWAY_MODEL")
    with pytest.raises(SystemExit) as caught:
        app.start()
    said = capsys.readouterr().err
    assert caught.value.code == 1
    assert said.count("\n") == 1 and '"the service does not start: SLIPWAY_MODEL is not set"' in said
