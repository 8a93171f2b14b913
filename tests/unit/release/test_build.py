"""`slipway build` writes the plan of a release."""

from pathlib import Path
from typing import Any

import pytest

from slipway.git import Repository
from slipway.gitops.branches import Here
from slipway.overlays.types import Overlay
from slipway.release import build as building
from slipway.release.due import choose
from tests.unit.conftest import Site


def test_an_unexpected_error_in_one_model_stops_no_other(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan contains the failure, and the traceback is reported."""

    def faulty(choice: Any, settings: Any, store: Any, overlay: Overlay) -> Any:
        if overlay.model == "iris":
            raise UnicodeDecodeError("utf-8", b"\xf6", 0, 1, "invalid start byte")
        return choose(choice, settings, store, overlay)

    monkeypatch.setattr("slipway.release.build.choose", faulty)
    said: list[str] = []
    asked = building.Asked(models=["iris", "tumor"])
    plan = building.build(site.settings, asked, Here(Repository(site.root)), tmp_path / "built", report=said.append)
    assert [planned.result for planned in plan.models] == ["failed", "skipped"]
    assert plan.models[0].text.startswith("UnicodeDecodeError: 'utf-8' codec can't decode")
    assert any("Traceback" in line for line in said)


def test_a_push_that_changes_only_overlays_is_recognized(site: Site) -> None:
    """A commit that is missing here counts as a change of other files."""
    first = site.head
    site.released()
    second = site.head
    site.write("notes", "mine")
    third = site.commit()
    repository = Repository(site.root)
    assert building.overlays_only(repository, first, second)
    assert not building.overlays_only(repository, first, third)
    assert not building.overlays_only(repository, "1" * 40, second)
