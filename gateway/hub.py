"""The state of the gateway in memory: the newest revision of each alert, a ring of the last events, the subscribers.

Belongs to one event loop: call every method from its thread (others: ``loop.call_soon_threadsafe``).
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from msgspec import Raw

from gateway import metrics, protocol
from gateway.protocol import Close, Position
from gateway.ranking import Rank, is_live, order, rank
from streams.records import Alert, AlertEvent

ENDED_KEPT: Final = 2_000
"""Ended alerts that are remembered; the oldest ending is forgotten first."""
HANDFUL: Final = 64
"""Messages that are written to one client at a time: what can pile up in its connection beyond the ring."""


@dataclass(frozen=True, slots=True)
class Known:
    """The newest revision of an alert, encoded once."""

    alert: Alert
    rank: Rank
    event: Raw


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the ring: its JSON, and the message that clients get."""

    alert_id: str
    event: Raw
    message: bytes


class Ring:
    """The last ``size`` entries by offset, which starts at 1 and has no holes."""

    def __init__(self, size: int) -> None:
        self._slots: list[Entry | None] = [None] * size
        self.last = 0

    @property
    def first(self) -> int:
        """The oldest offset still here; ``last`` + 1 where there is none."""
        return max(1, self.last - len(self._slots) + 1)

    def append(self, entry: Entry) -> None:
        """Add the entry of offset ``last`` + 1."""
        self.last += 1
        self._slots[self.last % len(self._slots)] = entry

    def after(self, offset: int, limit: int) -> Iterator[Entry]:
        """At most ``limit`` entries that follow ``offset``, which must be ``first`` - 1 or later."""
        for i in range(offset + 1, min(offset + limit, self.last) + 1):
            entry = self._slots[i % len(self._slots)]
            if entry is None:
                raise RuntimeError(f"offset {i} is not in the ring of {self.first} to {self.last}")
            yield entry


class Outlet(Protocol):
    """The sending side of one client. Nothing here may block."""

    @property
    def full(self) -> bool:
        """Whether the client does not keep up: it will call ``Subscriber.flow`` when it has room again."""

    def push(self, messages: Sequence[bytes]) -> None:
        """Write text messages now; dropped where the connection is closing."""

    def later(self, action: Callable[[], None]) -> None:
        """Do it after others had their turn."""

    def evict(self, why: Close) -> None:
        """Close, also where the client does not read. Can be repeated."""


class Subscriber:
    """One client's place in the ring: its queue is the ring itself, so a slow client costs one number."""

    def __init__(self, ring: Ring, offset: int, outlet: Outlet) -> None:
        self._ring = ring
        self._outlet = outlet
        self._waits_its_turn = False
        self.offset = offset
        self.left = False

    @property
    def overtaken(self) -> bool:
        """Whether the ring no longer holds what this client needs next."""
        return self.offset < self._ring.first - 1

    def flow(self) -> None:
        """Write what the client lacks, as far as it takes it; one that is far behind by the handful."""
        if self.left or self.overtaken or self._waits_its_turn or self._outlet.full:
            # Overtaken: it is being sent away, and what stands in the ring now is not what it lacks.
            return
        messages = [entry.message for entry in self._ring.after(self.offset, HANDFUL)]
        if not messages:
            return
        self.offset += len(messages)
        self._outlet.push(messages)
        if self.offset < self._ring.last:
            self._waits_its_turn = True
            self._outlet.later(self._go_on)

    def evict(self, why: Close) -> None:
        """Send the client away; nothing flows any more."""
        self.left = True
        self._outlet.evict(why)

    def _go_on(self) -> None:
        self._waits_its_turn = False
        self.flow()


class Hub:
    """State and fan-out. ``epoch`` names this life of it; offsets of another epoch mean nothing."""

    def __init__(self, ring: int = 10_000, *, note: str = "") -> None:
        self.epoch = secrets.token_hex(8)
        self.ready = asyncio.Event()
        """set when the backlog of the topic has been read"""
        self._note = note
        self._ring = Ring(ring)
        self._alerts: dict[str, Known] = {}
        self._ended: dict[str, None] = {}
        self._subscribers: set[Subscriber] = set()
        self._snapshot: bytes | None = None

    @property
    def offset(self) -> int:
        """Offset of the last event; 0 before the first."""
        return self._ring.last

    @property
    def subscribers(self) -> int:
        """How many clients get the events."""
        return len(self._subscribers)

    def publish(self, *events: AlertEvent) -> list[bool]:
        """Take revisions and pass them on together.

        False for each that was known, or of which a newer one was: the topic is at-least-once.
        """
        taken = [self._take(event) for event in events]
        if any(taken):
            self._fan_out()
        return taken

    def subscribe(self, at: Position | None, outlet: Outlet) -> Subscriber:
        """A new client: all since ``at`` where the ring holds that, else a snapshot; then every event without a gap."""
        recovered = at is not None and at.epoch == self.epoch and self._ring.first - 1 <= at.offset <= self._ring.last
        if at is not None:
            metrics.RESUMES.labels(str(recovered).lower()).inc()
        offset = at.offset if recovered and at is not None else self._ring.last
        hello = protocol.hello(self.epoch, offset, recovered, self._note)
        outlet.push([hello] if recovered else [hello, self.snapshot()])
        subscriber = Subscriber(self._ring, offset, outlet)
        self._subscribers.add(subscriber)
        subscriber.flow()
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """The client is gone. Can be repeated."""
        subscriber.left = True
        self._subscribers.discard(subscriber)

    def close(self, why: Close) -> None:
        """Send every client away."""
        gone, self._subscribers = self._subscribers, set()
        for subscriber in gone:
            subscriber.evict(why)

    def snapshot(self) -> bytes:
        """The snapshot message, encoded once for all who ask between two events."""
        if self._snapshot is None:
            self._snapshot = protocol.snapshot([(k.event, k.rank) for k in self.ranked() if is_live(k.alert)])
        return self._snapshot

    def ranked(self) -> list[Known]:
        """All alerts known, most urgent first."""
        return sorted(self._alerts.values(), key=lambda known: order(known.alert))

    def find(self, alert_id: str) -> Known | None:
        """The newest revision of an alert."""
        return self._alerts.get(alert_id)

    def revisions(self, alert_id: str) -> list[Raw]:
        """The events of an alert that are still in the ring, oldest first."""
        ring = self._ring
        return [e.event for e in ring.after(ring.first - 1, ring.last) if e.alert_id == alert_id]

    def _forget_ended(self, alert: Alert) -> None:
        self._ended.pop(alert.alert_id, None)
        if is_live(alert):
            return
        self._ended[alert.alert_id] = None
        while len(self._ended) > ENDED_KEPT:
            oldest = next(iter(self._ended))
            del self._ended[oldest], self._alerts[oldest]

    def _take(self, event: AlertEvent) -> bool:
        alert = event.data
        known = self._alerts.get(alert.alert_id)
        if known is not None and alert.revision <= known.alert.revision:
            metrics.REPEATS.inc()
            return False
        encoded, urgency = Raw(msgspec.json.encode(event)), rank(alert)
        self._alerts[alert.alert_id] = Known(alert, urgency, encoded)
        self._forget_ended(alert)
        self._snapshot = None
        self._ring.append(Entry(alert.alert_id, encoded, protocol.message(self._ring.last + 1, urgency, encoded)))
        metrics.EVENTS.inc()
        return True

    def _fan_out(self) -> None:
        overtaken = [subscriber for subscriber in self._subscribers if subscriber.overtaken]
        for subscriber in overtaken:
            self._subscribers.discard(subscriber)
            subscriber.evict(Close.SLOW)
        for subscriber in self._subscribers:
            subscriber.flow()
