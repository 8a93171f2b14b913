"""Markdown that is cut stays markdown."""

import pytest

from slipway.github.markdown import MOST, fit

NOTE = "\n\n> *Cut here: the whole is longer than GitHub takes.*\n"


@pytest.mark.parametrize("text", ["", "x", "x" * MOST, "```\n" + "x\n" * 30_000])
def test_what_fits_is_left_alone(text):
    """Up to the last character, and whatever is open in it."""
    assert fit(text) == text


@pytest.mark.parametrize(
    ("before", "line", "ends"),
    [
        ("", "some text\n", ""),
        ("```diff\n", "+ a line\n", "\n```"),
        ("~~~~\n~~~\n", "a line\n", "\n~~~~"),
        ("```\n````\n", "after a longer fence closed it\n", ""),
        ("````\n```\n", "a shorter one does not\n", "\n````"),
        ("```\n``` no end\n", "what follows it makes it none\n", "\n```"),
        ("<details><summary>a</summary>\n", "a line\n", "\n</details>"),
        ("<details>\n<DETAILS open>\n```\n</details>\n", "a line\n", "\n```\n</details>\n</details>"),
        ("<details>\n</details>\n</details>\n<details>\n", "a line\n", "\n</details>"),
        ("    ```\n", "indented code is no fence\n", ""),
        ("``` a `b` ```\n", "nor is code within a line\n", ""),
    ],
)
def test_what_is_open_is_closed(before, line, ends):
    """At the end of a line; the note stands outside of it and is seen."""
    cut = fit(before + line * 20_000)
    assert len(cut) <= MOST
    assert cut.endswith(ends + NOTE)
    kept = cut.removesuffix(NOTE).removesuffix(ends)
    assert set(kept.removeprefix(before).split("\n")) == {line.rstrip("\n")}


def test_one_long_line_is_cut_within():
    """Where whole lines would leave next to nothing."""
    cut = fit("head\n" + "x" * 100_000)
    assert cut.startswith("head\nxxx") and 60_000 < len(cut) <= MOST


def test_many_details_do_not_make_it_longer_than_allowed():
    """However deep they are."""
    assert len(fit("<details>\n" * 20_000)) <= MOST
