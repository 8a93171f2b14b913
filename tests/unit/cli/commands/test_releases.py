"""`slipway release --built` and `build --event`: a plan or an event chooses the release."""

from pathlib import Path

import pytest

from slipway import cli
from tests.unit.conftest import Site


@pytest.mark.parametrize("verb", [["release", "--built", "plan"], ["build", "--event", "--to", "plan"]])
@pytest.mark.parametrize(
    "words", [["iris"], ["--traffic", "10"], ["--env", "test"], ["--version", "3"], ["--where", "stage=blue"]]
)
def test_options_that_choose_are_refused(
    site: Site, capsys: pytest.CaptureFixture[str], verb: list[str], words: list[str]
) -> None:
    """Such options would have no effect."""
    assert cli.main(["-C", str(site.root), *verb, *words]) == 1
    name = words[0] if words[0].startswith("-") else "models"
    assert f"it takes no {name}\n  → leave them out" in capsys.readouterr().err


@pytest.mark.long(3)
def test_a_plan_without_a_commit_starts_no_job(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due gives a list of new images, also an empty one; so does a training to withdraw; else there is none."""
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))

    def starts() -> bool:
        output.write_text("")
        assert cli.main(["-C", str(site.root), "build", "iris", "--to", str(tmp_path / "plan")]) == 0
        return "images<<" in output.read_text()

    monkeypatch.setattr("slipway.release.hands.Own.test", lambda *_: None)
    site.publish()
    assert starts()
    site.release("iris")
    assert not starts()
    site.write("overlays/test/iris/training/cron.yaml", "kind: CronWorkflow\n")
    site.commit("As it was declared once")
    assert starts()
