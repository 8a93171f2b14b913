"""The model of `slipway new` goes on as its comments say, with data as people have them."""

import pytest

from slipway.artifacts import load


@pytest.mark.long(25)
def test_a_rare_category_and_a_column_of_words_are_taken(team):
    """The encoder lets an unknown category pass; words go into a vectorizer by the name of their column."""
    words = ("ripe and sweet", "hard and green", "soft", "sweet but small", "green leaf on it")
    rows = (team.folder / "fruit.csv").read_text().splitlines()
    lines = [f"{row},{words[at % 5]} {at}" for at, row in enumerate(rows[1:])]
    rare = [f"9.{at},1.{at},{colour},large,odd {at}" for at, colour in enumerate(("pink", "grey", "gold", "teal"))]
    team.data("\n".join([f"{rows[0]},comment", *lines, *rare]) + "\n")
    team.edit('# A text in words: (TfidfVectorizer(), "comment") takes', '(TfidfVectorizer(), "comment"),  # takes')
    team.edit('"width", "colour"]', '"width", "colour", "comment"]')
    team.edit(
        "import LogisticRegression",
        "import LogisticRegression\n        from sklearn.feature_extraction.text import TfidfVectorizer",
    )
    team.edit('"colour": "red"}', '"colour": "red", "comment": "soft"}', file="test_model.py")
    folder = team.run("fetch", "check", "fit", "evaluate")
    row = {"length": 9.5, "width": 1.5, "colour": "pink", "comment": "never seen"}
    assert load(folder / "artifact").answer([row]) == ["large"]
