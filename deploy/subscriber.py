"""A client of the gateway's WebSocket that misses nothing: it resumes where it was, and prints no revision twice."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from deploy.errors import DeployError
from streams.records import AlertEvent

FIRST_PAUSE: Final = 0.5
MAX_PAUSE: Final = 30.0
SILENCE_SECONDS: Final = 20.0
"""The gateway pings every 5 s: after four missed ones the connection is dead, whatever TCP says."""
MAX_MESSAGE: Final = 64 << 20
MESSAGE_TOO_BIG: Final = 1009
LAST_WORD: Final = range(4500, 5000)
"""Close codes after which coming back is useless until a person has changed something."""


class SubscribeError(DeployError):
    """The gateway does not want this client, or it does not speak the protocol."""


class _Hello(msgspec.Struct, frozen=True):
    epoch: str
    offset: int
    recovered: bool


class _Message(msgspec.Struct, frozen=True):
    """Any message of the gateway: one of these fields is there."""

    hello: _Hello | None = None
    snapshot: list[AlertEvent] | None = None
    event: AlertEvent | None = None
    offset: int | None = None
    ping: int | None = None
    trouble: str = ""


@dataclass
class Reader:
    """Where in the stream a client stands and which revisions it has shown; pure, fed with one message at a time."""

    epoch: str = ""
    offset: int = 0
    trouble: str = ""
    _promised: _Hello | None = None
    _seen: dict[str, int] = field(default_factory=dict)

    def query(self) -> str:
        """What to add to the address: empty at first, later where to resume."""
        return urlencode({"epoch": self.epoch, "offset": self.offset}) if self.epoch else ""

    def take(self, text: str | bytes) -> list[AlertEvent]:
        """The revisions that a message brings and that were not shown yet. Raises SubscribeError."""
        try:
            message = msgspec.json.decode(text, type=_Message)
        except msgspec.DecodeError as error:
            raise SubscribeError(f"expected a message of the gateway's protocol, got another ({error})") from None
        if message.hello is not None:
            self._greet(message.hello)
        if message.snapshot is not None and self._promised is not None:
            self.epoch, self.offset, self._promised = self._promised.epoch, self._promised.offset, None
        if message.ping is not None:
            self.trouble = message.trouble
        if message.offset is not None:
            self.offset = message.offset
        events = [*(message.snapshot or ()), *((message.event,) if message.event else ())]
        return [event for event in events if self._is_new(event)]

    def _greet(self, hello: _Hello) -> None:
        # Where a snapshot is to come, the position holds only once it is here: lost in between, the gateway would
        # take us for one that has it.
        if hello.recovered:
            self.epoch, self.offset, self._promised = hello.epoch, hello.offset, None
        else:
            self.epoch, self.offset, self._promised = "", 0, hello

    def _is_new(self, event: AlertEvent) -> bool:
        alert = event.data
        if self._seen.get(alert.alert_id, 0) >= alert.revision:
            return False
        self._seen[alert.alert_id] = alert.revision
        return True


def websocket_url(base: str) -> str:
    """The WebSocket of a gateway: ``http://host:port`` becomes ``ws://host:port/ws``. Raises SubscribeError."""
    parts = urlsplit(base)
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.netloc:
        raise SubscribeError(f"expected an address like http://127.0.0.1:8080, got {base!r}")
    return urlunsplit((schemes[parts.scheme], parts.netloc, parts.path.rstrip("/") or "/ws", "", ""))


def pause(attempt: int) -> float:
    """Seconds before the next try: doubled each time up to MAX_PAUSE, then jittered, so that clients do not return at
    one moment."""
    return min(MAX_PAUSE, FIRST_PAUSE * 2.0**attempt) * random.uniform(0.5, 1.0)


def subscribe(base: str, token: str | None, talk: Callable[[str], None]) -> Iterator[AlertEvent]:
    """Every revision once, for ever; connects again after a break. Raises SubscribeError when that is useless."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
    from websockets.sync.client import connect

    url, reader, attempt = websocket_url(base), Reader(), 0
    headers = {"Authorization": f"Bearer {token}"} if token else None
    # A proxy is for other machines.
    options: dict[str, Any] = {"proxy": None} if urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") else {}
    while True:
        try:
            where = f"{url}?{reader.query()}" if reader.epoch else url
            with connect(where, additional_headers=headers, max_size=MAX_MESSAGE, **options) as socket:
                while True:
                    trouble = reader.trouble
                    events = reader.take(socket.recv(SILENCE_SECONDS))
                    if reader.trouble and reader.trouble != trouble:
                        talk(f"the gateway may be behind: {reader.trouble}")
                    attempt = 0
                    yield from events
        except ConnectionClosed as closed:
            why = _why(closed)
        except InvalidStatus as refused:
            raise SubscribeError(
                f"{url} answers with status {refused.response.status_code}: expected the WebSocket of the gateway; "
                "look at the address, and at INFOPUMP_GATEWAY__TOKEN"
            ) from None
        except (OSError, WebSocketException, TimeoutError) as error:
            why = str(error) or type(error).__name__
        seconds = pause(attempt)
        attempt += 1
        talk(f"no connection to {url} ({why}); next try in {seconds:.1f} s")
        time.sleep(seconds)


def _why(closed: Any) -> str:
    if closed.rcvd is None:
        return "connection lost"
    code, reason = closed.rcvd.code, closed.rcvd.reason
    if code == MESSAGE_TOO_BIG or code in LAST_WORD:
        advice = "set INFOPUMP_GATEWAY__TOKEN" if code == LAST_WORD[0] else "this client must be updated"
        raise SubscribeError(f"the gateway closed with {code} ({reason}): {advice}")
    return f"{code} {reason}"
