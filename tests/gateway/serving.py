"""A real gateway server in a thread, whose hub the test feeds itself."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from websockets.sync.client import ClientConnection, connect

from gateway.app import create_app
from gateway.config import GatewayConfig, Limits
from gateway.hub import Hub
from gateway.serve import GatewayServer, listen
from streams.records import AlertEvent
from tests.waiting import until

T = TypeVar("T")


class ServedGateway:
    """A gateway that listens; its hub lives in the server's thread."""

    def __init__(self, config: GatewayConfig, limits: Limits, *, ready: bool = True) -> None:
        self.hub = Hub(config.ring, note=config.demo_note)
        self.trouble: str | None = None
        self._sock = listen(config)
        self.port: int = self._sock.getsockname()[1]
        app = create_app(config, self.hub, lambda: self.trouble, limits)
        self._server = GatewayServer(app, self.hub, limits)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="served")

    async def _serve(self, ready: bool) -> None:
        self._loop = asyncio.get_running_loop()
        if ready:
            self.hub.ready.set()
        await self._server.serve(sockets=[self._sock])

    def start(self) -> None:
        self._thread.start()
        until(lambda: self._server.started, 10, "the server's start")

    def begin_stop(self) -> None:
        self._server.should_exit = True

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self.begin_stop()
        self._thread.join(timeout=20)
        self._sock.close()
        assert not self._thread.is_alive(), "the server did not stop within 20 s"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, action: Callable[[], T]) -> T:
        """Do it in the server's loop."""

        async def act() -> T:
            return action()

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(10)

    def publish(self, *events: AlertEvent) -> list[bool]:
        return self.call(lambda: self.hub.publish(*events))

    def connect(self, query: str = "", **more: Any) -> AbstractContextManager[ClientConnection]:
        """To be used in a ``with``."""
        opened: AbstractContextManager[ClientConnection] = connect(
            f"ws://127.0.0.1:{self.port}/ws{query}", compression=None, proxy=None, **more
        )
        return opened


@contextmanager
def served(
    config: GatewayConfig | None = None, limits: Limits | None = None, *, ready: bool = True
) -> Iterator[ServedGateway]:
    """A gateway for the length of the block."""
    gateway = ServedGateway(config or GatewayConfig("unused:0", port=0), limits or Limits(), ready=ready)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


def receive(client: ClientConnection) -> dict[str, Any]:
    """The next message that is no ping."""
    while True:
        message: dict[str, Any] = json.loads(client.recv(timeout=10))
        if "ping" not in message:
            return message
