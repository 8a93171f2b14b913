"""Text that nobody vouches for, as markdown; and sections that have to fit."""

import re

import pytest

from slipway.github.markdown import Section, code, details, fence, fitted, table

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
    """What is shown of a code span that is alone, read as CommonMark does."""
    match = re.fullmatch(r"(`+)(.*?)(?<!`)\1", markdown)
    assert match and match[1] not in re.findall("`+", match[2]), markdown
    return match[2][1:-1] if match[2][:1] == match[2][-1:] == " " and match[2].strip() else match[2]


@pytest.mark.parametrize("text", NASTY)
def test_text_as_code_is_one_span_on_one_line(text):
    """Nothing gets out of the span, whatever its ticks; control characters and what turns text around are gone."""
    shown = span(code(text))
    assert shown.strip() == re.sub(r"[\x00-\x1f\u200b\u202e]+", " ", text).strip()[:79] + (
        "…" if len(text) > 80 else ""
    )


@pytest.mark.parametrize("text", NASTY)
def test_a_cell_stays_one_cell(text):
    """GitHub cuts a row at each bar that has no backslash before it, within code as well."""
    lines = table(["a", "b"], [[code(text), "end"]], align="lr").splitlines()
    assert len(lines) == 3 and lines[1] == "| :-- | --: |"
    cells = re.findall(r"(?:\\.|[^|\\])+", lines[2].strip("| "))
    assert len(cells) == 2 and cells[1].strip() == "end"


def test_a_long_table_is_cut_and_says_so():
    """With how many rows are left out."""
    found = table(["n"], [[str(number)] for number in range(100)], most=10)
    assert "| 9 |" in found and "| 10 |" not in found and "… and 90 more." in found


def test_a_block_of_code_ends_where_it_should():
    """Its fence is longer than any in the text; long lines are cut, and what is left out is counted."""
    found = fence("\n".join(["```", "x" * 1000, "last"]), "diff", 2).splitlines()
    assert found[0] == "````diff" and found[3] == "````"
    assert len(found[2]) < 500 and found[-1] == "… and 1 more lines."


def test_sections_are_shortened_the_longest_first():
    """The whole of all where that fits; then shorter forms, and never less than the shortest."""
    kept, long, longer = Section(("kept",)), Section(("a" * 50, "a")), Section(("b" * 90, "b" * 60, "b"))
    assert fitted([kept, long, longer], 1000) == f"kept\n\n{'a' * 50}\n\n{'b' * 90}\n"
    assert fitted([kept, long, longer], 130) == f"kept\n\n{'a' * 50}\n\n{'b' * 60}\n"
    assert fitted([kept, long, longer], 100) == f"kept\n\n{'a' * 50}\n\nb\n"
    assert fitted([kept, long, longer], 1) == "kept\n\na\n\nb\n"


def test_details_leave_the_lines_that_markdown_needs():
    """Without empty lines around it GitHub would show a table in it as text."""
    assert details("more", "| a |") == "<details><summary>more</summary>\n\n| a |\n\n</details>"
