"""What Argo tells of a step that failed, without what its executor says around it."""

import re

__all__ = ["said"]

_AROUND = re.compile(r'(time="[^"]*" level=|Error: exit status )')
_STATUS = re.compile(r"\Amain: Error \(exit code \d+\): (?=.)", re.DOTALL)


def said(message: str) -> str:
    """The step's own last lines where the message holds them, else the message."""
    lines = [line for line in message.splitlines() if not _AROUND.match(line)]
    return _STATUS.sub("", "\n".join(lines)).strip()
