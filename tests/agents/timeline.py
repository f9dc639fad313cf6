"""A timeline of incidents for tests: push signals at t, want revisions."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from agents.escalate import EscalateStage
from agents.signals_message import to_messages
from agents.stage import Incoming, Outgoing
from detectors.pace import HOUR_MS
from detectors.rulebook import load_rulebook
from streams.records import Alert, AlertEvent, Kind, Signal, UnitReading
from streams.topics import SIGNALS

TICK = 300_000
START = 1_300_000_000_000 // HOUR_MS * HOUR_MS
NOW = datetime(2011, 3, 16, 0, 40, 0, 123_456, UTC)
SHAOXING = ("330602", "330603", "330604", "330624")
HANGZHOU = ("330102", "330105", "330106", "330108")
FUZHOU = ("350102", "350103", "350104", "350105")
MONITORED = frozenset({*SHAOXING, *HANGZHOU, *FUZHOU, "330402", "330411", "330421", "330424"})


def reading(region: str, ratio: float = 8.0, p: float = 1e-12, since: int = START) -> UnitReading:
    return UnitReading(region, p, 100.0 * ratio, 100.0, since, 3)


def signal(
    minutes: float, city: str, *readings: UnitReading, kind: Kind = "panic_buying", code: str = "1001", ms: int = TICK
) -> Signal:
    return Signal(city, code, kind, START + int(minutes * 60_000), ms, 10_000.0, list(readings))


@dataclass
class Timeline:
    """A stage, and every revision that it sent."""

    stage: EscalateStage = field(default_factory=lambda: EscalateStage(lambda: MONITORED, load_rulebook(), lambda: NOW))
    alerts: list[Alert] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)

    def push(
        self, minutes: float, city: str, *readings: UnitReading, kind: Kind = "panic_buying", code: str = "1001"
    ) -> list[Alert]:
        """Send a city's signal of the tick at START + minutes; the revisions that came of it."""
        return self.send(signal(minutes, city, *readings, kind=kind, code=code))

    def send(self, *signals: Signal) -> list[Alert]:
        """Send a city's signals of one tick; the revisions that came of them."""
        return self.take(*to_messages(signals))

    def take(self, *messages: Outgoing) -> list[Alert]:
        """Have the stage read messages of detect."""
        for m in messages:
            self.stage.apply(Incoming(SIGNALS, 0, 0, 0, m.key, m.value, m.headers))
        out = self.stage.drain()
        new = [msgspec.json.decode(o.value, type=AlertEvent).data for o in out]
        self.sent += out
        self.alerts += new
        return new

    def quiet(self, city: str, start: float, hours: int) -> None:
        """Empty signals, hour by hour, as detect sends them when it is over."""
        for hour in range(hours + 1):
            self.push(start + 60 * hour, city)
