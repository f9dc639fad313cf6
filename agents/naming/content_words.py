"""Units and words beside which a number is a net content, or is not; those of the trade stand in ``data``."""

import csv
import re
from importlib.resources import files
from typing import Final, Literal, NamedTuple

from agents.naming.numerals import CHARACTERS, LONGEST

Kind = Literal["g", "ml", "item", "container", "", "dropped"]
"""Of a number: its measure, what it counts, a bare number, or one that says something other than a content."""
POUND: Final = 453.59237
GALLON: Final = 3785.411784

MEASURES: Final[dict[str, tuple[Kind, float]]] = {
    "kg": ("g", 1000), "kgs": ("g", 1000), "千克": ("g", 1000), "公斤": ("g", 1000),
    "g": ("g", 1), "克": ("g", 1), "公克": ("g", 1),
    "斤": ("g", 500), "市斤": ("g", 500), "两": ("g", 50), "吨": ("g", 1_000_000), "gram": ("g", 1), "grams": ("g", 1),
    "l": ("ml", 1000), "升": ("ml", 1000), "公升": ("ml", 1000), "ml": ("ml", 1), "毫升": ("ml", 1),
    "liter": ("ml", 1000), "liters": ("ml", 1000), "litre": ("ml", 1000), "litres": ("ml", 1000),
    "cl": ("ml", 10), "ltr": ("ml", 1000),
    "lb": ("g", POUND), "lbs": ("g", POUND), "pound": ("g", POUND), "pounds": ("g", POUND), "磅": ("g", POUND),
    "oz": ("g", POUND / 16), "ounce": ("g", POUND / 16), "ounces": ("g", POUND / 16), "盎司": ("g", POUND / 16),
    "floz": ("ml", GALLON / 128), "fluidounces": ("ml", GALLON / 128), "fluidounce": ("ml", GALLON / 128),
    "gal": ("ml", GALLON), "gallon": ("ml", GALLON), "gallons": ("ml", GALLON), "加仑": ("ml", GALLON),
    "qt": ("ml", GALLON / 4), "quart": ("ml", GALLON / 4), "quarts": ("ml", GALLON / 4),
    "pint": ("ml", GALLON / 8), "pints": ("ml", GALLON / 8), "dozen": ("item", 12), "打": ("item", 12),
}  # fmt: skip
"""Kind and factor to g, ml or pieces. An oz alone is one of mass; pint, quart and gallon are those of the US."""

_GUARDS: Final = {
    "克": "拉|力|莉|罗|斯|隆|林|里|东|明|氏|勒|莱|服|的|重|数",
    "升": "级|降|高|温|旗|职|华|辉|值|起|龙|腾",
    "两": "面|用|件|款|色|头|层|片|只|个|种|支|条|瓶|盒|端|段|口|双|袋|包|侧|人|岁|代|块|格|栖|仪|相|把|节|张|枚|粒",
    "斤": "斤",
    "打": "火|气|孔|包|印|底|蛋|磨|折|皮|结|架|球|击|鱼|地|字|草|猎|卡|造|点|扮|击|开|嗝",
    "磅": "礴|秤",
}  # fmt: skip


class Counter(NamedTuple):
    """A counting word. ``most``: a higher number alone is a model number, not a count."""

    kind: Kind
    most: int
    not_before: str


def _counters() -> dict[str, Counter]:
    with (files("agents.naming") / "data" / "counters.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    kinds: dict[str, Kind] = {"container": "container", "item": "item"}
    return {r["word"]: Counter(kinds[r["kind"]], int(r["most"]), r["not_before"]) for r in rows}


def _sections() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (files("agents.naming") / "data" / "vessels.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            list(found.values())[-1].append(line)
    return found


COUNTERS: Final = _counters()
_WORDS: Final = _sections()


def _any(words: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(w) for w in sorted(words, key=len, reverse=True)), re.IGNORECASE)


def _guarded(word: str, guard: str) -> str:
    if word.isascii():
        # "330mlX24" and "5Lx2": a unit may have a letter behind it only where that is a sign of multiplication.
        return rf"{re.escape(word)}(?:(?![A-Za-z])|(?=[xX]\s?[0-9]))"
    return re.escape(word) + (f"(?!{guard})" if guard else "")


_UNIT: Final = "|".join(
    [r"fl\.?\s?oz(?![A-Za-z])", r"fluid\sounces?(?![A-Za-z])"]
    + [
        _guarded(word, _GUARDS.get(word, "") if word in MEASURES else COUNTERS[word].not_before)
        for word in sorted({*MEASURES, *COUNTERS}, key=len, reverse=True)
    ]
)
_CJK_UNIT: Final = "|".join(
    _guarded(word, _GUARDS.get(word, "") if word in MEASURES else COUNTERS[word].not_before)
    for word in sorted({*MEASURES, *COUNTERS}, key=len, reverse=True)
    if not word.isascii()
)
NUMBER: Final = re.compile(
    rf"(?<![0-9.])([0-9]+(?:\.[0-9]+)?)(?:[\s-]{{0,2}}({_UNIT})|/(g|G|克|ml|ML)(?![A-Za-z]))?"
    rf"|([{CHARACTERS}]{{1,{LONGEST}}})(连?)({_CJK_UNIT})",
    re.IGNORECASE | re.ASCII,
)
"""Groups: number, its unit, its unit behind a slash; Chinese numeral, 连, its unit. No part runs twice over a text."""

CAPACITY: Final = _any(_WORDS["capacity"])
CAPACITY_ENDINGS: Final = frozenset(_WORDS["capacity ending"])
BEHIND: Final = _any(_WORDS["behind"])
HELD: Final = re.compile(f"(?:{_any(_WORDS['held']).pattern})(?![杯壶瓶机碗罐桶锅盒具])")
LOAD: Final = _any(_WORDS["load"])
WEARER: Final = _any(_WORDS["wearer"])
STORAGE: Final = _any(_WORDS["storage"])
SHEET: Final = _any(_WORDS["sheet weight"])
LOOSE: Final = _any(_WORDS["loose"])
