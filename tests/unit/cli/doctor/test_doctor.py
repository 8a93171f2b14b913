"""What is missing is named, with what to do; what cannot be seen is not guessed."""

import pytest

from slipway.cli import main
from slipway.errors import SlipwayError


def test_nothing_is_missing(place, capsys):
    """One line for each thing, area by area; the exit status says so too."""
    assert main(["-C", str(place.root), "doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"{len(lines) - 1} ok, 0 missing, 0 unknown"
    areas = [line.split()[1] for line in lines[:-1]]
    assert list(dict.fromkeys(areas)) == ["tools:", "git:", "settings:", "stores:", "files:", "github:"]
    assert "ok       github: the bot's App may pass the ruleset 'main'" in lines


def test_something_is_missing(place, capsys):
    """It is told on its line with what to do, and the exit status is 1."""
    place.git("remote", "remove", "origin")
    assert main(["-C", str(place.root), "doctor"]) == 1
    line = "missing  git: there is no remote called origin: nothing can be pushed → git remote add origin URL"
    assert line in capsys.readouterr().out.splitlines()


def test_nothing_is_changed(place, on_github):
    """Neither here nor there."""
    before = sorted(place.root.rglob("*"))
    place.found("ok")
    assert sorted(place.root.rglob("*")) == before
    assert {request.split()[0] for request in on_github.requests} == {"GET"}


def test_no_settings(place):
    """Without the file there is nothing to look at; with a wrong one the rest cannot be told."""
    place.write("slipway.yaml", "environments: {test: {stroe: x}}\n")
    assert [line.split(":")[0] for line in place.missing] == ["settings"]
    (place.root / "slipway.yaml").unlink()
    with pytest.raises(SlipwayError, match=r"there is no slipway\.yaml"):
        place.found("ok")
