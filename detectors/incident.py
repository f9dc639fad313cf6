"""Incidents: what is found of one trouble is one incident, which grows, shrinks, merges, splits and expires. Pure."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from detectors.incident_alert import closed, expired, revised
from detectors.incident_reach import Reach
from detectors.incident_relation import ALL, FAMILIES, akin, area, common, components, leaves
from detectors.incident_state import Finding as Finding
from detectors.incident_state import Hit, Incident, kind_of
from detectors.incident_state import Incidents as Incidents
from detectors.incident_state import Rules as Rules
from detectors.pace import HOUR_MS
from detectors.spread import measures as spread_of
from streams.records import Alert, Kind

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:infopump:alert")


def step(
    state: Incidents,
    findings: Sequence[Finding],
    at: int,
    rules: Rules,
    *,
    scope: str = "",
    kinds: Collection[Kind] = (),
) -> list[Alert]:
    """Take in what was found at a tick that ends ``at`` (ms UTC), in place; the revisions that come of it, in order.

    ``findings`` are those that count. ``scope`` is the city that they were looked for in, empty for all regions, and
    ``kinds`` what was looked for there, empty for all: only of these can it be known that something is over, by their
    own time. The same calls give the same revisions under the same ids.
    """
    families = {FAMILIES[kind] for kind in kinds} or {*FAMILIES.values()}
    out: list[Alert] = []
    touched = _join(state, findings, at, rules, out)
    for incident in list(state.going):
        if incident.family not in families:
            continue
        concerned = _concerns(incident, scope, at - 2 * rules.expiry_ms())
        left = _leave(incident, scope, at, rules.hysteresis_ms())
        if concerned or incident.alert_id in touched:
            touched.add(incident.alert_id)
            incident.updated = max(incident.updated, at)
            incident.idle_since = 0 if incident.hits else max(incident.idle_since, left)
            touched |= _split(state, incident, at, rules)
    for old, young in _merge_large(state, touched, rules):
        out += closed(young, old)
        touched.add(old.alert_id)
    for incident in [i for i in state.going if i.alert_id in touched]:
        if incident.idle_since and at - incident.idle_since >= rules.expiry_ms():
            state.going.remove(incident)
            alert = expired(incident, at)
        else:
            alert = revised(incident, rules)
        if alert is not None:
            incident.published = alert
            out.append(alert)
    return out


def finish(state: Incidents, rules: Rules) -> list[Alert]:
    """A last revision of all that is still going on, where anything grew since the one before. Ends nothing."""
    out = []
    for incident in state.going:
        last = incident.published
        alert = revised(incident, rules)
        if alert is None and last is not None and incident.recurrence_days > last.recurrence_days:
            alert = msgspec.structs.replace(
                last, revision=last.revision + 1, recurrence_days=incident.recurrence_days, updated=incident.updated
            )
        if alert is not None:
            incident.published = alert
            out.append(alert)
    return out


def _join(state: Incidents, findings: Sequence[Finding], at: int, rules: Rules, out: list[Alert]) -> set[str]:
    """Put each finding where it belongs: incidents that it bridges merge, what belongs nowhere begins one."""
    mine: dict[str, list[Finding]] = {}
    left = sorted(findings, key=lambda f: (f.region, f.commodity, f.kind))
    families = {FAMILIES[finding.kind] for finding in left}
    reach = {incident.alert_id: Reach(incident) for incident in state.going if incident.family in families}
    before = -1
    while left and len(left) != before:
        # A finding that found its place may be the bridge for one that did not.
        before, waiting = len(left), left
        left = []
        for finding in waiting:
            related = [i for i in state.going if i.alert_id in reach and _belongs(finding, i, reach, at, rules)]
            if not related:
                left.append(finding)
                continue
            oldest = related[0]
            for young in related[1:]:
                _absorb(state, oldest, young)
                mine.setdefault(oldest.alert_id, []).extend(mine.pop(young.alert_id, []))
                reach[oldest.alert_id] = Reach(oldest)
                out += closed(young, oldest)
            mine.setdefault(oldest.alert_id, []).append(finding)
            _hit(oldest, finding, at)
            reach[oldest.alert_id].add([finding])
    for incident in state.going:
        if incident.alert_id in mine and at < incident.detected:
            # After a crash a city may be heard of late that was hit first: the beginning is what it says.
            incident.detected, incident.onset = at, min(f.since for f in mine[incident.alert_id])
    new = {family: [f for f in left if FAMILIES[f.kind] == family] for family in sorted(families)}
    begun = [_begin(part, at, rules) for found in new.values() for part in _parts(found)]
    state.going += begun
    _sort(state)
    return {*mine, *(incident.alert_id for incident in begun)}


def _belongs(finding: Finding, incident: Incident, reach: Mapping[str, Reach], at: int, rules: Rules) -> bool:
    if FAMILIES[finding.kind] != incident.family:
        return False
    mine = reach[incident.alert_id]
    if mine.takes(finding):
        return True
    # Several goods that begin at about the same time, or a rush that is on many already, are one trouble.
    broad = incident.family == "surge" and len(incident.commodities()) >= rules.books[0].numbers.broad_kinds
    return (broad or abs(at - incident.detected) <= rules.hysteresis_ms()) and mine.near(finding)


def _parts(findings: Sequence[Finding]) -> list[list[Finding]]:
    return [[findings[i] for i in part] for part in components([area(f.region) for f in findings])]


def _begin(findings: Sequence[Finding], at: int, rules: Rules, split_from: str = "") -> Incident:
    """A new incident. Its id follows from what it is and when it began."""
    onset = min(f.since for f in findings)
    where = common([f.region for f in findings])
    kind = kind_of(findings, rules)
    names = {f.commodity for f in findings}
    commodity = next(iter(names)) if len(names) == 1 else ALL
    moment = datetime.fromtimestamp(onset / 1000, UTC).strftime("%Y%m%dT%H%MZ")
    unique = uuid.uuid5(_NAMESPACE, f"{kind}/{commodity}/{onset}/{where}/{at}{split_from and '/' + split_from}").hex[:8]
    word = commodity if commodity.isalnum() and commodity.isascii() else "all" if commodity == ALL else "other"
    incident = Incident(
        alert_id=f"{kind.replace('_', '-')}-{word}-{moment}-{unique}",
        family=FAMILIES[kind],
        kind=kind,
        onset=onset,
        detected=at,
        hits={},
        updated=at,
        split_from=split_from,
    )
    for finding in findings:
        _hit(incident, finding, at)
    return incident


def _hit(incident: Incident, finding: Finding, at: int) -> None:
    """The newer finding replaces the older one; the first sign and the rarest are kept."""
    key = f"{finding.region}|{finding.commodity}"
    before = incident.hits.get(key)
    since, rarest, last = finding.since, finding.recurrence_days, at
    if before is not None:
        since, rarest, last = min(since, before.since), max(rarest, before.recurrence_days), max(last, before.last)
    incident.hits[key] = Hit(finding, last, since, rarest)
    incident.recurrence_days = max(incident.recurrence_days, rarest)
    incident.idle_since = 0
    if finding.region in incident.former:
        incident.former = [region for region in incident.former if region != finding.region]
    if finding.commodity not in incident.goods:
        incident.goods = [*incident.goods, finding.commodity]


def _concerns(incident: Incident, scope: str, forsaken: int) -> bool:
    """Whether what is heard from ``scope`` can say that this incident is over: it is hit there, or was.

    One that has not been hit since ``forsaken`` (ms UTC) is ended by whoever is heard: those who were hit are silent.
    """
    if incident.hits:
        return any(hit.finding.region.startswith(scope) for hit in incident.hits.values())
    return incident.idle_since <= forsaken or any(region.startswith(scope) for region in incident.former)


def _leave(incident: Incident, scope: str, at: int, hysteresis_ms: int) -> int:
    """Let go of hits that have been without a finding for long enough, by the time of the city that is heard.

    A city that is behind must not lose its counties to the clock of one that is ahead. Returns since when the last of
    those let go of is no longer hit, 0 where none is.
    """
    over = {
        key: hit
        for key, hit in incident.hits.items()
        if hit.finding.region.startswith(scope) and at > hit.last + hysteresis_ms
    }
    if not over:
        return 0
    incident.hits = {key: hit for key, hit in incident.hits.items() if key not in over}
    still = {hit.finding.region for hit in incident.hits.values()}
    gone = dict.fromkeys(hit.finding.region for hit in over.values())
    incident.former = [*incident.former, *(region for region in gone if region not in still)]
    return max(hit.last for hit in over.values()) + hysteresis_ms


def _absorb(state: Incidents, old: Incident, young: Incident) -> None:
    """The younger incident becomes part of the older one."""
    state.going.remove(young)
    for key, hit in young.hits.items():
        mine = old.hits.get(key)
        if mine is None or mine.last < hit.last:
            old.hits[key] = hit
    old.recurrence_days = max(old.recurrence_days, young.recurrence_days)
    old.updated = max(old.updated, young.updated)
    old.goods = [*old.goods, *(good for good in young.goods if good not in old.goods)]
    still = {h.finding.region for h in old.hits.values()}
    old.former = [*old.former, *(r for r in young.former if r not in still and r not in old.former)]
    old.absorbed = [*old.absorbed, *young.absorbed, *([young.alert_id] if young.published else [])]
    if old.hits:
        old.idle_since = 0


def _large(hits: Collection[Hit], rules: Rules) -> bool:
    """Whether a province is hit in large part, or a capital: too much for chance to be near something like it."""
    book = rules.books[0]
    hit = leaves(h.finding.region for h in hits)
    return spread_of(hit, rules.monitored, book.city, book.province)["provinces"] >= 1


def _merge_large(state: Incidents, touched: set[str], rules: Rules) -> list[tuple[Incident, Incident]]:
    """The same commodity in large parts of provinces that do not adjoin is one trouble: (older, younger)."""
    merged: list[tuple[Incident, Incident]] = []
    if len(state.going) < 2:
        return merged
    large = [i for i in state.going if _large(i.hits.values(), rules)]
    for n, old in enumerate(large):
        for young in large[n + 1 :]:
            alike = old.family == young.family and any(akin(a, b) for a in old.goods for b in young.goods)
            if alike and old in state.going and young in state.going and touched & {old.alert_id, young.alert_id}:
                _absorb(state, old, young)
                merged.append((old, young))
    return merged


def _split(state: Incidents, incident: Incident, at: int, rules: Rules) -> set[str]:
    """Parts that have had nothing in common for long enough go on as incidents of their own; the first keeps the id."""
    keys = sorted(incident.hits, key=lambda key: (incident.hits[key].since, key))
    parts = components([area(incident.hits[key].finding.region) for key in keys])
    if len(parts) > 1:
        large = [part for part in parts if _large([incident.hits[keys[i]] for i in part], rules)]
        parts = [part for n, part in enumerate(parts) if n == 0 or len(large) < 2 or part not in large]
    if len(parts) < 2:
        incident.apart_since = 0
        return set()
    incident.apart_since = incident.apart_since or at
    if at - incident.apart_since < rules.books[0].numbers.split_hours * HOUR_MS:
        return set()
    begun = []
    for part in parts[1:]:
        hits = {keys[i]: incident.hits.pop(keys[i]) for i in part}
        one = _begin([hit.finding for hit in hits.values()], at, rules, split_from=incident.alert_id)
        one.hits, one.onset = hits, min(hit.since for hit in hits.values())
        one.recurrence_days = max(hit.recurrence_days for hit in hits.values())
        begun.append(one)
    incident.apart_since = 0
    state.going += begun
    _sort(state)
    return {one.alert_id for one in begun}


def _sort(state: Incidents) -> None:
    state.going.sort(key=lambda incident: (incident.detected, incident.onset, incident.alert_id))
