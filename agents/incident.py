"""An incident: one kind of trouble with one commodity, county by county. Pure bookkeeping; the stage is beside it."""

import uuid
from datetime import UTC, datetime
from typing import Final

import msgspec

from detectors.rulebook import Numbers, Rulebook, level_of
from detectors.spread import measures
from streams import regions, taxonomy
from streams.records import LEVELS, Alert, AlertState, Kind, Level, RegionReading

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:infopump:alert")


class Hit(msgspec.Struct):
    """One region that is hit: a county, or a city of which no county can be named."""

    ratio: float
    observed: float
    expected: float
    terminals: int
    since: int
    """tick at which it began"""
    last: int
    """last tick (its end) with a reading that counted"""
    recurrence_days: float
    """the rarest of its readings"""


class Incident(msgspec.Struct):
    """What is known of an incident, and what was last published of it."""

    alert_id: str
    kind: Kind
    commodity: str
    onset: int
    detected: int
    hits: dict[str, Hit]
    updated: int
    idle_since: int = 0
    """tick (its end) since which no region is hit; 0: some is"""
    published: Alert | None = None


def begin(kind: Kind, commodity: str, hits: dict[str, Hit], at: int) -> Incident:
    """A new incident, first seen at ``at`` (end of a tick). Its id follows from what it is and when it began."""
    onset = min(hit.since for hit in hits.values())
    where = regions.smallest_common(hits)
    moment = datetime.fromtimestamp(onset / 1000, UTC).strftime("%Y%m%dT%H%MZ")
    unique = uuid.uuid5(_NAMESPACE, f"{kind}/{commodity}/{onset}/{where}/{at}").hex[:8]
    alert_id = f"{kind.replace('_', '-')}-{commodity}-{moment}-{unique}"
    return Incident(alert_id, kind, commodity, onset, at, hits, at)


def revised(incident: Incident, rulebook: Rulebook, monitored: frozenset[str]) -> Alert | None:
    """The alert's next revision if there is anything new to say, else None."""
    last = incident.published
    if incident.idle_since:
        # Nobody is hit just now: what was said stands until it rises again or expires.
        return None
    found = level_of(measures(incident.hits, monitored, rulebook.city, rulebook.province), rulebook)
    if found is None:
        return None
    alert = _alert(incident, rulebook, "open", *found)
    return alert if last is None or _news(last, alert, rulebook.numbers) else None


def expired(incident: Incident, at: int) -> Alert | None:
    """The last revision, when no region has been hit for the time that the rulebook sets."""
    last = incident.published
    if last is None:
        return None
    return msgspec.structs.replace(last, revision=last.revision + 1, state="expired", updated=at)


def _news(last: Alert, alert: Alert, numbers: Numbers) -> bool:
    moved = abs(alert.ratio / last.ratio - 1.0) >= numbers.revise_ratio if last.ratio > 0.0 else alert.ratio > 0.0
    regions_then, regions_now = ({c.region for c in a.counties} for a in (last, alert))
    return moved or alert.level != last.level or alert.state != last.state or regions_then != regions_now


def _alert(incident: Incident, rulebook: Rulebook, state: AlertState, level: Level, clause: str) -> Alert:
    last, hits = incident.published, incident.hits
    where = regions.smallest_common(hits)
    observed, expected = _sums(incident)
    return Alert(
        alert_id=incident.alert_id,
        revision=last.revision + 1 if last else 1,
        state=state,
        kind=incident.kind,
        level=level,
        commodity=incident.commodity,
        commodity_name=taxonomy.name_of(incident.commodity),
        region=where,
        region_name=regions.full_name(where),
        provinces=sorted({region[:2] for region in hits}),
        counties=[
            RegionReading(region, regions.full_name(region), round(hit.ratio, 2), hit.since)
            for region, hit in sorted(hits.items(), key=lambda item: (item[1].since, item[0]))
        ],
        observed=observed,
        expected=expected,
        ratio=round(observed / expected, 2) if expected > 0.0 else 0.0,
        terminals=sum(hit.terminals for hit in hits.values()),
        onset=incident.onset,
        detected=incident.detected,
        updated=incident.updated,
        recurrence_days=max(hit.recurrence_days for hit in hits.values()),
        clause=clause,
        rulebook=rulebook.label,
        peak_level=min(level, last.peak_level, key=LEVELS.index) if last else level,
    )


def _sums(incident: Incident) -> tuple[float, float]:
    """Observed and expected: quantities add up, prices are averaged."""
    hits = incident.hits.values()
    parts = len(hits) if incident.kind == "price_spike" else 1
    return sum(h.observed for h in hits) / parts, sum(h.expected for h in hits) / parts
