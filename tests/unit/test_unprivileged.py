"""What acts for the pipeline is kept from models' code."""

import pytest

from slipway import processes, settings
from slipway.errors import SlipwayError
from slipway.github import events
from slipway.models import model_tests

TEST = "import os\n\ndef test_it():\n    assert not os.environ.keys() & {*os.environ['NAMES'].split()}\n"


def test_a_models_tests_see_nothing_of_it(tmp_path, monkeypatch):
    """They run in a process without it, and this process keeps it; all else is passed on."""
    monkeypatch.setenv("NAMES", " ".join(processes.WITHHELD))
    for name in processes.WITHHELD:
        monkeypatch.setenv(name, "secret")
    (tmp_path / "slipway.yaml").write_text("environments: {test: {store: store, namespace: test}}\n")
    (tmp_path / "model/it").mkdir(parents=True)
    (tmp_path / "model/it/model.py").touch()
    (tmp_path / "model/it/test_model.py").write_text(TEST)
    of = settings.load(tmp_path)
    assert model_tests.run(of, "it") == "1 passed"
    assert processes.environment()["NAMES"]
    monkeypatch.setenv("NAMES", "PATH")
    with pytest.raises(SlipwayError, match="fail"):
        model_tests.run(of, "it")


def test_the_token_to_announce_by_is_among_it():
    """The list names it as the module that uses it does."""
    assert events.TOKEN in processes.WITHHELD
