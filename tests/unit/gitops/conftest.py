"""Fixtures shared with the tests of releases."""

from tests.unit.release.conftest import team

__all__ = ["team"]
