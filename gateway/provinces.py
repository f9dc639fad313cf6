"""The 34 provinces as a tile grid, and what the live alerts say about each."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.ranking import is_live
from streams import regions
from streams.records import LEVELS, Alert, Level, Names

TILES: Final[dict[str, tuple[int, int, str]]] = {
    "23": (1, 8, "HL"),
    "22": (2, 8, "JL"),
    "65": (3, 1, "XJ"),
    "15": (3, 5, "NM"),
    "11": (3, 6, "BJ"),
    "12": (3, 7, "TJ"),
    "21": (3, 8, "LN"),
    "63": (4, 1, "QH"),
    "62": (4, 2, "GS"),
    "64": (4, 3, "NX"),
    "61": (4, 4, "SN"),
    "14": (4, 5, "SX"),
    "13": (4, 6, "HE"),
    "37": (4, 7, "SD"),
    "54": (5, 1, "XZ"),
    "51": (5, 2, "SC"),
    "50": (5, 3, "CQ"),
    "42": (5, 4, "HB"),
    "41": (5, 5, "HA"),
    "34": (5, 6, "AH"),
    "32": (5, 7, "JS"),
    "31": (5, 8, "SH"),
    "53": (6, 2, "YN"),
    "52": (6, 3, "GZ"),
    "43": (6, 4, "HN"),
    "36": (6, 5, "JX"),
    "33": (6, 6, "ZJ"),
    "45": (7, 3, "GX"),
    "44": (7, 4, "GD"),
    "35": (7, 5, "FJ"),
    "71": (7, 7, "TW"),
    "46": (8, 3, "HI"),
    "82": (8, 4, "MO"),
    "81": (8, 5, "HK"),
}
"""Code: row, column (from 1, north-west first) and the letters of GB/T 2260. Drawn so that most neighbours touch."""

_TITLE: Final = re.compile("(省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$")


class Province(msgspec.Struct, frozen=True):
    """One province on the board."""

    code: Annotated[str, Meta(description="2-digit division code.")]
    name: Annotated[Names, Meta(description="Full name in both languages.")]
    short: Annotated[Names, Meta(description="Name as it fits on a tile, in both languages.")]
    letters: Annotated[str, Meta(description="Two letters of GB/T 2260, for the smallest tiles.")]
    row: Annotated[int, Meta(description="Row of the tile grid, from 1, north first.")]
    column: Annotated[int, Meta(description="Column of the tile grid, from 1, west first.")]
    level: Annotated[Level | None, Meta(description="Worst level among its live alerts; null: all is quiet.")]
    counts: Annotated[dict[Level, int], Meta(description="Number of live alerts that touch it, by level.")]


def provinces(alerts: Iterable[Alert]) -> list[Province]:
    """All provinces by code. An alert counts in each province that it names, with its level as a whole."""
    counts: dict[str, Counter[Level]] = {code: Counter() for code in TILES}
    for alert in alerts:
        if is_live(alert):
            for code in counts.keys() & set(alert.provinces):
                counts[code][alert.level] += 1
    return [_province(code, counts[code]) for code in sorted(TILES)]


def _province(code: str, count: Counter[Level]) -> Province:
    row, column, letters = TILES[code]
    name = regions.name_of(code)
    return Province(
        code=code,
        name=name,
        short=Names(_TITLE.sub("", name.zh), name.en),
        letters=letters,
        row=row,
        column=column,
        level=next((level for level in LEVELS if count[level]), None),
        counts={level: count[level] for level in LEVELS},
    )
