"""One WebSocket from its handshake to its end: let in, greeted, fed from its place in the ring, sent away."""

import asyncio
import random
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import NoReturn

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway import protocol
from gateway.config import Limits
from gateway.guard import TokenCheck
from gateway.hub import Hub, Subscriber
from gateway.protocol import Close, Position, ProtocolError
from gateway.wire import STATE_KEY, PushProtocol

log = structlog.get_logger(__name__)

Trouble = Callable[[], str | None]
"""None while the source of the hub is well; else what is wrong with it."""


class Step(Enum):
    """How far a session has come; it only moves forward."""

    ACCEPTED = auto()
    LET_IN = auto()
    SUBSCRIBED = auto()


class Refusal(Exception):  # noqa: N818 (it is no error of ours)
    """The client must go, with this code."""

    def __init__(self, why: Close, detail: str = "") -> None:
        super().__init__(detail or why.cause)
        self.why = why


class Session:
    """One accepted connection."""

    def __init__(self, websocket: WebSocket, hub: Hub, token: TokenCheck, trouble: Trouble, limits: Limits) -> None:
        self._websocket = websocket
        self._outlet: PushProtocol = websocket.scope["state"][STATE_KEY]
        self._hub = hub
        self._token = token
        self._trouble = trouble
        self._limits = limits
        self._step = Step.ACCEPTED
        self._spoke = False

    async def run(self) -> None:
        """Serve the client until it goes or is sent away."""
        try:
            at = self._position()
            await self._let_in()
            await self._until_ready()
            await self._serve(at)
        except WebSocketDisconnect:
            pass
        except Refusal as refusal:
            tell = log.debug if refusal.why.reconnect else log.info
            tell("client refused", close=refusal.why.name, step=self._step.name, detail=str(refusal))
            self._outlet.evict(refusal.why)
        except Exception:
            log.exception("session failed", step=self._step.name)
            self._outlet.evict(Close.FAULT)

    def _position(self) -> Position | None:
        query = self._websocket.query_params
        try:
            return protocol.position(query.get("epoch"), query.get("offset"))
        except ProtocolError as error:
            raise Refusal(Close.BAD_REQUEST, str(error)) from error

    async def _let_in(self) -> None:
        if self._token.needed:
            shown = self._token.in_header(self._websocket.headers.get("authorization"))
            if shown is None:
                shown = await self._token_message()
            if not self._token.right(shown):
                raise Refusal(Close.UNAUTHORIZED)
        self._step = Step.LET_IN

    async def _token_message(self) -> str:
        try:
            async with asyncio.timeout(self._limits.token_wait):
                return await self._hear()
        except TimeoutError:
            raise Refusal(Close.UNAUTHORIZED, f"no token within {self._limits.token_wait} s") from None

    async def _hear(self) -> str:
        """The token in the client's first message; any other message is one too many."""
        heard = await self._websocket.receive()
        if heard["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(heard["code"], heard.get("reason"))
        if self._spoke:
            raise Refusal(Close.BAD_REQUEST, "expected no message after the first, got one")
        self._spoke = True
        try:
            return protocol.token_of(heard.get("text") or "")
        except ProtocolError as error:
            raise Refusal(Close.BAD_REQUEST, str(error)) from error

    async def _hear_out(self) -> NoReturn:
        """Listen until the client goes, or talks too much: one that needs no token may show one all the same."""
        while True:
            await self._hear()

    async def _until_ready(self) -> None:
        if self._hub.ready.is_set():
            return
        ready = asyncio.create_task(self._hub.ready.wait())
        talk = asyncio.create_task(self._hear_out())
        done, _ = await asyncio.wait(
            {ready, talk}, timeout=self._limits.ready_wait, return_when=asyncio.FIRST_COMPLETED
        )
        ready.cancel()
        talk.cancel()
        if talk in done:
            talk.result()
        if ready not in done:
            raise Refusal(Close.NOT_READY)

    async def _serve(self, at: Position | None) -> None:
        subscriber = self._hub.subscribe(at, self._outlet)
        self._step = Step.SUBSCRIBED
        pulse = Pulse(self._outlet, subscriber, self._trouble, self._limits)
        pulse.start()
        try:
            await self._hear_out()
        finally:
            pulse.stop()
            self._hub.unsubscribe(subscriber)


class Pulse:
    """The sign of life of one connection, and the judge of a client that takes nothing."""

    def __init__(self, outlet: PushProtocol, subscriber: Subscriber, trouble: Trouble, limits: Limits) -> None:
        self._loop = asyncio.get_running_loop()
        self._outlet = outlet
        self._subscriber = subscriber
        self._trouble = trouble
        self._limits = limits
        self._full_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, at a moment of its own: clients that came together must not all be pinged together."""
        self._outlet.on_room = self._room
        self._timer = self._loop.call_later(random.uniform(0.5, 1) * self._limits.ping, self._beat)

    def stop(self) -> None:
        """End."""
        self._outlet.on_room = None
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._timer = self._loop.call_later(self._limits.ping, self._beat)
        if not self._outlet.full:
            self._full_since = None
            self._outlet.push([protocol.ping(time.time_ns() // 1_000_000, self._trouble() or "")])
        elif self._full_since is None:
            self._full_since = self._loop.time()
        elif self._loop.time() - self._full_since >= self._limits.stall:
            self._subscriber.evict(Close.SLOW)

    def _room(self) -> None:
        self._full_since = None
        self._subscriber.flow()
