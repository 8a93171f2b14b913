"""The address of the repository on GitHub, and the token for its API."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from slipway.errors import SlipwayError
from slipway.git import GitError

if TYPE_CHECKING:
    from slipway.git import Repository

__all__ = ["Address", "address", "token"]

PUBLIC_API = "https://api.github.com"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]{1,100}")
_API = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._/-]*)?")
_REMOTE = re.compile(
    r"(?:[a-z+]+://(?:[^@/]*@)?(?P<host>[^/@:]+)(?::\d+)?/|(?:[^@/:]+@)?(?P<place>[^/@:]+):/?)(?P<path>[^:]+?)(?:\.git)?/?"
)


class Address(NamedTuple):
    """Hold the address of a repository on GitHub."""

    api: str
    """Address of the API, without a slash at the end."""
    name: str
    """`owner/repository`."""


def address(repository: Repository | None = None) -> Address:
    """Return the repository that `GITHUB_REPOSITORY` names, or else the one of the remote `origin`.

    The API is the one of `GITHUB_API_URL`, or else of github.com. Raise `SlipwayError` when no repository is named.
    """
    api = os.environ.get("GITHUB_API_URL", "").rstrip("/")
    if api and not _API.fullmatch(api):
        fix = f"set it to {PUBLIC_API}, or for GitHub Enterprise to https://HOST/api/v3"
        raise SlipwayError(f"GITHUB_API_URL is {api!r}, which is no address of an API", fix=fix)
    name = os.environ.get("GITHUB_REPOSITORY", "")
    if name:
        if not _NAME.fullmatch(name):
            raise SlipwayError(f"GITHUB_REPOSITORY is {name!r}", fix="set it to owner/repository: team/models")
        return Address(api or PUBLIC_API, name)
    if repository is None:
        raise SlipwayError("no repository on GitHub is named", fix="set GITHUB_REPOSITORY to owner/repository")
    host, name = _of_remote(repository)
    if not api and host != "github.com":
        # Never send a token to a host that only a remote names.
        fix = f"if it is a GitHub Enterprise server: export GITHUB_API_URL=https://{host}/api/v3"
        raise SlipwayError(f"the remote origin is on {host}, which is not github.com", fix=fix)
    return Address(api or PUBLIC_API, name)


def token() -> str:
    """Return the token of `GITHUB_TOKEN` or `GH_TOKEN`. Raise `SlipwayError` when both are empty."""
    found = os.environ.get("GITHUB_TOKEN", "").strip() or os.environ.get("GH_TOKEN", "").strip()
    if found:
        return found
    if os.environ.get("GITHUB_ACTIONS") == "true":
        fix = (
            "in the workflow, make one of the GitHub App by actions/create-github-app-token, from the variable"
            " SLIPWAY_APP_ID and the secret SLIPWAY_APP_PRIVATE_KEY (repository Settings → Secrets and variables →"
            " Actions), and give it to the step as env: GITHUB_TOKEN"
        )
    else:
        fix = 'export GH_TOKEN="$(gh auth token)", or make one: GitHub → Settings → Developer settings'
    raise SlipwayError("neither GITHUB_TOKEN nor GH_TOKEN is set, and GitHub wants to know who asks", fix=fix)


def _of_remote(repository: Repository) -> tuple[str, str]:
    """Return host and `owner/repository` of the remote `origin`. Never show its address: it may hold a password."""
    fix = "git remote add origin https://github.com/OWNER/REPOSITORY.git, or set GITHUB_REPOSITORY to owner/repository"
    try:
        url = repository.run("remote", "get-url", "origin").decode().strip()
    except GitError as error:
        raise SlipwayError(f"{repository.root} has no remote called origin", fix=fix) from error
    match = _REMOTE.fullmatch(url)
    if match is None or not _NAME.fullmatch(match["path"]):
        raise SlipwayError("the remote origin is no repository on GitHub", fix=fix)
    return str(match["host"] or match["place"]).lower(), match["path"]
