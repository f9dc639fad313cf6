"""The product dictionary: what a GTIN is, by what enterprises' confirmed mappings and decisions say of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from agents.identify.belief import Belief, common, laplace
from agents.identify.gtin import Gtin, gtin, products
from agents.keyed import Keyed
from agents.mappings import Numbers
from streams.records import SPLIT, Decision, Mapping

CONFIRMED: Final = 0.95
"""A mapping that is less sure says nothing of others' goods."""
_PRIOR: Final = 0.95
_PRIOR_WEIGHT: Final = 3.0
"""Before it is seen, 19 of 20 enterprises are thought to map a number right; this weighs as much as three of them."""


class Products:
    """GTINs by the votes of enterprises: one vote each, a person's decision before a mapping.

    Restricted numbers (see ``gtin``) mean something in their own enterprise alone.
    """

    def __init__(self) -> None:
        self._mapped = Keyed([("enterprise", "<i4"), ("code", "<i4")], owner="enterprise")
        self._texts = Numbers()
        self._decided: dict[int, dict[tuple[str, str], str]] = {}
        self._own: dict[tuple[str, int], dict[str, str]] = {}

    def put(self, enterprise: str, mappings: Sequence[Mapping]) -> bool:
        """Take in the mappings whose SKU is a GTIN of use to all. Returns whether there was one."""
        sure = [m for m in mappings if m.confidence >= CONFIRMED]
        values = products([m.sku for m in sure])
        at = np.flatnonzero(values)
        if not len(at):
            return False
        rows = np.empty(len(at), self._mapped.dtype)
        rows["key"] = values[at]
        rows["enterprise"] = self._texts.of(enterprise)
        rows["code"] = [self._texts.of(sure[i].code) for i in at.tolist()]
        self._mapped.add(rows)
        return True

    def decide(self, decision: Decision) -> None:
        """Count a person's decision for the numbers in its SKU and barcode; a split one votes for nothing."""
        for number in _numbers(decision):
            if number.restricted:
                self._own.setdefault((decision.enterprise, number.value), {})[decision.sku] = decision.code
            else:
                votes = self._decided.setdefault(number.value, {})
                votes[decision.enterprise, decision.sku] = decision.code

    def withdraw(self, decision: Decision) -> None:
        """Take a decision back that was counted."""
        for number in _numbers(decision):
            own = self._own.get((decision.enterprise, number.value), {})
            own.pop(decision.sku, None)
            if not own:
                self._own.pop((decision.enterprise, number.value), None)
            votes = self._decided.get(number.value, {})
            votes.pop((decision.enterprise, decision.sku), None)
            if not votes:
                self._decided.pop(number.value, None)

    def find(self, enterprise: str, number: Gtin, *, in_sku: bool) -> Belief | None:
        """What a number is, or None: nobody knows, or those who do are divided evenly.

        ``in_sku``: it stands where a chain's own code may stand; eight digits then need two enterprises that agree.
        """
        if number.restricted:
            return _belief(self._own.get((enterprise, number.value), {}).values())
        votes: dict[str, str] = {}
        for row in self._mapped.find(number.value):
            _, owner, code = row.item()
            votes[self._texts.texts[owner]] = self._texts.texts[code]
        votes.update((e, code) for (e, _), code in self._decided.get(number.value, {}).items())
        found = _belief(votes.values())
        if found is not None and in_sku and number.short and found.votes < 2:
            return None
        return found


def _belief(codes: Iterable[str]) -> Belief | None:
    """The code of more than half of the votes, at the depth at which they agree; an empty code is no vote."""
    counts = Counter(filter(None, codes))
    of = counts.total()
    # More than half, in whole votes: an even division is none.
    code, n = common(counts, 0.5 + 0.25 / max(1, of))
    return Belief(code, laplace(n, of, _PRIOR, _PRIOR_WEIGHT), n, of) if code else None


def _numbers(decision: Decision) -> set[Gtin]:
    """Numbers that a decision speaks for; those of a SKU that was split by name stand for no one thing."""
    if SPLIT in decision.sku:
        return set()
    in_sku, barcode = gtin(decision.sku), gtin(decision.barcode)
    return {n for n in (in_sku, barcode) if n is not None and not (n is in_sku and n.short)}
