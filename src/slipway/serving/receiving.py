"""What an ASGI server has of a request, as our functions take it: headers and body, read in full and within limits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slipway.serving.answers import Answer, Refusal, of

__all__ = ["Receive", "Scope", "body", "headers", "no_http"]

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]

# How long (in seconds) a caller may take to send a body.
_PATIENCE = 30


def headers(scope: Scope) -> dict[str, str]:
    """The headers by their lower-case names."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def body(receive: Receive, check_size: Callable[[int], None]) -> bytes:
    """The body, refused as soon as it is too large (by what `check_size` raises), too slow, or cut off."""
    found = bytearray()
    more = True
    try:
        async with asyncio.timeout(_PATIENCE):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(499, "disconnected", "the caller went away while sending")
                piece, more = message.get("body", b""), message.get("more_body", False)
                check_size(len(found) + len(piece))
                found += piece
    except TimeoutError:
        raise Refusal(408, "too_slow", f"the body was not there after {_PATIENCE} seconds") from None
    return bytes(found)


def no_http(message: str) -> Answer:
    """What is told to who sends something else than HTTP/1.1, so that no function ever sees it."""
    return of(400, {"status": "error", "error": {"code": "invalid_http", "message": message}})
