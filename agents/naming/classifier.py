"""The name classifier: fold, cut into terms, weigh the candidates, say how sure that is and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from typing import Final

from agents.naming import ngrams, ranker
from agents.naming.features import Candidates, candidates
from agents.naming.fold import fold
from agents.naming.lexicon import Lexicon, lexicon
from agents.naming.ngrams import grams
from agents.naming.segment import Parsed, outside, parse
from agents.naming.verdict import DECLINED, Verdict
from streams.taxonomy import OTHER, node

_BATCH: Final = 2_000
SURE: Final = 0.75
EVEN: Final = 0.5
NO_OPINION: Final = log(0.35)
"""Log probability of the n-gram model's best guess below which it has no opinion."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """Names to verdicts; no state, no I/O."""

    lexicon: Lexicon
    ngrams: ngrams.Ngrams
    ranker: ranker.Ranker

    def __call__(self, names: Sequence[str], specs: Sequence[str] = ()) -> list[Verdict]:
        """A verdict for each name, in their order. ``specs`` (same length, or none) only help where a name is empty."""
        texts = list(names) if not specs else [n or s for n, s in zip(names, specs, strict=True)]
        out: list[Verdict] = []
        for start in range(0, len(texts), _BATCH):
            folded = fold(texts[start : start + _BATCH])
            guesses = self.ngrams.guesses([outside(text) for text in folded])
            out += [self._verdict(parse(t, self.lexicon), g) for t, g in zip(folded, guesses, strict=True)]
        return out

    @staticmethod
    def _is_guess(code: str, chance: float, guesses: list[tuple[str, float]]) -> bool:
        """Whether a name no noun or brand of which is known had better be declined.

        A false necessity is the worst error.
        """
        commodity = node(code)
        necessity = commodity.monitored or commodity.emergency
        if code == OTHER:
            return chance < EVEN
        return chance < SURE and (necessity or guesses[0][1] < NO_OPINION)

    def _verdict(self, parsed: Parsed, guesses: list[tuple[str, float]]) -> Verdict:
        if not parsed.segments and not grams(parsed.text):
            return DECLINED
        found = candidates(parsed, self.lexicon, guesses)
        chances = self.ranker.probabilities(found.features)
        best = max(range(len(chances)), key=chances.__getitem__)
        brand = next((s.term.text for s in parsed.segments if s.term.kind == "brand"), "")
        # A shallower candidate of the same branch does not contradict: its chance counts for the branch.
        chance = sum(c for k, c in zip(found.keys, chances, strict=True) if _agree(k, found.keys[best]))
        code = found.codes[best]
        # Words that say nothing of the good make no name of one; a number of a model beside them may.
        said = bool(parsed.rest) or code == OTHER
        vague = not found.matched and (not said or self._is_guess(code, chance, guesses))
        if chance < self.ranker.least or vague:
            return Verdict("", 0.0, brand, (f"unsure: {found.codes[best]} at {chance:.2f}",))
        return Verdict(found.codes[best], chance, brand, _reasons(parsed, found, best, guesses))


def _agree(key: str, best: str) -> bool:
    return key == best or (len(key) > len(best) and key.startswith(best))


def _reasons(parsed: Parsed, found: Candidates, best: int, guesses: list[tuple[str, float]]) -> tuple[str, ...]:
    key = found.keys[best]
    out = []
    for s in parsed.segments:
        if s.term.kind == "word" or not s.term.code:
            continue
        role = "flavour" if s.flavour else "in brackets" if s.inner else s.term.kind
        verb = "head" if s is found.head and s.term.code[:4] == key else role
        out.append(f"{verb} {s.term.text} {s.term.code}")
    for code, chance in guesses[:1]:
        out.append(f"like {code} at {exp(chance):.2f}")
    return tuple(out)


@cache
def classifier() -> Classifier:
    """The classifier of the product, loaded once."""
    return Classifier(lexicon(), ngrams.load(), ranker.load())
