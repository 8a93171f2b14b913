"""The training digest changes with everything that decides what training makes."""

import pytest

from slipway.models.discovery import training_digest
from slipway.training.task import begin
from tests import wheels as built


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda team: team.edit("max_iter", "iterations"), True),
        (lambda team: write(team.folder / "words.txt", "one\n"), True),
        (lambda team: write(team.folder / "requirements.txt", "numpy==2.0.0\n"), True),
        (lambda team: built.write(team.folder / "wheels", "ourlib", "1.0"), True),
        (lambda team: built.write(team.root / "model/other/wheels", "ourlib", "1.0"), False),
        (lambda team: team.configure("models:\n  fruit:\n    parameters: {max_iter: 7}\n"), True),
        (lambda team: team.configure("models:\n  fruit:\n    held_out: 0.3\n"), True),
        (lambda team: team.configure("models:\n  fruit:\n    split: {time: length}\n"), True),
        (lambda team: team.configure("models:\n  fruit:\n    convert: never\n"), True),
        (lambda team: team.configure("models:\n  fruit:\n    convert: auto\n"), False),
        (lambda team: write(team.root / "model/common/shared.py", "VALUE = 2\n"), True),
        (lambda team: write(team.root / "model/common/deep.py", "VALUE = 2\n"), True),
        (lambda team: write(team.root / "model/common/other.py", "VALUE = 2\n"), False),
        (lambda team: team.edit("red", "blue", file="test_model.py"), False),
        (lambda team: team.edit("What", "that", file="README.md"), False),
        (lambda team: team.data("length\n1\n"), False),
        (
            lambda team: write(
                team.folder / "requirements.txt", (team.folder / "requirements.txt").read_text() + "# why\n"
            ),
            False,
        ),
        (lambda team: team.configure("models:\n  fruit:\n    gates: {accuracy: {min: 0.1}}\n"), False),
        (lambda team: write(team.folder / "__pycache__/model.cpython-311.pyc", "x"), False),
        (lambda team: write(team.root / "model/other/model.py", "VALUE = 2\n"), False),
    ],
    ids=[
        *(
            "code",
            "other file",
            "requirement",
            "wheel",
            "wheel of others",
            "parameter",
            "held out",
            "split",
            "no conversion",
            "conversion as by default",
        ),
        *("shared code", "shared code's own import"),
        *(
            "shared code of others",
            "test",
            "README",
            "data",
            "comment in requirements",
            "gate",
            "bytecode",
            "other model",
        ),
    ],
)
def test_the_digest_covers_just_what_decides_the_training(team, change, counts):
    """Code, imported shared code, requirements and parameters count; other files do not."""
    write(team.root / "model/common/shared.py", "from model.common.deep import VALUE\n")
    write(team.root / "model/common/deep.py", "VALUE = 1\n")
    team.edit("from slipway.model", "import model.common.shared\nfrom slipway.model")
    before = training_digest(team.settings, "fruit")
    change(team)
    assert (training_digest(team.settings, "fruit") != before) == counts


def test_a_training_with_other_parameters_is_not_what_the_code_asks_for(team):
    """`-p` changes the digest, unless it repeats the settings."""
    asked = training_digest(team.settings, "fruit")
    assert begin(team.settings, "fruit", "test").training_digest == asked
    trial = begin(team.settings, "fruit", "test", parameters={"max_iter": "7"})
    assert trial.training_digest != asked
    assert trial.parameters == {"max_iter": 7}
    team.configure("models:\n  fruit:\n    parameters: {max_iter: 7}\n")
    assert training_digest(team.settings, "fruit") == trial.training_digest


def test_the_content_of_a_wheel_counts_and_none_leaves_the_digest_as_it_is(team):
    """Another wheel of the same name is another training; a folder without wheels is not."""
    without = training_digest(team.settings, "fruit")
    digests = []
    for value in (1, 2):
        path = built.write(team.folder / "wheels", "ourlib", "1.0", value=value)
        digests.append(training_digest(team.settings, "fruit"))
    assert len({without, *digests}) == 3
    path.unlink()
    assert training_digest(team.settings, "fruit") == without
