"""The WebSocket protocol: its messages, and the one catalogue of close codes. Text frames of JSON."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw

from streams.records import AlertEvent

VERSION: Final = 1

RankField = Annotated[
    tuple[int, int, int, int, float, int],
    Meta(description="Urgency: compare number by number, the smaller first; equal ones by alert_id."),
]


class Hello(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the stream stands: the next event has ``offset`` + 1."""

    epoch: Annotated[str, Meta(description="Names this life of the gateway; offsets of another epoch mean nothing.")]
    offset: Annotated[int, Meta(description="Offset that the next event follows.")]
    recovered: Annotated[bool, Meta(description="True: nothing was missed since the asked offset, no snapshot comes.")]
    version: Annotated[int, Meta(description="Version of this protocol.")]
    note: Annotated[str, Meta(description="A line for the people at the screen, in a demonstration.")] = ""


class HelloMessage(msgspec.Struct, frozen=True):
    """The first message of the server."""

    hello: Annotated[Hello, Meta(description="Where the stream stands.")]


class SnapshotMessage(msgspec.Struct, frozen=True):
    """The second message, where ``recovered`` is false: throw away what you know and take this."""

    snapshot: Annotated[list[AlertEvent], Meta(description="Newest revision of each live alert, most urgent first.")]
    ranks: Annotated[list[RankField], Meta(description="The rank of each alert of the snapshot, same order.")]


class EventMessage(msgspec.Struct, frozen=True):
    """One new revision of one alert."""

    offset: Annotated[int, Meta(description="Grows by 1 from message to message, without holes.")]
    rank: RankField
    event: Annotated[AlertEvent, Meta(description="The revision, as a CloudEvent.")]


class PingMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sent every few seconds: all that happened up to now has been sent, unless ``trouble`` says otherwise."""

    ping: Annotated[int, Meta(description="The gateway's clock, ms since 1970 UTC.")]
    trouble: Annotated[
        str, Meta(description="Why the gateway itself may be behind (its source does not answer); absent: it is not.")
    ] = ""


class TokenMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The only message that a client may send, and only as its first: browsers cannot set a header on a WebSocket."""

    token: Annotated[str, Meta(description="The gateway's token.", max_length=1024)]


class Close(Enum):
    """Every code with which the gateway closes: name = (code, reason in the frame, cause, what the client must do).

    The range says whether to come back: 4500 to 4999 and 1009 mean do not reconnect until a person has changed
    something; every other code, and a connection lost without one, mean reconnect with growing, jittered pauses.
    """

    MESSAGE_TOO_BIG = (
        1009,
        "message too big",
        "a client message was longer than the limit",
        "send nothing but the token",
    )
    FAULT = (
        1011,
        "internal error",
        "a fault of the gateway, or no pong came within 20 s",
        "reconnect with epoch and offset",
    )
    RESTART = (
        1012,
        "service restart",
        "the gateway is being stopped",
        "reconnect; expect a new epoch and a snapshot",
    )
    SLOW = (
        4000,
        "slow consumer",
        "the client took nothing for too long, or fell behind the ring",
        "reconnect with epoch and offset, read faster",
    )
    NOT_READY = (
        4001,
        "not ready",
        "the gateway still reads the backlog of its topic",
        "reconnect later",
    )
    FULL = (
        4002,
        "too many connections",
        "all places are taken",
        "reconnect later; tell the operator",
    )
    UNAUTHORIZED = (
        4500,
        "unauthorized",
        "the token is missing, wrong, or came too late",
        "ask a person for the token",
    )
    BAD_REQUEST = (
        4501,
        "bad request",
        "the client sent what the protocol does not know, or epoch and offset that are none",
        "correct the client",
    )

    def __init__(self, code: int, reason: str, cause: str, duty: str) -> None:
        self.code = code
        self.reason = reason
        self.cause = cause
        self.duty = duty

    @property
    def reconnect(self) -> bool:
        """Whether the client may come back by itself."""
        return may_reconnect(self.code)


def may_reconnect(code: int) -> bool:
    """What the range of a close code says: may the client come back by itself?"""
    return code != Close.MESSAGE_TOO_BIG.code and not 4500 <= code <= 4999


class ProtocolError(ValueError):
    """A client broke the protocol; the text says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a client has read: an epoch and the offset of the last message it has."""

    epoch: str
    offset: int


def position(epoch: str | None, offset: str | None) -> Position | None:
    """The position of a ``/ws?epoch=E&offset=N``; None at a first visit. Raises ProtocolError."""
    if epoch is None and offset is None:
        return None
    if not epoch or len(epoch) > 64 or offset is None or not (offset.isascii() and offset.isdigit()):
        raise ProtocolError("expected epoch and offset (a number) together, or neither")
    if len(offset) > 18:
        raise ProtocolError("expected an offset below 1e18")
    return Position(epoch, int(offset))


def token_of(text: str) -> str:
    """The token in a client's first message. Raises ProtocolError."""
    try:
        return msgspec.json.decode(text, type=TokenMessage).token
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise ProtocolError('expected {"token": "..."}, the one message a client may send, got another') from None


def hello(epoch: str, offset: int, recovered: bool, note: str) -> bytes:
    """The first message."""
    return msgspec.json.encode(HelloMessage(Hello(epoch, offset, recovered, VERSION, note)))


def snapshot(alerts: list[tuple[Raw, RankField]]) -> bytes:
    """The second message; ``alerts`` are encoded events with their ranks, most urgent first."""
    return msgspec.json.encode({"snapshot": [event for event, _ in alerts], "ranks": [rank for _, rank in alerts]})


def message(offset: int, rank: RankField, event: Raw) -> bytes:
    """One revision."""
    return msgspec.json.encode({"offset": offset, "rank": rank, "event": event})


def ping(now_ms: int, trouble: str) -> bytes:
    """The sign of life."""
    return msgspec.json.encode(PingMessage(now_ms, trouble))
