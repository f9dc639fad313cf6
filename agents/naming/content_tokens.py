"""The numbers of a name, each with what it measures or counts; those that are no content are marked as dropped."""

import re
from dataclasses import dataclass
from typing import Final

from agents.naming import content_words as words
from agents.naming.content_words import COUNTERS, MEASURES, NUMBER, Kind
from agents.naming.numerals import numeral

MAX_CHARS: Final = 512
MOST: Final[dict[Kind, float]] = {"g": 1e6, "ml": 3e5}
"""A greater number is a model number: nothing on a shelf holds a ton, or 300 L."""
MAX_DIGITS: Final = 7

_SIZE: Final = re.compile(r"(?:(?:^|[^A-Za-z])(?:NB|S|M|X{0,3}L)|[0-9][cm]m|维生?素?[A-Z]|A{2,3})$", re.IGNORECASE)
"""Letters that may stand before a count: the size of a nappy, a length, a vitamin, a battery."""
_PRICE: Final = re.compile(r"(?:元|块|¥|￥|\$)\s?/\s?$")
_PRICED: Final = re.compile(r"元\s?$")
_BEFORE: Final = re.compile(
    r"(?:蛋白质?|脂肪|含糖量?|含钙|每|承重|载重|限重|限载|体重|适用|固形物|沥干物|单果|单个|单只|单颗|果重|≥|≤|>|<|第)[:重约\s]{0,2}$"
)
_BEHIND: Final = re.compile(r"\s?(?:以上|以下|以内|起(?:批|订|售)?|\+(?=[\s)]|$)|/\s?(?:天|日|月|年|秒|分))")
_RANGE: Final = re.compile(r"^\s?(?:[-~—–－至到])\s?$")
_PLUS_MINUS: Final = re.compile(r"^\s?(?:±|\+/-|\+-)\s?$")
_NOT_A_FACTOR: Final = re.compile(
    r"\s?(?:层|cm|mm|m(?![a-z])|厘|毫|米|寸|英|色|%|度|°|[WwVvKk](?![a-z])|元|岁|号|合|孔|段|代|级|倍|小时|天|年|月|日|分)"
)
_HALF: Final = frozenset({"斤", "公斤", "市斤", "两", "升"})
_ENDS: Final = re.compile(r"$|[^\u4e00-\u9fff]|装|入|整|共|每|一?[箱提袋盒瓶包]")
_JOINED: Final = re.compile(r"\s?连(?=[包杯袋罐盒瓶排装])")
_LAST_CJK: Final = re.compile(r"[\u4e00-\u9fff](?=[^\u4e00-\u9fff]*$)")
_TAIL: Final = re.compile(r"[0-9.]{0,9}\s?(?:毫升|公升|升)装?\)?$")


@dataclass(slots=True)
class Token:
    """A number: ``value`` in g, ml or pieces where it has a unit, as printed where it is bare."""

    value: float
    kind: Kind
    word: str
    start: int
    end: int
    slash: bool = False


def tokens_of(text: str, name: str = "") -> list[Token]:
    """Numbers of a text, from left to right; ``name`` is that of the article, where the text is its specification."""
    found: list[Token] = []
    for match in NUMBER.finditer(text):
        token = _chinese(text, match) if match[4] else _arabic(text, match, found[-1].end if found else 0)
        if token is None:
            continue
        if found:
            _relate(text, found[-1], token)
        found.append(token)
    if any(t.kind in ("g", "ml") for t in found):
        _disown(name or text, found)
    return found


def _arabic(text: str, match: re.Match[str], after: int) -> Token:
    digits, unit, slashed = match[1], match[2], match[3]
    value, start, end = float(digits) if len(digits) <= MAX_DIGITS else 0.0, match.start(), match.end()
    word = (unit or slashed or "").lower().replace(" ", "").replace(".", "")
    if not word:
        joined = _JOINED.match(text, end)
        if joined:
            end = joined.end()
            word = text[end] if text[end] in COUNTERS else "包"
            end += 1
    token = Token(value, "", word, start, end, bool(slashed))
    if not word:
        if _NOT_A_FACTOR.match(text, end):
            token.kind = "dropped"
        return token
    previous = text[start - 1] if start > after else ""
    times = after > 0 and previous in ("x", "X", "*", "×") and not text[after : start - 1].strip()
    lettered = previous.isascii() and previous.isalpha() and not times
    model = digits[0] == "0" and not digits.startswith("0.")
    if word in MEASURES:
        kind, factor = MEASURES[word]
        half = word in _HALF and text.startswith("半", end) and _ENDS.match(text, end + 1) is not None
        token.value, token.end = round((value + half / 2) * factor, 4), end + half
        token.kind = kind
        wrong = _not_a_measure(text, token, digits, unit or "", lettered, value)
    else:
        counter = COUNTERS[word]
        token.kind = counter.kind
        explicit = times or previous in ("*", "×")
        size = (
            lettered
            and word in ("片", "p", "枚", "粒", "节")
            and _SIZE.search(text[max(start - 5, 0) : start]) is not None
        )
        hyphen = previous == "-" and start > 1 and text[start - 2].isalnum() and text[start - 2].isascii()
        wrong = "." in digits or (lettered and not size and not explicit) or hyphen
        wrong |= value > (1000 if explicit else counter.most) or (word == "p" and value < 4)
        wrong |= _BEFORE.search(text, max(start - 8, 0), start) is not None
        wrong |= _PRICED.search(text, max(start - 2, 0), start) is not None
    if model or wrong or value <= 0:
        token.kind = "dropped"
    return token


def _not_a_measure(text: str, token: Token, digits: str, unit: str, lettered: bool, value: float) -> bool:
    if token.value > MOST.get(token.kind, 1e3) or (token.word == "两" and value >= 100):
        return True
    before = (text, max(token.start - 8, 0), token.start)
    if lettered and (len(digits) < 2 or (unit in ("kg", "KG") and _SIZE.search(*before))):
        return True
    if token.word == "斤" and _PRICED.search(*before):
        return True
    return (
        _PRICE.search(*before) is not None
        or _BEFORE.search(*before) is not None
        or _BEHIND.match(text, token.end) is not None
    )


def _chinese(text: str, match: re.Match[str]) -> Token | None:
    value, word, start, end = numeral(match[4]), match[6], match.start(), match.end()
    if value is None or (start and text[start - 1] in "第初老万千亿几数"):
        return None
    if word in MEASURES:
        kind, factor = MEASURES[word]
        if match[5] or match[4] == word:
            return None
        half = word in _HALF and text.startswith("半", end) and _ENDS.match(text, end + 1) is not None
        token = Token(round((value + half / 2) * factor, 4), kind, word, start, end + half)
        if kind == "item" and not _ENDS.match(text, end):
            return None
        if _not_a_measure(text, token, "", "", False, value):
            token.kind = "dropped"
        return token
    # 三只松鼠, 六个核桃, 一片爽: a small number before a counting word is a count only where the name ends with it.
    if value != int(value) or not (match[5] or _ENDS.match(text, end)):
        return None
    counter = COUNTERS[word]
    return Token(value, counter.kind if value <= counter.most else "dropped", word, start, end)


def _relate(text: str, left: Token, right: Token) -> None:
    """What two numbers side by side make of each other: ranges, tolerances, shares of something."""
    if right.start - left.end > 4 or right.kind not in ("g", "ml"):
        return
    gap = text[left.end : right.start]
    factor = MEASURES[right.word][1]
    if _PLUS_MINUS.match(gap):
        if left.kind == "":
            left.value, left.kind, left.word = left.value * factor, right.kind, right.word
        right.kind = "dropped"
    elif _RANGE.match(gap):
        low = left.value * (factor if left.kind == "" else 1)
        # 9-13kg is a range; 8015-500ml is a model and its content.
        if left.kind in ("", right.kind) and low < right.value <= 3 * low:
            left.kind = right.kind = "dropped"
    elif gap.strip() == "/":
        if left.kind == right.kind and abs(left.value - right.value) < 0.001 * right.value:
            right.kind = "dropped"  # 5kg/10斤 is the same content twice
        elif left.word in MEASURES:
            left.kind = right.kind = "dropped"
        elif left.kind == "" and left.value != int(left.value):
            right.kind = "dropped"  # 5.9/500g is a price
        elif left.kind == "" and 0 < left.value < right.value / factor <= 8:
            right.value, right.start = round(left.value / right.value * factor * factor, 4), left.start
            left.kind = "dropped"


def _disown(text: str, found: list[Token]) -> None:
    """Drop the measures of what a vessel can hold, a hook can bear, a child weighs, or a card can store."""
    drops: set[Kind] = set()
    if any(t.kind == "ml" for t in found) and is_vessel(text):
        drops.add("ml")
    if any(t.kind == "g" for t in found) and (words.LOAD.search(text) or words.SHEET.search(text)):
        drops.add("g")
    wearer, storage = words.WEARER.search(text), words.STORAGE.search(text)
    for token in found:
        heavy = wearer and token.kind == "g" and token.value >= 1000
        stored = storage and token.word in ("g", "l", "t")
        if token.kind in drops or heavy or stored:
            token.kind = "dropped"


def is_vessel(text: str) -> bool:
    """Whether the name is that of a vessel, so that a volume in it is what it can hold.

    >>> is_vessel("保温杯1L"), is_vessel("奶瓶清洗剂500ml"), is_vessel("韩式盆"), is_vessel("老酸奶杯装")
    (True, False, True, False)
    """
    if words.HELD.search(text):
        return False
    last = None
    for last in words.CAPACITY.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    if last is not None:
        return words.BEHIND.search(text, last.end()) is None
    end = _LAST_CJK.search(_TAIL.sub("", text))
    return end is not None and end[0] in words.CAPACITY_ENDINGS
