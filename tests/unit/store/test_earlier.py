"""Records and evidence of earlier code are read."""

import json
from pathlib import Path
from typing import Any

import pytest

import slipway
from slipway.cli import main
from tests.earlier import given
from tests.unit.conftest import Site


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return given.repository(tmp_path_factory.mktemp("earlier") / "team")


def within(shown: Any, known: Any) -> Any:
    """Return the fields of `shown` that `known` has, at any depth: later fields have their defaults."""
    if isinstance(known, dict):
        return {name: within(shown.get(name), value) for name, value in known.items()}
    return shown


def test_every_earlier_record_is_shown_and_fetched(
    team: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its fields are shown, and its files are whole in the store."""
    paths = sorted((team.root / ".slipway/store").glob("*/*/versions/*.json"))
    assert len(paths) == len(given.VERSIONS) + 6
    for path in paths:
        environment, model, version = path.parts[-4], path.parts[-3], int(path.stem)
        command = ["-C", str(team.root), "show", model, "--env", environment, "--version", str(version)]
        assert main(command) == 0
        shown, known = json.loads(capsys.readouterr().out), json.loads(path.read_bytes())
        assert within(shown, known) == known
        store = team.store(environment)
        record = store.record(model, version)
        assert all(store.content(record, name) for name in record.attachments)
        store.fetch(record, tmp_path / environment / path.stem / model)


def test_version_published_from_a_notebook_is_found_by_its_metadata(team: Site, tmp_path: Path) -> None:
    found = slipway.fetch("byhand", to=tmp_path / "found", where={"author": "ada"}, root=team.root)
    assert (found / "deep/weights.txt").read_text() == "1 2 3\n"


def test_earlier_evidence_is_read(team: Site) -> None:
    """The store names the versions that it is of."""
    store = team.store()
    assert store.verified_versions("fruit") == [1, 2]
    for path in (team.root / ".slipway/store/test/fruit/verified").glob("*.json"):
        assert store.verified("fruit", path.stem) == json.loads(path.read_bytes())


def test_new_version_gets_the_number_after_the_earlier_ones(team: Site, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/file.txt").write_text("more\n")
    assert team.store().publish("fruit", tmp_path / "more").version == 3
