"""A remote with clones of it, as the tests of releases have it."""

from tests.unit.release.conftest import team

__all__ = ["team"]
