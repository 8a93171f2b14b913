"""Untrusted text as markdown, and sections that fit into a limit."""

import re

import pytest

from slipway.github.markdown import MOST, Section, code, details, fence, fit, fitted, table

NOTE = "\n\n> *Cut here: the whole is longer than GitHub takes.*\n"
NASTY = [
    "plain",
    "`tick`",
    "``two`` ticks`",
    "```",
    "pi|pe",
    "back\\|slash",
    "\\",
    "</details><script>alert(1)</script>",
    "@octocat fixes #1",
    "new\nline\r\n\n# head",
    "<!-- comment",
    "\u202egnirts\u200b",
    "ünï 漢字 🙂",
    "",
    "x" * 500,
]


def span(markdown):
    """Return the text of the only code span, as CommonMark reads it."""
    match = re.fullmatch(r"(`+)(.*?)(?<!`)\1", markdown)
    assert match and match[1] not in re.findall("`+", match[2]), markdown
    return match[2][1:-1] if match[2][:1] == match[2][-1:] == " " and match[2].strip() else match[2]


@pytest.mark.parametrize("text", NASTY)
def test_text_as_code_is_one_span_on_one_line(text):
    """Text stays within its code span, whatever its backticks. Control and direction characters are removed."""
    shown = span(code(text))
    assert shown.strip() == re.sub(r"[\x00-\x1f\u200b\u202e]+", " ", text).strip()[:79] + (
        "…" if len(text) > 80 else ""
    )


@pytest.mark.parametrize("text", NASTY)
def test_a_cell_stays_one_cell(text):
    """A bar in a cell is escaped, because GitHub ends a cell there even within code."""
    lines = table(["a", "b"], [[code(text), "end"]], align="lr").splitlines()
    assert len(lines) == 3 and lines[1] == "| :-- | --: |"
    cells = re.findall(r"(?:\\.|[^|\\])+", lines[2].strip("| "))
    assert len(cells) == 2 and cells[1].strip() == "end"


def test_a_long_table_is_cut_and_says_so():
    """The table says how many rows are left out."""
    found = table(["n"], [[str(number)] for number in range(100)], most=10)
    assert "| 9 |" in found and "| 10 |" not in found and "… and 90 more." in found


def test_a_block_of_code_ends_where_it_should():
    """The fence is longer than any in the text. Long lines are cut, and left out lines are counted."""
    found = fence("\n".join(["```", "x" * 1000, "last"]), "diff", 2).splitlines()
    assert found[0] == "````diff" and found[3] == "````"
    assert len(found[2]) < 500 and found[-1] == "… and 1 more lines."


def test_sections_are_shortened_the_longest_first():
    """Sections have their longest form if all fits, then shorter forms, and never less than the shortest."""
    kept, long, longer = Section(("kept",)), Section(("a" * 50, "a")), Section(("b" * 90, "b" * 60, "b"))
    assert fitted([kept, long, longer], 1000) == f"kept\n\n{'a' * 50}\n\n{'b' * 90}\n"
    assert fitted([kept, long, longer], 130) == f"kept\n\n{'a' * 50}\n\n{'b' * 60}\n"
    assert fitted([kept, long, longer], 100) == f"kept\n\n{'a' * 50}\n\nb\n"
    assert fitted([kept, long, longer], 1) == "kept\n\na\n\nb\n"


def test_details_leave_the_lines_that_markdown_needs():
    """Details have empty lines around their content, which GitHub needs to show a table in it."""
    assert details("more", "| a |") == "<details><summary>more</summary>\n\n| a |\n\n</details>"


@pytest.mark.parametrize("text", ["", "x", "x" * MOST, "```\n" + "x\n" * 30_000])
def test_a_text_that_fits_stays(text):
    """A text of exactly the limit stays as it is, even with an open fence."""
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
def test_open_fences_and_details_are_closed(before, line, ends):
    """Open fences and details are closed at the end of a line, and the note stands outside of them."""
    cut = fit(before + line * 20_000)
    assert len(cut) <= MOST
    assert cut.endswith(ends + NOTE)
    kept = cut.removesuffix(NOTE).removesuffix(ends)
    assert set(kept.removeprefix(before).split("\n")) == {line.rstrip("\n")}


def test_one_long_line_is_cut_within():
    """A long line is cut within if whole lines would leave next to nothing."""
    cut = fit("head\n" + "x" * 100_000)
    assert cut.startswith("head\nxxx") and 60_000 < len(cut) <= MOST


def test_many_details_do_not_make_it_longer_than_allowed():
    """The ends of many open details stay within the limit."""
    assert len(fit("<details>\n" * 20_000)) <= MOST
