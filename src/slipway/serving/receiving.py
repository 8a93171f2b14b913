"""What an ASGI server has of a request, as our functions take it: headers and body, read in full and within limits."""

import asyncio
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request

from slipway.serving.answers import Refusal

__all__ = ["body", "headers"]

# How long (in seconds) a caller may take to send a body.
_PATIENCE = 30


def headers(request: Request) -> dict[str, str]:
    """The headers by their lower-case names."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}


async def body(request: Request, check_size: Callable[[int], None]) -> bytes:
    """The body, refused as soon as it is too large (by what `check_size` raises), too slow, or cut off."""
    found = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for chunk in request.stream():
                check_size(len(found) + len(chunk))
                found += chunk
    except TimeoutError:
        raise Refusal(408, "too_slow", f"the body was not there after {_PATIENCE} seconds") from None
    except ClientDisconnect:
        raise Refusal(499, "disconnected", "the caller went away while sending") from None
    return bytes(found)
