"""The settings of a function's process."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from slipway.errors import SlipwayError

PROTOCOL = "SLIPWAY_PROTOCOL"
"""The variable with the protocol that the function serves: http or grpc."""

METRICS_PORT = "SLIPWAY_METRICS_PORT"
"""The variable with the port of the metrics. Without it there are none beside gRPC; over HTTP they are at its port."""

SECRETS = "SLIPWAY_SECRETS"
"""The variable with the secrets that the model needs: `API_KEY=SECRET/KEY` for each, with blanks between them."""

MAX_BODY, MAX_ROWS = "SLIPWAY_MAX_BODY", "SLIPWAY_MAX_ROWS"
"""The variables with the largest request: bytes of its body, and rows."""

TIMEOUT = "SLIPWAY_TIMEOUT"
"""The variable with the seconds that a request may take."""

THREADS = "THREADS"
"""The variable with the number of requests that are answered at a time."""

ORIGINS = "SLIPWAY_CORS"
"""The variable with the origins whose pages may call, with blanks between them."""

GRACE = 600
"""Seconds between SIGTERM and the end: the longest `timeoutSeconds`, after which Kubernetes itself kills."""

# In seconds. With uvicorn's 5, a connection could close just as Knative's proxy, which keeps idle ones for 90, sends.
KEEP_ALIVE = 620

PATIENCE = 30
"""Seconds that a caller may take to send a body or a message."""

LOST: Counter[str] = Counter()
"""The number of `lines` of the log that could not be written."""


def protocol() -> str:
    """Return the protocol by `PROTOCOL`; raise `SlipwayError` for an unknown one."""
    found = os.environ.get(PROTOCOL) or "http"
    if found not in ("http", "grpc"):
        raise SlipwayError(f"{PROTOCOL} is {found!r}", fix="give http or grpc, or leave it out: it is http")
    return found


def listed(secrets: Mapping[str, Any]) -> str:
    """Return references to secrets (`secret` and `key`) by their variables, as `SECRETS` has them."""
    return " ".join(f"{name}={each.secret}/{each.key}" for name, each in sorted(secrets.items()))


def check_secrets() -> None:
    """Raise `SlipwayError` when a secret that the model needs is not set."""
    for each in os.environ.get(SECRETS, "").split():
        name, _, place = each.partition("=")
        if not os.environ.get(name):
            secret, _, key = place.partition("/")
            fix = f"in a cluster put it into the Secret {secret}, key {key}; on a laptop: export {name}=…"
            raise SlipwayError(f"the secret {name}, which the model needs, is not set", fix=fix)


def metrics_port() -> int | None:
    """Return the port by `METRICS_PORT`, or None without it; raise `SlipwayError` for what is no port."""
    return setting(METRICS_PORT, 9464) if os.environ.get(METRICS_PORT) else None


def setting(variable: str, default: int) -> int:
    """Return the number in an environment variable, or `default`; raise `SlipwayError` unless it is above 0."""
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SlipwayError(f"{variable} is {text!r}", fix=f"give a number above 0, or leave it out: it is {default}")
    return int(text)
