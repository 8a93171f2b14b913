"""Fixtures that tests of releases have, too."""

from tests.unit.release.conftest import team

__all__ = ["team"]
