"""Proofs by cycles: that a hidden figure stays uncertain, shown without a linear programme.

A cell that is part of two sums, and no sum itself, is an edge between the two. Along a cycle of such edges one figure
rises, the next one falls, and so on: every sum stays as it is. So a hidden cell is uncertain by t to both sides where
it closes a cycle of hidden cells each of which can move by t. A sum of one tree alone, as a county's of a group of
commodities, is an edge too, between what it sums up and what it is part of: over it a cycle comes to another group.
Most cells of a table in two trees are edges, and the nearest cycle is short.

Pure. Sources: L. H. Cox, JASA 75 (1980), "Suppression methodology and statistical disclosure control"; J. P. Kelly,
B. L. Golden, A. A. Assad, Networks 22 (1992), "Cell suppression: disclosure protection for sensitive tabular data".
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

import numpy as np

from sinks.disclosure import Flags, Floats, Ints
from sinks.target import OUTSIDER, Target

_NOTHING: Final = -1
"""At the end of a cell that is part of one sum alone: how it moves there nobody sees."""
_STEP: Final = 0.01
"""Cost of each cell of a cycle, against 1 for hiding one of the usual size: of two cycles the shorter."""
_KNOWN: Final = 0.5
"""Cost of a cell that one holding knows too well: against that one another cycle must be found."""
_FAR: Final = 5_000
"""Sums after which a search gives up; where something is found, it usually is within a hundred."""
_PERIODS: Final = 2
"""Kinds of sums from here on go over periods: what is part of one is no edge."""
_OFTEN: Final = 1_000
"""Cells between two reports of progress."""


@dataclass(frozen=True)
class Doubts:
    """What cycles do not prove. ``of_all``: of each cell, whether it is proven against nobody; ``of``: by holding, the
    cells that are proven against all others but not against it."""

    of_all: Flags
    of: dict[int, list[int]]

    def against(self, attacker: int, cells: Ints) -> Flags:
        """Which of the cells are to be proven against an attacker in another way."""
        doubtful: Flags = self.of_all[cells] | np.isin(cells, self.of.get(attacker, []))
        return doubtful

    def any(self) -> Flags:
        """Which cells are to be proven in another way against somebody."""
        found = self.of_all.copy()
        for cells in self.of.values():
            found[cells] = True
        return found


class Cycles:
    """The edges among the ``usable`` cells of a table, and the cheapest cycles of them.

    ``cost``: of hiding each cell, 0 where it is hidden; it may change between searches.
    """

    def __init__(self, target: Target, usable: Flags, cost: Floats) -> None:
        self._target = target
        self._ends = _edges(target, usable)
        self._at: dict[int, list[tuple[int, int]]] = {}
        for cell, (one, other) in self._ends.items():
            self._at.setdefault(one, []).append((other, cell))
            self._at.setdefault(other, []).append((one, cell))
        known = target.known_in_part(np.arange(len(target.value)))
        self._value: list[int] = target.value.tolist()
        # What is left of a cell for the one that knows a part of it.
        self._rest: list[int] = np.where(known, target.value - target.own, target.value).tolist()
        self._knower: list[int] = np.where(known, target.owner, OUTSIDER).tolist()
        self.cost: list[float] = cost.tolist()

    def proof(self, cell: int) -> tuple[set[int], list[int] | None]:
        """The cells of cycles that prove a cell, and the holdings against which none does; None: against nobody."""
        need, knower = int(self._target.need[cell]), self._knower[cell]
        used: set[int] = set()
        found = self._around(cell, need, OUTSIDER, used)
        if found is None:
            return used, None
        used.update(found)
        against = {self._knower[one]: need for one in found if self._rest[one] < need}
        if knower != OUTSIDER:
            against[knower] = self._target.need_from_its_owner(cell)
        doubts: list[int] = []
        for attacker, far in sorted(against.items()):
            # Whatever another cycle was found for costs nothing for this one.
            again = self._around(cell, far, attacker, used) if far else []
            used.update(again or ())
            if again is None:
                doubts.append(attacker)
        return used, doubts

    def _around(self, cell: int, need: int, attacker: int, free: Collection[int]) -> list[int] | None:
        """The cells of the cheapest cycle through ``cell``, but for itself, of those which can move by ``need`` as the
        attacker sees them."""
        can = self._value if self._knower[cell] != attacker else self._rest
        if cell not in self._ends or can[cell] < need:
            return None
        start, goal = self._ends[cell]
        came: dict[int, tuple[int, int]] = {}
        waiting: list[tuple[float, int, int, int]] = [(0.0, start, _NOTHING, cell)]
        while waiting and goal not in came and len(came) < _FAR:
            far, here, before, by = heappop(waiting)
            if here in came:
                continue
            came[here] = (before, by)
            # At the goal nothing is left to look at; _NOTHING may have a hundred thousand cells.
            for there, edge in self._at[here] if here != goal else ():
                if there in came or self._value[edge] < need or edge == cell:
                    continue
                known = self._rest[edge] < need
                if known and self._knower[edge] == attacker:
                    continue
                price = _STEP + (0.0 if edge in free else self.cost[edge]) + (_KNOWN if known else 0.0)
                heappush(waiting, (far + price, there, here, edge))
        if goal not in came:
            return None
        way, here = [], goal
        while here != start:
            here, by = came[here]
            way.append(by)
        way.reverse()
        return way if self._is_balanced(cell, way) else None

    def _is_balanced(self, cell: int, way: list[int]) -> bool:
        """Whether every sum stays as it is when the cell and those of the way move by as much, each up or down.

        An edge may be part of one more sum than its two: that stays as it is where the way climbs in one tree alone.
        """
        sums, node = self._target.sums, self._ends[cell][0]
        moved: dict[int, float] = {}
        turn = sign = 1.0
        for number, one in enumerate((cell, *way)):
            rows = slice(sums.indptr[one], sums.indptr[one + 1])
            signs = dict(zip(sums.indices[rows].tolist(), sums.data[rows].tolist(), strict=True))
            if number:
                turn *= -sign * signs.get(node, 1.0)
                first, second = self._ends[one]
                node = second if node == first else first
            sign = signs.get(node, 1.0)
            for row, at in signs.items():
                moved[row] = moved.get(row, 0.0) + turn * at
        return not any(moved.values())


def doubts_of(target: Target, cells: Flags, progress: Callable[[int, int], None] | None = None) -> Doubts:
    """What cycles of hidden cells do not prove of some of the cells."""
    cycles = Cycles(target, target.hidden, np.zeros(len(target.value)))
    of_all = np.zeros(len(target.value), bool)
    of: dict[int, list[int]] = {}
    asked = np.flatnonzero(cells).tolist()
    for done, cell in enumerate(asked, 1):
        _, doubts = cycles.proof(cell)
        of_all[cell] = doubts is None
        for one in doubts or ():
            of.setdefault(one, []).append(cell)
        if progress and (done % _OFTEN == 0 or done == len(asked)):
            progress(done, len(asked))
    return Doubts(of_all, of)


def _edges(target: Target, usable: Flags) -> dict[int, tuple[int, int]]:
    """Of each cell that is an edge its two ends: rows of ``sums``, the second _NOTHING where there is but one."""
    sums, kinds = target.sums, target.kinds
    column = np.repeat(np.arange(sums.shape[1]), np.diff(sums.indptr))
    # What each entry says of its cell: part of regions, part of commodities; sum of regions, of commodities; periods.
    kind = kinds[sums.indices]
    place = np.where(kind >= _PERIODS, 4, kind + np.where(sums.data > 0, 0, 2))
    at = np.full((sums.shape[1], 5), _NOTHING)
    at[column, place] = sums.indices
    has = at != _NOTHING
    ends = at[:, :2].copy()
    for own in (0, 1):
        above = np.where(has[:, own], at[:, own], at[:, 1 - own])
        ends[has[:, 2 + own]] = np.column_stack([at[:, 2 + own], above])[has[:, 2 + own]]
    ends = np.where(ends[:, :1] == _NOTHING, ends[:, ::-1], ends)
    good = np.flatnonzero(usable & ~has[:, 4] & ~(has[:, 2] & has[:, 3]) & (ends[:, 0] != _NOTHING))
    return dict(zip(good.tolist(), map(tuple, ends[good].tolist()), strict=True))
