"""Why git did not get from a remote what it asked for, read from what git printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from slipway.git.commands import GitError

# The line of `git push --porcelain` for a reference that was refused. The remote's own words cannot look like it.
_STATUS = re.compile(r"^!\t[^\t\n]*\t(\[(?:remote )?rejected\] .*)$", re.MULTILINE)
# The answers to a push when another one came first.
_MOVED = re.compile(r"non-fast-forward|fetch first|stale info|failed to update ref|cannot lock ref|incorrect old value")
_CLASH = re.compile(r"exists; cannot create|directory/file conflict", re.IGNORECASE)
# The words of git and of the usual hosts; those of GitHub's own checks begin with GH and a number.
_PROTECTED = re.compile(r"GH00[16]|GH013|protected branch|rule violations|not allowed to (force-)?push", re.IGNORECASE)
_BYPASSED = re.compile(r"^.*\bBypassed rule violations\b.*$", re.MULTILINE)
_DENIED = re.compile(
    r"error: 40[13]|Authentication failed|could not read (Username|Password)|Permission .* denied|access denied"
    r"|[Ww]rite access .* not granted|Permission denied"
)
_NOISE = ("To ", "hint:", "Done")
_UNREACHABLE = re.compile(
    r"Could not resolve host|Couldn't connect|Connection (refused|reset|timed out)|error: 5\d\d"
    r"|early EOF|hung up|timed out|TLS|SSL"
)


def of_push(error: GitError) -> str:
    """Return why a remote refused a push: `moved`, `clash`, `protected`, or "" for another reason.

    The status of the reference decides, as a host may remark on a push that it does not refuse.
    """
    found = _STATUS.search(error.printed)
    status = found[1] if found else ""
    if _CLASH.search(status) or (status and _CLASH.search(str(error))):
        return "clash"
    if _MOVED.search(status):
        return "moved"
    return "protected" if _PROTECTED.search(status + _BYPASSED.sub("", str(error))) else ""


def of_access(error: GitError) -> str:
    """Return why git did not get an answer: `denied`, `unreachable`, or "" for an answer of the remote."""
    said = str(error)
    if _STATUS.search(error.printed) or "couldn't find remote ref" in said:
        return ""
    return "denied" if _DENIED.search(said) else "unreachable" if _UNREACHABLE.search(said) else ""


def failed_hook(events: Path) -> str:
    """Return the hook of this clone that stopped a git command, or "". `events` is what GIT_TRACE2_EVENT wrote."""
    lines = [json.loads(line) for line in events.read_bytes().splitlines()] if events.is_file() else []
    # A hook may start git commands of its own, with hooks.
    own = [line for line in lines if line["sid"] == lines[0]["sid"]]
    hooks = {line["child_id"]: line["hook_name"] for line in own if line.get("child_class") == "hook"}
    ended = {line["child_id"] for line in own if line["event"] == "child_exit" and line["code"]}
    return next((name for child, name in hooks.items() if child in ended), "")


def words(said: str) -> str:
    """Return the last lines that git said, without hints."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(_NOISE)]
    return "\n  ".join(lines[-8:])
