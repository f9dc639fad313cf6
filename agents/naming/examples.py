"""Example names with their codes, written for this repository, and names put together from the lexicon's words."""

import random
import zlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Final, NamedTuple

from agents.naming.lexicon import Lexicon, Term

_PACKS: Final = (
    "",
    "",
    "",
    "500g",
    "1kg",
    "200ml",
    "250ml*12",
    "箱",
    "袋装",
    "盒",
    "10片",
    "100g",
    "8025",
    "3只装",
    "(大)",
)
_TASTES: Final = ("原味", "香辣味", "草莓味", "番茄味", "牛肉味", "柠檬味", "牛奶味", "海鲜味", "葱香味")


class Example(NamedTuple):
    """A name and the codes that are right for it."""

    name: str
    codes: tuple[str, ...]


def read_examples() -> list[Example]:
    """The files in ``data/examples``, in order."""
    out = []
    for file in sorted((files("agents.naming") / "data" / "examples").iterdir(), key=lambda f: f.name):
        for line in file.read_text(encoding="utf-8").splitlines()[1:]:
            if line.strip() and not line.startswith("#"):
                name, code, *alt = line.split("\t")
                out.append(Example(name, (code, *(a for a in "".join(alt).split("|") if a))))
    return out


def fold_of(text: str, folds: int) -> int:
    """Which of so many parts a text belongs to, for ever the same."""
    return zlib.crc32(text.encode()) % folds


def composed(lexicon: Lexicon, each: int, seed: int = 1) -> list[Example]:
    """Names as tills print them, from the lexicon: brand and words before a noun, taste and pack behind.

    ``each`` names for every noun, and for every brand that stands for one good. Deterministic.
    """
    rng = random.Random(seed)
    nouns = [t for t in lexicon.terms if t.kind == "noun"]
    brands = [t for t in lexicon.terms if t.kind == "brand"]
    words = [t.text for t in lexicon.terms if t.kind == "word"] or [""]
    by_group: dict[str, list[str]] = {}
    for brand in brands:
        by_group.setdefault(brand.code[:2], []).append(brand.text)
    out = []
    for term in nouns:
        out += [Example(_name(term, by_group, words, rng), (term.code,)) for _ in range(each)]
    for term in brands:
        if len(term.code) >= 4 or term.code in ("15", "98"):
            out += [Example(term.text + rng.choice(words) + rng.choice(_PACKS), (term.code,)) for _ in range(each)]
    return out


def _name(term: Term, brands: dict[str, list[str]], words: Sequence[str], rng: random.Random) -> str:
    fits = brands.get(term.code[:2], []) or brands.get("", [])
    space = " " if term.text.isascii() else ""
    front = rng.choice(fits) + space if fits and rng.random() < 0.5 else ""
    word = rng.choice(words) + space if rng.random() < 0.5 else ""
    taste = rng.choice(_TASTES) if term.code[:2] in ("13", "15") and not space and rng.random() < 0.4 else ""
    behind = rng.random() < 0.3
    body = f"{term.text}{taste}" if behind else f"{taste}{term.text}"
    pack = rng.choice(_PACKS)
    return f"{pack}{space}{front}{word}{body}" if rng.random() < 0.15 else f"{front}{word}{body}{space}{pack}"
