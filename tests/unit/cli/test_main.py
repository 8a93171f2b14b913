"""The command line: its help, its errors, and its exit status."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from slipway import cli
from slipway.cli import main


def test_a_mistake_is_on_the_page_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a runner, the error is an annotation and in the summary. On a laptop, it is printed once."""
    summary = tmp_path / "summary"
    words = ["-C", str(tmp_path), "status"]
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.out == "" and "slipway.yaml" in told.err and not summary.exists()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.out.startswith("::error::") and "slipway.yaml" in told.out and "slipway.yaml" in summary.read_text()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none/summary"))
    assert main(words) == 1


@pytest.mark.parametrize("share", ["9" * 5000, "1000", "ten", ""])
def test_a_wrong_share_is_refused(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message is short, however long the share is."""
    assert main(["traffic", "iris", "--env", "test", f"v1={share}"]) == 1
    said = capsys.readouterr().err
    assert "is no share of the requests" in said and len(said) < 200


ROOT = Path(__file__).parents[3]
VERBS = {name: group.title for group in cli.parser().groups for name in group.verbs}
EXAMPLES = [example for group in cli.parser().groups for example in group.examples]


def usage_error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the last line of a usage error."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err.splitlines()[-1]


def test_each_verb_stands_in_one_group(capsys: pytest.CaptureFixture[str]) -> None:
    """The help shows each verb once, below its group, in one line that fits a terminal."""
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split()[0] for line in lines[lines.index("models:") :] if line.startswith("  ")]
    assert sorted(listed) == sorted(set(listed)) == sorted(VERBS)
    assert max(len(line) for line in lines) <= 80
    titles = [line[:-1] for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["options", "models", "store", "releases", "promotion", "inspection", "functions"]


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb shows at least one example of its own."""
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    _, _, examples = capsys.readouterr().out.partition("\nexamples:\n")
    assert examples.splitlines()
    assert all(line.startswith(f"  slipway {verb}") for line in examples.splitlines())


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_parses(example: str) -> None:
    """Each example is a command line that the parser takes."""
    program, *words = shlex.split(example)
    assert program == "slipway"
    assert callable(cli.parser().parse_args(words).run)


@pytest.mark.parametrize("command", re.findall(r"^slipway [^#\n]+", (ROOT / "README.md").read_text(), re.MULTILINE))
def test_a_command_of_the_readme_parses(command: str) -> None:
    """The parser takes each command line in the README's blocks."""
    assert callable(cli.parser().parse_args(shlex.split(command)[1:]).run)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["relase"], "slipway: error: unknown verb 'relase'; did you mean 'release'?"),
        (["Status"], "slipway: error: unknown verb 'Status'; did you mean 'status'?"),
        (["xyzzy"], "slipway: error: unknown verb 'xyzzy'; known: "),
        (["--verison"], "slipway: error: unknown option '--verison'; did you mean '--version'?"),
        (["--verison", "status"], "slipway: error: unknown option '--verison'; did you mean '--version'?"),
        (["release", "--psh"], "slipway release: error: unknown option '--psh'; did you mean '--push'?"),
        (["hold", "iris", "--env", "test", "--resaon", "x y"], "unknown option '--resaon'; did you mean '--reason'?"),
        (["hold", "iris", "--env", "test", "--resaon=x y"], "unknown option '--resaon'; did you mean '--reason'?"),
        (["status", "-x"], "slipway status: error: unknown option '-x'; known: "),
        (["new", "iris", "tumor"], "slipway new: error: unexpected argument 'tumor'"),
        (["build", "--to", "x", "--train", "as-st"], "unknown value of --train 'as-st'; did you mean 'as-set'?"),
        (["announce", "verison"], "slipway announce: error: unknown kind 'verison'; did you mean 'version'?"),
        (["announce", "version", "iris", "7", "--evn=x"], "unknown option '--evn'; did you mean '--env'?"),
        (["hold", "iris", "--env", "test"], "the following arguments are required: --reason"),
        ([], "the following arguments are required: VERB"),
    ],
)
def test_an_unknown_word_is_told_with_the_nearest(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors have exit status 2."""
    assert says in usage_error(capsys, *words)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["hold", "iris", "--env", "test", "--reas", "x"], "reason", "x"),
        (["hold", "iris", "--env=test", "--reason", "--slow as it was"], "reason", "--slow as it was"),
        (["hold", "--env=test", "--reason=x", "--", "--iris"], "model", "--iris"),
        (["train", "iris", "-p", "alpha=-1"], "parameter", ["alpha=-1"]),
        (["-C", "there", "status", "iris"], "models", ["iris"]),
    ],
)
def test_words_that_look_like_options(words: list[str], name: str, value: object) -> None:
    """Abbreviations, values with spaces and words after `--` are read as argparse reads them."""
    assert getattr(cli.parser().parse_args(words), name) == value


def test_the_help_is_fast() -> None:
    """The parser of all verbs loads no library that the help does not need."""
    code = "import sys; from slipway import cli; cli.parser(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"msgspec", "yaml", "numpy", "github"} & set(done.stdout.split()) == set()


DELETED = """
import os, signal, sys, time
from types import SimpleNamespace
from slipway import cli

class Channel:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)

def run(parsed):
    Channel()
    time.sleep(30)

cli.parser = lambda: SimpleNamespace(parse_args=lambda given: SimpleNamespace(run=run))
sys.exit(cli.main([]))
"""


def test_a_stop_while_something_is_deleted_is_not_lost():
    """Python drops what is raised then, and a verb that waits would go on."""
    done = subprocess.run([sys.executable, "-c", DELETED], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr.strip()) == (130, "stopped: what was not finished leaves nothing behind")
