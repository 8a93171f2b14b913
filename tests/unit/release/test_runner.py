"""A training on the runner: the steps, in the model's own environment."""

import pytest

from slipway.errors import SlipwayError
from slipway.processes import WITHHELD
from slipway.release.trainings import run
from tests.unit.conftest import ROOT, Site

COIN = '''
from slipway.model import Model


class Coin(Model):
    """Says the same whatever it is asked."""

    source_features = ["number"]
    target_variable = "side"

    def train(self, data):
        self.side = "heads"

    def predict(self, rows):
        return [self.side for row in rows]
'''


def test_a_training_on_the_runner(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps in the model's own environment; the record names the run. What it says is passed on, line by line."""
    monkeypatch.setenv("SLIPWAY_RUN", "https://ci.example/runs/7")
    for name in WITHHELD:
        monkeypatch.setenv(name, "secret")
    site.write("requirements.lock", (ROOT / "requirements.lock").read_text())
    site.write("model/iris/model.py", COIN)
    site.write("model/iris/requirements.txt", "")
    seen = f"assert not os.environ.keys() & {set(WITHHELD)}"
    site.write("model/iris/test_model.py", f"import os\n\n{seen}\n\ndef test_it():\n    {seen}\n")
    rows = [f"{number},{('heads', 'tails')[number % 2]}" for number in range(40)]
    site.write("model/iris/iris.csv", "\n".join(["number,side", *rows]) + "\n")
    commit = site.commit()
    said: list[str] = []
    made = run(site.settings, "iris", "test", said.append)
    assert made == site.store().record("iris", 1)
    assert made.training is not None
    assert (made.training.run, made.training.commit) == ("https://ci.example/runs/7", commit)
    assert [line.split()[0] for line in said[:6]] == ["fetch", "check", "test", "fit", "evaluate", "publish"]


def test_a_training_that_fails_on_the_runner(site: Site) -> None:
    """The last lines are told, and how to do the same by hand; nothing is published."""
    with pytest.raises(
        SlipwayError, match=r"training iris failed:\n  error: model/iris/requirements\.txt is missing\n"
    ) as caught:
        run(site.settings, "iris", "test")
    assert caught.value.fix == "slipway train iris --env test does the same by hand"
    assert site.store().versions("iris") == []
