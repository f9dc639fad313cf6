"""Escalate: signals of one family of kinds, from all cities, become incidents, their levels and alerts' revisions."""

import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from prometheus_client import Counter

from agents.signals_message import is_last, key_of
from agents.stage import Incoming, Outgoing
from detectors.incident import Finding, Incidents, Rules, step
from detectors.rarity import Area, recurrence_days
from detectors.rulebook import Rulebook
from streams.records import Alert, AlertEvent, Kind, Signal, UnitReading, encode
from streams.topics import ALERTS, SIGNALS

log = structlog.get_logger(__name__)

VERSION: Final = 3
SOURCE: Final = "infopump/escalate"
_bad = Counter("infopump_escalate_bad_signals", "Signals that could not be read")
_repeated = Counter("infopump_escalate_repeated_signals", "Signals dropped because they were applied before")
_revisions = Counter("infopump_escalate_revisions", "Revisions of alerts sent, by level and state", ["level", "state"])
_signal_decoder: Final = msgspec.json.Decoder(Signal)


class _Stored(msgspec.Struct):
    """A block in the table: compressed, as hits and their evidence are much alike."""

    version: int = 0
    packed: bytes = b""


class FamilyBlock(msgspec.Struct):
    """State of one family of kinds: how far each city was applied, and the incidents that are going on anywhere."""

    marks: dict[str, tuple[int, str]] = {}
    """last tick and commodity applied, by ``city/kind/tick_ms``"""
    waiting: dict[str, list[Signal]] = {}
    """signals of a tick that is not whole yet, by ``city/tick_ms``"""
    incidents: Incidents = msgspec.field(default_factory=Incidents)


_stored_decoder: Final = msgspec.msgpack.Decoder(_Stored)
_block_decoder: Final = msgspec.msgpack.Decoder(FamilyBlock)


class StateError(RuntimeError):
    """A state block that cannot be taken back."""


class EscalateStage:
    """See agents.stage.Stage. One worker's share of ``signals``; state by family of kinds.

    ``monitored`` gives the counties with terminals; ``rulebooks`` are those to grade by, the first with the numbers;
    ``now`` gives the time that goes into an event's ``time``, the one thing that does not follow from the records.
    """

    source = SIGNALS

    def __init__(
        self,
        monitored: Callable[[], frozenset[str]],
        rulebooks: Rulebook | tuple[Rulebook, ...],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._monitored = monitored
        self._rulebooks = (rulebooks,) if isinstance(rulebooks, Rulebook) else rulebooks
        self._now = now
        self.reset()

    def reset(self) -> None:
        """See Stage."""
        self._blocks: dict[bytes, FamilyBlock] = {}
        self._dirty: set[bytes] = set()
        self._out: list[Outgoing] = []

    def apply(self, record: Incoming) -> None:
        """See Stage."""
        try:
            signal = _signal_decoder.decode(record.value)
            key = key_of(signal.kind)
            if record.key != key:
                # Its state would stand in another partition than that of its family.
                raise ValueError(f"key: expected the family {key!r}, got {record.key!r}")
        except (msgspec.DecodeError, ValueError) as error:
            log.warning("bad signal", partition=record.partition, offset=record.offset, error=str(error)[:200])
            _bad.inc()
            return
        block = self._blocks.setdefault(key, FamilyBlock())
        mark, applied = f"{signal.city}/{signal.kind}/{signal.tick_ms}", (signal.tick, signal.code)
        if applied <= block.marks.get(mark, (-1, "")):
            _repeated.inc()
            return
        block.marks[mark] = applied
        self._dirty.add(key)
        self._gather(block, signal, is_last(record))

    def drain(self) -> list[Outgoing]:
        """See Stage."""
        out, self._out = self._out, []
        return out

    def dirty(self) -> dict[bytes, bytes]:
        """See Stage."""
        blocks = {key: _packed(self._blocks[key]) for key in sorted(self._dirty)}
        self._dirty.clear()
        return blocks

    def restore(self, key: bytes, block: bytes) -> None:
        """See Stage. Raises StateError where the block is not of this version."""
        try:
            stored = _stored_decoder.decode(block)
            if stored.version != VERSION:
                raise StateError(
                    f"escalate state of {key!r}: expected version {VERSION}, got {stored.version}: "
                    "run the worker that wrote it"
                )
            self._blocks[key] = _block_decoder.decode(zlib.decompress(stored.packed))
        except (msgspec.DecodeError, zlib.error) as error:
            raise StateError(f"escalate state of {key!r}: expected a block of version {VERSION} ({error})") from error

    def _gather(self, block: FamilyBlock, signal: Signal, last: bool) -> None:
        """Look at all signals of a city and tick at once: many goods in one tick are one revision, not many."""
        at = f"{signal.city}/{signal.tick_ms}"
        waiting = block.waiting.pop(at, [])
        if waiting and waiting[0].tick != signal.tick:
            # Its last signal never came.
            self._advance(block, waiting)
            waiting = []
        waiting.append(signal)
        if last:
            self._advance(block, waiting)
        else:
            block.waiting[at] = waiting

    def _advance(self, block: FamilyBlock, signals: list[Signal]) -> None:
        """Take in the signals of a city and tick: who is hit now, who no longer is, and what there is to say of it."""
        first, kinds = signals[0], {signal.kind for signal in signals}
        monitored = self._monitored()
        rules = Rules(self._rulebooks, monitored, first.tick_ms)
        area = _area(first.city, monitored)
        found = [finding for signal in signals for finding in self._counted(signal, area, rules)]
        for alert in step(block.incidents, found, first.tick + first.tick_ms, rules, scope=first.city, kinds=kinds):
            self._send(alert)

    def _counted(self, signal: Signal, area: Area, rules: Rules) -> list[Finding]:
        """The readings that the rulebook lets count; the city itself only where no county can be named."""
        tests_per_day = area.tests_per_day(signal.tests_per_day)
        found = []
        for reading in signal.readings:
            rarity = recurrence_days(reading.p, tests_per_day)
            if rarity >= rules.least_days() and self._large(signal.kind, reading):
                found.append(_finding(signal, reading, rarity))
        return [f for f in found if len(f.region) > len(signal.city)] or found

    def _large(self, kind: Kind, reading: UnitReading) -> bool:
        """Whether it is large enough to matter, of the kinds for which the rulebook sets how large that is."""
        numbers = self._rulebooks[0].numbers
        least = {"panic_buying": numbers.panic_ratio, "price_spike": 1.0 + numbers.price_rise}.get(kind, 0.0)
        return reading.observed >= least * reading.expected

    def _send(self, alert: Alert) -> None:
        event = AlertEvent(
            id=f"{alert.alert_id}/{alert.revision}",
            source=SOURCE,
            time=self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            subject=alert.alert_id,
            data=alert,
        )
        self._out.append(Outgoing(ALERTS, alert.alert_id.encode(), encode(event)))
        _revisions.labels(alert.level, alert.state).inc()
        log.info("alert", id=alert.alert_id, revision=alert.revision, level=alert.level, state=alert.state)


def _packed(block: FamilyBlock) -> bytes:
    return msgspec.msgpack.encode(_Stored(VERSION, zlib.compress(msgspec.msgpack.encode(block), level=1)))


def _area(city: str, monitored: frozenset[str]) -> Area:
    """What a city's tests stand for among all counties and cities."""
    units = sum(county.startswith(city) for county in monitored) + 1
    return Area(units, max(len(monitored) + len({county[:4] for county in monitored}), units))


def _finding(signal: Signal, reading: UnitReading, rarity: float) -> Finding:
    return Finding(
        region=reading.region,
        commodity=signal.code,
        kind=signal.kind,
        p=reading.p,
        recurrence_days=rarity,
        since=reading.since,
        observed=reading.observed,
        expected=reading.expected,
        terminals=reading.terminals,
        kinds=signal.kinds,
        measures=reading.measures,
        evidence=reading.evidence,
    )
