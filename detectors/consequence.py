"""What an alert would mean if it were true: one number to sort by, from people, necessity, spread, speed and rarity."""

import math
from typing import Final

import msgspec

from detectors.rarity import MOST_DAYS

PEOPLE_OF_A_COUNTY: Final = 500_000
"""1.41 thousand million people (National Bureau of Statistics, end of 2023) over about 2,850 counties and districts."""
MOST_PEOPLE: Final = 100_000_000
"""A large province: more people than this are not more urgent."""
SPEED_HOURS: Final = 24.0
"""How far back growth is looked for."""

WEIGHTS: Final[dict[str, float]] = {"people": 30.0, "necessity": 20.0, "spread": 15.0, "speed": 10.0, "rarity": 25.0}
"""Points of each part; together 100. Consequence 75, credibility 25: a rare trifle does not pass a common calamity."""


class Stakes(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one alert."""

    recurrence_days: float
    counties: int
    """hit; a city that is hit as a whole counts as one where none of its counties can be named"""
    watched: int
    """counties that the jurisdiction watches"""
    counties_before: int = 0
    """that were hit 24 hours ago, 0 for a new alert"""
    population: float | None = None
    """people of the counties hit, None where it is not known"""
    necessity: int = 2
    """0 an emergency good of the taxonomy or all goods at once, 1 a monitored one, 2 another"""


def parts(stakes: Stakes) -> dict[str, float]:
    """Each part in [0, 1], by the names of ``WEIGHTS``.

    people: ``log(1 + n) / log(1 + 100 million)`` above the first thousand, half a million a county where the population
    is not known · necessity: 1, 1/2, 0 · spread: square root of the share of the watched counties that are hit · speed:
    share of the hit counties that were not hit 24 hours ago · rarity: ``log(1 + days) / log(1 + 100 years)``.
    """
    counties = max(stakes.counties, 0)
    people = counties * float(PEOPLE_OF_A_COUNTY) if stakes.population is None else max(stakes.population, 0.0)
    share = counties / max(stakes.watched, counties, 1)
    new = max(counties - max(stakes.counties_before, 0), 0) / max(counties, 1)
    days = 0.0 if math.isnan(stakes.recurrence_days) else max(stakes.recurrence_days, 0.0)
    return {
        "people": min(1.0, max(0.0, math.log1p(people / 1_000.0) / math.log1p(MOST_PEOPLE / 1_000.0))),
        "necessity": (1.0, 0.5, 0.0)[min(max(stakes.necessity, 0), 2)],
        "spread": math.sqrt(share),
        "speed": new,
        "rarity": min(1.0, math.log1p(days) / math.log1p(MOST_DAYS)),
    }


def score(stakes: Stakes) -> float:
    """0 to 100, one decimal: the sum of ``WEIGHTS`` times ``parts``. Higher is more urgent; it never depends on time.

    Never falls when more counties are hit, more people live there, or chance explains it worse.

    >>> score(Stakes(recurrence_days=30.0, counties=1, watched=100))
    35.9
    >>> score(Stakes(recurrence_days=3_000.0, counties=80, watched=100, population=4e7, necessity=0))
    90.1
    """
    return round(sum(WEIGHTS[name] * part for name, part in parts(stakes).items()), 1)
