"""The server of a function that is asked over gRPC (`SLIPWAY_PROTOCOL=grpc`).

It answers the Open Inference Protocol and gRPC's own health checks, by the same function as HTTP does: the same checks
at the start, limits, access, log and metrics. A port speaks either HTTP/1.1 or gRPC.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import nullcontext

import grpc.aio

from slipway.errors import SlipwayError
from slipway.serving.function import Function
from slipway.serving.grpc.calls import Calls
from slipway.serving.grpc.metrics import PORT, served
from slipway.serving.process import GRACE, setting

__all__ = ["run"]

# Up to so many times the limit a message is refused in our words and with a line in the log; beyond that by gRPC.
_MARGIN = 2


def run(function: Function, host: str, port: int) -> None:
    """Answer until SIGTERM, and then until all that was begun is answered.

    Raises `SlipwayError` when a port is in use, or not to be had.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    counted = served(function.metrics, host, setting(PORT, 0)) if os.environ.get(PORT) else nullcontext()
    with counted:
        asyncio.run(_serve(function, address))


async def _serve(function: Function, address: str) -> None:
    options = [("grpc.max_receive_message_length", _MARGIN * function.limits.body), ("grpc.so_reuseport", 0)]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((Calls(function),))
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise SlipwayError(f"{address} cannot be listened at: {error}", fix="set PORT to a free one") from error
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    await server.start()
    await ended.wait()
    await server.stop(GRACE)
