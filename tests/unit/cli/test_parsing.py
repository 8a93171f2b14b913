"""Arguments that several verbs take."""

import pytest

from slipway.cli.parsing import pairs, words
from slipway.errors import SlipwayError


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([], {}),
        (["a=1", "b=x=y", "c="], {"a": "1", "b": "x=y", "c": ""}),
        (["who=Ann B."], {"who": "Ann B."}),
    ],
)
def test_pairs_are_split_at_the_first_sign(texts, found):
    """What follows is the value, whatever is in it, or nothing."""
    assert pairs(texts, "-p") == found


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["a"], "-p 'a' is not NAME=VALUE\n  → write it like -p stage=blue"),
        (["=1"], "-p '=1' is not NAME=VALUE"),
        ([""], "-p '' is not NAME=VALUE"),
        (["a=1", "a=2"], "-p a is given twice: '1' and '2'\n  → keep one of them"),
    ],
)
def test_what_is_no_pair_is_refused(texts, says):
    """And so is a name that is given twice, for one of the two would be lost."""
    with pytest.raises(SlipwayError) as caught:
        pairs(texts, "-p")
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", []), ("c=0.5 solver=lbfgs", ["c=0.5", "solver=lbfgs"]), ("who='Ann B.'\nc=1", ["who=Ann B.", "c=1"])],
)
def test_a_text_is_divided_into_words(text, found):
    """As a shell does, so that a value may have spaces."""
    assert words(text, "--parameters") == found


def test_half_a_quotation_is_refused():
    """With the way to write it."""
    with pytest.raises(SlipwayError, match="cannot be divided into words: No closing quotation") as caught:
        words("who='Ann", "--parameters")
    assert "write it as for a shell" in caught.value.fix
