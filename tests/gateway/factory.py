"""Alerts for tests: a salt rush in Ningbo unless a test says otherwise."""

from typing import Any

import msgspec

from streams import regions, taxonomy
from streams.records import Alert, AlertEvent, RegionReading

HOUR = 3_600_000
ONSET = 1_300_262_400_000
"""2011-03-16 16:00 in Beijing"""
NINGBO = ("330203", "330205", "330206")


def make_event(alert_id: str = "salt-1", revision: int = 1, **more: Any) -> AlertEvent:
    """One revision; ``counties`` are 6-digit codes, everything else is a field of Alert."""
    counties = list(more.pop("counties", NINGBO))
    commodity = more.pop("commodity", "1001")
    region = more.pop("region", regions.smallest_common(counties))
    level = more.pop("level", "IV")
    onset = more.pop("onset", ONSET)
    alert = Alert(
        alert_id=alert_id,
        revision=revision,
        state="open",
        kind="panic_buying",
        level=level,
        commodity=commodity,
        commodity_name=taxonomy.name_of(commodity),
        region=region,
        region_name=regions.full_name(region),
        provinces=sorted({code[:2] for code in counties}),
        counties=[
            RegionReading(code, regions.name_of(code), max(1.1, 12.3 - i), onset + i * HOUR // 4)
            for i, code in enumerate(counties)
        ],
        observed=9_840.0,
        expected=800.0,
        ratio=12.3,
        terminals=41,
        onset=onset,
        detected=onset + HOUR,
        updated=onset + revision * HOUR,
        recurrence_days=1_461.0,
        clause="IV-area",
        rulebook="order-2011-4",
        peak_level=level,
    )
    return wrap(msgspec.structs.replace(alert, **more))


def wrap(alert: Alert) -> AlertEvent:
    """The CloudEvent of a revision."""
    return AlertEvent(
        id=f"{alert.alert_id}/{alert.revision}",
        source="/infopump/escalate",
        time="2011-03-16T09:00:00Z",
        subject=alert.alert_id,
        data=alert,
    )
