"""Questions to a module in another process, and the variables that such a process gets."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from slipway import processes, settings
from slipway.errors import SlipwayError
from slipway.github import events
from slipway.models import model_tests

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
    """Output of Python, of C code, of child processes and of exit handlers stays out of the answer."""
    assert ask(NOISY, {"ä": [1, None]}, cwd=tmp_path) == [{"ä": [1, None]}]


def test_question_and_answer_have_types(ask: Any, tmp_path: Path) -> None:
    """Structs and paths arrive as such."""
    assert ask(TYPED, {"folder": tmp_path}, list[Path]) == [tmp_path / "there"]


def test_modules_beside_where_it_runs_are_not_meant(ask: Any, tmp_path: Path) -> None:
    """Modules in the current folder do not hide libraries."""
    (tmp_path / "cwd").mkdir()
    (tmp_path / "cwd/msgspec.py").write_text("raise SystemExit('the wrong one')\n")
    assert ask("def answer(question): return []", cwd=tmp_path / "cwd") == []


def test_the_module_sees_nothing_that_acts_for_the_pipeline(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are withheld unless they are given."""
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
    """A `SlipwayError` arrives with its fix, another error as its last line, even under an ASCII locale."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with pytest.raises(SlipwayError) as caught:
        ask(f"import os, sys\ndef answer(question):\n    {code}")
    assert caught.value.problem.startswith(problem)
    assert caught.value.fix.startswith(fix) and bool(caught.value.fix) == bool(fix)


def test_an_error_at_import_is_told(ask: Any) -> None:
    """The error arrives with its fix."""
    with pytest.raises(SlipwayError, match="broken") as caught:
        ask("from slipway.errors import SlipwayError\nraise SlipwayError('broken', fix='mend')")
    assert caught.value.fix == "mend"


def test_an_answer_that_does_not_come_is_given_up(ask: Any) -> None:
    """The wait ends after the given patience."""
    with pytest.raises(SlipwayError, match=r"it took more than 0\.5 s"):
        ask("import time\ndef answer(question): time.sleep(60)", patience=0.5)


OF_A_MODEL = "import os\n\ndef test_it():\n    assert not os.environ.keys() & {*os.environ['NAMES'].split()}\n"


def test_a_models_tests_do_not_get_withheld_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They get all other variables, and this process keeps its own."""
    monkeypatch.setenv("NAMES", " ".join(processes.WITHHELD))
    for name in processes.WITHHELD:
        monkeypatch.setenv(name, "secret")
    (tmp_path / "slipway.yaml").write_text("environments: {test: {store: store, namespace: test}}\n")
    (tmp_path / "model/it").mkdir(parents=True)
    (tmp_path / "model/it/model.py").touch()
    (tmp_path / "model/it/test_model.py").write_text(OF_A_MODEL)
    of = settings.load(tmp_path)
    assert model_tests.run(of, "it") == "1 passed"
    assert processes.environment()["NAMES"]
    monkeypatch.setenv("NAMES", "PATH")
    with pytest.raises(SlipwayError, match="fail"):
        model_tests.run(of, "it")


def test_the_token_for_announcements_is_withheld() -> None:
    """The list has the variable that the module of announcements reads."""
    assert events.TOKEN in processes.WITHHELD
