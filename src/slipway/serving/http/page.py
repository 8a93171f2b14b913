"""The page at `/docs`: one file that needs no other, and that no browser lets load or run anything else."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from slipway.serving.answers import Answer

__all__ = ["FILE", "answer"]

FILE = "docs.html"


def answer() -> Answer:
    """The page; it asks for `openapi.json` beside it, and tells nothing of a model itself."""
    text, policy = _page()
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return Answer(200, headers, text)


@cache
def _page() -> tuple[bytes, str]:
    text = (Path(__file__).parent / FILE).read_bytes()
    style, script = (_hash(text, tag) for tag in (b"style", b"script"))
    allowed = f"style-src {style}; script-src {script}; connect-src 'self'; img-src data:"
    return text, f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def _hash(text: bytes, tag: bytes) -> str:
    """What the page's one element of this name holds, as a policy names it: nothing else of its kind may run."""
    found = re.search(rb"<%b>(.*?)</%b>" % (tag, tag), text, re.DOTALL)
    return f"'sha256-{b64encode(sha256(found[1] if found else b'').digest()).decode()}'"
