"""The lexicon: words, what they name and how strongly, from the reviewable files in ``data/lexicon``."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple, cast

import ahocorasick

from streams.taxonomy import OTHER, taxonomy

Kind = Literal["noun", "suffix", "brand", "word"]
KINDS: Final = ("noun", "suffix", "brand", "word")
_VESSELS: Final = frozenset("盒罐杯瓶袋桶箱听碗盘包")
_HEADER: Final = "term\tkind\tcode\tstrength"


class LexiconError(ValueError):
    """A row of a lexicon file is not as it should be; the message names file, line, field, and what came."""


class Term(NamedTuple):
    """One word. ``strength`` 4: a final product, never a part of another … 1: raw or fresh, often a mere flavour."""

    text: str
    kind: Kind
    code: str
    strength: int


class Match(NamedTuple):
    """A term in a text: ``text[start:end]``."""

    start: int
    end: int
    term: Term


class Lexicon:
    """All terms behind one automaton, so that a name is read once whatever the number of words."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(terms)
        self.suffixes: dict[str, Term] = {t.text: t for t in self.terms if t.kind == "suffix"}
        self._automaton: Any = ahocorasick.Automaton()
        for term in self.terms:
            # A word of one character that is a suffix as well would hide it.
            if term.kind != "suffix" and not (term.kind == "word" and term.text in self.suffixes):
                self._automaton.add_word(term.text, term)
        self._automaton.make_automaton()

    def without(self, texts: set[str]) -> "Lexicon":
        """The lexicon with these terms left out."""
        return Lexicon(t for t in self.terms if t.text not in texts)

    def matches(self, text: str) -> list[Match]:
        """Every term in a folded text; words in Latin letters only as whole words, plurals included."""
        found = []
        for last, term in self._automaton.iter(text):
            start, end = last + 1 - len(term.text), last + 1
            if _cuts_a_number(text, start, end) or _is_packing(text, end, term):
                continue
            if term.text[0].isascii() and term.text[0].isalpha() and start and _letter(text[start - 1]):
                continue
            if term.text[-1].isascii() and term.text[-1].isalpha():
                end = _word_end(text, end)
                if not end:
                    continue
            found.append(Match(start, end, term))
        return found


def _cuts_a_number(text: str, start: int, end: int) -> bool:
    """60° is no part of 360°."""
    before = start > 0 and text[start].isdigit() and (text[start - 1].isdigit() or text[start - 1] == ".")
    return before or (end < len(text) and text[end - 1].isdigit() and text[end].isdigit())


def _is_packing(text: str, end: int, term: Term) -> bool:
    """糖果盒装 are sweets in a box, no sweet box."""
    return term.code == OTHER and text.startswith("装", end) and term.text[-1] in _VESSELS


def _letter(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _word_end(text: str, end: int) -> int:
    """Where a Latin word that matched up to ``end`` ends, its plural included; 0 where it goes on."""
    for plural in ("", "s", "es"):
        stop = end + len(plural)
        if text.startswith(plural, end) and not (stop < len(text) and _letter(text[stop])):
            return stop
    return 0


def read_terms(name: str, lines: Iterable[str]) -> list[Term]:
    """Terms of one file. Raises LexiconError at the first row that is wrong."""
    terms = []
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        if number == 1:
            if line != _HEADER:
                raise LexiconError(f"{name}, line 1: expected the header {_HEADER!r}, got {line!r}")
            continue
        if not line or line.startswith("#"):
            continue
        parts = line.split("\t")
        if len(parts) != len(_HEADER.split("\t")):
            raise LexiconError(f"{name}, line {number}: expected 4 fields parted by tabs, got {len(parts)}: {line!r}")
        text, kind, code, strength = parts
        where = f"{name}, line {number}, {text!r}"
        if not text or text != text.strip().lower():
            raise LexiconError(f"{where}: term: expected lower case without blanks at its ends")
        if kind not in KINDS:
            raise LexiconError(f"{where}: kind: expected one of {', '.join(KINDS)}, got {kind!r}")
        if (code and code not in taxonomy()) or (not code and kind in ("noun", "suffix")):
            raise LexiconError(f"{where}: code: expected a code of the taxonomy, got {code!r}")
        if strength not in ("", "0", "1", "2", "3", "4") or (kind == "noun" and strength in ("", "0")):
            raise LexiconError(f"{where}: strength: expected 1 to 4 for a noun, 0 to 4 else, got {strength!r}")
        if kind == "noun" and len(text) < 2:
            raise LexiconError(f"{where}: a noun of one character would match within other words: make it a suffix")
        terms.append(Term(text, cast(Kind, kind), code, int(strength or 0)))
    return terms


def merge(terms: Iterable[Term]) -> list[Term]:
    """Each text and role once: a noun goes before a brand, a brand before a word; the stronger before the weaker."""
    rank = {"noun": 0, "brand": 1, "word": 2}
    best: dict[tuple[str, bool], Term] = {}
    for term in terms:
        key = term.text, term.kind == "suffix"
        known = best.get(key)
        if known is None or (rank.get(term.kind, 0), -term.strength) < (rank.get(known.kind, 0), -known.strength):
            best[key] = term
    return list(best.values())


@cache
def lexicon() -> Lexicon:
    """The lexicon of the product."""
    folder = files("agents.naming") / "data" / "lexicon"
    terms: list[Term] = []
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".tsv"):
            with file.open(encoding="utf-8") as lines:
                terms += read_terms(file.name, lines)
    return Lexicon(merge(terms))
