"""Announcing: what GitHub is told, and that nothing fails by it."""

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
    """As a pod has it: the token of its Secret, and none of a workflow's."""
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setenv(events.TOKEN, f"{TOKEN}\n")
    return on_github


def test_a_version_and_a_verified_release_are_told(given: Forge) -> None:
    """As the workflows `release` and `promote` wait for them."""
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
    """An empty one, as of a Secret that is not there yet, is none."""
    monkeypatch.setenv(events.TOKEN, "")
    assert "SLIPWAY_DISPATCH_TOKEN is not set" in events.announce_version(VERSION)
    assert given.states[NAME].dispatches == []


def test_a_refusal_is_told_and_fails_nothing(
    given: Forge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was done stays done: the command ends with 0 whatever GitHub says."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/another")
    assert main(["announce", "verified", "iris", "v7-1a2b3c4d", "--env", "test"]) == 0
    assert main(["announce", "version", "iris", "7"]) == 0
    said = capsys.readouterr().out
    assert "slipway-verified could not be announced" in said
    assert "team/another" in said
    assert TOKEN not in said
    assert given.states[NAME].dispatches == []
