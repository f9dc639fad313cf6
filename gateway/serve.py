"""One gateway process: the feed, the hub and the server, from the start to a clean stop."""

import asyncio
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.app import create_app
from gateway.config import GatewayConfig, GatewayError, Limits
from gateway.feed import Feed, HubSink
from gateway.hub import Hub
from gateway.protocol import Close
from gateway.wire import STOP_GRACE, PushProtocol

log = structlog.get_logger(__name__)

SPARE: Final = 512
"""Connections beside the WebSockets, and file descriptors beside the connections."""


def run(config: GatewayConfig) -> None:
    """Serve until SIGTERM or SIGINT, then tell every client (close code 1012) and return.

    Raises GatewayError where the address cannot be had.
    """
    limits = Limits()
    _raise_file_limit(limits.connections + 2 * SPARE)
    with listen(config) as sock:
        asyncio.run(_serve(config, limits, sock))


def listen(config: GatewayConfig) -> socket.socket:
    """The listening socket. Raises GatewayError."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family, backlog=4096)
    except OSError as error:
        raise GatewayError(
            f"cannot listen on {config.host}:{config.port}: {error.strerror or error}. Set gateway.port to a free one"
        ) from error


class GatewayServer(uvicorn.Server):
    """uvicorn that says good-bye to the WebSocket clients with a reason before it closes them."""

    def __init__(self, app: FastAPI, hub: Hub, limits: Limits) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws=PushProtocol,
                loop="asyncio",
                lifespan="off",
                ws_max_size=limits.client_bytes,
                # It would cost 50 kB a client, and alerts are small.
                ws_per_message_deflate=False,
                limit_concurrency=limits.connections + SPARE,
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=int(STOP_GRACE) + 1,
            )
        )
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._hub.close(Close.RESTART)
        await super().shutdown(sockets)


async def _serve(config: GatewayConfig, limits: Limits, sock: socket.socket) -> None:
    hub = Hub(config.ring, note=config.demo_note)
    feed = Feed(config.bootstrap, HubSink(hub, asyncio.get_running_loop()))
    server = GatewayServer(create_app(config, hub, feed.health, limits), hub, limits)
    host, port = sock.getsockname()[:2]
    with _stopped_by_signals(server):
        feed.start()
        log.info("gateway listens", address=f"http://{f'[{host}]' if ':' in host else host}:{port}", epoch=hub.epoch)
        try:
            await server.serve(sockets=[sock])
        finally:
            await asyncio.to_thread(feed.stop)
    log.info("gateway stopped", offset=hub.offset)


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Signals before uvicorn listens to them count, and the one that it raises again after its stop is harmless."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def _raise_file_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("few open files allowed", allowed=allowed, wanted=wanted, do="raise ulimit -n for all connections")
