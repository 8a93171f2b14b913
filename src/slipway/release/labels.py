"""What an image is and where it is from, as the labels of the Open Container Initiative say it."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from slipway.errors import SlipwayError
from slipway.git import Repository

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["of", "web_address"]

_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+\.[\w-]+):(?!/)(.+)")


def of(root: "Path", title: str, fingerprint: str) -> dict[str, str]:
    """The labels of an image that is built from the repository at `root`; what git does not know is left out.

    There is no time among them, as nothing in an image depends on when it was built. An engine that has built just
    these files before may keep the revision of that time.
    """
    revision = source = ""
    with suppress(SlipwayError):
        repository = Repository(root)
        revision = repository.commit_at("HEAD") or ""
        source = web_address(repository.run("remote", "get-url", "origin").decode().strip())
    found = {"title": title, "version": fingerprint, "revision": revision, "source": source}
    return {f"org.opencontainers.image.{name}": value for name, value in found.items() if value}


def web_address(remote: str) -> str:
    """A remote's address as one reads it in a browser, without what may be secret in it; "" for what is no address.

    >>> web_address("git@github.com:team/models.git")
    'https://github.com/team/models'
    """
    if found := _SCP.fullmatch(remote):
        return f"https://{found[1]}/{found[2].removesuffix('.git')}"
    try:
        parts = urlsplit(remote)
        given = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https", "ssh", "git") or not parts.hostname:
        return ""
    scheme = parts.scheme if parts.scheme == "http" else "https"
    port = f":{given}" if given and parts.scheme in ("http", "https") else ""
    return f"{scheme}://{parts.hostname}{port}{parts.path.removesuffix('.git')}"
