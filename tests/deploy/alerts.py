"""Alerts for tests."""

from typing import Any

import msgspec

from streams.records import Alert, AlertEvent, Names, RegionReading

BASE = Alert(
    alert_id="salt-33",
    revision=1,
    state="open",
    kind="panic_buying",
    level="III",
    commodity="1502",
    commodity_name=Names("食盐", "salt"),
    region="3301",
    region_name=Names("浙江省杭州市", "Hangzhou, Zhejiang"),
    provinces=["33"],
    counties=[
        RegionReading("330102", Names("上城区", "Shangcheng"), 5.0, 0),
        RegionReading("330105", Names("拱墅区", "Gongshu"), 4.0, 0),
    ],
    observed=820.0,
    expected=200.0,
    ratio=4.1,
    terminals=17,
    onset=1_300_240_800_000,
    detected=1_300_243_500_000,
    updated=1_300_243_500_000,
    recurrence_days=120.4,
    clause="counties >= 2",
    rulebook="national",
    peak_level="III",
)


def event(**changes: Any) -> AlertEvent:
    """An alert event; ``changes`` are fields of the alert."""
    alert = msgspec.structs.replace(BASE, **changes)
    return AlertEvent(
        id=f"{alert.alert_id}/{alert.revision}",
        source="infopump",
        time="2011-03-16T02:45:00Z",
        subject=alert.alert_id,
        data=alert,
    )
