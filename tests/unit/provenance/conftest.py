"""A repository with releases, as the tests of releases have it."""

from tests.forge_server.fixtures import forge, on_github
from tests.unit.release.conftest import people, site

__all__ = ["forge", "on_github", "people", "site"]
