"""How much one unit of sale holds, in the base unit of its commodity: from the unit on the till and the net content."""

import csv
import math
import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final, Literal, NamedTuple

from agents.naming.content import Content, content
from agents.naming.content_words import MEASURES
from streams.taxonomy import BaseUnit

Dimension = Literal["g", "ml", "piece"]
DIMENSION: Final[dict[BaseUnit, Dimension]] = {"kg": "g", "L": "ml", "pc": "piece"}


class Measure(NamedTuple):
    """``per_unit`` g, ml or thousandths of a piece in one unit of sale, 0 where ``unknown``.

    ``guessed``: it rests on more than what is printed: which pack the unit means, a density, the weight of an egg.
    """

    per_unit: int
    guessed: bool
    unknown: bool


UNKNOWN: Final = Measure(0, False, True)
MOST: Final = 10**12
"""A unit that holds more is a mistake, and would not go into the 64 bits of a sum."""

ITEM: Final = 0
SIZE: Final = {
    **dict.fromkeys("片枚粒颗只支根张抽块双朵把副对串节本丸贴枝株棵", ITEM),
    **dict.fromkeys("袋包瓶罐听杯卷碗盏", 1),
    **dict.fromkeys("盒桶壶坛条盘", 2),
    **dict.fromkeys("提板扎排捆筐篮", 3),
    **dict.fromkeys("箱件", 4),
    "pc": ITEM, "pcs": ITEM, "piece": ITEM, "bottle": 1, "btl": 1, "bag": 1, "can": 1, "cup": 1, "jar": 1, "roll": 1,
    "pouch": 1, "sachet": 1, "box": 2, "carton": 3, "tray": 3, "crate": 4, "case": 4,
}  # fmt: skip
"""Units of packs by size: a larger one holds what a name counts in smaller ones. From CASE on it holds all of them."""
CASE: Final = 3
WHOLE: Final = frozenset("个份套组入") | {"ea", "each", "unit", "pack", "pk", "set"}
"""Units that say no more than: the article as its name prints it."""
SHEETS: Final = frozenset("抽张") | {"sheets"}
"""What tissues and paper are counted in: a piece of these goods is the pack."""
_SHEETED: Final = "2001"
_PER: Final = re.compile(r"^(?:(?:元|rmb|cny|¥|￥|\$)\s?/\s?|/\s?|每\s?|per\s)+")


@cache
def _figures(name: str) -> dict[str, float]:
    with (files("agents.naming") / "data" / f"{name}.csv").open(encoding="utf-8") as lines:
        return {row[0]: float(row[1]) for row in list(csv.reader(lines))[1:]}


def _by_prefix(name: str, code: str) -> float | None:
    """The figure of the longest prefix of a code."""
    figures = _figures(name)
    return next((figures[code[:n]] for n in range(len(code), 1, -1) if code[:n] in figures), None)


def measure(unit: str, base: BaseUnit, content: Content | None, known: int = 0, code: str = "") -> Measure:
    """How much one unit of sale holds, or that this cannot be said. Pure; no text raises.

    Parameters
    ----------
    unit
        As on the till: a measure (斤, kg, 500g, 元/斤, lb), a pack (袋, 瓶, 箱 …), or "".
    base
        The base unit of the commodity.
    content
        What the article's name or specification prints.
    known
        g, ml or thousandths of a piece in one pack as a person or the enterprise said, else 0; before ``content``.
    code
        The commodity: gives the density where mass and volume meet, and the weight of an egg.

    >>> measure("斤", "kg", None).per_unit, measure("桶", "L", Content(5000, "ml")).per_unit
    (500, 5000)
    >>> measure("箱", "L", Content(250, "ml", 24)), measure("瓶", "L", Content(250, "ml", 24)).per_unit
    (Measure(per_unit=6000, guessed=True, unknown=False), 250)
    >>> measure("瓶", "L", None)
    Measure(per_unit=0, guessed=False, unknown=True)
    """
    name = _PER.sub("", unit.strip().lower())
    said = _unit_of_measure(name)
    if said is not None and known > 0 and said[1] == "piece":
        return _sound(float(known), False)
    if said is not None:
        return _in_base(said[0], said[1], base, code, said[1] == "piece" and base != "pc")
    pack = _pack_word(name)
    if pack is None and name:
        return UNKNOWN
    if known > 0:
        return _sound(float(known), pack is None)
    if pack is None and content is None:
        return UNKNOWN
    return _of_pack(pack or "", base, content, code)


@lru_cache(maxsize=4096)
def _unit_of_measure(name: str) -> tuple[float, Dimension] | None:
    """Quantity and dimension of a unit that says it itself: 斤, 500g, 打."""
    kind, factor = MEASURES.get(name, ("", 0.0))
    if name == "t":
        kind, factor = "g", 1e6
    if not kind and name and name not in SIZE:
        printed = content(name)
        if printed is not None and (printed.unit != "piece" or printed.total > 1):
            return printed.total, printed.unit
        return None
    if kind == "g" or kind == "ml":
        return factor, kind
    return (factor, "piece") if kind == "item" else None


def _pack_word(name: str) -> str | None:
    """The pack that a unit names, None where it names none."""
    if name in SIZE or name in WHOLE:
        return name
    plain = re.sub(r"[(（].{0,20}$|[0-9\s./]+|^[整小大一]", "", name).removesuffix("装")
    if plain in SIZE or plain in WHOLE:
        return plain
    singular = plain.removesuffix("s") if not plain.endswith("xes") else plain.removesuffix("es")
    return singular if singular in SIZE or singular in WHOLE else None


def _of_pack(pack: str, base: BaseUnit, printed: Content | None, code: str) -> Measure:
    size = SIZE.get(pack)
    if printed is None or (printed.unit == "piece" and printed.total == 1):
        if base == "pc":
            # One article is one piece, but who sells by the case may have meant all that is in it.
            return Measure(1000, size is not None and size >= CASE, False)
        return _in_base(1, "piece", base, code, True) if size == ITEM or pack == "个" else UNKNOWN
    packs, guessed = _packs_in(pack, size, printed)
    if base != "pc":
        if size == ITEM and printed.unit == "piece":
            return _in_base(1, "piece", base, code, True)
        return _in_base(printed.qty * packs, printed.unit, base, code, guessed)
    if printed.unit != "piece" or (code.startswith(_SHEETED) and printed.item in SHEETS):
        return _sound(1000.0 * packs, guessed)
    if pack and (size == ITEM or pack == printed.item):
        return _sound(1000.0, True)
    return _sound(1000.0 * printed.qty * packs, guessed)


def _packs_in(pack: str, size: int | None, printed: Content) -> tuple[int, bool]:
    """How many of the printed packs one unit holds, and whether that is a guess."""
    if not pack:
        return printed.packs, True
    if printed.packs == 1:
        return 1, False
    if size is None:
        return printed.packs, True
    inner = SIZE.get(printed.pack.removesuffix("s"))
    if pack == printed.pack:
        return 1, True
    if size >= CASE or (inner is not None and size > inner):
        return printed.packs, True
    return 1, True


def _in_base(quantity: float, unit: Dimension, base: BaseUnit, code: str, guessed: bool) -> Measure:
    wanted = DIMENSION[base]
    if unit == wanted:
        return _sound(quantity * (1000 if wanted == "piece" else 1), guessed)
    if unit == "piece":
        each = _by_prefix("piece_weights", code) if wanted == "g" else None
        return UNKNOWN if each is None else _sound(quantity * each, True)
    density = _by_prefix("densities", code) if wanted != "piece" else None
    if density is None:
        return UNKNOWN
    return _sound(quantity / density if unit == "g" else quantity * density, True)


def _sound(quantity: float, guessed: bool) -> Measure:
    if not math.isfinite(quantity) or not 0.5 <= quantity <= MOST:
        return UNKNOWN
    return Measure(math.floor(quantity + 0.5), guessed, False)
