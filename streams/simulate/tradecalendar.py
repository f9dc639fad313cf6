"""What the calendar does to trade: stocking up before a festival, quiet days during it, a little more on pay days.

Sizes are rounded from published retail calendars of China; a detector under test must not read them from here.
"""

from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np

from streams.world import Floats, Ints

PAY_DAYS: Final = (10, 15)
_PAY_LIFT: Final = 0.05


class Festival(NamedTuple):
    """One kind of festival: log lift that grows over the days before it, and log change on its days."""

    name: str
    stock_up_days: int
    lift: float
    days: int
    rest: float


_SPRING: Final = Festival("Spring Festival", 12, 0.65, 6, -0.7)
_QINGMING: Final = Festival("Qingming", 2, 0.10, 1, 0.05)
_MAY: Final = Festival("Labour Day", 2, 0.15, 3, 0.12)
_DRAGON: Final = Festival("Dragon Boat Festival", 3, 0.12, 1, 0.0)
_AUTUMN: Final = Festival("Mid-Autumn Festival", 5, 0.22, 1, -0.1)
_NATIONAL: Final = Festival("National Day", 3, 0.18, 5, 0.05)


def festivals(first: date, last: date) -> list[tuple[date, Festival]]:
    """Festivals that touch the days from ``first`` to ``last``, by date. Lunar ones are right from 1901 to 2099."""
    # Here, not above: what a terminal imports needs no lunar calendar.
    from holidays.calendars.chinese import _ChineseLunisolar

    lunar = _ChineseLunisolar()
    found = []
    for year in range(first.year, last.year + 2):
        for date_of, kind in (
            (lunar.lunar_new_year_date, _SPRING),
            (lunar.dragon_boat_date, _DRAGON),
            (lunar.mid_autumn_date, _AUTUMN),
        ):
            day = date_of(year)[0]
            if day is not None:
                found.append((day, kind))
        found.append((date(year, 4, _qingming(year)), _QINGMING))
        found += [(date(year, 5, 1), _MAY), (date(year, 10, 1), _NATIONAL)]
    return sorted(
        (day, kind)
        for day, kind in found
        if day - timedelta(days=kind.stock_up_days) <= last and day + timedelta(days=kind.days) > first
    )


def lifts(days: Ints) -> Floats:
    """Log change of an average food's sales on local ``days`` (numbers since 1970), same shape."""
    first, last = (date.fromordinal(date(1970, 1, 1).toordinal() + int(d)) for d in (days.min(), days.max()))
    log_lift = np.zeros(days.shape)
    for day, kind in festivals(first, last):
        until = (day - date(1970, 1, 1)).days - days
        before = (until > 0) & (until <= kind.stock_up_days)
        # The last day before the festival is the strongest.
        log_lift += np.where(before, kind.lift * (1 - (until - 1) / kind.stock_up_days), 0.0)
        log_lift += np.where((until <= 0) & (until > -kind.days), kind.rest, 0.0)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    day_of_month = (days.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
    log_lift += _PAY_LIFT * np.isin(day_of_month, [d + after for d in PAY_DAYS for after in (0, 1)])
    return log_lift


def _qingming(year: int) -> int:
    """Day of April of the solar term; right from 2000 to 2099."""
    y = year % 100
    return int(y * 0.2422 + 4.81) - y // 4
