"""What a run is told of itself and tells, and that nothing of it happens elsewhere."""

import pytest

from slipway.errors import SlipwayError
from slipway.github import runs


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A step of a run, as the runner sets it up."""
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_who_started_it(files, monkeypatch):  # noqa: ARG001
    """Who did, and who started it again; nobody on a laptop."""
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "bob")
    assert (runs.inside(), runs.actors()) == (True, {"ada", "bob"})
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert (runs.inside(), runs.actors()) == (False, set())


def test_elsewhere_nothing_happens(files, monkeypatch, capsys):
    """On a laptop there is no run, even where variables of one are left over."""
    monkeypatch.delenv("GITHUB_ACTIONS")
    runs.summary("text")
    runs.output("name", "value")
    runs.annotate("error", "message")
    assert list(files.iterdir()) == [] and capsys.readouterr().out == ""


def outputs(path):
    """What the runner reads in the file: NAME<<END, lines, END."""
    found, lines = {}, iter(path.read_bytes().decode().split("\n"))
    for line in lines:
        if line:
            name, _, end = line.partition("<<")
            value = []
            while (each := next(lines)) != end:
                value.append(each)
            found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize("value", ["", "x", "[1, 2]", "a\nb\n", "x\nEOF\nevil=1", "end-\nend", "a<<b\r\nü", "=", "\n"])
def test_an_output_is_what_was_given(files, value):
    """Whatever is in it, it sets no other output."""
    runs.output("plan", value)
    runs.output("next-one", "1")
    assert outputs(files / "output") == {"plan": value, "next-one": "1"}


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a<<b", "1", "a=b"])
def test_an_output_has_a_name(files, name):
    """One that GitHub takes."""
    with pytest.raises(SlipwayError, match="cannot be the name of an output"):
        runs.output(name, "1")
    assert not (files / "output").exists()


def test_a_summary_grows(files):
    """Each is a paragraph of its own, and GitHub's limit in bytes is kept."""
    runs.summary("# One")
    runs.summary("two\n")
    assert (files / "summary").read_text() == "# One\n\ntwo\n\n"
    (files / "summary").unlink()
    runs.summary("ü€😀 line\n" * 200_000)
    assert 100_000 < (files / "summary").stat().st_size <= 1024 * 1024


def test_a_surrogate_is_no_reason_to_fail(files):
    """What cannot be written as UTF-8 is written as its number."""
    runs.summary("name \udcff")
    assert (files / "summary").read_text() == "name \\udcff\n\n"


@pytest.mark.parametrize("message", ["plain", "two\nlines", "\r\n::set-env name=A::b", "100 %\n::error::x"])
def test_a_message_is_one_command(files, capsys, message):  # noqa: ARG001
    """Its lines are no commands of their own."""
    runs.annotate("warning", message)
    printed = capsys.readouterr().out
    assert printed.startswith("::warning::") and printed.count("\n") == 1 and "\r" not in printed
    shown = printed.removeprefix("::warning::").removesuffix("\n")
    assert shown.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%") == message


def test_a_file_that_is_not_there(files, monkeypatch):
    """Says which variable names it."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(files / "none/output"))
    with pytest.raises(SlipwayError, match="GITHUB_OUTPUT names"):
        runs.output("a", "b")
