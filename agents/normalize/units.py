"""Units to base units: g for kg goods, ml for L goods, thousandths of a piece for pc goods."""

from typing import Final

from streams.taxonomy import BaseUnit

MASS: Final = {
    "kg": 1000, "千克": 1000, "公斤": 1000, "g": 1, "克": 1, "斤": 500, "市斤": 500, "500g": 500, "500克": 500,
    "两": 50, "t": 1_000_000, "吨": 1_000_000,
}  # fmt: skip
VOLUME: Final = {"l": 1000, "升": 1000, "ml": 1, "毫升": 1}
PIECE: Final = frozenset("个只支片枚粒块条双包袋瓶罐盒板卷张抽根把件套份朵听桶杯箱颗副对打提盘串") | {
    "pc",
    "pcs",
    "piece",
}
"""Packs and pieces: what one holds stands in the registry."""


def per_unit(unit: str, base: BaseUnit, content: int) -> int | None:
    """How much one ``unit`` holds: g, ml or thousandths of a piece; None where that cannot be said.

    Parameters
    ----------
    unit
        As printed on the till: a measure (kg, 斤, 500g, L …) or a pack (袋, 瓶, 箱 …).
    base
        The base unit of the commodity.
    content
        g, ml or thousandths of a piece in one pack, where the registry knows it; else 0.

    >>> per_unit("斤", "kg", 0), per_unit("桶", "L", 5000), per_unit("瓶", "L", 0), per_unit("提", "pc", 0)
    (500, 5000, None, 1000)
    """
    name = unit.strip().lower()
    if name in MASS:
        return MASS[name] if base == "kg" else None
    if name in VOLUME:
        return VOLUME[name] if base == "L" else None
    if name not in PIECE:
        return None
    if content > 0:
        return content
    return 1000 if base == "pc" else None
