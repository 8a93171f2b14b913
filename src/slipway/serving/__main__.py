"""`python -m slipway.serving`: serve the function of the bundle in this folder, as an image does.

It answers as `functions-framework --target predict --source main.py` does, and starts and answers faster. With
`SLIPWAY_PROTOCOL=grpc` it serves gRPC.
"""

from __future__ import annotations

import os
from pathlib import Path

from slipway.serving import log
from slipway.serving.process import METRICS_PORT, metrics_port, protocol, setting
from slipway.serving.start import start


def main() -> None:
    """Start the function and serve it on `HOST` and `PORT` until SIGTERM."""
    with log.or_exit():
        spoken = protocol()
    function = start(Path.cwd())
    host = os.environ.get("HOST") or "0.0.0.0"  # noqa: S104
    with log.or_exit():
        port = setting("PORT", 8080)
        # Each protocol loads its own libraries only.
        if spoken == "grpc":
            # Its own log is no JSON, and has a line for each end, when `farewell` closes the listener.
            os.environ.setdefault("GRPC_VERBOSITY", "NONE")
            from slipway.serving.grpc import server as grpc_server

            grpc_server.run(function, host, port)
            return
        from slipway.serving.http import server

        listener = server.listen(host, port)
        at = metrics_port()
        scrapes = server.listen(host, at, METRICS_PORT) if at else None
    server.run(function, listener, scrapes)


if __name__ == "__main__":
    main()
