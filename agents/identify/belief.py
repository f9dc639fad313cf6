"""How sure counts make us: a code on which most of those who know agree."""

from collections.abc import Mapping
from typing import Final, NamedTuple

_DEPTHS: Final = (6, 4, 2)


class Belief(NamedTuple):
    """``code`` is held by ``votes`` of ``of``; ``confidence`` is the chance that it is right, 0 to 1."""

    code: str
    confidence: float
    votes: int
    of: int


def related(a: str, b: str) -> bool:
    """Whether one code is the other or stands above it.

    >>> related("08", "080101"), related("0801", "0803")
    (True, False)
    """
    return a.startswith(b) or b.startswith(a)


def common(codes: Mapping[str, int], share: float) -> tuple[str, int]:
    """The deepest code under which at least ``share`` of the counts stand, and how many; ("", 0) where there is none.

    >>> common({"080101": 19, "080102": 1, "0803": 1}, 0.95)
    ('0801', 20)
    """
    total = sum(codes.values())
    for depth in _DEPTHS:
        sums: dict[str, int] = {}
        for code, n in codes.items():
            sums[code[:depth]] = sums.get(code[:depth], 0) + n
        best = max(sorted(sums), key=sums.__getitem__, default="")
        if best and sums[best] >= share * total:
            return best, sums[best]
    return "", 0


def agreed(codes: Mapping[str, int]) -> str:
    """The deepest of codes of which none contradicts another; empty where two do.

    >>> agreed({"08": 1, "080101": 2}), agreed({"0801": 1, "0803": 1})
    ('080101', '')
    """
    deepest = max(sorted(codes), key=len, default="")
    return deepest if all(deepest.startswith(code) for code in codes) else ""


def laplace(votes: int, of: int, prior: float, weight: float) -> float:
    """Chance after ``votes`` of ``of``, with a prior chance that weighs as much as ``weight`` votes.

    >>> laplace(3, 3, 0.5, 2.0)
    0.8
    """
    return (votes + prior * weight) / (of + weight)
