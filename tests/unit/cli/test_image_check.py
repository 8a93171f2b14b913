"""The check of a new image, as it runs inside."""

from pathlib import Path

import pytest

from slipway.cli import image_check
from slipway.errors import SlipwayError
from tests.unit.serving import tiny


def test_the_platform_loads_what_its_pods_need() -> None:
    """All modules that pods run can be imported."""
    image_check.check_platform()


def test_a_trainer_has_to_know_its_model(tmp_path: Path) -> None:
    """A model that is not in its repository is an error."""
    with pytest.raises(SlipwayError):
        image_check.check_trainer(tiny.repository(tmp_path / "repository").root, "missing")
