"""When a period is: what the clock and the calendar know of it before its figures come."""

from typing import NamedTuple

from detectors.pace import DAY_MS, Pace
from streams.ticks import CHINA_MS


class Moment(NamedTuple):
    """One period."""

    number: int
    """periods since the first"""
    start_ms: int
    """ms UTC"""
    slot: int
    """slot of the week as in Pace: its hour for cadences below a day, its day for daily ones, else 0"""
    day: int
    """days since 1970-01-01, local time (UTC+8)"""
    surge_lift: float
    """log, >= 0: how far above the usual a festival may lift trade"""
    drop_lift: float
    """log, <= 0: how far below the usual a festival may lower it"""


def moment_of(number: int, start_ms: int, pace: Pace, surge_lift: float = 0.0, drop_lift: float = 0.0) -> Moment:
    """The moment of the period that starts at ``start_ms``.

    >>> moment_of(0, 1_668_787_200_000, Pace.of(86_400_000))  # Saturday 2022-11-19 in China
    Moment(number=0, start_ms=1668787200000, slot=2, day=19315, surge_lift=0.0, drop_lift=0.0)
    """
    return Moment(
        number=number,
        start_ms=start_ms,
        slot=pace.visit(start_ms) % pace.slots,
        day=(start_ms + CHINA_MS) // DAY_MS,
        surge_lift=surge_lift,
        drop_lift=drop_lift,
    )
