"""Text for people is short, and safe to print in a terminal."""

import time
from collections.abc import Iterator

import pytest

from slipway.errors import SlipwayError
from slipway.text import (
    counted,
    cut,
    format_time,
    is_plain,
    listed,
    one_line,
    pairs,
    parse_time,
    printable,
    quoted,
    words,
)


@pytest.mark.parametrize(("text", "shown"), [("iris", "iris"), ("12345", "12345"), ("123456", "1234…")])
def test_a_long_text_is_cut_to_the_given_length(text: str, shown: str) -> None:
    """The ellipsis counts as a character."""
    assert cut(text, 5) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [("a\n", r"'a\n'"), (7, "7"), ("x" * 99, "'xxxxxxxx…"), ([1, 2], "[1, 2]")]
)
def test_a_value_is_quoted_as_python_writes_it(value: object, shown: str) -> None:
    """Line breaks in the value are escaped."""
    assert quoted(value, 10) == shown


@pytest.mark.parametrize(
    ("names", "shown"), [([], ""), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")]
)
def test_a_list_says_how_much_it_leaves_out(names: list[str], shown: str) -> None:
    """A short list is shown whole."""
    assert listed(names, 2) == shown


def test_nothing_in_a_text_steers_a_terminal_or_a_runner() -> None:
    """Control characters get a mark, and a line break starts no command."""
    assert one_line("fine\n::error::\x1b[31mred") == "fine ::error::\ufffd[31mred"


@pytest.mark.parametrize(("number", "shown"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_a_number_comes_with_its_noun(number: int, shown: str) -> None:
    """One is singular."""
    assert counted(number, "row") == shown


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([], {}),
        (["a=1", "b=x=y", "c="], {"a": "1", "b": "x=y", "c": ""}),
        (["who=Ann B."], {"who": "Ann B."}),
    ],
)
def test_pairs_are_split_at_the_first_sign(texts: list[str], found: dict[str, str]) -> None:
    """All that follows is the value, which may be empty."""
    assert pairs(texts, "-p") == found


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["a"], "-p 'a' is not NAME=VALUE\n  → write it like stage=blue"),
        (["=1"], "-p '=1' is not NAME=VALUE"),
        ([""], "-p '' is not NAME=VALUE"),
        (["a=1", "a=2"], "-p a is given twice: '1' and '2'\n  → keep one of them"),
    ],
)
def test_other_texts_are_refused(texts: list[str], says: str) -> None:
    """A name that is given twice is refused too: one of the two values would be lost."""
    with pytest.raises(SlipwayError) as caught:
        pairs(texts, "-p")
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", []), ("c=0.5 solver=lbfgs", ["c=0.5", "solver=lbfgs"]), ("who='Ann B.'\nc=1", ["who=Ann B.", "c=1"])],
)
def test_a_text_is_split_into_words(text: str, found: list[str]) -> None:
    """It is split as by a shell, so that a value may have spaces."""
    assert words(text, "--parameters") == found


def test_an_open_quotation_is_refused() -> None:
    """The message says how to write it."""
    with pytest.raises(SlipwayError, match="cannot be divided into words: No closing quotation") as caught:
        words("who='Ann", "--parameters")
    assert "write it as for a shell" in caught.value.fix


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local time zone to UTC+2."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC-2")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00.5+01:00", "2026-11-21T09:00:00Z"),
        ("2026-11-21 10:00", "2026-11-21T08:00:00Z"),
        ("2026-11-21 10:00:30", "2026-11-21T08:00:30Z"),
        ("2026-11-21", "2026-11-21T21:59:59Z"),
    ],
)
def test_a_time_is_written_in_utc(zone: None, text: str, moment: str) -> None:  # noqa: ARG001
    """RFC 3339 keeps its zone. Without a zone, the time is local. A date means its end."""
    assert format_time(parse_time(text)) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-21T", "20261121", "2026-11-21 10", "10:00"])
def test_a_text_in_another_form_is_no_time(text: str) -> None:
    """Other texts are refused, and the message lists the known forms."""
    with pytest.raises(SlipwayError, match="is not a time") as caught:
        parse_time(text)
    assert "2026-11-21" in caught.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "Précision : 12\u00a0% trop bas",
        "12\u202f345",
        "👩\u200d💻 ❤\ufe0f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f3f4\U000e0067\U000e007f",
        "",
    ],
)
def test_what_people_write_is_plain(text: str) -> None:
    """No-break spaces, joined emoji and letters of all languages stay as they are."""
    assert is_plain(text) and printable(text) == text


@pytest.mark.parametrize(
    "letter", ["\n", "\r", "\x0b", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\u200e", "\u061c", "\x1b", "\ud800"]
)
def test_what_steers_is_not_plain(letter: str) -> None:
    """Line ends, marks of direction, control characters and halves of characters are marked."""
    assert not is_plain(f"a{letter}b") and printable(f"a{letter}b") == "a\ufffdb"
