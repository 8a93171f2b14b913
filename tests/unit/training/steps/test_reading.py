"""What a model draws at random begins with the seed of the training, in each step."""

import pytest

from slipway.errors import SlipwayError
from tests.unit.training.conftest import KIND, PLAIN

READ = """
    def read(self, path):
        return super().read(path).sample(frac=1SEED)
"""


@pytest.mark.parametrize("seed", ["", ", random_state=3"])
def test_a_read_that_draws_gets_the_seed_in_each_step(team, seed):
    """The rows that are held out are the same in all steps."""
    (team.folder / "model.py").write_text(PLAIN.replace("PREDICTION", KIND) + READ.replace("SEED", seed))
    team.run("fetch", "check", "fit")


def test_a_read_with_other_rows_each_time_is_refused_before_the_fit(team):
    """The rows to hold out were chosen by their places: others would be trained on."""
    read = READ.replace("SEED", ", random_state=numpy.random.default_rng()")
    (team.folder / "model.py").write_text("import numpy\n" + PLAIN.replace("PREDICTION", KIND) + read)
    with pytest.raises(SlipwayError, match=r"Fruit\.read gives other rows each time that it is asked") as caught:
        team.run("fetch", "check", "fit")
    assert "random_state=0" in caught.value.fix
