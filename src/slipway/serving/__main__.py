"""`python -m slipway.serving`: the function of the bundle in this folder, as an image runs it.

It answers as `functions-framework --target predict --source main.py` does, which takes longer to start and to answer;
or over gRPC, where `SLIPWAY_PROTOCOL` says so.
"""

from __future__ import annotations

import os
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.serving.process import setting
from slipway.serving.start import or_exit, start

__all__ = ["PROTOCOL", "main"]

PROTOCOL = "SLIPWAY_PROTOCOL"
"""The variable that says by what the function is asked: http, or grpc."""


def main() -> None:
    """Start the function, and serve it on `HOST` and `PORT` until the process is told to end."""
    with or_exit():
        protocol = _protocol()
    function = start(Path.cwd())
    host = os.environ.get("HOST") or "0.0.0.0"  # noqa: S104
    with or_exit():
        port = setting("PORT", 8080)
        if protocol == "grpc":
            # What only one of them needs is not loaded by the other.
            from slipway.serving.grpc import server as rpc

            rpc.run(function, host, port)
            return
        from slipway.serving.http import asgi, server

        listener = server.listen(host, port)
    server.run(asgi.application(function), listener)


def _protocol() -> str:
    given = os.environ.get(PROTOCOL) or "http"
    if given not in ("http", "grpc"):
        raise SlipwayError(f"{PROTOCOL} is {given!r}", fix="give http or grpc, or leave it out: it is http")
    return given


if __name__ == "__main__":
    main()
