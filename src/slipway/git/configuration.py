"""The options and variables that every git command gets, so that no person's configuration changes what it prints."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

# Git sets these for its hooks and aliases; they would turn our commands to another index, repository or set of paths.
_FOREIGN = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"),
    *("GIT_NAMESPACE", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"),
    *("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
)
# Each of these changes what git prints or sends when a person sets it.
_FIXED = {
    "core.fsmonitor": "false",  # a monitor that git starts would inherit our lock and keep it
    "core.quotePath": "false",
    "color.ui": "false",
    "log.showSignature": "false",
    "log.showRoot": "true",
    "log.follow": "false",
    "log.mailmap": "false",
    "i18n.logOutputEncoding": "UTF-8",
    "diff.renames": "false",
    "diff.relative": "false",
    "diff.orderFile": "/dev/null",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.prune": "false",
    "fetch.pruneTags": "false",
    "push.followTags": "false",
    "push.recurseSubmodules": "no",
}
COMMAND = ("git", "--no-optional-locks", *(word for name, text in _FIXED.items() for word in ("-c", f"{name}={text}")))
"""The beginning of every git command."""


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a git command, with `variables` beside the caller's own.

    No commit is read in the place of another one (`git replace`, grafts).
    """
    own = {name: text for name, text in os.environ.items() if name not in _FOREIGN}
    fixed = {"LC_ALL": "C", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": f"{os.devnull}/none"}
    return {**own, **fixed, **(variables or {})}


def configured(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the variables that add keys to git's configuration, after those that the caller's variables hold."""
    start = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    found = {"GIT_CONFIG_COUNT": str(start + len(pairs))}
    for number, (key, value) in enumerate(pairs, start):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found
