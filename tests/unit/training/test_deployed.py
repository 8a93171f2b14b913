"""Which version a training compares with."""

import pytest

from slipway.errors import SlipwayError
from slipway.store import open_store
from slipway.training import deployed


@pytest.fixture
def store(team):
    """A store with two versions of the model, none of them released."""
    found = open_store("store/test", root=team.root, environment="test")
    for number in (1, 2):
        folder = team.root / f"artifact-{number}"
        folder.mkdir()
        (folder / "artifact.json").write_text(str(number))
        found.publish("fruit", folder)
    return found


@pytest.mark.parametrize(("told", "version"), [("1", 1), ("2", 2), ("7", None), ("", None)])
def test_the_environment_names_it_where_there_is_no_work_tree(team, store, monkeypatch, told, version):
    """A model that was never deployed, or whose version the store has not, is compared with nothing."""
    monkeypatch.setenv("SLIPWAY_DEPLOYED", told)
    found = deployed.record(team.settings, "fruit", "test")
    assert (found and found.version) == version
    assert store.versions("fruit") == [1, 2]


def test_what_is_no_version_is_refused(team, monkeypatch):
    """Rather than trained without the comparison that a gate asks for."""
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "v7")
    with pytest.raises(SlipwayError, match="SLIPWAY_DEPLOYED is 'v7'"):
        deployed.record(team.settings, "fruit", "test")
