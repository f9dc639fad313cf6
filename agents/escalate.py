"""Escalate: signals of one commodity from all cities become one incident, its level and the revisions of its alert."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from prometheus_client import Counter

from agents.incident import Hit, Incident, begin, expired, revised
from agents.stage import Incoming, Outgoing
from detectors.pace import HOUR_MS
from detectors.rarity import Area, recurrence_days
from detectors.rulebook import Rulebook
from streams.records import Alert, AlertEvent, Kind, Signal, UnitReading, encode
from streams.topics import ALERTS, SIGNALS

log = structlog.get_logger(__name__)

VERSION: Final = 1
SOURCE: Final = "infopump/escalate"
_bad = Counter("infopump_escalate_bad_signals", "Signals that could not be read")
_repeated = Counter("infopump_escalate_repeated_signals", "Signals dropped because they were applied before")
_revisions = Counter("infopump_escalate_revisions", "Revisions of alerts sent, by level and state", ["level", "state"])
_signal_decoder: Final = msgspec.json.Decoder(Signal)


class CommodityBlock(msgspec.Struct):
    """State of one commodity: how far each city was applied, and the incident of each kind that is going on."""

    version: int = VERSION
    marks: dict[str, int] = {}
    """last tick applied, by ``city/kind``"""
    incidents: dict[Kind, Incident] = {}


_block_decoder: Final = msgspec.msgpack.Decoder(CommodityBlock)


class StateError(RuntimeError):
    """A state block that cannot be taken back."""


class EscalateStage:
    """See agents.stage.Stage. One worker's share of ``signals``; state by commodity.

    ``monitored`` gives the counties with terminals; ``now`` the time that goes into an event's ``time``, the one thing
    that does not follow from the records.
    """

    source = SIGNALS

    def __init__(
        self,
        monitored: Callable[[], frozenset[str]],
        rulebook: Rulebook,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._monitored = monitored
        self._rulebook = rulebook
        self._now = now
        self.reset()

    def reset(self) -> None:
        """See Stage."""
        self._blocks: dict[bytes, CommodityBlock] = {}
        self._dirty: set[bytes] = set()
        self._out: list[Outgoing] = []

    def apply(self, record: Incoming) -> None:
        """See Stage."""
        try:
            signal = _signal_decoder.decode(record.value)
        except msgspec.DecodeError as error:
            log.warning("bad signal", partition=record.partition, offset=record.offset, error=str(error)[:200])
            _bad.inc()
            return
        key = signal.code.encode()
        block = self._blocks.setdefault(key, CommodityBlock())
        mark = f"{signal.city}/{signal.kind}"
        if signal.tick <= block.marks.get(mark, -1):
            _repeated.inc()
            return
        block.marks[mark] = signal.tick
        self._dirty.add(key)
        self._advance(block, signal)

    def drain(self) -> list[Outgoing]:
        """See Stage."""
        out, self._out = self._out, []
        return out

    def dirty(self) -> dict[bytes, bytes]:
        """See Stage."""
        blocks = {key: msgspec.msgpack.encode(self._blocks[key]) for key in sorted(self._dirty)}
        self._dirty.clear()
        return blocks

    def restore(self, key: bytes, block: bytes) -> None:
        """See Stage. Raises StateError where the block is not of this version."""
        try:
            state = _block_decoder.decode(block)
        except msgspec.DecodeError as error:
            raise StateError(f"escalate state of {key!r}: expected a block of version {VERSION} ({error})") from error
        if state.version != VERSION:
            raise StateError(
                f"escalate state of {key!r}: expected version {VERSION}, got {state.version}: "
                "run the worker that wrote it"
            )
        self._blocks[key] = state

    def _advance(self, block: CommodityBlock, signal: Signal) -> None:
        """Take in one signal: who is hit now, who no longer is, and what there is to say of it."""
        numbers, at = self._rulebook.numbers, signal.tick + signal.tick_ms
        monitored = self._monitored()
        incident = block.incidents.get(signal.kind)
        found = self._counted(signal, monitored)
        if incident is None:
            if not found:
                return
            incident = block.incidents[signal.kind] = begin(signal.kind, signal.code, found, at)
        else:
            _merge(incident.hits, found)
            if found and at < incident.detected:
                # After a crash a city may be heard of late that was hit first: the beginning is what it says.
                incident.detected, incident.onset = at, min(hit.since for hit in found.values())
            left = _leave(incident.hits, signal.city, at, int(numbers.hysteresis_hours * HOUR_MS))
            incident.updated = max(incident.updated, at)
            incident.idle_since = 0 if incident.hits else max(incident.idle_since, left)
        alert = revised(incident, self._rulebook, monitored)
        if incident.idle_since and at - incident.idle_since >= numbers.expiry_hours * HOUR_MS:
            alert = expired(incident, at)
            del block.incidents[signal.kind]
        if alert is not None:
            incident.published = alert
            self._send(alert)

    def _counted(self, signal: Signal, monitored: frozenset[str]) -> dict[str, Hit]:
        """The readings that the rulebook lets count, as hits; the city itself only where no county can be named."""
        city_units = len({c for c in monitored if c.startswith(signal.city)}) + 1
        area = Area(city_units, max(len(monitored) + len({c[:4] for c in monitored}), city_units))
        tests_per_day = area.tests_per_day(signal.tests_per_day)
        hits = {}
        for reading in signal.readings:
            rarity = recurrence_days(reading.p, tests_per_day)
            if rarity >= self._rulebook.numbers.recurrence_days and self._large(signal.kind, reading):
                hits[reading.region] = _hit(reading, rarity, signal.tick + signal.tick_ms)
        counties = {region: hit for region, hit in hits.items() if len(region) > len(signal.city)}
        return counties or hits

    def _large(self, kind: Kind, reading: UnitReading) -> bool:
        numbers = self._rulebook.numbers
        least = numbers.panic_ratio if kind == "panic_buying" else 1.0 + numbers.price_rise
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


def _hit(reading: UnitReading, rarity: float, at: int) -> Hit:
    ratio = reading.observed / reading.expected if reading.expected > 0.0 else 0.0
    return Hit(
        ratio=ratio,
        observed=reading.observed,
        expected=reading.expected,
        terminals=reading.terminals,
        since=reading.since,
        last=at,
        recurrence_days=rarity,
    )


def _merge(hits: dict[str, Hit], found: dict[str, Hit]) -> None:
    """Newer readings replace older ones; the first sign and the rarest reading are kept."""
    for region, hit in found.items():
        before = hits.get(region)
        if before is not None:
            hit.since = min(hit.since, before.since)
            hit.recurrence_days = max(hit.recurrence_days, before.recurrence_days)
        hits[region] = hit


def _leave(hits: dict[str, Hit], city: str, at: int, hysteresis_ms: int) -> int:
    """Let go of this city's regions that have been without a reading for long enough, by the city's own time.

    A city that is behind must not lose its counties to the clock of one that is ahead. Returns since when the last of
    those let go of is no longer hit, 0 where none is.
    """
    named = any(len(region) > len(city) and region.startswith(city) for region in hits)
    left = 0
    for region in [r for r in hits if r.startswith(city)]:
        until = hits[region].last + hysteresis_ms
        if at > until or (region == city and named):
            del hits[region]
            left = max(left, until)
    return left
