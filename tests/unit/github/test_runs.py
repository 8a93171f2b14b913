"""The run on GitHub Actions: its actors, outputs, summary and annotations."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import SlipwayError
from slipway.github import runs

HERE = {"repo": {"full_name": "team/models"}}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Set the variables and files of a step, and return the files."""
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_who_started_it(files, monkeypatch):  # noqa: ARG001
    """The actors are those who started and restarted the run. On a laptop there are none."""
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "bob")
    assert (runs.inside(), runs.actors()) == (True, {"ada", "bob"})
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert (runs.inside(), runs.actors()) == (False, set())


def test_elsewhere_nothing_happens(files, monkeypatch, capsys):
    """On a laptop nothing is written, even if variables of a run are set."""
    monkeypatch.delenv("GITHUB_ACTIONS")
    runs.summary("text")
    runs.output("name", "value")
    runs.annotate("error", "message")
    assert list(files.iterdir()) == [] and capsys.readouterr().out == ""


def outputs(path):
    """Read outputs like the runner does: NAME<<END, lines, END."""
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
    """Any value is read back unchanged and sets no other output."""
    runs.output("plan", value)
    runs.output("next-one", "1")
    assert outputs(files / "output") == {"plan": value, "next-one": "1"}


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a<<b", "1", "a=b"])
def test_an_output_has_a_name(files, name):
    """A name that GitHub refuses is refused."""
    with pytest.raises(SlipwayError, match="cannot be the name of an output"):
        runs.output(name, "1")
    assert not (files / "output").exists()


def test_a_summary_grows(files):
    """Each summary is a paragraph, and together they keep GitHub's limit in bytes."""
    runs.summary("# One")
    runs.summary("two\n")
    assert (files / "summary").read_text() == "# One\n\ntwo\n\n"
    (files / "summary").unlink()
    runs.summary("ü€😀 line\n" * 200_000)
    assert 100_000 < (files / "summary").stat().st_size <= 1024 * 1024


def test_the_summaries_of_a_step_fit_together(files):
    """GitHub takes no summary at all of a step that adds more than its limit."""
    for number in range(340):
        runs.summary(f"### {number}\n\n" + "ü€😀 line\n" * 1_000)
    assert 500_000 < (files / "summary").stat().st_size <= 1024 * 1024
    assert "Cut here" in (files / "summary").read_text()


def test_an_output_that_is_too_long(files):  # noqa: ARG001
    """GitHub takes 1 MB of a job, in UTF-16. The outputs of hundreds of models are far from it."""
    runs.output(
        "images", json.dumps([{"name": f"ghcr.io/team/model-{number}", "digest": "0" * 71} for number in range(340)])
    )
    with pytest.raises(SlipwayError, match="GitHub takes 500,000") as caught:
        runs.output("images", "x" * 500_001)
    assert "name some of the models" in caught.value.fix


def test_a_matrix_of_more_jobs_than_github_starts(files, capsys):
    """The first 256 are started, and the run says how many are left."""
    runs.matrix("environments", ["prod"])
    assert capsys.readouterr().out == ""
    runs.matrix("all", [f"prod-{number}" for number in range(300)])
    found = outputs(files / "output")
    assert json.loads(found["environments"]) == ["prod"]
    assert len(json.loads(found["all"])) == 256 and "44 of 300" in capsys.readouterr().out


def test_a_surrogate_is_no_reason_to_fail(files):
    """A surrogate, which UTF-8 cannot express, is written as its number."""
    runs.summary("name \udcff")
    assert (files / "summary").read_text() == "name \\udcff\n\n"


@pytest.mark.parametrize("message", ["plain", "two\nlines", "\r\n::set-env name=A::b", "100 %\n::error::x"])
def test_a_message_is_one_command(files, capsys, message):  # noqa: ARG001
    """A message of several lines is one command."""
    runs.annotate("warning", message)
    printed = capsys.readouterr().out
    assert printed.startswith("::warning::") and printed.count("\n") == 1 and "\r" not in printed
    shown = printed.removeprefix("::warning::").removesuffix("\n")
    assert shown.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%") == message


def test_a_file_that_is_not_there(files, monkeypatch):
    """The error names the variable of the missing file."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(files / "none/output"))
    with pytest.raises(SlipwayError, match="GITHUB_OUTPUT names"):
        runs.output("a", "b")


def event(tmp_path: Path, patch: pytest.MonkeyPatch, content: Any, name: str = "pull_request") -> None:
    path = tmp_path / "event.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    patch.setenv("GITHUB_EVENT_NAME", name)
    patch.setenv("GITHUB_EVENT_PATH", str(path))


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (HERE, ""),
        ({"repo": {"full_name": "mallory/models"}}, "mallory/models"),
        ({"repo": None}, "a repository that is gone"),
    ],
)
def test_the_fork_of_a_pull_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: dict[str, Any], found: str
) -> None:
    """The fork is empty for this repository. A deleted repository counts as a fork."""
    event(tmp_path, monkeypatch, {"pull_request": {"base": HERE, "head": head}})
    assert runs.fork() == found


def test_other_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push, and a command on a laptop, come from no fork."""
    event(tmp_path, monkeypatch, "not read", "push")
    assert runs.fork() == ""
    monkeypatch.delenv("GITHUB_EVENT_NAME")
    assert runs.fork() == ""


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pull_request": null}', '{"pull_request": {"base": {}}}'])
def test_an_event_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """An unreadable event is an error, so that nobody counts as a member of the team by mistake."""
    event(tmp_path, monkeypatch, content)
    with pytest.raises(SlipwayError, match="the event of the pull request cannot be read"):
        runs.fork()
