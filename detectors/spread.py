"""How far an incident has spread over the administrative tree: the measures that a rulebook's clauses ask for."""

from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache
from typing import Final

import msgspec

from streams.regions import ranks_as_capital, regions

MEASURES: Final = ("places", "large_cities", "capitals", "large_provinces", "provinces")
"""places: counties hit, and cities hit of which no county can be named · large_cities: cities of which a large part is
hit · capitals: those of them that are provincial capitals, separately planned, or a municipality's · large_provinces:
provinces of which a large part is hit · provinces: provinces with a large part or a capital hit."""


SHARES: Final = ("counties", "city_share", "urban_share")
"""counties: counties hit · city_share, urban_share: the largest share of a city's monitored counties, or of its
monitored districts, that is hit; 0 where that is less than ``at_least``."""
FLAT: Final = "*"
"""The root above regions that are no division codes."""
_LAST_DISTRICT: Final = 20
"""Of the last two digits of a county: 01 to 20 are districts of the city itself (GB/T 2260)."""


class Extent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What "a large part" is: this share of the monitored parts, and so many of them."""

    share: float
    at_least: int


def measures(hit: Collection[str], monitored: Collection[str], city: Extent, province: Extent) -> dict[str, float]:
    """The value of each of ``MEASURES``.

    ``hit`` holds counties (6 digits) and cities (4) that are hit as a whole with no county to name; ``monitored`` the
    counties with terminals. A city hit as a whole counts as one place and as no large part: how much of it is hit is
    not known. Where the official division has fewer parts than ``at_least`` (Dongguan has no counties), all of them do.
    """
    counties = {region for region in hit if is_code(region) and len(region) == 6}
    watched = {region for region in monitored if is_code(region)} | counties
    large_cities = _large(counties, watched, 4, city)
    watched_cities = {county[:4] for county in watched}
    large_provinces = _large(large_cities, watched_cities, 2, province)
    capitals = {c for c in large_cities if ranks_as_capital(c)}
    return {
        "places": len(set(hit)),
        "large_cities": len(large_cities),
        "capitals": len(capitals),
        "large_provinces": len(large_provinces),
        "provinces": len(large_provinces | {c[:2] for c in capitals}),
    }


def shares(hit: Collection[str], monitored: Collection[str], city: Extent) -> dict[str, float]:
    """The value of each of ``SHARES``."""
    counties = {region for region in hit if is_code(region) and len(region) == 6}
    watched = {region for region in monitored if is_code(region)} | counties
    return {
        "counties": len(counties),
        "city_share": _share(counties, watched, city),
        "urban_share": _share(filter(_urban, counties), filter(_urban, watched), city),
    }


@cache
def is_code(region: str) -> bool:
    """Whether it has the form of a division code of 2, 4 or 6 digits.

    >>> is_code("330602"), is_code("三重區")
    (True, False)
    """
    return region.isascii() and region.isdigit() and len(region) in (2, 4, 6)


def _urban(county: str) -> bool:
    return len(county) == 6 and int(county[4:]) <= _LAST_DISTRICT


def _share(hit: Iterable[str], watched: Iterable[str], extent: Extent) -> float:
    """The largest share of a city's watched counties that is hit."""
    struck, of = (Counter(county[:4] for county in counties) for counties in (hit, watched))
    large = {c: n for c, n in struck.items() if n >= min(extent.at_least, _official_parts(c) or extent.at_least)}
    return max((n / of[city] for city, n in large.items()), default=0.0)


def _large(hit: set[str], watched: set[str], digits: int, extent: Extent) -> set[str]:
    """The regions of so many digits of whose watched parts a large part is hit."""
    of = Counter(part[:digits] for part in watched)
    struck = Counter(part[:digits] for part in hit)
    return {
        region
        for region, n in struck.items()
        if n >= min(extent.at_least, _official_parts(region) or extent.at_least) and n >= extent.share * of[region]
    }


@cache
def _official_parts(region: str) -> int:
    digits = len(region) + 2
    return sum(len(code) == digits and code.startswith(region) for code in regions())
