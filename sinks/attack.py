"""The attack on a table: what can be reckoned of its hidden cells from all that is published.

Attackers are an outsider, and each holding that makes up half of a hidden cell or more (or all of it): it knows its own
part of all such cells, and those in which it is alone. All know the published figures, which cells are empty, which
cells add up, and that nothing is below zero. Pure. Sources: as in ``witness.py``; P.-P. de Wolf, A. Hundepool in
Statistical Disclosure Control (2012), 4.4 (singletons).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from sinks.cycles import Doubts, doubts_of
from sinks.disclosure import Flags, Ints
from sinks.target import OUTSIDER, Target
from sinks.witness import Task, prove

_AT_ONCE: Final = 200
"""Components of hidden cells whose programmes are made together."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A cell that an attacker can bound more tightly than is allowed; None: there is no upper bound."""

    cell: int
    attacker: int
    """number of a holding, OUTSIDER for anyone"""
    value: int
    need: int
    low: int
    high: int | None


def attack(
    target: Target,
    *,
    first: bool = False,
    touched: Flags | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """All cells that are bounded too tightly, or the ``first`` that is found. Empty: the table is safe.

    ``touched``: look only at what hangs together with these cells; what was safe stays safe when more is hidden.
    What cycles prove needs no programme. ``progress`` is told how many of how many cells have been looked at so, then
    how many of how many components of hidden cells with what is left.
    """
    found = [
        Finding(cell, OUTSIDER, value, int(target.need[cell]), value, value)
        for cell in np.flatnonzero((target.need > 0) & ~target.hidden).tolist()
        for value in (int(target.value[cell]),)
    ]
    parts = [cells for cells in _components(target) if touched is None or touched[cells].any()]
    asked = np.zeros(len(target.value), bool)
    for cells in parts:
        asked[cells] = target.need[cells] > 0
    doubts = doubts_of(target, asked, progress)
    left = doubts.any()
    parts = [cells for cells in parts if left[cells].any()]
    for at in range(0, len(parts), _AT_ONCE):
        if first and found:
            return found[:1]
        groups = [list(_tasks(target, cells, doubts)) for cells in parts[at : at + _AT_ONCE]]
        tasks = [task for group in groups for task in group]
        if not (first and any(task.failed.any() for task in tasks)):
            prove(groups)
        for task in tasks:
            for one in np.flatnonzero(task.failed):
                if (broken := _exactly(target, task, int(one))) is not None:
                    found.append(broken)
                    if first:
                        return found
        if progress:
            progress(min(at + _AT_ONCE, len(parts)), len(parts))
    return found[:1] if first else found


def attackers_of(
    target: Target, cells: Ints, wanted: Flags, doubts: Doubts | None = None
) -> Iterator[tuple[int, Flags]]:
    """Against whom the ``wanted`` among cells that hang together must be proven, and which of them in each proof.

    What a holding that is alone somewhere cannot find out, an outsider cannot either: he is asked for what is left.
    ``doubts``: what is not proven already; by default nothing is.
    """
    knows = target.hidden[cells] & target.known_in_part(cells)
    left = wanted.copy() if doubts is None else wanted & doubts.against(OUTSIDER, cells)
    for owner in np.unique(target.owner[cells][knows]).tolist():
        against = wanted & (target.needs_against(owner, cells) > 0)
        if doubts is not None:
            against &= doubts.against(owner, cells)
        # A need that is less against the owner of the cell is no proof against others.
        left &= ~(against & (target.needs_against(owner, cells) >= target.need[cells]))
        if against.any():
            yield owner, against
    if left.any():
        yield OUTSIDER, left


def task_of(
    target: Target, cells: Ints, attacker: int, wanted: Flags, cost: Any = None, stuck: Flags | None = None
) -> Task:
    """The task to prove ``wanted`` among ``cells`` against an attacker; other cells are taken as they are.

    ``cost``: of hiding each cell, by default nothing; ``stuck``: cells that cannot be hidden.
    """
    reach = target.value[cells].astype(np.float64)
    if stuck is not None:
        reach[stuck] = 0.0
    if attacker != OUTSIDER:
        mine = (target.owner[cells] == attacker) & target.known_in_part(cells)
        reach[mine] -= target.own[cells][mine]
    need = target.needs_against(attacker, cells).astype(np.float64)
    price = np.zeros(len(cells)) if cost is None else cost.copy()
    return Task(cells, _rows_of(target.sums, cells), reach, need, price, wanted.copy(), attacker)


def _rows_of(sums: Any, cells: Ints) -> Any:
    part = sums[:, cells]
    rows, row = np.unique(part.indices, return_inverse=True)
    return sparse.csc_matrix((part.data, row.astype(np.int32), part.indptr), shape=(len(rows), len(cells)))


def _components(target: Target) -> list[Ints]:
    """Hidden cells that hang together by sums, each with something to protect."""
    hidden = np.flatnonzero(target.hidden)
    if not len(hidden):
        return []
    part = target.sums[:, hidden]
    both = sparse.bmat([[None, part.T], [part, None]], format="csr")
    label = sparse.csgraph.connected_components(both, directed=False)[1][: len(hidden)]
    order = np.argsort(label, kind="stable")
    groups: Sequence[Ints] = np.split(hidden[order], np.flatnonzero(np.diff(label[order])) + 1)
    return [cells for cells in groups if (target.need[cells] > 0).any()]


def _tasks(target: Target, cells: Ints, doubts: Doubts) -> Iterator[Task]:
    for attacker, wanted in attackers_of(target, cells, target.need[cells] > 0, doubts):
        yield task_of(target, cells, attacker, wanted)


def _exactly(target: Target, task: Task, one: int) -> Finding | None:
    """The bounds of one cell by a programme each, where no witness was found that moves it both ways as far."""
    value, unit = int(target.value[task.cells[one]]), float(task.need[one])
    if not task.reach[one]:
        return Finding(int(task.cells[one]), task.label, value, int(unit), value, value)
    aim = np.zeros(len(task.cells))
    bounds = np.column_stack([-task.reach / unit, np.where(task.reach > 0, np.inf, 0.0)])
    moves: list[float] = []
    for way in (-1.0, 1.0):
        aim[one] = -way
        solved = linprog(aim, A_eq=task.sums, b_eq=np.zeros(task.sums.shape[0]), bounds=bounds, method="highs")
        moves.append(float(solved.x[one]) * unit if solved.x is not None else way * np.inf)
    (down, up), need = moves, int(unit)
    if -down >= min(need, value) * (1 - 1e-6) and up >= need * (1 - 1e-6):
        return None
    low = value + int(np.ceil(down - 1e-6 * unit)) if np.isfinite(down) else 0
    high = value + int(np.floor(up + 1e-6 * unit)) if np.isfinite(up) else None
    return Finding(int(task.cells[one]), task.label, value, need, low, high)
