"""What is left of a message of Argo's."""

import pytest

from slipway.training.ended import said

# As Argo 3.7 gave it.
MISSED = """main: Error (exit code 1): error: a gate is missed: profit 0
  → train it better; nothing was published
time="2026-11-21T20:28:15.769Z" level=info msg="sub-process exited" argo=true error="<nil>"
time="2026-11-21T20:28:15.770Z" level=info msg="no need to save artifact" argo=true
Error: exit status 1
"""


@pytest.mark.parametrize(
    ("message", "left"),
    [
        (MISSED, "error: a gate is missed: profit 0\n  → train it better; nothing was published"),
        ("main: Error (exit code 1)", "main: Error (exit code 1)"),
        ("main: OOMKilled (exit code 137)", "main: OOMKilled (exit code 137)"),
        ("pod deleted", "pod deleted"),
        ("", ""),
    ],
)
def test_the_steps_own_words(message, left):
    """Where there are some; else what Argo knows of it."""
    assert said(message) == left
