"""Net content as printed in an item's name or its specification: 250ml*24, 10斤装, (400+100)g, 6 pack 500 ml."""

import math
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final, Literal

from agents.naming.content_tokens import MAX_CHARS, Token, tokens_of
from agents.naming.content_words import LOOSE, MEASURES, Kind
from agents.naming.numerals import CHARACTERS


@dataclass(frozen=True, slots=True)
class Content:
    """``qty`` g, ml or pieces of one pack, ``packs`` of them; both finite and positive.

    ``item`` is the word by which pieces were counted, ``pack`` that of the packs (瓶, 袋, bottles …); "" where none
    was printed. They say nothing of the quantity and are not compared.
    """

    qty: float
    unit: Literal["g", "ml", "piece"]
    packs: int = 1
    item: str = field(default="", compare=False)
    pack: str = field(default="", compare=False)

    @property
    def total(self) -> float:
        """All packs together, in g, ml or pieces."""
        return self.qty * self.packs


@dataclass(slots=True)
class _Chain:
    """Numbers multiplied with each other; ``kind`` "" for bare numbers alone."""

    kind: Kind
    qty: float
    packs: int
    item: str
    pack: str
    first: Token
    last: Token

    @property
    def total(self) -> float:
        return self.qty * self.packs

    @property
    def measured(self) -> bool:
        return self.kind in ("g", "ml")


MAX_PACKS: Final = 10_000
_ANY: Final = re.compile(rf"[0-9０-９{CHARACTERS}]")
_GAP: Final = 14
_TIMES: Final = re.compile(
    r"[\s)\]】]*(?:/?\s?(?:小?[袋瓶盒包罐听支桶杯条卷抽片枚]装?|个|装))?[\s)\]】]*[*×✕╳xX]\s?[(\[【]?\s?$"
)
_PLUS: Final = re.compile(r"[\s)]*(?:\+|加赠|加送|赠送?|送|加)[\s(]*$")
_PLUS_WORDS: Final = re.compile(r"[\s)]*\+[^0-9+]{1,12}$")
_PLUS_OF_UNKNOWN: Final = re.compile(r"[\u4e00-\u9fff)]\s?\+\s?$")
_NET: Final = re.compile(r"(?:净含量|净重|net(?: weight| wt\.?| content)?)[:\s约]{0,2}$", re.IGNORECASE)
_PACK_OF: Final = re.compile(r"\b(?:pack|case|box|set|bag|carton|tray) of $", re.IGNORECASE)
_SUM: Final = re.compile(
    r"\(([0-9]{1,5}(?:\.[0-9]{1,3})?(?:\+[0-9]{1,5}(?:\.[0-9]{1,3})?){1,3})\)\s?(?=[gkml克毫升千公斤])", re.I
)
_THOUSANDS: Final = re.compile(r"(?<=[0-9]),(?=[0-9]{3}\s?(?:g|ml|克|毫升))", re.IGNORECASE)
_BASIS: Final = frozenset({50.0, 100.0, 500.0, 1000.0})


def content(name: str, spec: str = "") -> Content | None:
    """Net content of an article, None where none is printed; only the first 512 characters of each text are read.

    What a vessel can hold, what a child weighs, a price per unit, a length, a power and a model number are no content.
    A specification goes before the name; where one says the measure and the other how many, they are put together.

    >>> content("纯牛奶250ml*24盒"), content("20斤面粉").qty, content("汽水500"), content("保温杯1L")
    (Content(qty=250.0, unit='ml', packs=24, item='', pack='盒'), 10000.0, None, None)
    """
    in_name = bool(_ANY.search(name))
    if not spec or not _ANY.search(spec):
        return _content(_best(_clean(name), False), name) if in_name else None
    # The name stands before its specification: it says whether that is of a vessel.
    told = _best(_clean(spec), True, _clean(name) if name else "")
    named = _best(_clean(name), False) if in_name else None
    return _content(_joined(named, told), name)


def _clean(text: str) -> str:
    text = text[:MAX_CHARS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[:MAX_CHARS]
    text = " ".join(text.split())
    if "," in text:
        text = _THOUSANDS.sub("", text)
    if "+" in text and "(" in text:
        text = _SUM.sub(lambda m: f"{math.fsum(map(float, m[1].split('+'))):g}", text)
    return text


def _best(text: str, is_spec: bool, name: str = "") -> _Chain | None:
    """The content that a text prints, or None."""
    chains = _chains(text, tokens_of(text, name), is_spec)
    measured = _bundled(text, chains)
    if measured is None:
        return None
    counted = [c for c in chains if c.kind in ("item", "container")]
    if not measured:
        return _counts(text, counted)
    best = measured[0]
    for other in measured[1:]:
        # 1kg(500g*2): the same content said twice, the second time with its packs.
        split = other.packs > best.packs and other.kind == best.kind and _near(other.total, best.total)
        again = other.packs > best.packs and other.kind == best.kind and _near(other.qty, best.qty)
        if split or again or _NET.search(text, 0, other.first.start):
            best = other
    if best.packs == 1:
        cases = [c for c in chains if c.kind == "" and c.first is not c.last]
        _multiply(text, best, counted, cases)
    return best


def _chains(text: str, tokens: list[Token], is_spec: bool) -> list[_Chain]:
    found: list[_Chain] = []
    group: list[Token] = []
    for token in tokens:
        if group and token.kind != "dropped" and _times(text, group[-1], token):
            group.append(token)
            continue
        if group:
            _reduce(text, group, is_spec, found)
        group = [token] if token.kind != "dropped" else []
    if group:
        _reduce(text, group, is_spec, found)
    return found


def _times(text: str, left: Token, right: Token) -> bool:
    return right.start - left.end <= _GAP and _TIMES.match(text, left.end, right.start) is not None


def _reduce(text: str, group: list[Token], is_spec: bool, found: list[_Chain]) -> None:
    """Multiply what stands between signs of multiplication: one measure at most, or one count of items."""
    measure = next((t for t in group if t.kind in ("g", "ml")), None)
    head = measure or next((t for t in group if t.kind == "item"), None) or next((t for t in group if t.kind), None)
    if head is None and len(group) == 1 and _PACK_OF.search(text, 0, group[0].start):
        head, group[0].kind, group[0].word = group[0], "container", "pack"
    packs, word = 1, ""
    for factor in group:
        if factor is head or factor.kind in ("g", "ml"):
            continue
        if factor.value != int(factor.value) or not 1 <= factor.value <= 1000:
            return
        packs, word = packs * int(factor.value), word or factor.word
    if packs > MAX_PACKS:
        return
    first, last = group[0], group[-1]
    if head is not None:
        item = "" if measure else head.word
        found.append(_Chain(head.kind, head.value, packs, item, word, first, last))
    elif len(group) == 2 and first.value == 1 and packs > 1:
        # 1*24: a case of 24, but in a name that prints no measure it may as well be a model number.
        found.append(_Chain("container" if is_spec else "", float(packs), 1, "", "", first, last))
    else:
        found.append(_Chain("", first.value, 1, "", "", first, last))


def _bundled(text: str, chains: list[_Chain]) -> list[_Chain] | None:
    """The measures, those of a bundle added up; None where a part of a bundle is not known."""
    found: list[_Chain] = []
    previous: _Chain | None = None
    for chain in chains:
        if chain.measured:
            gap = (previous.last.end, chain.first.start) if previous else (0, 0)
            near = previous is not None and gap[1] - gap[0] <= _GAP
            plus = near and _PLUS.match(text, *gap) is not None
            if previous is not None and near and found and found[-1] is previous:
                if plus or _PLUS_WORDS.match(text, *gap) or _compound(text, previous, chain):
                    if previous.kind != chain.kind:
                        return None
                    found[-1] = previous = _added(text, previous, chain)
                    continue
            elif previous is not None and plus and previous.kind == "" and text[gap[0]] == "+":
                factor = MEASURES[chain.first.word][1] if chain.first.word in MEASURES else 0
                if factor and previous.qty >= 10:
                    total = previous.qty * factor + chain.total
                    chain = _Chain(chain.kind, total, 1, "", "", previous.first, chain.last)
            elif _PLUS_OF_UNKNOWN.search(text, max(chain.first.start - 4, 0), chain.first.start):
                return None
            found.append(chain)
        previous = chain
    return found


def _added(text: str, left: _Chain, right: _Chain) -> _Chain:
    if text[left.first.start - 1 : left.first.start] == "(" and text[right.first.end : right.first.end + 1] == ")":
        # (200g+50g)*2: the factor is that of both.
        return _Chain(right.kind, left.total + right.qty, right.packs, "", right.pack, left.first, right.last)
    return _Chain(right.kind, left.total + right.total, 1, left.item, "", left.first, right.last)


def _compound(text: str, left: _Chain, right: _Chain) -> bool:
    """Whether two measures are one: 1斤2两, 1 lb 4 oz."""
    units = (left.last.word, right.first.word)
    return not text[left.last.end : right.first.start].strip() and (
        units in (("斤", "两"), ("市斤", "两")) or (units[0].startswith(("lb", "pound")) and units[1].startswith("o"))
    )


def _multiply(text: str, best: _Chain, counted: list[_Chain], cases: list[_Chain]) -> None:
    """190ml12盒, 6 pack 500 ml, 550ml 1*24: packs beside the measure of one."""
    packs = [c for c in counted if c.total > 1 and (c.kind == "container" or _bars(text, c))]
    if not packs:
        best.packs = int(cases[0].qty) if cases else 1
        return
    count = packs[0]
    left, right = sorted((best, count), key=lambda c: c.first.start)
    if "/" in text[left.last.end : right.first.start] and right.first.start - left.last.end < 4:
        return
    best.packs, best.pack = int(count.total), count.item


def _bars(text: str, count: _Chain) -> bool:
    """Soap: 115g 3块装. Of other items a measure beside them is that of all: 口香糖12粒32g."""
    return count.item == "块" and text.startswith("装", count.last.end)


def _counts(text: str, counted: list[_Chain]) -> _Chain | None:
    for i in range(len(counted) - 1, 0, -1):
        left, right = counted[i - 1], counted[i]
        if left.item == right.item and _PLUS.match(text, left.last.end, right.first.start):
            counted[i - 1 : i + 1] = [_added(text, left, right)]
    many = [c for c in counted if c.total > 1] or counted
    if not many:
        return None
    best = next((c for c in many if c.kind == "item"), many[0])
    if best.kind == "item" and best.packs == 1:
        behind = [c for c in many if c.kind == "container" and c.first.start > best.last.start]
        if behind:
            best.packs, best.pack = int(behind[0].total), behind[0].item
    return best


def _joined(named: _Chain | None, told: _Chain | None) -> _Chain | None:
    """One content from that of the name and that of the specification."""
    if named is None or told is None:
        return told or named
    if told.measured:
        if named.kind == "container" and told.packs == 1:
            told.packs, told.pack = int(named.total), named.item
        elif named.kind == told.kind and _near(named.qty, told.qty) and named.packs > told.packs:
            return named
        return told
    if named.measured:
        if told.kind == "container" and named.packs == 1:
            named.packs, named.pack = int(told.total), told.item
        return named
    return told


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= 0.001 * max(a, b)


def _content(chain: _Chain | None, name: str) -> Content | None:
    if chain is None or not 1 <= chain.packs <= MAX_PACKS:
        return None
    if chain.kind == "g" and chain.packs == 1 and chain.qty in _BASIS and LOOSE.search(name):
        return None
    qty = round(chain.qty, 3)
    if not (math.isfinite(qty) and 0 < qty <= 1e9):
        return None
    if chain.kind == "g" or chain.kind == "ml":
        return Content(qty, chain.kind, chain.packs, "", chain.pack)
    return Content(qty, "piece", chain.packs, chain.item, chain.pack)
