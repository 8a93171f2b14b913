"""Modules that are asked in a process of their own: only their answer comes back, or why there is none."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from slipway import processes
from slipway.errors import SlipwayError

NOISY = """
import atexit, os, subprocess
print("read")

def answer(question):
    os.write(1, b"written past Python")
    subprocess.run(["echo", "by a process of its own"])
    atexit.register(print, "at the end")
    return [question]
"""

TYPED = """
from pathlib import Path
from msgspec import Struct

class Question(Struct):
    folder: Path

def answer(question: Question) -> list[Path]:
    return [question.folder / "there"]
"""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that asks a module of the given code."""
    monkeypatch.setattr(processes, "SOURCE", f"{processes.SOURCE}{os.pathsep}{tmp_path}")

    def asked(code: str, question: Any = None, answer: Any = list[Any], **more: Any) -> Any:
        (tmp_path / "asked.py").write_text(code)
        return processes.ask(sys.executable, "asked", question, answer=answer, **more)

    return asked


def test_what_is_printed_does_not_get_into_the_answer(ask: Any, tmp_path: Path) -> None:
    """Python, code past it, another process and the end of the process may print."""
    assert ask(NOISY, {"ä": [1, None]}, cwd=tmp_path) == [{"ä": [1, None]}]


def test_question_and_answer_have_types(ask: Any, tmp_path: Path) -> None:
    """A struct with a path arrives as one, and a path comes back."""
    assert ask(TYPED, {"folder": tmp_path}, list[Path]) == [tmp_path / "there"]


def test_modules_beside_where_it_runs_are_not_meant(ask: Any, tmp_path: Path) -> None:
    """They do not hide the libraries."""
    (tmp_path / "cwd").mkdir()
    (tmp_path / "cwd/msgspec.py").write_text("raise SystemExit('the wrong one')\n")
    assert ask("def answer(question): return []", cwd=tmp_path / "cwd") == []


def test_the_module_sees_nothing_that_acts_for_the_pipeline(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens stay here unless they are given."""
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    code = "import os\ndef answer(question): return [os.environ.get('GITHUB_TOKEN')]"
    assert ask(code) == [None]
    assert ask(code, env={"GITHUB_TOKEN": "given"}) == ["given"]


OURS = "from slipway.errors import SlipwayError\n    raise SlipwayError('two\\n  lines', fix='mend it → here')"


@pytest.mark.parametrize(
    ("code", "problem", "fix"),
    [
        (OURS, "two\n  lines", "mend it → here"),
        (
            f"try:\n        1 / 0\n    except Exception:\n        {OURS}".replace("    raise", "        raise"),
            "two",
            "mend",
        ),
        (
            f"try:\n        {OURS}\n    finally:\n        1 / 0".replace("    raise", "        raise"),
            "ZeroDivision",
            "",
        ),
        ("print('on its way')\n    1 / 0", "ZeroDivisionError: division by zero", ""),
        ("sys.exit('enough')", "enough", ""),
        ("sys.exit(0)", "it said nothing", ""),
        ("os._exit(3)", "it said nothing", ""),
    ],
)
def test_why_there_is_no_answer(ask: Any, monkeypatch: pytest.MonkeyPatch, code: str, problem: str, fix: str) -> None:
    """An error of ours comes with its fix, any other as its last line; also where the terminal knows no arrows."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with pytest.raises(SlipwayError) as caught:
        ask(f"import os, sys\ndef answer(question):\n    {code}")
    assert caught.value.problem.startswith(problem)
    assert caught.value.fix.startswith(fix) and bool(caught.value.fix) == bool(fix)


def test_an_error_at_import_is_told(ask: Any) -> None:
    """With its fix, too."""
    with pytest.raises(SlipwayError, match="broken") as caught:
        ask("from slipway.errors import SlipwayError\nraise SlipwayError('broken', fix='mend')")
    assert caught.value.fix == "mend"


def test_an_answer_that_does_not_come_is_given_up(ask: Any) -> None:
    """It is waited for as long as was said."""
    with pytest.raises(SlipwayError, match=r"it took more than 0\.5 s"):
        ask("import time\ndef answer(question): time.sleep(60)", patience=0.5)
