"""The merge of two commits as GitHub would make it, without a work tree and without a commit."""

from __future__ import annotations

import re
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git.commands import Git, GitError

# GitHub knows nobody's configuration, so none may decide what a merge makes.
_AS_ON_GITHUB = (
    *("-c", "core.attributesFile=/dev/null", "-c", "merge.default=text", "-c", "merge.renormalize=false"),
    *("-c", "merge.conflictStyle=merge", "-c", "merge.renameLimit=0", "-c", "diff.renameLimit=0"),
)
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Merged(NamedTuple):
    """The tree that a merge makes, and the paths at which git finds no answer."""

    tree: str
    conflicts: frozenset[str]


def merge(repository: Git, ours: str, theirs: str, *, renames: bool = True) -> Merged:
    """Merge two commits by as many merge bases as they have, as `git merge` does.

    Files of conflicts hold marks in the tree. Raise `SlipwayError` where git is too old, and for commits that have
    nothing in common.
    """
    follow = ("-c", f"merge.renames={str(renames).lower()}", "-c", "merge.directoryRenames=conflict")
    asked = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
    try:
        printed = repository.run(*asked, by=(*_AS_ON_GITHUB, *follow)).decode(errors="replace")
    except GitError as error:
        printed = error.printed  # with conflicts it ends with status 1
        if not _ID.fullmatch(printed.partition("\0")[0]):
            raise _untold(error) from error
    tree, *conflicts = filter(None, printed.split("\0"))
    return Merged(tree, frozenset(conflicts))


def _untold(error: GitError) -> SlipwayError:
    said = str(error)
    if "usage:" in said or "unknown option" in said:
        return SlipwayError("this git cannot tell what a merge makes", fix="install git 2.38 or newer")
    if "unrelated histories" in said:
        return SlipwayError("the two have no commit in common", fix="git fetch --unshallow")
    return error
