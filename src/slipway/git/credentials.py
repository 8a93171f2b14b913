"""The token of the environment as git sends it: to its own host, and as the one header of its kind."""

from __future__ import annotations

import base64
import os

from slipway.git.configuration import configured


def of(url: str) -> dict[str, str]:
    """Return the variables by which git sends the token to `url`; no argument and no file has it.

    A token in `GITHUB_TOKEN` (or `GH_TOKEN`) is for `GITHUB_SERVER_URL` (https://github.com unless set). There is none
    for other hosts. Git never asks at the terminal: it would wait for ever.
    """
    silent = {"GIT_TERMINAL_PROMPT": "0"}
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    if not token or not url.startswith(f"{server}/"):
        return silent
    header = "AUTHORIZATION: basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()
    # An empty value takes back what the configuration has, such as the header that actions/checkout keeps: a host
    # refuses two. The key of the whole address stands before those of parts of it.
    keys = [f"http.{place}.extraheader" for place in (f"{server}/", url)]
    return {**silent, **configured([(key, value) for key in keys for value in ("", header)])}
