"""NAME=VALUE texts, and texts that are split into words."""

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
    """All that follows is the value, which may be empty."""
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
def test_other_texts_are_refused(texts, says):
    """A name that is given twice is refused too: one of the two values would be lost."""
    with pytest.raises(SlipwayError) as caught:
        pairs(texts, "-p")
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", []), ("c=0.5 solver=lbfgs", ["c=0.5", "solver=lbfgs"]), ("who='Ann B.'\nc=1", ["who=Ann B.", "c=1"])],
)
def test_a_text_is_split_into_words(text, found):
    """It is split as by a shell, so that a value may have spaces."""
    assert words(text, "--parameters") == found


def test_an_open_quotation_is_refused():
    """The message says how to write it."""
    with pytest.raises(SlipwayError, match="cannot be divided into words: No closing quotation") as caught:
        words("who='Ann", "--parameters")
    assert "write it as for a shell" in caught.value.fix
