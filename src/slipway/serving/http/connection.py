"""A connection of a caller: how it ends, so that an answer arrives, or the log says that it did not.

`Connection` stands before either of uvicorn's protocols. It takes uvicorn's call to close a connection, because the
system resets one that is closed with unread data: the answer would be lost on its way.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from slipway.serving import log
from slipway.serving.http import capacity
from slipway.serving.http.requests import no_http

if TYPE_CHECKING:  # the training service needs no modules of artifacts
    from slipway.serving.http.application import Application
    from slipway.serving.metrics import Metrics

# Seconds for the head of a request, and for the first byte of a new connection.
_HEAD = 60

# Seconds to read on after the last answer, until the caller ends the connection: in all, and without any data.
_LINGER, _SILENT = 30, 5

# A caller who takes less than so many bytes of a waiting answer in so many seconds does not read it.
_LEAST, _STALLED = 1 << 16, 60

# For what comes in: a buffer of asyncio's own for each piece takes several times as long as the piece. An event loop
# hands over one piece before it reads the next, and a process has one loop.
_BUFFER = memoryview(bytearray(1 << 18))

# Seconds between two looks whether a caller who sends no more has gone away.
_LOOK = 0.1


class Connection(asyncio.Protocol, asyncio.BufferedProtocol):
    """The part of a connection that is the same for httptools and h11, before either of uvicorn's protocols."""

    # uvicorn's protocol has these.
    loop: asyncio.AbstractEventLoop
    transport: Any
    cycle: Any
    flow: Any
    connections: Any
    timeout_keep_alive_task: asyncio.TimerHandle | None
    _unset_keepalive_if_required: Any

    named: ClassVar[Mapping[str, str]] = MappingProxyType({})
    metrics: ClassVar[Metrics | None] = None
    """Who answers and counts in this process; see `answer_for`."""

    since = 0.0
    """Since when it waits for a request, or for the rest of its head; 0 while one is answered."""

    # Something was sent that is no HTTP: nothing after it is a request.
    _broken = False
    ended = False
    """True once the last answer is written."""

    _begun = 0.0
    _last = 0.0
    _until = 0.0
    _waiting: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None

    @classmethod
    def answer_for(cls, application: Application) -> None:
        """Refuse what is no HTTP, which no application sees, in the name of this one."""
        Connection.named, Connection.metrics = application.named, application.metrics

    def connection_made(self, transport: Any) -> None:
        """Begin; the event loop calls this."""
        super().connection_made(_Transport(transport, self))  # type: ignore[arg-type]
        self._wait_for_head()
        if len(self.connections) > capacity.most():
            capacity.make_room(self.connections, self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return the buffer for what comes in; the event loop calls this."""
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Take what is in the buffer; the event loop calls this."""
        self.data_received(bytes(_BUFFER[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Take data."""
        if self.ended or self._broken:
            self._last = self.loop.time()
            return
        begun = self._begun
        super().data_received(data)
        if self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete):
            # uvicorn has stopped its timer, which only an answer starts: it would wait for ever for the next request.
            self._wait_for_head(begun or self.loop.time())
        elif self.timeout_keep_alive_task is None:
            self.since = self._begun = 0.0
        else:  # it is answered already
            self._begun = 0.0

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn calls this."""
        super().on_response_complete()  # type: ignore[misc]
        if self.timeout_keep_alive_task:
            self.since = self.loop.time()

    def _wait_for_head(self, begun: float = 0.0) -> None:
        """End the connection when no head is there in time; its first byte came when it has `begun`."""
        self._begun = begun
        self.since = begun or self.loop.time()
        self.timeout_keep_alive_task = self.loop.call_at(self.since + _HEAD, self._end_waiting)

    def _end_waiting(self) -> None:
        if self._begun and not self._broken:
            self.send_400_response(f"The head of the request was not there after {_HEAD} seconds.")
        else:
            self.transport.close()

    def eof_received(self) -> bool:
        """Return whether to keep the connection: the caller sends no more, and may wait for an answer, or be gone."""
        if self.ended or not self._is_answering():
            return False
        self.cycle.keep_alive = False
        if self._waiting is None:
            self._probe()
            self._wait(_LOOK, self._look)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """End; the event loop calls this. Timers would keep the connection and its last body in memory."""
        if exc and self.flow.write_paused:
            self._tell("the connection was lost")
        self._cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def pause_writing(self) -> None:
        """Wait until the caller has read more; the event loop calls this."""
        super().pause_writing()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request in JSON, and close the connection; uvicorn calls this.

        Requests before it get their answers, and their caller no other.
        """
        self._broken = True
        told = no_http(msg, self.named, log.invalid(msg, self.named, self.metrics))
        if self._is_answering():
            self.cycle.keep_alive = False
            return
        self.transport.write(told)
        self.finish()

    def finish(self) -> None:
        """Close the connection in place of uvicorn: after the last answer read on, and drop what comes."""
        if self.ended or self.transport.is_closing():
            return
        self._watch()
        is_idle = self.cycle is None or self.timeout_keep_alive_task is not None
        if is_idle and not self._broken:
            self.transport.end()
            return
        self.ended = True
        self._cancel_waiting()
        self._last = self.loop.time()
        self._until = self._last + _LINGER
        try:
            self.transport.write_eof()
        except OSError:  # the caller has reset the connection, which the event loop has yet to see
            self.transport.abort()
        else:
            self.transport.resume_reading()
            self._wait(_SILENT, self._linger)

    def _is_answering(self) -> bool:
        """Return whether a request has come to its end and its answer has not."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    def _probe(self) -> None:
        """Send an interim answer, which clients pass over; the system of one who has closed refuses it."""
        is_first = not self.cycle.response_started and not getattr(self, "pipeline", None)
        if is_first and self.cycle.scope["http_version"] == "1.1":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _look(self) -> None:
        """End the connection when the caller has refused the probe: nobody reads an answer."""
        if self.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abort()
        elif self._is_answering():
            self._wait(_LOOK, self._look)

    def _linger(self) -> None:
        now = self.loop.time()
        if now < self._until and now - self._last < _SILENT:
            self._wait(_SILENT, self._linger)
        else:
            self.transport.end()

    def _watch(self) -> None:
        """Watch whether the caller reads what waits for them."""
        if self._writing is None and (size := self.transport.get_write_buffer_size()):
            self._writing = self.loop.call_later(_STALLED, self._check_reading, size)

    def _check_reading(self, before: int) -> None:
        self._writing = None
        size = self.transport.get_write_buffer_size()
        if size and before - size < _LEAST:
            self._tell("the caller does not read it")
            # Otherwise the system keeps its part of the answer, and tries on for minutes.
            own = self.transport.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self._watch()

    def _tell(self, why: str) -> None:
        state = self.cycle.scope["state"] if self.cycle else {}
        log.write("WARNING", f"an answer did not arrive: {why}", request_id=state.get("request_id", ""))

    def _wait(self, seconds: float, then: Any) -> None:
        self._waiting = self.loop.call_later(seconds, then)

    def _cancel_waiting(self) -> None:
        if self._waiting:
            self._waiting.cancel()

    def _cancel(self) -> None:
        self._cancel_waiting()
        if self._writing:
            self._writing.cancel()


class _Transport:
    """A transport that lets the connection decide how it closes."""

    def __init__(self, transport: Any, connection: Connection) -> None:
        self._transport, self._connection = transport, connection
        self.write = transport.write  # for each answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Return whether no request is taken any more."""
        return self._connection.ended or self._transport.is_closing()

    def close(self) -> None:
        """See `Connection.finish`."""
        self._connection.finish()

    def end(self) -> None:
        """Close at once, or when the caller has read what waits for them."""
        self._transport.close()
