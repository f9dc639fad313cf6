"""The unified commodity taxonomy: two digits a level; a base unit, and whether a good is monitored."""

import csv
from functools import cache
from importlib.resources import files
from typing import Final, Literal, cast

import msgspec

from streams.records import Names

UNCLASSIFIED: Final = "99"
OTHER: Final = "98"
BaseUnit = Literal["kg", "L", "pc"]


class Commodity(msgspec.Struct, frozen=True):
    """One node of the taxonomy."""

    code: str
    parent: str
    name_zh: str
    name_en: str
    base_unit: BaseUnit
    monitored: bool
    emergency: bool


@cache
def taxonomy() -> dict[str, Commodity]:
    """All nodes by code, from ``data/taxonomy.csv``."""
    with (files("streams") / "data" / "taxonomy.csv").open(encoding="utf-8") as lines:
        return {
            row["code"]: Commodity(
                code=row["code"],
                parent=row["parent"],
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                base_unit=cast(BaseUnit, row["base_unit"]),
                monitored=row["monitored"] == "1",
                emergency=row["emergency"] == "1",
            )
            for row in csv.DictReader(lines)
        }


def node(code: str) -> Commodity:
    """The node of a code, or the nearest one above it; UNCLASSIFIED where there is none."""
    tree = taxonomy()
    while code and code not in tree:
        code = code[:-2]
    return tree[code or UNCLASSIFIED]


def name_of(code: str) -> Names:
    """Name of a commodity in both languages; a code below the taxonomy shows its number."""
    found = node(code)
    if found.code == code:
        return Names(found.name_zh, found.name_en)
    return Names(f"{found.name_zh} {code}", f"{found.name_en} {code}")
