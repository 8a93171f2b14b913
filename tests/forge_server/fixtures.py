"""Fixtures of a server that stands in for GitHub. A conftest.py imports them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forge_server.server import Forge, started

__all__ = ["NAME", "TOKEN", "forge", "on_github"]

NAME = "team/models"
TOKEN = "ghs_made_up"


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """Start a server with the empty repository `team/models`. Every token has every permission."""
    with started(tmp_path / "forge") as server:
        server.repository(NAME)
        yield server


@pytest.fixture
def on_github(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """Start a server, and set the variables by which `connect` finds it."""
    for name in [each for each in os.environ if each == "GH_TOKEN" or each.startswith("GITHUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GITHUB_API_URL", forge.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", NAME)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    return forge
