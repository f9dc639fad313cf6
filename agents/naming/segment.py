"""A folded name cut into terms: the cover by the longest words, later ones first, and the part that each plays."""

import re
from dataclasses import dataclass
from typing import Final

from agents.naming.lexicon import Lexicon, Match, Term

_FLAVOUR: Final = re.compile(r"(?:味|风味|口味|风情味|味型|香味|夹心|注心|涂层|馅|馅料|flavou?red?|flavou?r)")
"""What stands before it is a taste or a filling, not the good: 番茄味薯片, 草莓夹心饼干."""
_ADDED: Final = re.compile(r"(?:加|含|添加|配|\+|with|and|&)$")
"""What stands behind it is added to the good: 牛奶加钙."""
_BRACKETS: Final = re.compile(r"\([^()]*\)?")
_EMPTY: Final = frozenset("箱盒包袋瓶桶罐提件支个只份装听板片粒枚双对克元斤升寸型色款号系个的大小新老特散鲜冻精优好王")
"""Characters that say nothing of the good where they stand alone."""
_HAN: Final = re.compile(r"[\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A chosen term, where it stands, and its part."""

    start: int
    end: int
    term: Term
    flavour: bool
    inner: bool
    """within brackets"""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A name in its parts."""

    text: str
    segments: list[Segment]
    rest: list[tuple[int, int]]
    """runs of Chinese characters that no term covers, outside of brackets"""


def cover(text: str, matches: list[Match]) -> list[Match]:
    """Matches that do not overlap, in order: long ones and few characters left over; of equals, the later start."""
    if not matches:
        return []
    ends: dict[int, list[Match]] = {}
    for match in matches:
        ends.setdefault(match.end, []).append(match)
    best = [0.0] * (len(text) + 1)
    chosen: list[Match | None] = [None] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        best[end], chosen[end] = best[end - 1], None
        for match in ends.get(end, ()):
            length = float(match.end - match.start)
            if match.term.text.isascii():
                length = (length + 1) / 2
            value = best[match.start] + length * (length + 1.5) + 0.01 * length * match.start + _BONUS[match.term.kind]
            if value > best[end]:
                best[end], chosen[end] = value, match
    out = []
    end = len(text)
    while end > 0:
        picked = chosen[end]
        if picked is None:
            end -= 1
        else:
            out.append(picked)
            end = picked.start
    out.reverse()
    return out


def outside(text: str) -> str:
    """A folded name without what stands in brackets, unless nothing else is there."""
    if "(" not in text:
        return text
    plain = _BRACKETS.sub(" ", text)
    return plain if any(c.isalpha() for c in plain) else text


_BONUS: Final = {"noun": 0.002, "brand": 0.001, "word": 0.0, "suffix": 0.0}


def parse(text: str, lexicon: Lexicon) -> Parsed:
    """Cut a folded name."""
    brackets = [m.span() for m in _BRACKETS.finditer(text)] if "(" in text else []
    covered = cover(text, lexicon.matches(text))
    segments = []
    for i, match in enumerate(covered):
        inner = any(a <= match.start < b for a, b in brackets)
        flavour = _is_flavour(text, covered, i)
        segments.append(Segment(match.start, match.end, match.term, flavour, inner))
    return Parsed(text, segments, _rest(text, segments, brackets))


def _is_flavour(text: str, covered: list[Match], i: int) -> bool:
    match = covered[i]
    if match.term.kind == "word":
        return False
    following = _FLAVOUR.match(text, match.end)
    if following:
        # 味 that belongs to a longer word of its own (味精, 怪味豆) makes no flavour of what stands before it.
        after = covered[i + 1] if i + 1 < len(covered) else None
        if after is None or after.start >= following.end() or after.end <= following.end():
            return True
    if match.term.text.isascii() and text[match.end : match.end + 12].lstrip(" -").startswith("flavo"):
        return True
    return match.term.strength <= 2 and bool(_ADDED.search(text[max(0, match.start - 5) : match.start].rstrip()))


def _rest(text: str, segments: list[Segment], brackets: list[tuple[int, int]]) -> list[tuple[int, int]]:
    free = bytearray(b"\x01" * len(text))
    for s in segments:
        free[s.start : s.end] = bytes(s.end - s.start)
    for a, b in brackets:
        free[a:b] = bytes(b - a)
    runs = []
    for found in _HAN.finditer(text):
        start = None
        for i in range(found.start(), found.end() + 1):
            if i < found.end() and free[i]:
                start = i if start is None else start
            elif start is not None:
                if not _EMPTY.issuperset(text[start:i]):
                    runs.append((start, i))
                start = None
    return runs
