"""The evidence in an alert: what its readings say together, and what else would explain them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from detectors.incident_names import commodity_name
from detectors.incident_relation import ALL
from detectors.incident_state import Hit
from detectors.rulebook_measures import rule_measures
from streams.evidence import Contribution, Evidence, Explanation, Measured, Names
from streams.records import Kind

MOST_POINTS: Final = 60
MOST_COMMODITIES: Final = 10
MOST_MEASURED: Final = 40
PRICE_CUT: Final = 0.97
"""A price below this share of the usual one is a cut that could explain more sales."""
SILENT: Final = 0.8
"""Where fewer of the usual places report than this share, a fault of the feed could explain what is missing."""
_RISES: Final = frozenset[Kind]({"panic_buying", "demand_surge"})
FALLS: Final = frozenset[Kind]({"demand_drop", "stock_out", "supply_interruption", "glut"})


def measured_of(hits: Collection[Hit], kind: Kind) -> list[Measured]:
    """What rules can ask of each hit: what the detectors measured, and what follows from observed and expected."""
    return [
        Measured(h.finding.region, h.finding.commodity, {**_plain(h, kind), **rule_measures(h.finding.measures)})
        for h in sorted(hits, key=lambda h: (-h.recurrence_days, h.finding.region, h.finding.commodity))
    ]


def _plain(hit: Hit, kind: Kind) -> dict[str, float]:
    finding = hit.finding
    if finding.expected <= 0.0:
        return {}
    ratio = finding.observed / finding.expected
    if finding.kind in ("price_spike", "price_drop"):
        return {"price_rise": ratio - 1.0}
    return {"demand_ratio": ratio} if kind in _RISES else {}


def evidence_of(hits: Sequence[Hit], places: Sequence[Hit], kind: Kind, observed: float, expected: float) -> Evidence:
    """The evidence of an incident: of its rarest hit, with sums, counts and measures of all.

    ``places`` are the hits that are counted, one a region. No shop or enterprise is named.
    """
    first = max(places, key=lambda h: (h.recurrence_days, -h.finding.p))
    own = first.finding.evidence or Evidence()
    whole = first.finding if len(places) == 1 else None
    known = [h.finding.evidence for h in places if h.finding.evidence is not None]
    return msgspec.structs.replace(
        own,
        observed=observed,
        expected=expected,
        low=own.low if whole else None,
        high=own.high if whole else None,
        series=own.series[-MOST_POINTS:],
        first_sign=min(h.since for h in hits),
        shops=sum(h.finding.terminals for h in places),
        chains=max((e.chains for e in known), default=0),
        counties=len(places),
        commodities=[
            msgspec.structs.replace(part, name=commodity_name(part.commodity))
            for part in own.commodities[:MOST_COMMODITIES] or contributions(hits)
        ],
        price_ratio=own.price_ratio if own.price_ratio is not None else first.finding.measures.get("price_ratio"),
        stock_ratio=own.stock_ratio if own.stock_ratio is not None else first.finding.measures.get("stock_ratio"),
        false_share=first.finding.measures.get("false_share"),
        otherwise=own.otherwise or otherwise(kind, first.finding.measures),
        measured=_telling(measured_of(hits, kind)),
    )


def contributions(hits: Collection[Hit]) -> list[Contribution]:
    """Commodities by their part in what was seen beyond the usual, the largest first; none where there is only one."""
    off: dict[str, tuple[float, float]] = {}
    for hit in hits:
        if hit.finding.commodity != ALL:
            seen, usual = off.get(hit.finding.commodity, (0.0, 0.0))
            off[hit.finding.commodity] = seen + hit.finding.observed, usual + hit.finding.expected
    total = sum(abs(seen - usual) for seen, usual in off.values())
    if len(off) < 2 or total <= 0.0:
        return []
    parts = [
        Contribution(code, round(abs(seen - usual) / total, 3), round(seen / usual, 2) if usual > 0.0 else 0.0)
        for code, (seen, usual) in off.items()
    ]
    return sorted(parts, key=lambda part: (-part.share, part.commodity))[:MOST_COMMODITIES]


def otherwise(kind: Kind, measures: Mapping[str, float]) -> list[Explanation]:
    """What else would explain it, as far as ``measures`` tell, and why not.

    ``festival_lift``: how many times the usual the calendar expects at most · ``demand_ratio`` · ``price_ratio``: price
    by the usual one · ``reporting_share``: places that report, by those that usually do.
    """
    found = []
    lift, seen = measures.get("festival_lift"), measures.get("demand_ratio")
    if lift is not None and kind in _RISES | FALLS:
        explains = seen is not None and (1.0 < seen <= lift if kind in _RISES else lift <= seen < 1.0)
        plain = abs(lift - 1.0) < 0.01
        zh = "附近没有节日" if plain else f"节日最多可解释平常的 {lift:.2f} 倍"
        en = "no festival is near" if plain else f"a festival explains {lift:.2f} times the usual at most"
        found.append(Explanation("festival", explains, Names(zh, en)))
    price = measures.get("price_ratio")
    if price is not None and kind in _RISES:
        zh, en = f"价格为平常的 {price:.2f} 倍", f"the price is {price:.2f} times the usual"
        found.append(Explanation("promotion", price < PRICE_CUT, Names(zh, en)))
    share = measures.get("reporting_share")
    if share is not None and kind in FALLS:
        zh, en = f"平常报数的地点中有 {share:.0%} 在报", f"{share:.0%} of the places that usually report do"
        found.append(Explanation("feed_fault", share < SILENT, Names(zh, en)))
    return found


def _telling(measured: list[Measured]) -> list[Measured]:
    """Enough of the readings to repeat what rules say: the rarest, and of each measure the largest and the smallest."""
    found = [m for m in measured if m.measures]
    if len(found) <= MOST_MEASURED:
        return found
    keys = sorted({key for m in found for key in m.measures})
    chosen = {0}
    for key in keys:
        having = [i for i, m in enumerate(found) if key in m.measures]
        chosen.add(max(having, key=lambda i: found[i].measures[key]))
        chosen.add(min(having, key=lambda i: found[i].measures[key]))
    rest = [i for i in range(len(found)) if i not in chosen]
    return [found[i] for i in sorted([*chosen, *rest[: max(0, MOST_MEASURED - len(chosen))]])]
