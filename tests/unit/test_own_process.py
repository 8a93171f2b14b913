"""Code that is asked in a process of its own: whatever it does beside, what comes back is its answer, or why not."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from slipway import processes
from slipway.errors import SlipwayError
from slipway.models.environment import SOURCE

ENV = {**os.environ, "PYTHONPATH": SOURCE}

NOISY = """
import atexit, subprocess
print("read")
os.write(1, b"written past Python")
subprocess.run(["echo", "by a process of its own"])
atexit.register(print, "at the end")
answer = [question, sys.argv[1]]
"""


def ask(code: str, *words: str, **more: Any) -> Any:
    return processes.ask(sys.executable, code, *words, answer=list[Any], env=ENV, **more)


def test_what_is_printed_does_not_get_into_the_answer(tmp_path: Path) -> None:
    """By Python, past it, by another process, or when all is over; the question and the words are there."""
    assert ask(NOISY, "word", question={"ä": [1, None]}, cwd=tmp_path) == [{"ä": [1, None]}, "word"]


def test_modules_beside_where_it_runs_are_not_meant(tmp_path: Path) -> None:
    """They do not hide the libraries."""
    (tmp_path / "msgspec.py").write_text("raise SystemExit('the wrong one')\n")
    assert ask("answer = []", cwd=tmp_path) == []


OURS = "from slipway.errors import SlipwayError\nraise SlipwayError('two\\n  lines', fix='mend it → here')"


@pytest.mark.parametrize(
    ("code", "problem", "fix"),
    [
        (OURS, "two\n  lines", "mend it → here"),
        (f"try:\n    1 / 0\nexcept Exception:\n    {OURS}".replace("\nraise", "\n    raise"), "two\n  lines", "mend"),
        (f"try:\n    {OURS}\nfinally:\n    1 / 0".replace("\nraise", "\n    raise"), "ZeroDivisionError: ", ""),
        ("print('on its way')\n1 / 0", "ZeroDivisionError: division by zero", ""),
        ("sys.exit('enough')", "enough", ""),
        ("sys.exit(0)", "it said nothing", ""),
        ("os._exit(3)", "it said nothing", ""),
    ],
)
def test_why_there_is_no_answer(monkeypatch: pytest.MonkeyPatch, code: str, problem: str, fix: str) -> None:
    """An error of ours with its fix, else the last line; also where the terminal knows no arrows."""
    monkeypatch.setitem(ENV, "PYTHONIOENCODING", "ascii")
    with pytest.raises(SlipwayError) as caught:
        ask(code)
    assert caught.value.problem.startswith(problem)
    assert caught.value.fix.startswith(fix) and bool(caught.value.fix) == bool(fix)


def test_an_answer_that_does_not_come() -> None:
    """Is waited for as long as was said."""
    with pytest.raises(SlipwayError, match=r"it took more than 0\.5 s"):
        ask("import time\ntime.sleep(60)", patience=0.5)
