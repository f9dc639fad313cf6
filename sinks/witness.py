"""Proofs that a hidden figure stays uncertain: other tables that agree with all that is published.

A witness is a vector of changes to the hidden cells that leaves every sum as it is, and that neither direction takes
below zero. One witness speaks for every cell that it moves far enough; a linear programme is asked for witnesses that
speak for as many as can be. Where published cells may be hidden as well, at a cost, it chooses which.

Pure. Sources: M. Fischetti, J. J. Salazar, Management Science 47 (2001), "Solving the Cell Suppression Problem on
Tabular Data with Linear Constraints"; J. Castro, EJOR 216 (2012), "Recent advances in optimization techniques for
statistical tabular data protection".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from sinks.disclosure import Flags, Floats, Ints

_BATCH: Final = 2_500
"""Columns of one programme: many small tasks share one, since a call costs as much as a hundred columns."""
_FEASIBLE: Final = 1e-6
_SMALLEST: Final = 1e-3
"""Cells that need less than this part of the largest need wait for a programme of their own scale."""
_ALONE: Final = 1
"""After so many programmes for many cells that proved nothing, one cell is looked at alone."""
_COST: Final = 1e-4
"""Price of hiding against the worth of a cell that is proven."""


@dataclass
class Task:
    """Cells of which some must be proven to be uncertain. Arrays of length cells, but for the matrix.

    ``sums``: sparse CSC of sums × cells; ``reach``: how far a cell may move either way (its value; 0: it is known);
    ``need``: how far it must be seen to move; ``cost``: of hiding it, 0 where it is hidden. After ``prove``:
    ``failed``, those for which there is no witness, and ``used``, the cells that some witness moves.
    """

    cells: Ints
    sums: Any
    reach: Floats
    need: Floats
    cost: Floats
    todo: Flags
    label: int = -1
    used: Flags = field(init=False)
    failed: Flags = field(init=False)
    _step: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.used = np.zeros(len(self.cells), bool)
        self._subtract()
        # What is known for certain has no witness: no programme need be asked.
        self.failed = self.todo & (self.reach < self.need)
        self.todo = self.todo & ~self.failed

    def _subtract(self) -> None:
        """Of a sum in which one cell alone can move, that cell is known, and so on."""
        entries = abs(self.sums)
        while True:
            can = self.reach > 0
            alone = np.flatnonzero((entries @ can == 1)[self.sums.indices])
            cell = np.searchsorted(self.sums.indptr, alone, side="right") - 1
            cell = cell[can[cell]]
            if not len(cell):
                return
            self.reach[cell] = 0.0

    def targets(self) -> Ints:
        """The cells that the next programme is asked for: of the largest scale, or one alone."""
        if not self.todo.any():
            return np.zeros(0, np.int64)
        largest = np.max(self.need, where=self.todo, initial=0.0)
        found = np.flatnonzero(self.todo & (self.need >= largest * _SMALLEST))
        return found[np.argmax(self.need[found])][None] if self._step == _ALONE else found

    def movable(self) -> Flags:
        """Which cells the next programme may move: published ones only for the sake of one cell.

        For many at once, some of which must rise and some fall, it would hide more than they need.
        """
        movable: Flags = (self.reach > 0) & ((self.cost == 0) | (self._step == _ALONE))
        return movable

    def take(self, targets: Ints, moved: Floats, unit: float) -> Flags:
        """Judge a witness: what it proves is done; a cell alone that it does not prove has failed.

        Which cells are hidden for its sake, none where it proves nothing.
        """
        if self.learn(moved, unit):
            self._step = _ALONE - 1 if self._step else 0
            return np.abs(moved) > _FEASIBLE * unit
        if self._step == _ALONE:
            self.failed[targets] = True
            self.todo[targets] = False
        self._step = 0 if self._step == _ALONE else self._step + 1
        return np.zeros(len(moved), bool)

    def learn(self, moved: Floats, unit: float) -> bool:
        """Whether a witness, found for this task or another on the same cells, proves something."""
        size = np.abs(moved)
        good = (size <= self.reach + _FEASIBLE * unit).all()
        if not good or np.max(np.abs(self.sums @ moved), initial=0.0) > _FEASIBLE * unit:
            return False
        proven = self.todo & (size >= self.need * (1 - 1e-6)) & (self.need >= unit * _SMALLEST / 10)
        self.todo &= ~proven
        return bool(proven.any())

    def hide(self, cells: Flags) -> None:
        """These are hidden now, and cost nothing."""
        self.used |= cells
        self.cost[cells] = 0.0


def prove(groups: Iterable[Sequence[Task]], seed: int = 0) -> None:
    """Find witnesses for all tasks until each cell of each is proven or failed.

    The tasks of a group are about the same cells, seen by one attacker each: what is found for one is shown to all.
    """
    rng = np.random.default_rng(seed)
    left = list(groups)
    while left := [group for group in left if any(task.todo.any() for task in group)]:
        batch: list[Sequence[Task]] = []
        size = 0
        for group in left:
            if batch and size + len(group[0].cells) > _BATCH:
                _round(batch, rng)
                batch, size = [], 0
            batch.append(group)
            size += len(group[0].cells)
        _round(batch, rng)


def _round(groups: Sequence[Sequence[Task]], rng: np.random.Generator) -> None:
    batch = [next(task for task in group if task.todo.any()) for group in groups]
    pieces = [_programme(task, rng) for task in batch]
    matrix, rows = _joined([task.sums for task in batch], [one.cell for one in pieces], [one.turn for one in pieces])
    solved = linprog(
        np.concatenate([one.price for one in pieces]),
        A_eq=matrix,
        b_eq=np.zeros(rows),
        bounds=np.concatenate([one.bounds for one in pieces]),
        method="highs",
    )
    at = 0
    for group, task, one in zip(groups, batch, pieces, strict=True):
        moved = np.zeros(len(task.cells))
        if solved.x is not None:
            steps = solved.x[at : at + len(one.cell)] * one.turn * one.unit
            moved = np.asarray(np.bincount(one.cell, steps, len(task.cells)), np.float64)
        new = task.take(one.targets, moved, one.unit)
        if new.any():
            for other in group:
                if other is not task and other.todo.any():
                    other.learn(moved, one.unit)
                other.hide(new)
        at += len(one.cell)


def _joined(sums: Sequence[Any], cells: Sequence[Ints], turns: Sequence[Floats]) -> tuple[Any, int]:
    """The programmes' matrices down the diagonal: of each some columns of a CSC matrix, each times its turn."""
    indices: list[Ints] = []
    data: list[Floats] = []
    lengths: list[Ints] = []
    rows = 0
    for one, cell, turn in zip(sums, cells, turns, strict=True):
        start, length = one.indptr[cell], np.diff(one.indptr)[cell]
        at = np.repeat(start - np.cumsum(length) + length, length) + np.arange(length.sum())
        indices.append(one.indices[at] + rows)
        data.append(one.data[at] * np.repeat(turn, length))
        lengths.append(length)
        rows += one.shape[0]
    ends = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    shape = (rows, len(ends) - 1)
    return sparse.csc_matrix((np.concatenate(data), np.concatenate(indices), ends), shape=shape), rows


@dataclass(frozen=True)
class _Programme:
    """``cell``, ``turn``: of each column, what it moves and which way; ``unit``: of the columns."""

    targets: Ints
    unit: float
    cell: Ints
    turn: Floats
    price: Floats
    bounds: Floats


def _programme(task: Task, rng: np.random.Generator) -> _Programme:
    """Columns: of a hidden cell its move; of a published one its moves up and down, each at a cost; of a target what
    counts up to its need, and what goes beyond."""
    targets = task.targets()
    unit = float(np.max(task.need[targets]))
    reach = np.minimum(task.reach / unit, 1e5)
    is_target = np.zeros(len(reach), bool)
    is_target[targets] = True
    movable = task.movable() & ~is_target
    free, paid = np.flatnonzero(movable & (task.cost == 0)), np.flatnonzero(movable & (task.cost > 0))
    sign = rng.choice([-1.0, 1.0], len(targets))
    need = task.need[targets] / unit
    turn = np.concatenate([np.ones(len(free) + len(paid)), -np.ones(len(paid)), sign, sign])
    # What can move little is dear: for one sensitive cell many such would have to be hidden.
    fee = _COST * task.cost[paid] / np.minimum(reach[paid], 1.0)
    price = np.concatenate([np.zeros(len(free)), fee, fee, -1 / need, np.zeros(len(targets))])
    low = np.concatenate([-reach[free], np.zeros(2 * len(paid)), -reach[targets], np.zeros(len(targets))])
    beyond = np.maximum(reach[targets] - need, 0.0)
    high = np.concatenate([reach[free], reach[paid], reach[paid], need, beyond])
    cell = np.concatenate([free, paid, paid, targets, targets])
    return _Programme(targets, unit, cell, turn, price, np.column_stack([low, high]))
