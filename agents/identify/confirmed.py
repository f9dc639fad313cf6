"""What people decided, and what others' articles can learn from it: names, category paths."""

from collections import Counter, deque
from sys import intern
from typing import Final, NamedTuple, TypeVar

import msgspec

from agents.identify.belief import Belief, agreed, common, laplace
from agents.naming.fold import fold
from streams.records import SPLIT, Decision

PATH_SKUS: Final = 3
"""Confirmed SKUs that a category path needs before it says anything."""
PATH_SHARE: Final = 0.95
"""The share of them that must stand under one code."""
_PATH_PRIOR: Final = (0.5, 2.0)
_NAME_PRIOR: Final = (0.97, 30.0)
"""A name that stands in two lists is the same commodity in about 29 of 30 cases: a prior, before it was counted."""
_POSITIVE: Final = ("accepted", "corrected")

_K = TypeVar("_K")
Key = tuple[str, str]
"""enterprise, SKU"""


class Lesson(NamedTuple):
    """A folded name and its code, to be learned or (``learn`` False) to be forgotten."""

    name: str
    code: str
    learn: bool


class Confirmed:
    """The decision that stands for each (enterprise, SKU), and sums over them. Not safe between threads.

    A decision that is replaced or withdrawn is taken out of every sum before the next one is counted.
    """

    def __init__(self) -> None:
        self._standing: dict[Key, Decision] = {}
        self._names: dict[str, Counter[str]] = {}
        self._paths: dict[tuple[str, str], Counter[str]] = {}
        self.lessons: deque[Lesson] = deque()
        """For the learner, in order; whoever takes them removes them."""

    def decision(self, enterprise: str, sku: str) -> Decision | None:
        """The decision that gives a SKU its code, or None."""
        found = self._standing.get((enterprise, sku))
        return found if found is not None and found.verdict in _POSITIVE else None

    def is_split(self, enterprise: str, sku: str) -> bool:
        """Whether each name of this SKU is an article of its own."""
        found = self._standing.get((enterprise, sku))
        return found is not None and found.verdict == "split"

    def put(self, decision: Decision) -> Decision | None:
        """Take in a decision, the last one of its SKU from now on; returns the one that it replaces."""
        key = (intern(decision.enterprise), decision.sku)
        before = self._standing.pop(key, None)
        if before is not None:
            self._count(before, -1)
        if decision.verdict != "withdrawn":
            standing = _slim(decision)
            self._standing[key] = standing
            self._count(standing, 1)
        return before

    def name(self, folded: str) -> Belief | None:
        """What people elsewhere said of this very name; None where nobody did, or where they contradict each other."""
        counts = self._names.get(folded)
        if not counts:
            return None
        code, n = agreed(counts), counts.total()
        return Belief(code, laplace(n, n, *_NAME_PRIOR), n, n) if code else None

    def path(self, enterprise: str, category: str) -> Belief | None:
        """What stands under a category path of an enterprise, at the deepest level at which its SKUs agree."""
        counts = self._paths.get((enterprise, category.strip()))
        if not counts or counts.total() < PATH_SKUS:
            return None
        code, n = common(counts, PATH_SHARE)
        of = counts.total()
        return Belief(code, laplace(n, of, *_PATH_PRIOR), n, of) if code else None

    def knows_names(self) -> bool:
        """Whether any name was confirmed: else there is no need to fold one."""
        return bool(self._names)

    def __len__(self) -> int:
        """Decisions that stand, splits included."""
        return len(self._standing)

    def _count(self, decision: Decision, by: int) -> None:
        if decision.verdict not in _POSITIVE:
            return
        category = decision.category.strip()
        if category:
            _add(self._paths, (decision.enterprise, category), decision.code, by)
        name = decision.name or decision.sku.partition(SPLIT)[2]
        folded = fold([name])[0] if name else ""
        if folded:
            _add(self._names, folded, decision.code, by)
            self.lessons.append(Lesson(folded, decision.code, by > 0))


def _add(sums: dict[_K, Counter[str]], key: _K, code: str, by: int) -> None:
    counts = sums.setdefault(key, Counter())
    counts[code] += by
    if counts[code] <= 0:
        del counts[code]
    if not counts:
        del sums[key]


def _slim(decision: Decision) -> Decision:
    """Without what only the store needs; texts that repeat held once."""
    return msgspec.structs.replace(
        decision,
        decision_id="",
        author="",
        note="",
        suggested="",
        enterprise=intern(decision.enterprise),
        code=intern(decision.code or decision.suggested),
        unit=intern(decision.unit),
        category=intern(decision.category),
    )
