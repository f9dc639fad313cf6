"""uvicorn's WebSocket connection with what a push server needs besides: write at once, and get rid of a client.

ASGI has neither: its ``send`` encodes each message anew for each client, and waits for a client that does not read.
"""

import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from gateway import metrics
from gateway.protocol import Close

STATE_KEY: Final = "outlet"
"""Where a connection's outlet stands in the ``state`` of its ASGI scope."""
SEND_BUFFER: Final = 128 * 1024
"""Kernel's buffer of one connection. Left alone, it grows to megabytes for a client that does not read."""
GRACE: Final = 15.0
"""Seconds in which a client may still read what was sent before its close frame; then the connection is cut."""
STOP_GRACE: Final = 2.0
"""The same, when the server stops."""

_TEXT: Final = 0x81
_SHORT: Final = 126
_MEDIUM: Final = 1 << 16


def text_frame(message: bytes) -> bytes:
    """A text message as one unmasked frame (RFC 6455, 5.2)."""
    size = len(message)
    if size < _SHORT:
        return struct.pack("!BB", _TEXT, size) + message
    if size < _MEDIUM:
        return struct.pack("!BBH", _TEXT, _SHORT, size) + message
    return struct.pack("!BBQ", _TEXT, _SHORT + 1, size) + message


class PushProtocol(WebSocketsSansIOProtocol):
    """To be given to uvicorn as ``ws``. Puts itself, a ``hub.Outlet``, under ``STATE_KEY`` into the scope's state."""

    on_room: Callable[[], None] | None = None
    """called when the client has taken enough after it was ``full``"""

    def handle_connect(self, event: Request) -> None:
        """Take the handshake; the application's task starts after this returns."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["state"][STATE_KEY] = self
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    @property
    def closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self.close_sent or self.transport.is_closing()

    @property
    def full(self) -> bool:
        """See Outlet."""
        return not self.writable.is_set()

    def push(self, messages: Sequence[bytes]) -> None:
        """See Outlet."""
        if not self.closing:
            self.transport.write(b"".join(map(text_frame, messages)))

    def later(self, action: Callable[[], None]) -> None:
        """See Outlet."""
        self.loop.call_soon(action)

    def resume_writing(self) -> None:
        """The client has taken enough."""
        super().resume_writing()
        if self.on_room is not None:
            self.on_room()

    def evict(self, why: Close) -> None:
        """See Outlet."""
        if self.closing:
            return
        metrics.CLOSES.labels(why.name.lower()).inc()
        self.conn.send_close(why.code, why.reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": why.code, "reason": why.reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(GRACE, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """No pong came: uvicorn closes, but would wait for ever for a client that takes nothing."""
        super().keepalive_timeout()
        self.loop.call_later(GRACE, self.transport.abort)

    def shutdown(self) -> None:
        """The server stops: the same."""
        super().shutdown()
        self.loop.call_later(STOP_GRACE, self.transport.abort)
