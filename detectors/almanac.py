"""Festivals: how far each may lift or lower a day's trade at most, before this data has shown what it does.

The first festival has no predecessor in the data, so an expectation that knows only the past is wrong on exactly the
days on which people stock up. Each festival here therefore raises, from a prior, the expectation against which a surge
is judged, and lowers that against which a drop is judged. ``amplitude.py`` replaces the prior by what the data shows.

Nothing says in which country the data lies, so all festivals are in force at once; those that may not apply have modest
lifts. Each says how its numbers were chosen: measured on a few sets of real trade, or reasoned.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, NamedTuple

from holidays.calendars.chinese import _ChineseLunisolar

_LUNAR: Final = _ChineseLunisolar()

Steps = tuple[tuple[int, int, float], ...]
"""(first day, last day, ratio to a usual day of the week); days relative to the festival's date, both included"""


class Festival(NamedTuple):
    """One festival: when it is and what it may do to trade."""

    name: str
    date: Callable[[int], date | None]
    """its date in a year of the common calendar; None where that is not known"""
    surge: Steps
    """ratios of at least 1: as much more than usual may be bought"""
    drop: Steps
    """ratios of at most 1: as little as that may be bought, where shops open at all"""
    source: str
    """how the ratios were chosen"""
    west: bool = False
    """whether it is of the Western year, whose small festivals say nothing of Christmas"""

    @property
    def first(self) -> int:
        """First day relative to the date on which it may do anything."""
        return min(step[0] for step in self.surge + self.drop)

    @property
    def last(self) -> int:
        """Last such day."""
        return max(step[1] for step in self.surge + self.drop)


class Lift(NamedTuple):
    """Log of the most and of the least that festivals explain: ``drop <= 0 <= surge``; 0.0 on plain days."""

    surge: float
    drop: float


PLAIN: Final = Lift(0.0, 0.0)


def _fixed(month: int, day: int) -> Callable[[int], date | None]:
    return lambda year: date(year, month, day)


def _lunar(day_of: Callable[[int], tuple[date | None, bool]]) -> Callable[[int], date | None]:
    return lambda year: day_of(year)[0] if 1901 <= year <= 2099 else None


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar.

    Source: Meeus, Jones and Butcher ("Anonymous", Nature 1876).

    >>> easter(2021)
    datetime.date(2021, 4, 4)
    """
    century, rest = divmod(year, 100)
    golden = year % 19
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def thanksgiving(year: int) -> date:
    """The fourth Thursday of November (United States).

    >>> thanksgiving(2020)
    datetime.date(2020, 11, 26)
    """
    first = date(year, 11, 1)
    return first + timedelta((3 - first.weekday()) % 7 + 21)


def mothers_day(year: int) -> date:
    """The second Sunday of May.

    >>> mothers_day(2024)
    datetime.date(2024, 5, 12)
    """
    first = date(year, 5, 1)
    return first + timedelta((6 - first.weekday()) % 7 + 7)


FESTIVALS: Final = (
    Festival(
        "Spring Festival",
        _lunar(_LUNAR.lunar_new_year_date),
        (
            (-14, -9, 1.3),
            (-8, -6, 2.0),
            (-5, -5, 3.0),
            (-4, -4, 4.8),
            (-3, -3, 6.5),
            (-2, -1, 8.0),
            (0, 2, 1.6),
            (3, 6, 2.2),
            (7, 9, 1.5),
            (12, 15, 1.4),
        ),
        ((-7, -3, 0.8), (-2, -2, 0.5), (-1, -1, 0.2), (0, 3, 0.03), (4, 5, 0.05), (6, 9, 0.4), (10, 16, 0.6)),
        "measured: three years of one supermarket's vegetables: all together at most 2.9, 3.6 and 4.9 on the days -4, "
        "-3 and -2, single categories 5 to 9; shut around the eve. Set so that one category alone is no panic. "
        "Eight years of wholesale markets: 1.5 to 2.0 before, shut for four days, 0.05 on the fifth",
    ),
    Festival(
        "Qingming",
        _lunar(_LUNAR.qingming_date),
        ((-2, 1, 1.4), (2, 3, 1.25)),
        ((0, 1, 0.1), (2, 2, 0.4)),
        "measured on the same sets: 1.2 to 1.6 on the days before, 1.2 after; wholesale markets shut for two days",
    ),
    Festival(
        "Dragon Boat",
        _lunar(_LUNAR.dragon_boat_date),
        ((-2, -1, 1.2), (0, 0, 1.8), (3, 3, 1.25)),
        ((0, 0, 0.7), (1, 2, 0.1)),
        "measured on the same sets: 1.4 to 1.8 on the day, 1.45 in fresh retail; markets shut the two days after",
    ),
    Festival(
        "Mid-Autumn",
        _lunar(_LUNAR.mid_autumn_date),
        ((-3, -2, 1.2), (-1, 0, 1.7), (1, 1, 1.3), (3, 3, 1.5)),
        ((1, 2, 0.1),),
        "measured on the same sets: 1.7 on the day and 1.3 the day before; markets shut the two days after",
    ),
    Festival(
        "Winter Solstice",
        lambda year: _LUNAR.winter_solstice_date(year)[0],
        ((-2, 0, 1.3),),
        (),
        "reasoned: a family meal at home; 1.1 to 1.5 in one supermarket, hardly beyond its noise",
    ),
    Festival(
        "Labour Day",
        _fixed(5, 1),
        ((-1, -1, 1.2), (0, 2, 1.4), (3, 4, 1.25)),
        ((0, 4, 0.7),),
        "measured: 1.2 to 1.4 on 1 to 3 May in one supermarket and in fresh retail",
    ),
    Festival(
        "National Day",
        _fixed(10, 1),
        ((-1, 1, 1.4), (2, 3, 1.3), (4, 7, 1.8)),
        ((0, 7, 0.7),),
        "measured: 1.4 on the day, 1.9 on 5 to 7 October when people come home (one supermarket, three years)",
    ),
    Festival(
        "Christmas",
        _fixed(12, 25),
        ((-8, -5, 1.25), (-4, -4, 1.5), (-3, -1, 1.75), (0, 1, 1.45), (2, 4, 1.25)),
        ((0, 0, 0.2), (1, 3, 0.8)),
        "measured: 1.3 to 1.74 at one United States grocer's tills from the 21st on; 1.15 until the 28th in card "
        "spending averaged over seven days; up to 1.9 in one Chinese supermarket. Before the 20th: reasoned",
        west=True,
    ),
    Festival(
        "New Year",
        _fixed(1, 1),
        ((-2, 0, 1.4), (1, 2, 1.2)),
        ((0, 0, 0.2), (1, 2, 0.8)),
        "measured: 1.3 before and 0.2 on the day at a United States grocer, 1.3 (one year 2.2) on 31 December in China",
        west=True,
    ),
    Festival(
        "Easter",
        easter,
        ((-4, -3, 1.1), (-2, -1, 1.25)),
        ((-2, -2, 0.8), (0, 1, 0.5)),
        "measured: 1.15 in card spending, 1.35 at one grocer; shops shut on Sunday by law in much of Europe: reasoned",
        west=True,
    ),
    Festival(
        "Mother's Day",
        mothers_day,
        ((-2, 0, 1.2),),
        (),
        "reasoned: the largest family day of spring in the Americas and much of Europe",
        west=True,
    ),
    Festival(
        "Thanksgiving",
        thanksgiving,
        ((-5, -3, 1.1), (-2, -1, 1.4)),
        ((-1, 1, 0.8), (0, 2, 0.5)),
        "measured: 1.6 and 1.9 on the two days before at one grocer, then 0.5; 0.8 in card spending",
        west=True,
    ),
    Festival("618", _fixed(6, 18), ((-2, 2, 1.15),), (), "reasoned: an online sale that shops follow with price cuts"),
    Festival("11-11", _fixed(11, 11), ((-1, 1, 1.15),), (), "reasoned: as 618; nothing seen in one supermarket"),
)
