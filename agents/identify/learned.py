"""A classifier that learns names from decisions as they come, for names that the lexicon does not know."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final

from agents.identify.confirmed import Lesson

LEAST: Final = 5
"""Decisions that a commodity needs before it is answered with."""
EXPERIENCE: Final = 200
"""Decisions in all before anything is answered: who has seen only fish takes fish tofu for one."""
_ALPHA: Final = 0.02
_TERMS: Final = 5_000
"""N-grams that names may have, when few have been seen."""
_TEMPER: Final = 3.0
"""Characters are counted alone and in pairs, and are not independent: the log likelihoods are divided by this."""
_CEILING: Final = 0.91
"""Of 114 held-back names with a posterior of 0.97 or more, after 485 decisions, 103 were right."""


def grams(folded: str) -> Counter[str]:
    """Letters of a folded name and pairs of neighbours, the ends marked; digits, blanks and signs left out.

    >>> sorted(grams("盐 400g"))
    ['^盐', 'g', 'g$', '盐', '盐g']
    """
    letters = [c for c in folded if c.isalpha()]
    marked = ["^", *letters, "$"] if letters else []
    return Counter([*letters, *(a + b for a, b in pairwise(marked))])


class Learned:
    """River's multinomial naive Bayes over ``grams``. Not safe between threads.

    Its state is sums of counts. So a decision that was withdrawn or replaced is subtracted exactly, and what is left is
    the same as if it had never been learned; building anew would cost 40 us for each decision that still stands.
    """

    def __init__(self) -> None:
        self._model: Any = None
        self._waiting: list[Lesson] = []
        self._standing = 0

    def learn(self, lessons: Iterable[Lesson]) -> None:
        """Take lessons, to be learned or forgotten in their order before the next question is answered."""
        for lesson in lessons:
            self._waiting.append(lesson)
            self._standing += 1 if lesson.learn else -1

    def ask(self, folded: str) -> tuple[str, float] | None:
        """The likeliest commodity and its confidence, or None: nothing like it was decided, or too little of its kind.

        The confidence is the posterior over all commodities that share a pair of characters with the name, and one more
        that is like none of them, lowered to what held-back names showed.
        """
        if self._standing < EXPERIENCE:
            return None
        self._study()
        features = grams(folded)
        shared = [self._model.feature_counts[f] for f in features if len(f) > 1 and f in self._model.feature_counts]
        codes = sorted(set().union(*shared))
        if not codes:
            return None
        logs = {code: self._log_likelihood(code, features) for code in codes}
        best = max(codes, key=logs.__getitem__)
        if self._model.class_counts[best] < LEAST:
            return None
        logs[""] = self._stranger(features)
        top = max(logs.values())
        return best, _CEILING * math.exp(logs[best] - top) / sum(math.exp(v - top) for v in logs.values())

    def _study(self) -> None:
        if self._model is None:
            # Imported at the first question: 1.6 s and 80 MB that a worker with few decisions does not pay.
            from river.naive_bayes import MultinomialNB

            self._model = MultinomialNB(alpha=_ALPHA)  # type: ignore[no-untyped-call]
        for lesson in self._waiting:
            if lesson.learn:
                self._model.learn_one(grams(lesson.name), lesson.code)
            else:
                self._forget(grams(lesson.name), lesson.code)
        self._waiting.clear()

    def _log_likelihood(self, code: str, features: Mapping[str, int]) -> float:
        model = self._model
        fits = sum(n * math.log(model.p_feature_given_class(f, code)) for f, n in features.items())
        return math.log(model.class_counts[code]) + fits / _TEMPER

    def _stranger(self, features: Mapping[str, int]) -> float:
        """As if a commodity had been decided once, with every n-gram alike."""
        return -sum(features.values()) * math.log(max(_TERMS, self._model.n_terms)) / _TEMPER

    def _forget(self, features: Mapping[str, int], code: str) -> None:
        model = self._model
        model.learn_one({f: -n for f, n in features.items()}, code)
        model.class_counts[code] -= 2  # learn_one has counted it once more
        # Zeros are taken out: the number of terms and of commodities stands in every probability.
        for feature in features:
            counts = model.feature_counts[feature]
            if not counts[code]:
                del counts[code]
            if not counts:
                del model.feature_counts[feature]
        for totals in (model.class_counts, model.class_totals):
            if not totals[code]:
                del totals[code]
