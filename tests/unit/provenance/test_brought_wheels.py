"""A version that was trained with a wheel is served and trained again when the folder has another one, or none."""

import subprocess
import sys
from pathlib import Path

import pytest

from slipway import digests
from slipway.images import bundle, clients, running
from slipway.models import wheels
from slipway.provenance.reproduce import reproduce
from tests import wheels as built
from tests.unit.conftest import Site

ROOT = Path(__file__).parents[3]
SETTINGS = "environments:\n  test: {store: .slipway/store/test, namespace: slipway-test}\n"
MODEL = '''
import idna
import ourlib
from slipway.model import Model


class Weight(Model):
    """How heavy it is."""

    source_features = ["length"]
    target_variable = "weight"
    output = float

    def train(self, data):
        self.slope = float(ourlib.VALUE)

    def predict(self, rows):
        return [row["length"] * self.slope + ourlib.VALUE for row in rows]
'''


def slipway(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "slipway", "-C", str(site.root), *words]
    return subprocess.run(command, cwd=site.root, capture_output=True, text=True, check=False)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a repository with the model `fruit`, whose wheel needs a package of the index."""
    site = Site(tmp_path / "repository")
    site.write("slipway.yaml", SETTINGS)
    site.write(".gitignore", ".slipway/\n__pycache__/\n")
    site.write("requirements.lock", (ROOT / "requirements.lock").read_text())
    site.write("model/fruit/model.py", MODEL)
    site.write("model/fruit/test_model.py", "import ourlib\n\n\ndef test_it():\n    assert ourlib.VALUE\n")
    site.write("model/fruit/requirements.txt", "ourlib==1.0\n")
    site.write("model/fruit/fruit.csv", "length,weight\n" + "".join(f"{n},{n * 3}\n" for n in range(1, 61)))
    built.write(site.root / "model/fruit/wheels", "ourlib", "1.0", value=3, needs=["idna"])
    site.git("init", "--quiet", "--initial-branch=main")
    site.git("config", "user.name", "Ada")
    site.git("config", "user.email", "ada@example.org")
    site.commit("Start")
    return site


@pytest.mark.long(90)
def test_a_version_keeps_its_wheel(site: Site, tmp_path: Path) -> None:
    """It is served and reproduced with what it was trained with; a record of it needs nothing of today's folder."""
    done = slipway(site, "train", "fruit")
    assert done.returncode == 0, done.stderr
    folder = site.root / "model/fruit"
    wheel = folder / "wheels/ourlib-1.0-py3-none-any.whl"
    trained = digests.of_file(wheel)
    built.write(wheel.parent, "ourlib", "1.0", value=1000)
    site.commit("Another wheel of the same version")
    record = site.store().record("fruit", 1)
    assert record.artifact.files[f"wheels/{wheel.name}"].sha256 == trained
    made = bundle.make(site.settings, site.store(), record, tmp_path / "bundle")
    assert wheels.beside(made.lock).keys() == {f"wheels/{wheel.name}"}
    with running.serve(made) as url:
        assert clients.predict(url, [{"length": 2.0}]) == [9.0]
    said: list[str] = []
    found = reproduce(site.settings, "fruit/test/1", report=said.append)
    assert found.holds and found.digest == record.artifact.digest, (said, found.lines())
    assert slipway(site, "train", "fruit").returncode == 0
    second = site.store().record("fruit", 2)
    assert second.training and record.training and second.training.digest != record.training.digest


@pytest.mark.long(60)
def test_a_wheel_that_git_ignores_is_in_no_commit(site: Site) -> None:
    """A training with it is not said to be of the commit, and so is not reproduced from it with another package."""
    site.write(".gitignore", ".slipway/\n__pycache__/\n*.whl\n")
    site.git("rm", "--quiet", "--cached", "-r", "model/fruit/wheels")
    site.commit("Ignore")
    done = slipway(site, "train", "fruit")
    assert done.returncode == 0, done.stderr
    training = site.store().record("fruit", 1).training
    assert training and training.dirty
