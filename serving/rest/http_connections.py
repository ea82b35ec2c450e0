"""HTTP connections with limits: idle connections are closed, and make room for new ones."""

import asyncio
import fcntl
import struct
import termios
from dataclasses import dataclass, field

from uvicorn.protocols.http.h11_impl import H11Protocol

_FULL = (
    b'{"error": "This server has %d open connections and takes no more; close idle ones, or send requests '
    b'over one connection (keep-alive)."}'
)


@dataclass
class Limits:
    """Limits of one server, and its idle connections.

    A connection is idle while it waits for a request or for the rest of one, and has nothing left to send.

    Attributes:
        max_connections: Largest number of open connections. A further connection replaces the one that has
            been idle longest; if none is idle, the new connection gets 503.
        idle_timeout: Seconds after which an idle connection is closed, and one whose client reads nothing of
            its response. The header of a request must be complete within this time, however slowly it
            arrives.
        waiting: Idle connections; the one that has been idle longest comes first.
    """

    max_connections: int
    idle_timeout: float
    waiting: dict["HttpConnection", None] = field(default_factory=dict)


class HttpConnection(H11Protocol):
    """Connection of uvicorn with a timeout that starts when it opens, and not only between requests."""

    limits: Limits
    _timer: asyncio.TimerHandle | None = None
    _unsent = 0  # bytes of a response, when the timeout began

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the timeout; close an idle connection if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            if not self.limits.waiting:
                self._refuse()
                return
            oldest = next(iter(self.limits.waiting))
            oldest._stop_waiting()  # it closes a moment later and must not be chosen again
            oldest.transport.close()
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Parse the received data; the timeout restarts with each part of a body."""
        super().data_received(data)
        if not self._awaits_data():
            self._stop_waiting()
        elif self._is_reading_body():
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self._awaits_data():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_reading_body(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body

    def _awaits_data(self) -> bool:
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _wait(self) -> None:
        self._stop_waiting()
        self._unsent = self._count_unsent()
        if self._unsent:  # also if it is closing: uvicorn closes it after the same time
            self._start_timer()
        elif not self.transport.is_closing():
            self.limits.waiting[self] = None
            self._start_timer()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.limits.idle_timeout, self._end)

    def _end(self) -> None:
        """Close the connection, unless its client has read some of a response since the last look."""
        unsent = self._count_unsent()
        if unsent < self._unsent:
            self._wait()
        elif unsent:
            self.transport.abort()
        else:
            self.transport.close()

    def _count_unsent(self) -> int:
        """Return the bytes of a response that the client has not received, if some wait in this process."""
        waiting = self.transport.get_write_buffer_size()
        if not waiting:
            return 0
        # With those in the kernel, which takes megabytes at a time from this process.
        socket = self.transport.get_extra_info("socket")
        return waiting + struct.unpack("i", fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4)))[0]

    def _stop_waiting(self) -> None:
        self.limits.waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self) -> None:
        body = _FULL % self.limits.max_connections
        head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
        self.transport.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.transport.close()
