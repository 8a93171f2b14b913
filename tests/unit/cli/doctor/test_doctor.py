"""`slipway doctor` names what is missing, and does not guess what it cannot see."""

import pytest

from slipway.cli import main
from slipway.errors import SlipwayError


def test_nothing_is_missing(place, capsys):
    """Each thing has one line, area by area, and the exit status is 0."""
    assert main(["-C", str(place.root), "doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"{len(lines) - 1} ok, 0 missing, 0 unknown"
    areas = [line.split()[1] for line in lines[:-1]]
    assert list(dict.fromkeys(areas)) == ["tools:", "git:", "settings:", "stores:", "overlays:", "files:", "github:"]
    assert "ok       github: the bot's App may pass the ruleset 'main'" in lines


def test_something_is_missing(place, capsys):
    """Its line says what to do, and the exit status is 1."""
    place.git("remote", "remove", "origin")
    assert main(["-C", str(place.root), "doctor"]) == 1
    line = "missing  git: there is no remote called origin: nothing can be pushed → git remote add origin URL"
    assert line in capsys.readouterr().out.splitlines()


def test_nothing_is_changed(place, on_github):
    """Nothing changes in the repository or on GitHub."""
    before = sorted(place.root.rglob("*"))
    place.found("ok")
    assert sorted(place.root.rglob("*")) == before
    assert {request.split()[0] for request in on_github.requests} == {"GET"}


def test_no_settings(place):
    """Without the file it is an error; with a wrong one only the settings are missing."""
    place.write("slipway.yaml", "environments: {test: {stroe: x}}\n")
    assert [line.split(":")[0] for line in place.missing] == ["settings"]
    (place.root / "slipway.yaml").unlink()
    with pytest.raises(SlipwayError, match=r"there is no slipway\.yaml"):
        place.found("ok")
