"""What the calendar says of a day: which day of which festival it is, and how far that may lift or lower its trade.

Time is China's; the day of a moment is its local day.
"""

import math
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import holidays
import numpy as np

from detectors.almanac import FESTIVALS, PLAIN, Lift, Steps
from detectors.state import Floats, Ints, Mask

_EPOCH: Final = date(1970, 1, 1)
_MAKE_UP: Final = "(substituted"
_STARTS: Final = tuple(sum(f.last - f.first + 1 for f in FESTIVALS[:i]) for i in range(len(FESTIVALS) + 1))


class Occasion(NamedTuple):
    """One day of one festival, or of another kind that comes back."""

    slot: int
    """its number, below ``SLOTS``: the same every year"""
    lift: Lift
    """its own prior"""


PAY_DAYS: Final = Lift(math.log(1.08), 0.0)
"""On the 15th and 16th and from the last to the second of a month. Reasoned: wages are paid on the 15th and the last,
and spent then and the day after; at one grocer at most 1.1, in the first days of the month."""
DAY_OFF: Final = Occasion(_STARTS[-1], Lift(math.log(1.25), math.log(0.8)))
"""A working day that the State Council makes a day off: it trades like a Sunday. Measured: 1.1 to 1.3."""
MAKE_UP_DAY: Final = Occasion(_STARTS[-1] + 1, Lift(0.0, math.log(0.6)))
"""A weekend day that it makes a working day instead. Measured: 0.6 to 0.75 in fresh retail."""
SLOTS: Final = _STARTS[-1] + 2
"""How many occasions there are."""
MONTH_SLOTS: Final = 31


@lru_cache(maxsize=4096)
def occasions(day: int) -> tuple[Occasion, ...]:
    """What a local day (days since 1970-01-01) is: a day of festivals, or else one exchanged in China's working week.

    Which days are exchanged is published in the November before.
    """
    when = _EPOCH + timedelta(day)
    found = []
    for festival, start, dates in zip(FESTIVALS, _STARTS[:-1], _dates(when.year), strict=True):
        for at in dates:
            if festival.first <= (offset := day - at) <= festival.last:
                lift = Lift(_most(festival.surge, offset, max), _most(festival.drop, offset, min))
                found.append(Occasion(start + offset - festival.first, lift))
    if not found:
        off, make_up = _exchanged(when.year)
        found = [occasion for occasion, days in ((DAY_OFF, off), (MAKE_UP_DAY, make_up)) if when in days]
    return tuple(found)


def festival_slots(slot: int) -> range:
    """All slots of the festival to which a slot belongs."""
    for start, end in pairwise(_STARTS):
        if start <= slot < end:
            return range(start, end)
    return range(slot, slot + 1)


class Priors(NamedTuple):
    """What the calendar says of all festivals at once."""

    sizes: Floats
    """(2, SLOTS): log of the lift, and of the drop upside down, of each slot"""
    starts: Ints
    """the first slot of each festival, those of the exchanged days last"""
    west: Mask
    """whether each is of the Western year; exchanged days are of the Chinese one"""


@cache
def priors() -> Priors:
    """The priors of all slots as arrays."""
    sizes = np.zeros((2, SLOTS))
    for festival, start in zip(FESTIVALS, _STARTS[:-1], strict=True):
        for i, offset in enumerate(range(festival.first, festival.last + 1)):
            sizes[:, start + i] = _most(festival.surge, offset, max), -_most(festival.drop, offset, min)
    for occasion in (DAY_OFF, MAKE_UP_DAY):
        sizes[:, occasion.slot] = occasion.lift.surge, -occasion.lift.drop
    exchanged = (DAY_OFF.slot, MAKE_UP_DAY.slot)
    west = [festival.west for festival in FESTIVALS] + [False] * len(exchanged)
    return Priors(sizes, np.array([*_STARTS[:-1], *exchanged], np.int64), np.array(west))


def beside(slot: int) -> range:
    """The slot and those of the day before and after it in the same festival: a rush shifts with the weekend."""
    whole = festival_slots(slot)
    return range(max(slot - 1, whole.start), min(slot + 2, whole.stop))


@cache
def peak(slot: int) -> Lift:
    """The largest lift and the deepest drop of the whole festival."""
    for festival, (start, end) in zip(FESTIVALS, pairwise(_STARTS), strict=True):
        if start <= slot < end:
            surge = max((ratio for _, _, ratio in festival.surge), default=1.0)
            return Lift(math.log(surge), math.log(min((ratio for _, _, ratio in festival.drop), default=1.0)))
    return next(occasion.lift for occasion in (DAY_OFF, MAKE_UP_DAY) if occasion.slot == slot)


def month_slot(day: int) -> int:
    """Number of the day of the month, below ``MONTH_SLOTS``: from 0, or 28, 29, 30 for its last three days."""
    when = _EPOCH + timedelta(day)
    left = (when.replace(day=28) + timedelta(4)).replace(day=1) - when
    return MONTH_SLOTS - left.days if left.days <= 3 else when.day - 1


@lru_cache(maxsize=4096)
def pay_days(day: int) -> Lift:
    """What a pay day may do on a local day."""
    when = _EPOCH + timedelta(day)
    return PAY_DAYS if when.day in (1, 2, 15, 16) or (when + timedelta(1)).day == 1 else PLAIN


@lru_cache(maxsize=4096)
def lift_of(day: int) -> Lift:
    """The prior of a local day (days since 1970-01-01): the largest lift and the deepest drop, never their sums.

    >>> round(math.exp(lift_of((date(2023, 1, 20) - _EPOCH).days).surge), 2)  # two days before the Spring Festival
    8.0
    """
    return widest([occasion.lift for occasion in occasions(day)] + [pay_days(day)])


def lift_over(day: int, days: int) -> Lift:
    """The prior of a period of ``days`` days from ``day`` on: the mean of its days' ratios.

    Raises ValueError where there is not one day.
    """
    if days < 1:
        raise ValueError(f"days: expected at least 1, got {days}")
    lifts = [lift_of(day + i) for i in range(days)]
    if days == 1:
        return lifts[0]
    surge, drop = (math.fsum(math.exp(lift[side]) for lift in lifts) / days for side in (0, 1))
    return Lift(math.log(surge), math.log(drop))


def widest(lifts: list[Lift]) -> Lift:
    """The largest lift and the deepest drop of several."""
    return Lift(max((lift.surge for lift in lifts), default=0.0), min((lift.drop for lift in lifts), default=0.0))


def _most(steps: Steps, offset: int, of: Callable[..., float]) -> float:
    return math.log(of((ratio for first, last, ratio in steps if first <= offset <= last), default=1.0))


@lru_cache(maxsize=256)
def _dates(year: int) -> tuple[tuple[int, ...], ...]:
    """Days since 1970 of each festival in the year and in those before and after it."""
    return tuple(
        tuple((at - _EPOCH).days for y in (year - 1, year, year + 1) if (at := festival.date(y)) is not None)
        for festival in FESTIVALS
    )


@lru_cache(maxsize=256)
def _exchanged(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """(working days that are off, weekend days that are worked) in China; both empty where they are not known."""
    china = holidays.country_holidays("CN", years=year)
    off = frozenset(day for day in china if day.weekday() < 5)
    made_up = any(_MAKE_UP in name for name in china.values())
    return off, frozenset(day for day in china.weekend_workdays if day.year == year) if made_up else frozenset()
