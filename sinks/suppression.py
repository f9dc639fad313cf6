"""Which more cells must be hidden so that nothing hidden can be reckoned from the rest.

A heuristic. For each sensitive cell the cheapest cycle is hidden that proves it (``sinks.cycles``). What has none is
left to linear programmes on neighbourhoods of the table, the smallest first: siblings within one region and one
commodity, then wider. Each programme hides the cheapest cells that let the sensitive ones move far enough (Kelly 1992,
as in ``cycles.py``; Castro 2012, as in ``witness.py``). All of it is then to be proven by ``sinks.attack`` on the whole
table. Pure.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sinks.attack import Finding, attack, attackers_of, task_of
from sinks.cycles import Cycles
from sinks.disclosure import DisclosureError, Flags, Floats, Indices, Ints
from sinks.frame import Frame
from sinks.target import Target
from sinks.witness import Task, prove

_WIDER: Final = ((1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3), (9, 9))
"""How many levels above a cell its neighbourhood reaches, in regions and in commodities; the last is all of them."""
_LARGE: Final = 3_000
"""Cells of a neighbourhood above which only the largest branches of it are looked at."""
_BRANCHES: Final = 4
_AT_ONCE: Final = 100
"""Neighbourhoods whose programmes are made together; the next ones know what these have hidden."""
_OFTEN: Final = 1_000
"""Cells between two reports of progress."""
_ABOVE: Final = -1
_POWER: Final = 0.5
"""The cost of hiding a cell is its value to this power: between counting cells and counting value."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A cell to be proven against an attacker, None against all that know something in the neighbourhood."""

    cell: int
    attacker: int | None


_Block = tuple[Ints, list[_Pair]]


def suppress(
    frame: Frame, target: Target, frozen: Flags | None = None, progress: Callable[[int, int], None] | None = None
) -> Flags:
    """Which cells to hide: those of ``target.hidden`` and as few more as the heuristic finds.

    ``frozen``: cells that were published before and cannot be hidden any more. Every sensitive cell must be hidden in
    ``target`` already. The result is proven: ``attack`` finds nothing. Raises DisclosureError where that cannot be.
    """
    fixed = np.zeros(len(frame), bool) if frozen is None else frozen
    hidden = target.hidden.copy()
    pairs = _close(target, hidden, fixed, progress)
    start = 0
    touched = np.ones(len(frame), bool)
    while pairs:
        before = hidden.copy()
        _protect(frame, replace(target, hidden=hidden), hidden, fixed, pairs, start, progress)
        found = attack(replace(target, hidden=hidden), touched=touched)
        # What was hidden last may be known to others in part: they are new attackers, found by the attack only.
        start += bool((hidden == before).all())
        if found and start >= len(_WIDER):
            raise _impossible(frame, found)
        pairs = [_Pair(one.cell, one.attacker) for one in found]
        touched = np.zeros(len(frame), bool)
        touched[[one.cell for one in pairs]] = True
    return hidden


def _close(target: Target, hidden: Flags, frozen: Flags, progress: Callable[[int, int], None] | None) -> list[_Pair]:
    """Hide the cheapest cycles that prove the sensitive cells, in ``hidden``; what none proves is left over."""
    cycles = Cycles(target, hidden | ~frozen, np.where(hidden, 0.0, _weight(target)))
    sensitive = np.flatnonzero(target.need > 0)
    left: list[_Pair] = []
    # What needs most first: where that can move, what needs less can move as well.
    for done, cell in enumerate(sensitive[np.argsort(-target.need[sensitive], kind="stable")].tolist(), 1):
        used, doubts = cycles.proof(cell)
        left += [_Pair(cell, None)] if doubts is None else [_Pair(cell, attacker) for attacker in doubts]
        for one in used:
            hidden[one] = True
            cycles.cost[one] = 0.0
        if progress and (done % _OFTEN == 0 or done == len(sensitive)):
            progress(done, len(sensitive))
    return left


def _weight(target: Target) -> Floats:
    """What it costs to hide each cell."""
    weight = np.maximum(target.value, 1).astype(np.float64) ** _POWER
    weight /= max(float(np.median(weight)), 1.0)
    return weight


def _impossible(frame: Frame, found: list[Finding]) -> DisclosureError:
    return DisclosureError(
        f"{len(found)} figures cannot be protected, the first in {frame.label(found[0].cell)}: an earlier publication "
        "gives them away. Publish this table at a higher level, or for a longer period"
    )


def _protect(
    frame: Frame,
    target: Target,
    hidden: Flags,
    frozen: Flags,
    pairs: list[_Pair],
    start: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Hide what the pairs need, in ``hidden`` itself, which is that of ``target``."""
    weight = _weight(target)
    for step in range(start, len(_WIDER)):
        blocks = _blocks(frame, target, pairs, _WIDER[step])
        left: set[_Pair] = set()
        for at in range(0, len(blocks), _AT_ONCE):
            groups = [_tasks(target, cells, of_block, weight, frozen) for cells, of_block in blocks[at : at + _AT_ONCE]]
            prove(groups, step)
            for task in (task for group in groups for task in group):
                hidden[task.cells[task.used]] = True
                # Wider, there may be other attackers who know some of what a witness moves.
                left |= {_Pair(int(cell), None) for cell in task.cells[task.failed]}
            if progress:
                progress(min(at + _AT_ONCE, len(blocks)), len(blocks))
        pairs = sorted(left, key=lambda one: one.cell)
        if not pairs:
            return


def _tasks(target: Target, cells: Ints, pairs: list[_Pair], weight: Floats, frozen: Flags) -> list[Task]:
    """The proofs that a neighbourhood needs, one for each attacker."""
    everyone = np.isin(cells, [one.cell for one in pairs if one.attacker is None])
    wanted = list(attackers_of(target, cells, everyone)) if everyone.any() else []
    for attacker in sorted({one.attacker for one in pairs if one.attacker is not None}):
        wanted.append((attacker, np.isin(cells, [one.cell for one in pairs if one.attacker == attacker])))
    hidden = target.hidden[cells]
    cost = np.where(hidden, 0.0, weight[cells])
    return [task_of(target, cells, who, which, cost, frozen[cells] & ~hidden) for who, which in wanted]


def _blocks(frame: Frame, target: Target, pairs: Iterable[_Pair], wider: tuple[int, int]) -> list[_Block]:
    """The neighbourhoods of the pairs, each with those in it."""
    groups: dict[tuple[int, int], dict[tuple[int, int], list[_Pair]]] = {}
    for one in pairs:
        region, code = _top(frame, target, one.cell)
        above = _up(frame.region_parent, region, wider[0]), _up(frame.code_parent, code, wider[1])
        groups.setdefault(above, {}).setdefault((region, code), []).append(one)
    trees = _Tree(frame.region_parent), _Tree(frame.code_parent)
    out: list[_Block] = []
    size = _sizes(frame, target)
    for (above_region, above_code), by_top in groups.items():
        regions, codes = trees[0].below(above_region), trees[1].below(above_code)
        if len(regions) * len(codes) * len(frame.periods) <= _LARGE:
            out.append((_cells(frame, regions, codes), [one for some in by_top.values() for one in some]))
            continue
        for (region, code), some in by_top.items():
            thin_regions = trees[0].largest_below(above_region, region, size[:, code])
            thin_codes = trees[1].largest_below(above_code, code, size[region])
            cells = _cells(frame, thin_regions, thin_codes)
            out.append((np.union1d(cells, [one.cell for one in some]), some))
    return out


def _cells(frame: Frame, regions: Indices, codes: Indices) -> Ints:
    cells = frame.cell_at[np.ix_(regions, codes)].ravel()
    return cells[cells >= 0].astype(np.int64)


def _sizes(frame: Frame, target: Target) -> Floats:
    """Value of region × commodity, all periods together."""
    values: Ints = np.where(frame.cell_at >= 0, target.value[frame.cell_at], 0)
    sizes: Floats = values.sum(axis=2).astype(np.float64)
    return sizes


def _top(frame: Frame, target: Target, cell: int) -> tuple[int, int]:
    """Region and commodity of the highest sum that consists of the cell alone."""
    region, code, period = (int(of[cell]) for of in (frame.region, frame.code, frame.period))
    while (above := int(frame.region_parent[region])) >= 0 and _same(frame, target, cell, (above, code, period)):
        region = above
    while (above := int(frame.code_parent[code])) >= 0 and _same(frame, target, cell, (region, above, period)):
        code = above
    return region, code


def _same(frame: Frame, target: Target, cell: int, at: tuple[int, int, int]) -> bool:
    other = frame.cell_at[at]
    return bool(other >= 0 and target.value[other] == target.value[cell])


def _up(parents: Indices, node: int, levels: int) -> int:
    for _ in range(levels):
        if node == _ABOVE:
            break
        node = int(parents[node])
    return node


class _Tree:
    """The nodes below each node; below _ABOVE are all, the root too."""

    def __init__(self, parents: Indices) -> None:
        order = np.argsort(parents, kind="stable").astype(np.int32)
        at = np.searchsorted(parents[order], np.arange(-1, len(parents) + 1))
        self._children: dict[int, Indices] = {n - 1: order[at[n] : at[n + 1]] for n in range(len(parents) + 1)}
        self._below: dict[int, Indices] = {}

    def below(self, node: int) -> Indices:
        """All nodes below a node."""
        if node not in self._below:
            children: Indices = self._children[node]
            some = [children, *(self.below(int(child)) for child in children)]
            self._below[node] = np.concatenate(some).astype(np.int32)
        return self._below[node]

    def largest_below(self, node: int, keep: int, size: Floats) -> Indices:
        """The largest branches at each level below a node, and the way down to ``keep``."""
        way = {keep}
        parents = {int(child): above for above, children in self._children.items() for child in children}
        while (keep := parents.get(keep, _ABOVE)) != _ABOVE:
            way.add(keep)
        out: list[int] = []
        waiting = [node]
        while waiting:
            children = self._children[waiting.pop()]
            ranked = children[np.argsort(-size[children], kind="stable")].tolist()
            chosen = ranked[:_BRANCHES] + [child for child in ranked[_BRANCHES:] if child in way]
            out += chosen
            waiting += chosen
        return np.array(out, np.int32)
