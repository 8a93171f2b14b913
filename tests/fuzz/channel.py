"""A channel that sends calls over gRPC, and checks how they end."""

import socket
from contextlib import suppress
from typing import Any, NamedTuple

import grpc

from tests.fuzz.calls import Call
from tests.fuzz.wire import Wrong

__all__ = ["Channel", "Ended"]

_ENDS = frozenset({"OK", "INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED"})
# What gRPC itself says of calls that are too large or too late for it has no code of ours.
_OWN = ("RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED")
_OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    *((f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")),
]


class Ended(NamedTuple):
    """The end of a call: its status, what it says, and the answers before it."""

    status: str
    details: str
    trailing: dict[str, Any]
    answers: list[bytes]

    @property
    def error(self) -> str:
        """The code of the refusal for programs; "" where gRPC itself refuses."""
        return str(self.trailing.get("x-error-code", ""))


class Channel:
    """One caller over gRPC."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self._channel = grpc.insecure_channel("{}:{}".format(*address), _OPTIONS)

    def ask(self, call: Call) -> Ended:
        """Make a call and return its end; raise `Wrong` for one that no caller may see."""
        if not call.path:
            return self._dump(call.contents[0])
        packing = grpc.Compression.Gzip if call.compressed else None
        made = self._channel.stream_stream(call.path)(
            iter(call.contents), timeout=call.seconds, metadata=call.metadata, compression=packing
        )
        answers: list[bytes] = []
        with suppress(grpc.RpcError):
            answers.extend(made)
        trailing = dict(made.trailing_metadata() or ())
        return _checked(call, Ended(made.code().name, made.details() or "", trailing, answers))

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _dump(self, content: bytes) -> Ended:
        """Send bytes that are no call, and read what comes back, as long as something does."""
        found = b""
        with socket.create_connection(self.address, timeout=20) as at, suppress(OSError):
            at.sendall(content)
            at.shutdown(socket.SHUT_WR)
            at.settimeout(0.2)
            while piece := at.recv(1 << 16):
                found += piece
        return Ended("no call", "", {}, [found])


def _checked(call: Call, ended: Ended) -> Ended:
    allowed = _ENDS | ({"DEADLINE_EXCEEDED", "CANCELLED"} if call.seconds < 1 else set())
    if ended.status not in allowed:
        raise Wrong(f"status {ended.status}: {ended.details[:300]!r}")
    if ended.status == "OK":
        problem = "" if ended.trailing.get("x-request-id") else "an answer without a request id"
    elif "Traceback" in ended.details or not ended.details:
        problem = f"details that help nobody: {ended.details[:300]!r}"
    else:
        problem = "" if ended.error or ended.status in _OWN else f"no code of the error: {ended.details[:300]!r}"
    if problem:
        raise Wrong(f"status {ended.status}: {problem}")
    return ended
