"""What a command line ends with when something is wrong."""

from pathlib import Path

import pytest

from slipway.cli import main


def test_a_mistake_is_on_the_page_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an annotation and in the summary, problem and what to do; on a laptop it is told once."""
    summary = tmp_path / "summary"
    words = ["-C", str(tmp_path), "status"]
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.out == "" and "slipway.yaml" in told.err and not summary.exists()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.out.startswith("::error::") and "slipway.yaml" in told.out and "slipway.yaml" in summary.read_text()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none/summary"))
    assert main(words) == 1


@pytest.mark.parametrize("share", ["9" * 5000, "1000", "ten", ""])
def test_a_share_that_is_none(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it is, it is told in a few words."""
    assert main(["traffic", "iris", "--env", "test", f"v1={share}"]) == 1
    said = capsys.readouterr().err
    assert "is no share of the requests" in said and len(said) < 200
