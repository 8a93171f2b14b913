"""Where a pull request comes from, as its event says."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.github.runs import fork

HERE = {"repo": {"full_name": "team/models"}}


def event(tmp_path: Path, patch: pytest.MonkeyPatch, content: Any, name: str = "pull_request") -> None:
    path = tmp_path / "event.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    patch.setenv("GITHUB_EVENT_NAME", name)
    patch.setenv("GITHUB_EVENT_PATH", str(path))


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (HERE, ""),
        ({"repo": {"full_name": "mallory/models"}}, "mallory/models"),
        ({"repo": None}, "a repository that is gone"),
    ],
)
def test_where_a_pull_request_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: dict[str, Any], found: str
) -> None:
    """Empty where it is this repository; a deleted one counts as another."""
    event(tmp_path, monkeypatch, {"pull_request": {"base": HERE, "head": head}})
    assert fork() == found


def test_other_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push, and a person's laptop, come from nowhere else."""
    event(tmp_path, monkeypatch, "not read", "push")
    assert fork() == ""
    monkeypatch.delenv("GITHUB_EVENT_NAME")
    assert fork() == ""


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pull_request": null}', '{"pull_request": {"base": {}}}'])
def test_an_event_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """Nobody is taken for a member of the team by mistake."""
    event(tmp_path, monkeypatch, content)
    with pytest.raises(SlipwayError, match="the event of the pull request cannot be read"):
        fork()
