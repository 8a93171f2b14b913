"""Text for people is short, and harmless to whoever shows it."""

import pytest

from slipway.text import counted, cut, listed, one_line, quoted


@pytest.mark.parametrize(("text", "shown"), [("iris", "iris"), ("12345", "12345"), ("123456", "1234…")])
def test_a_long_text_is_cut_to_the_given_length(text: str, shown: str) -> None:
    """The ellipsis counts."""
    assert cut(text, 5) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [("a\n", r"'a\n'"), (7, "7"), ("x" * 99, "'xxxxxxxx…"), ([1, 2], "[1, 2]")]
)
def test_a_value_is_quoted_as_python_writes_it(value: object, shown: str) -> None:
    """Line breaks within are escaped."""
    assert quoted(value, 10) == shown


@pytest.mark.parametrize(
    ("words", "shown"), [([], ""), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")]
)
def test_a_list_says_how_much_it_leaves_out(words: list[str], shown: str) -> None:
    """All are named where they fit."""
    assert listed(words, 2) == shown


def test_nothing_in_a_text_steers_a_terminal_or_a_runner() -> None:
    """Control characters get a mark, and a line break starts no command."""
    assert one_line("fine\n::error::\x1b[31mred") == "fine ::error::\ufffd[31mred"


@pytest.mark.parametrize(("number", "shown"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_a_number_comes_with_its_noun(number: int, shown: str) -> None:
    """One is singular."""
    assert counted(number, "row") == shown
