"""Administrative regions by the official division codes: 2 digits a province, 4 a city, 6 a county, 00 the nation."""

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from streams.records import Names

NATION: Final = "00"
_CAPITALS: Final = frozenset({"municipality", "capital", "planned"})


class Region(msgspec.Struct, frozen=True):
    """One region; ``role`` is municipality, capital, planned or empty."""

    code: str
    name_zh: str
    name_en: str
    role: str


@cache
def regions() -> dict[str, Region]:
    """All regions by code, from ``data/regions.csv``."""
    with (files("streams") / "data" / "regions.csv").open(encoding="utf-8") as lines:
        return {row["code"]: Region(**row) for row in csv.DictReader(lines)}


def name_of(code: str) -> Names:
    """Name of a region in both languages; a code that is in no list keeps its number."""
    if code == NATION:
        return Names("全国", "the nation")
    region = regions().get(code)
    if region is None:
        return Names(f"地区 {code}", f"region {code}")
    return Names(region.name_zh, region.name_en or region.name_zh)


def full_name(code: str) -> Names:
    """Name with the names of the regions above it, without repeating one; a code in no list stands alone."""
    above = [code[:n] for n in (2, 4, 6) if n <= len(code)]
    parts = [name_of(c) for c in above if c in regions()] or [name_of(code)]
    unique = [p for i, p in enumerate(parts) if i == 0 or p.zh != parts[i - 1].zh]
    return Names("".join(p.zh for p in unique), ", ".join(p.en for p in reversed(unique)))


def smallest_common(codes: Iterable[str]) -> str:
    """The smallest region that holds all of ``codes``; NATION where they share no province or there are none."""
    ends = sorted(codes)
    if not ends:
        return NATION
    first, last = ends[0], ends[-1]
    for n in (6, 4, 2):
        if len(first) >= n and first[:n] == last[:n]:
            return first[:n]
    return NATION


def ranks_as_capital(city: str) -> bool:
    """Whether a city counts for level II by itself: a municipality, a provincial capital, a separately planned city."""
    own, above = regions().get(city), regions().get(city[:2])
    return (own is not None and own.role in _CAPITALS) or (above is not None and above.role == "municipality")
