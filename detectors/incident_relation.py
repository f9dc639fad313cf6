"""Which findings and incidents belong together: regions by province and border, commodities by the tree."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Final

from detectors.spread import FLAT, is_code
from streams.records import Kind
from streams.regions import NATION, smallest_common

ALL: Final = "*"
"""All commodities together."""

FAMILIES: Final[dict[Kind, str]] = {
    "panic_buying": "surge",
    "demand_surge": "surge",
    "demand_drop": "drop",
    "price_spike": "rise",
    "price_drop": "fall",
    "stock_out": "stock_out",
    "glut": "glut",
    "supply_interruption": "interruption",
}
"""Kinds of one family are one trouble: a rush on one commodity is a demand surge, on many it is panic buying."""

_BORDERS: Final = """
11 12 13; 12 11 13; 13 11 12 14 15 21 37 41; 14 13 15 41 61; 15 13 14 21 22 23 61 62 64; 21 13 15 22; 22 15 21 23
23 15 22; 31 32 33; 32 31 33 34 37; 33 31 32 34 35 36; 34 32 33 36 37 41 42; 35 33 36 44 71; 36 33 34 35 42 43 44
37 13 32 34 41; 41 13 14 34 37 42 61; 42 34 36 41 43 50 61; 43 36 42 44 45 50 52; 44 35 36 43 45 46 81 82
45 43 44 52 53; 46 44; 50 42 43 51 52 61; 51 50 52 53 54 61 62 63; 52 43 45 50 51 53; 53 45 51 52 54
54 51 53 63 65; 61 14 15 41 42 50 51 62 64; 62 15 51 61 63 64 65; 63 51 54 62 65; 64 15 61 62; 65 54 62 63
71 35; 81 44 82; 82 44 81
"""
"""First digits of each province, then of those that share a border with it; over a strait: Fujian and Taiwan,
Guangdong and Hainan. Source: the administrative map of the Ministry of Natural Resources."""


@cache
def neighbours() -> dict[str, frozenset[str]]:
    """Provinces that adjoin a province, by its two digits."""
    lines = [line.split() for line in _BORDERS.replace(";", "\n").split("\n") if line.strip()]
    return {first: frozenset(rest) for first, *rest in lines}


@cache
def area(region: str) -> str:
    """The province of a region, FLAT for the root and for whatever is no division code."""
    return region[:2] if is_code(region) and region != NATION else FLAT


def near(a: str, b: str) -> bool:
    """Whether two areas are the same, adjoin, or one is the root of all.

    >>> near("33", "35"), near("33", "44"), near("33", "*")
    (True, False, True)
    """
    return a == b or FLAT in (a, b) or b in neighbours().get(a, ())


def akin(a: str, b: str) -> bool:
    """Whether two commodities are the same or one is above the other; ``*`` is above all.

    >>> akin("08", "0801"), akin("0801", "0802"), akin("salt", "*")
    (True, False, True)
    """
    if a == b or ALL in (a, b):
        return True
    return a.isdigit() and b.isdigit() and (a.startswith(b) or b.startswith(a))


def leaves(regions: Iterable[str]) -> list[str]:
    """The regions of which no part is among them too, sorted: a city is not counted beside its counties."""
    found = sorted(set(regions))
    above = {region[:n] for region in found if is_code(region) for n in (2, 4) if n < len(region)}
    if len(found) > 1:
        above |= {FLAT, NATION}
    return [region for region in found if region not in above]


def common(found: Collection[str]) -> str:
    """The smallest region that holds all; FLAT where they are no division codes."""
    below = leaves(found)
    if len(below) == 1:
        return below[0]
    return FLAT if any(area(region) == FLAT for region in below) else smallest_common(below)


def components(areas: Sequence[str]) -> list[list[int]]:
    """Which of the areas hang together through neighbours: numbers of the areas, each part sorted, by first number."""
    left, parts = list(dict.fromkeys(areas)), []
    while left:
        part = [left.pop(0)]
        for one in part:
            joined = [other for other in left if near(one, other)]
            left = [other for other in left if other not in joined]
            part += joined
        parts.append([i for i, one in enumerate(areas) if one in part])
    return parts
