"""From a p-value to "once in N days": how often chance alone would say as much, over everything that is watched."""

from typing import Final

import msgspec

MOST_DAYS: Final = 36_525.0
"""A hundred years: no model here is to be believed beyond it."""


class Area(msgspec.Struct, frozen=True):
    """How much of the monitored area one city's tests stand for; a unit is a county, or a city as a whole."""

    city_units: int
    all_units: int

    def tests_per_day(self, city_tests_per_day: float) -> float:
        """Tests a day of the whole area, if the other units are tested as often as this city's.

        >>> Area(city_units=5, all_units=60).tests_per_day(1_000.0)
        12000.0
        """
        return city_tests_per_day * self.all_units / max(self.city_units, 1)


def recurrence_days(p: float, tests_per_day: float) -> float:
    """Mean days between two results this small or smaller, when nothing is wrong; at most 36,525.

    ``1 / (p tests_per_day)``. It is as nominal as ``p`` is, and takes the tests as independent, which makes it too
    short rather than too long.

    >>> recurrence_days(1e-6, 10_000.0)
    100.0
    >>> recurrence_days(0.0, 10_000.0)
    36525.0
    """
    expected = p * tests_per_day
    return MOST_DAYS if expected * MOST_DAYS <= 1.0 else 1.0 / expected
