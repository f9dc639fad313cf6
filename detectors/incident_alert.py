"""From an incident to the revisions of its alert: what there is to say, how grave it is, and whether it is news."""

from collections.abc import Collection
from typing import Final

import msgspec

from detectors.budget import affordable
from detectors.consequence import Stakes, score
from detectors.evidence import evidence_of, measured_of
from detectors.incident_names import commodity_name, region_name
from detectors.incident_relation import ALL, common
from detectors.incident_state import Hit, Incident, Rules, kind_of
from detectors.pace import DAY_MS
from detectors.rulebook import Rulebook, ruling
from detectors.spread import is_code, measures, shares
from streams import regions, taxonomy
from streams.evidence import Ruling
from streams.records import KINDS, LEVELS, Alert, Kind, Level, RegionReading

PRICES: Final = frozenset[Kind]({"price_spike", "price_drop"})
"""Kinds whose observed and expected are price relatives, which are averaged and not summed."""
_RARER: Final = 10.0
"""A revision is news where chance explains it so many times worse."""


def revised(incident: Incident, rules: Rules) -> Alert | None:
    """The alert's next revision if there is anything new to say, else None."""
    if not incident.hits:
        # Nobody is hit just now: what was said stands until it rises again or expires.
        return None
    last = incident.published
    if incident.kind != "panic_buying":
        incident.kind = kind_of([hit.finding for hit in incident.hits.values()], rules)
    found = rulings(incident, rules)
    level = found and _affordable(found[0].level, incident, rules)
    if not level:
        return None
    if last is None:
        # It may have begun before there was a level to tell it at.
        incident.detected = incident.updated
    alert = _alert(incident, rules, found, level)
    return alert if last is None or _news(last, alert, rules.books[0].numbers.revise_ratio) else None


def expired(incident: Incident, at: int) -> Alert | None:
    """The last revision, when no region has been hit for the time that the rulebook sets."""
    last = incident.published
    return last and msgspec.structs.replace(
        last,
        revision=last.revision + 1,
        state="expired",
        updated=at,
        recurrence_days=incident.recurrence_days,
        former=incident.former,
    )


def closed(young: Incident, old: Incident) -> list[Alert]:
    """The last revision of an incident that was merged into an older one; none where there never was one."""
    last = young.published
    if last is None:
        return []
    alert = msgspec.structs.replace(
        last,
        revision=last.revision + 1,
        state="closed",
        updated=max(old.updated, young.updated),
        recurrence_days=young.recurrence_days,
        merged_into=old.alert_id,
    )
    return [alert]


def rulings(incident: Incident, rules: Rules) -> list[Ruling]:
    """What each rulebook says that holds where the incident is, the gravest first, else in the order of the books."""
    found = []
    measured = measured_of(incident.hits.values(), incident.kind)
    for book in rules.books:
        hits = [hit for hit in incident.hits.values() if book.holds_in(hit.finding.region)]
        if not hits:
            continue
        here = [m for m in measured if book.holds_in(m.region)]
        said = ruling(book, _whole(incident, hits, book, rules), here)
        _remember(incident, book, said)
        if said is not None:
            found.append(said)
    return sorted(found, key=lambda said: LEVELS.index(said.level))


def _whole(incident: Incident, hits: Collection[Hit], book: Rulebook, rules: Rules) -> dict[str, float]:
    """The measures of the incident as a whole, in the jurisdiction of a book."""
    where = [r for r in incident.regions() if book.holds_in(r)] or [h.finding.region for h in hits]
    monitored = [r for r in rules.monitored if book.holds_in(r)]
    goods = {hit.finding.commodity for hit in hits} - {ALL}
    found: dict[str, float] = {
        **measures(where, monitored, book.city, book.province),
        **shares(where, monitored, book.city),
        "kinds": max(len(goods), *(hit.finding.kinds for hit in hits)),
        "days": (incident.updated - incident.onset) / DAY_MS,
    }
    for level in LEVELS:
        since = incident.held.get(f"{book.name}/{level}")
        found[f"days_at_{level}"] = (incident.updated - since) / DAY_MS if since else 0.0
    present = {hit.finding.kind for hit in hits} | {incident.kind}
    return found | {f"is_{kind}": float(kind in present) for kind in KINDS}


def _remember(incident: Incident, book: Rulebook, said: Ruling | None) -> None:
    """Since when the book has graded the incident so, or graver: some rules ask how long a level has lasted."""
    for level in LEVELS:
        key = f"{book.name}/{level}"
        if said is None or LEVELS.index(said.level) > LEVELS.index(level):
            incident.held.pop(key, None)
        else:
            incident.held.setdefault(key, incident.updated)


def _affordable(level: Level, incident: Incident, rules: Rules) -> Level | None:
    budget = rules.allowed()
    return level if budget is None else affordable(budget, level, incident.recurrence_days)


def _news(last: Alert, alert: Alert, least: float) -> bool:
    moved = abs(alert.ratio / last.ratio - 1.0) >= least if last.ratio > 0.0 else alert.ratio > 0.0
    rarer = alert.recurrence_days >= _RARER * last.recurrence_days
    return moved or rarer or _what(last) != _what(alert)


def _what(alert: Alert) -> tuple[object, ...]:
    where = frozenset(county.region for county in alert.counties)
    books = frozenset((r.rulebook, r.level) for r in alert.rulings)
    goods = alert.commodity, *alert.commodities
    return alert.level, alert.state, alert.kind, where, goods, tuple(alert.absorbed), books


def _alert(incident: Incident, rules: Rules, found: list[Ruling], level: Level) -> Alert:
    last = incident.published
    places = _places(incident)
    observed, expected = _sums(incident, list(places.values()))
    goods = sorted(incident.commodities())
    commodity = goods[0] if len(goods) == 1 else ALL
    where = common(places)
    return Alert(
        alert_id=incident.alert_id,
        revision=last.revision + 1 if last else 1,
        state="open",
        kind=incident.kind,
        level=level,
        commodity=commodity,
        commodity_name=commodity_name(commodity),
        region=where,
        region_name=region_name(where),
        provinces=sorted({region[:2] for region in places if is_code(region)} - {regions.NATION}),
        counties=[
            RegionReading(region, region_name(region), round(_ratio(hit), 2), hit.since)
            for region, hit in sorted(places.items(), key=lambda item: (item[1].since, item[0]))
        ],
        observed=observed,
        expected=expected,
        ratio=round(observed / expected, 2) if expected > 0.0 else 0.0,
        terminals=sum(hit.finding.terminals for hit in places.values()),
        onset=incident.onset,
        detected=incident.detected,
        updated=incident.updated,
        recurrence_days=incident.recurrence_days,
        clause=found[0].clause,
        rulebook=found[0].rulebook,
        peak_level=min(level, last.peak_level, key=LEVELS.index) if last else level,
        score=_score(incident, places, commodity, rules),
        commodities=goods if len(goods) > 1 else [],
        former=list(incident.former),
        absorbed=list(incident.absorbed),
        split_from=incident.split_from,
        rulings=found,
        evidence=evidence_of(list(incident.hits.values()), list(places.values()), incident.kind, observed, expected),
    )


def _places(incident: Incident) -> dict[str, Hit]:
    """The strongest hit of each region of which no part is hit itself; of one commodity where there is one."""
    of: dict[str, list[Hit]] = {region: [] for region in incident.regions()}
    for hit in incident.hits.values():
        if hit.finding.region in of:
            of[hit.finding.region].append(hit)
    return {region: max(hits, key=_strength) for region, hits in of.items()}


def _strength(hit: Hit) -> tuple[bool, float, float]:
    return hit.finding.commodity == ALL, hit.recurrence_days, -hit.finding.p


def _sums(incident: Incident, places: list[Hit]) -> tuple[float, float]:
    """Observed and expected: quantities add up, prices are averaged; of different commodities, the strongest hit's."""
    if len({hit.finding.commodity for hit in places}) > 1:
        places = [max(places, key=lambda h: (h.recurrence_days, -h.finding.p))]
    parts = len(places) if incident.kind in PRICES else 1
    return sum(h.finding.observed for h in places) / parts, sum(h.finding.expected for h in places) / parts


def _ratio(hit: Hit) -> float:
    return hit.finding.observed / hit.finding.expected if hit.finding.expected > 0.0 else 0.0


def _score(incident: Incident, places: dict[str, Hit], commodity: str, rules: Rules) -> float:
    good = taxonomy.node(commodity)
    necessity = 0 if commodity == ALL or good.emergency else 1 if good.monitored else 2
    before = sum(hit.since < incident.updated - DAY_MS for hit in places.values())
    watched = max(len(rules.monitored), len(places))
    return score(
        Stakes(
            recurrence_days=incident.recurrence_days,
            counties=len(places),
            watched=watched,
            counties_before=before,
            necessity=necessity,
        )
    )
