"""`slipway build`: what one model meets stops no other."""

from pathlib import Path
from typing import Any

import pytest

from slipway.git import Repository
from slipway.gitops.places import Here
from slipway.release import build as building
from slipway.release.due import choose
from tests.unit.conftest import Site


def test_a_fault_in_one_model_stops_no_other(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the plan as that model's failure, and shown with all that is known of it."""

    def faulty(choice: Any, settings: Any, model: str, *more: Any) -> Any:
        if model == "iris":
            raise UnicodeDecodeError("utf-8", b"\xf6", 0, 1, "invalid start byte")
        return choose(choice, settings, model, *more)

    monkeypatch.setattr("slipway.release.build.choose", faulty)
    said: list[str] = []
    asked = building.Asked(models=["iris", "tumor"])
    plan = building.build(site.settings, asked, Here(Repository(site.root)), tmp_path / "built", report=said.append)
    assert [planned.result for planned in plan.models] == ["failed", "skipped"]
    assert plan.models[0].text.startswith("UnicodeDecodeError: 'utf-8' codec can't decode")
    assert any("Traceback" in line for line in said)
