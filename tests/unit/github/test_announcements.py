"""Announcements reach GitHub, and never fail the work that they announce."""

import pytest

from slipway.cli import main
from slipway.github import events
from slipway.names import ModelId, ReleaseName
from tests.forge_server.fixtures import NAME, TOKEN
from tests.forge_server.server import Forge

VERSION = ModelId("iris", "test", 7)
RELEASE = ReleaseName.parse("v7-1a2b3c4d")


@pytest.fixture
def given(on_github: Forge, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """Set the variables of a pod: the token of its Secret, and no token of a workflow."""
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setenv(events.TOKEN, f"{TOKEN}\n")
    return on_github


def test_a_version_and_a_verified_release_are_told(given: Forge) -> None:
    """The types of the events are those that the workflows `release` and `promote` wait for."""
    assert events.announce_version(VERSION) == f"slipway-version is announced to {NAME}"
    assert events.announce_verified("test", "iris", RELEASE) == f"slipway-verified is announced to {NAME}"
    assert given.states[NAME].dispatches == [
        {"event_type": "slipway-version", "client_payload": {"model": "iris", "environment": "test", "version": 7}},
        {
            "event_type": "slipway-verified",
            "client_payload": {"model": "iris", "environment": "test", "release": "v7-1a2b3c4d"},
        },
    ]


def test_without_a_token_nobody_is_told(given: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty token, as of a missing Secret, counts as none."""
    monkeypatch.setenv(events.TOKEN, "")
    assert "SLIPWAY_DISPATCH_TOKEN is not set" in events.announce_version(VERSION)
    assert given.states[NAME].dispatches == []


def test_a_refusal_is_told_and_fails_nothing(
    given: Forge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After any refusal of GitHub the outcome is text, and the command ends with 0."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/another")
    assert main(["announce", "verified", "iris", "v7-1a2b3c4d", "--env", "test"]) == 0
    assert main(["announce", "version", "iris", "7"]) == 0
    said = capsys.readouterr().out
    assert "slipway-verified could not be announced" in said
    assert "team/another" in said
    assert TOKEN not in said
    assert given.states[NAME].dispatches == []
