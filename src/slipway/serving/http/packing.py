"""Bodies in gzip, both ways (RFC 9110, 8.4.1): limits count what comes out of a request."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping

from slipway.serving.answers import Answer, Refusal

_GZIP = 31  # for zlib: gzip with a window of 32 KiB
_QUICK = 1  # more effort takes many times as long, and numbers gain little by it
_PIECE = 1 << 16

_LEAST = 1 << 10
"""A shorter answer fits into one packet as it is."""

_ACCEPTED = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=([\d.]+)\s*)?(?:,|$)", re.IGNORECASE)


def is_packed(headers: Mapping[str, str]) -> bool:
    """Return whether a body is in gzip."""
    return headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")


def unpack(body: bytes, check_size: Callable[[int], None]) -> bytes:
    """Return what is in a body; raise what `check_size` raises as soon as that is too large, or `Refusal` (400)."""
    found, reader = bytearray(), zlib.decompressobj(_GZIP)
    try:
        while body or not reader.eof:
            if reader.eof:  # several files behind one another are one
                reader = zlib.decompressobj(_GZIP)
            piece = reader.decompress(body, _PIECE)
            if not piece and not reader.eof and not reader.unconsumed_tail:
                raise Refusal(400, "invalid_encoding", "the body ends within its gzip")
            found += piece
            check_size(len(found))
            body = reader.unused_data if reader.eof else reader.unconsumed_tail
    except zlib.error:
        raise Refusal(400, "invalid_encoding", "the body is no gzip, as its content encoding says") from None
    return bytes(found)


def packed(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """Return an answer in gzip where it is long and its caller, by these `headers`, accepts that."""
    if len(answer.body) <= _LEAST:
        return answer
    own = {**answer.headers, "vary": "accept-encoding"}
    accepted = _ACCEPTED.search(headers.get("accept-encoding", ""))
    if not accepted or (accepted[1] and not accepted[1].strip("0.")):
        return answer._replace(headers=own)
    writer = zlib.compressobj(_QUICK, wbits=_GZIP)
    body = writer.compress(answer.body) + writer.flush()
    return answer._replace(headers={**own, "content-encoding": "gzip"}, body=body)
