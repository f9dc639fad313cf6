"""From a parsed name to candidate codes, and what speaks for and against each: the features of the ranker."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from agents.naming.lexicon import Lexicon, Term
from agents.naming.segment import Parsed, Segment
from streams.taxonomy import OTHER


class _On(Protocol):
    """Sets a feature."""

    def __call__(self, name: str, value: float = 1.0) -> None: ...


SNACKS: Final = "15"
_LEAVES: Final = (OTHER, SNACKS)
_FRESH: Final = ("03", "04", "05", "07", "08", "09", "30")
_TASTED: Final = frozenset(("0603", "0606", "1301", "1304", "1305", "1402", SNACKS))
"""Codes whose makers name a product by its taste or its main ingredient alone."""
_NOT_FRESH: Final = ("0910", "0509")
_PACKS: Final = frozenset("箱盒包袋瓶条桶罐提件支片个只份装板听杯")
_MODEL: Final = re.compile(
    r"\d{3,}(?![\d.]*\s*(?:g|ml|kg|l|克|毫升|千克|升|斤|片|抽|只|支|粒|枚|张|包|袋|盒|瓶|度|°))|[a-z]+-?\d+|\d+[a-z]+\d"
)
_MASS: Final = re.compile(r"\d\s*(?:g|kg|克|千克|公斤|斤|oz|lb)(?![a-z])")
_VOLUME: Final = re.compile(r"\d\s*(?:ml|l|毫升|升|cl)(?![a-z])")
_COUNT: Final = re.compile(r"\d\s*(?:片|抽|只|支|张|卷|双|件|粒|块|个)")
_DEGREES: Final = re.compile(r"\d\s*(?:度|°)")

NAMES: Final = (
    *("noun4", "noun3", "noun2", "noun1", "last noun"),
    *("head4", "head3", "head2", "head1", "noun in brackets", "flavour"),
    *("strong brand", "brand", "brand of the group", "suffix", "suffix behind a noun"),
    *("n-gram", "n-gram first", "other", "nothing matched, other", "nothing matched, not other"),
    *("outranked", "earlier of equals", "length", "uncovered behind", "against a strong brand", "against a brand"),
    *("noun and brand agree", "fresh, packed", "fresh, plain", "fresh, branded", "food, measured", "other, measured"),
    *("other, model number", "food, model number", "hygiene, model number", "drink, volume", "solid, volume"),
    *(
        "alcohol, degrees",
        "food, counted",
        "other, counted",
        "hygiene, counted",
        "shallow",
        "raw noun, brand elsewhere",
    ),
    *("head and n-gram agree", "head against n-gram", "two heads agree"),
    *("the noun is all, 4", "the noun is all, 3", "the noun is all, 2", "the noun is all, 1"),
    *("noun and brand are all, raw", "noun and brand are all", "the brand is all", "uncovered"),
    *("fresh, model number", "raw noun, brand of food", "raw noun, brand of other goods"),
    *("raw noun, strong brand", "nothing matched, other, unlike anything", "raw noun, brand of drink or smoke"),
)
_INDEX: Final = {name: i for i, name in enumerate(NAMES)}
WIDTH: Final = len(NAMES)
MIN_LOG: Final = -9.0
_UNLIKE: Final = -0.7
"""Log of one half: below, the n-gram model has no opinion."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Codes that come into question, the best supported depth of each, and what speaks for them.

    ``features`` holds for each candidate (number of the feature in NAMES, value), all others being 0; ``keys`` are the
    codes cut to 4 digits.
    """

    keys: list[str]
    codes: list[str]
    features: list[list[tuple[int, float]]]
    head: Segment | None
    matched: bool
    """whether any word of the lexicon that tells a good was found"""


def candidates(
    parsed: Parsed, lexicon: Lexicon, guesses: Sequence[tuple[str, float]], *, tastes: bool = True
) -> Candidates:
    """Candidates of one name; ``guesses`` are (4-digit code, log probability) of the n-gram model, best first.

    ``tastes`` takes raw words beside the brand of a product as tastes. Training goes without: else it would learn what
    a taste weighs from these, where the brand decides anyhow.
    """
    nouns = [s for s in parsed.segments if s.term.kind == "noun"]
    outer = [s for s in nouns if not s.inner and not s.flavour]
    inner = [s for s in nouns if s.inner and not s.flavour]
    flavours = [s for s in nouns if s.flavour]
    brands = [s for s in parsed.segments if s.term.kind == "brand" and s.term.code]
    if tastes and any(_makes_tastes(b.term) for b in brands):
        flavours += [s for s in outer if s.term.strength == 1]
        outer = [s for s in outer if s.term.strength > 1]
    head = _head(outer) or _head(inner)
    suffix = _suffix(parsed, lexicon, outer)
    codes: dict[str, str] = {}
    for term in [*(s.term for s in (*outer, *inner, *flavours, *brands)), *((suffix,) if suffix else ())]:
        known = codes.get(term.code[:4], "")
        if len(term.code) >= len(known):
            codes[term.code[:4]] = term.code
    if head is not None:
        codes[head.term.code[:4]] = head.term.code
    for code, _ in guesses[:3]:
        codes.setdefault(code, code)
    codes.setdefault(OTHER, OTHER)
    keys = list(codes)
    facts = _Facts(parsed, outer, inner, flavours, brands, head, suffix, guesses)
    return Candidates(keys, list(codes.values()), [facts.describe(key) for key in keys], head, facts.matched)


def dense(found: Candidates) -> npt.NDArray[np.float32]:
    """The features as float32 of shape (candidates, WIDTH)."""
    x = np.zeros((len(found.keys), WIDTH), np.float32)
    for row, pairs in enumerate(found.features):
        for column, value in pairs:
            x[row, column] = value
    return x


def _makes_tastes(brand: Term) -> bool:
    """Whether a raw word beside this brand is its taste: 益达西瓜 is a gum, no melon."""
    fresh = brand.code.startswith(_FRESH) and brand.code not in _NOT_FRESH
    says = len(brand.code) >= 4 or brand.code in _LEAVES
    return (brand.strength >= 3 and says and not fresh) or brand.code[:4] in _TASTED


def _head(nouns: list[Segment]) -> Segment | None:
    """The strongest noun; of equals the last: the head of a Chinese or English noun phrase stands at its end."""
    return max(nouns, key=lambda s: (s.term.strength, s.start), default=None)


def _suffix(parsed: Parsed, lexicon: Lexicon, outer: list[Segment]) -> Term | None:
    """The class that the uncovered end of a name tells, where it stands behind the last noun."""
    behind = outer[-1].end if outer else 0
    for start, end in reversed(parsed.rest):
        if start < behind:
            return None
        run = parsed.text[start:end]
        while len(run) > 1 and run[-1] in _PACKS and run[-1:] not in lexicon.suffixes:
            run = run[:-1]
        for length in (3, 2, 1):
            found = lexicon.suffixes.get(run[-length:]) if len(run) >= length else None
            if found is not None:
                return found
        return None
    return None


class _Facts:
    """What is the same for all candidates of a name, and the features of one."""

    def __init__(
        self,
        parsed: Parsed,
        outer: list[Segment],
        inner: list[Segment],
        flavours: list[Segment],
        brands: list[Segment],
        head: Segment | None,
        suffix: Term | None,
        guesses: Sequence[tuple[str, float]],
    ) -> None:
        text = parsed.text
        self.outer, self.inner, self.flavours, self.brands = outer, inner, flavours, brands
        self.head, self.suffix, self.guesses = head, suffix, guesses
        self.last = max(outer, key=lambda s: s.start, default=None)
        self.scores = dict(guesses)
        self.mass, self.volume = bool(_MASS.search(text)), bool(_VOLUME.search(text))
        self.count, self.degrees = bool(_COUNT.search(text)), bool(_DEGREES.search(text))
        self.model = bool(_MODEL.search(text))
        self.branded = any(s.term.kind == "brand" for s in parsed.segments)
        self.plain = not self.branded and not any(c.isdigit() for c in text)
        self.behind = self.last is not None and any(a >= self.last.end for a, _ in parsed.rest)
        self.uncovered = min(sum(b - a for a, b in parsed.rest), 4) / 2
        self.strong = [b for b in brands if b.term.strength >= 3]
        self.matched = bool(outer or inner or flavours or brands or suffix)

    def describe(self, key: str) -> list[tuple[int, float]]:
        """The features of one candidate that are not 0."""
        x: list[tuple[int, float]] = []

        def on(name: str, value: float = 1.0) -> None:
            x.append((_INDEX[name], value))

        mine = [s for s in self.outer if s.term.code[:4] == key]
        for strength in {s.term.strength for s in mine}:
            on(f"noun{strength}")
        if self.last is not None and self.last in mine:
            on("last noun")
        if self.head is not None and self.head.term.code[:4] == key:
            on(f"head{self.head.term.strength}")
            on("length", min(len(self.head.term.text), 6) / 3)
            if self.behind:
                on("uncovered behind")
            if self.uncovered:
                on("uncovered", self.uncovered)
            elif len(self.outer) == 1 and not self.strong:
                self._alone(on)
            if self.guesses and self.guesses[0][0] == key:
                on("head and n-gram agree")
        elif self.head is not None and self.guesses and self.guesses[0][0] == key:
            on("head against n-gram")
        if len(mine) > 1:
            on("two heads agree")
        if any(s.term.code[:4] == key for s in self.inner):
            on("noun in brackets")
        if any(s.term.code[:4] == key for s in self.flavours):
            on("flavour")
        self._brands(key, bool(mine), on)
        if self.suffix is not None and self.suffix.code[:4] == key:
            on("suffix behind a noun" if self.outer else "suffix")
        on("n-gram", max(self.scores.get(key, MIN_LOG), MIN_LOG))
        if self.guesses and self.guesses[0][0] == key:
            on("n-gram first")
        if mine and self.head is not None and self.head not in mine:
            best = max(s.term.strength for s in mine)
            on("outranked" if best < self.head.term.strength else "earlier of equals")
        if len(key) < 4 and key not in _LEAVES:
            on("shallow")
        self._kind(key, on)
        return x

    def _alone(self, on: _On) -> None:
        """There is one noun, and nothing that is not known."""
        strength = self.outer[0].term.strength
        if not self.branded:
            on(f"the noun is all, {strength}")
        else:
            on("noun and brand are all, raw" if strength == 1 else "noun and brand are all")

    def _brands(self, key: str, named: bool, on: _On) -> None:
        for b in self.brands:
            code = b.term.code
            if code[:4] == key:
                on("strong brand" if b.term.strength >= 3 else "brand")
                if not self.outer and not self.uncovered:
                    on("the brand is all")
                if named:
                    on("noun and brand agree")
            elif len(code) == 2 and code not in _LEAVES and key.startswith(code):
                on("brand of the group")
        if self.strong and not any(b.term.code[:4] == key or key.startswith(b.term.code) for b in self.strong):
            on("against a strong brand")
            if self.head is not None and self.head.term.code[:4] == key and self.head.term.strength == 1:
                on("raw noun, strong brand")
        elif self.brands and not any(b.term.code[:4] == key or key.startswith(b.term.code) for b in self.brands):
            on("against a brand")
            if self.head is not None and self.head.term.code[:4] == key and self.head.term.strength == 1:
                on("raw noun, brand elsewhere")
                # Many of these are places as well: 青岛, 汾, 黄山.
                if all(b.term.code[:4] in ("1403", "1405") for b in self.brands):
                    on("raw noun, brand of drink or smoke")
                else:
                    food = all(b.term.code[:2] < "20" for b in self.brands)
                    on("raw noun, brand of food" if food else "raw noun, brand of other goods")

    def _kind(self, key: str, on: _On) -> None:
        other = key == OTHER
        food = not other and key[:2] < "20"
        fresh = key[:2] in _FRESH and key not in _NOT_FRESH
        measured = self.mass or self.volume
        if other:
            on("other")
        if not self.matched:
            on("nothing matched, other" if other else "nothing matched, not other")
            if other and self.guesses[0][1] < _UNLIKE:
                on("nothing matched, other, unlike anything")
        if fresh:
            if measured or self.count:
                on("fresh, packed")
            if self.plain:
                on("fresh, plain")
            if self.branded:
                on("fresh, branded")
            if self.model:
                on("fresh, model number")
        if measured and food:
            on("food, measured")
        if measured and other:
            on("other, measured")
        if self.model:
            on("other, model number" if other else "food, model number" if food else "hygiene, model number")
        if self.volume:
            if key[:2] in ("02", "14", "06") or key in ("1101", "1102"):
                on("drink, volume")
            elif food:
                on("solid, volume")
        if self.degrees and key == "1403":
            on("alcohol, degrees")
        if self.count:
            on("food, counted" if food else "other, counted" if other else "hygiene, counted")
