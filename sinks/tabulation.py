"""From what each holding sold in each county to the cells of a table, with what must be known of their contributors.

Pure: arrays in, arrays out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from sinks.disclosure import Flags, Indices, Ints, Measure
from sinks.frame import ROOT, Frame, Period, parent_of
from streams.taxonomy import taxonomy

LEVELS: Final = {"nation": 0, "province": 2, "city": 4, "county": 6}
"""Digits of a region's code at each level; the nation is ``00``."""
MEASURES: Final = ("turnover", "base_qty")
_FIELDS: Final = Measure.__slots__
UNSPLIT: Final = "00"
"""Ending of the code of what was coded as a commodity that has others below it, and as none of these."""


@dataclass(frozen=True)
class Contributions:
    """What holdings sold; arrays of equal length. ``period``: number in a list of sets of days.

    ``county``, ``code``, ``holding``: numbers in the lists of names. ``values``: of each measure, net of returns.
    """

    counties: Sequence[str]
    codes: Sequence[str]
    county: Indices
    code: Indices
    period: Indices
    holding: Indices
    values: Mapping[str, Ints]


@dataclass(frozen=True)
class Cells:
    """A table with all that is known of it. Measures are those of MEASURES."""

    frame: Frame
    measures: Mapping[str, Measure]

    @property
    def depth(self) -> Indices:
        """Digits of the region of each cell, as in LEVELS."""
        digits = [0 if code == ROOT else len(code) for code in self.frame.regions]
        return np.array(digits, np.int32)[self.frame.region]

    def of(self, period: str, level: str) -> Flags:
        """The cells of a table of one period, by its name, down to regions of ``level``."""
        names = np.array([one.name == period for one in self.frame.periods], bool)
        return names[self.frame.period] & (self.depth <= LEVELS[level])


@cache
def unit_of(code: str) -> str:
    """The base unit of a commodity if all that is below it has the same; else empty: such quantities do not add up."""
    if code == ROOT:
        return ""
    whole = code.removesuffix(UNSPLIT) if len(code) > 2 else code
    units = {one.base_unit for name, one in taxonomy().items() if name.startswith(whole)}
    return units.pop() if len(units) == 1 else ""


def tabulate(rows: Contributions, periods: Sequence[Period], parts: Sequence[Sequence[int]], level: str) -> Cells:
    """The cells of ``periods`` down to regions of ``level``; a period sums the numbers of ``rows.period`` in ``parts``.

    What a holding took back beyond its sales of a county, commodity and period of ``rows`` counts as nothing, so that
    no cell is below zero. A cell in which no measure is above zero is none.
    """
    leaf_codes = _leaves(rows.codes)
    regions = _tree({code[: LEVELS[level]] or ROOT for code in rows.counties})
    codes = _tree(set(leaf_codes))
    region = _numbers([code[: LEVELS[level]] or ROOT for code in rows.counties], regions)[rows.county]
    code = _numbers(leaf_codes, codes)[rows.code]
    found: list[_Part] = []
    net = _net(rows)
    for number, of_period in enumerate(parts):
        inside = np.isin(net.period, np.array(of_period, np.int32))
        leaves = _summed(
            region[net.row[inside]],
            code[net.row[inside]],
            net.holding[inside],
            {name: array[inside] for name, array in net.values.items()},
        )
        for regions_up in _ancestors(regions):
            by_region = leaves.moved(regions_up[leaves.region], leaves.code)
            found += [
                _cells(by_region.moved(by_region.region, codes_up[by_region.code]), number)
                for codes_up in _ancestors(codes)
            ]
    where, what, when = (np.concatenate([getattr(one, key) for one in found]) for key in ("region", "code", "period"))
    measures = {
        name: Measure(*(np.concatenate([getattr(one.measures[name], part) for one in found]) for part in _FIELDS))
        for name in rows.values
    }
    order = np.lexsort((what, where, when))
    frame = Frame(regions, codes, list(periods), where[order], what[order], when[order])
    return Cells(frame, {name: one.take(order) for name, one in measures.items()})


def measured(cells: Cells, name: str) -> Flags:
    """Of which cells a measure can be published: quantities only where all have one unit."""
    if name != "base_qty":
        return np.ones(len(cells.frame), bool)
    return np.array([bool(unit_of(code)) for code in cells.frame.codes], bool)[cells.frame.code]


@dataclass(frozen=True)
class _Net:
    row: Ints
    period: Indices
    holding: Indices
    values: dict[str, Ints]


def _net(rows: Contributions) -> _Net:
    order, starts = _groups(rows.county, rows.code, rows.period, rows.holding)
    values = {name: np.maximum(_reduced(np.add, array[order], starts), 0) for name, array in rows.values.items()}
    some = np.any([array > 0 for array in values.values()], axis=0) if values else np.zeros(len(starts), bool)
    row = order[starts][some]
    return _Net(row, rows.period[row], rows.holding[row], {name: array[some] for name, array in values.items()})


@dataclass(frozen=True)
class _Held:
    """What each holding sold in a region of a commodity, once each, ordered by these."""

    region: Indices
    code: Indices
    holding: Indices
    values: dict[str, Ints]

    def moved(self, region: Indices, code: Indices) -> "_Held":
        """The same with other regions and commodities; what has none (-1) is left out."""
        good = (region >= 0) & (code >= 0)
        values = {name: array[good] for name, array in self.values.items()}
        return _summed(region[good], code[good], self.holding[good], values)


@dataclass(frozen=True)
class _Part:
    region: Indices
    code: Indices
    period: Indices
    measures: dict[str, Measure]


def _summed(region: Indices, code: Indices, holding: Indices, values: Mapping[str, Ints]) -> _Held:
    order, starts = _groups(region, code, holding)
    first = order[starts]
    sums = {name: _reduced(np.add, array[order], starts) for name, array in values.items()}
    return _Held(region[first], code[first], holding[first], sums)


def _cells(held: _Held, period: int) -> _Part:
    new = _changes(held.region) | _changes(held.code)
    begins, cell = np.flatnonzero(new), np.cumsum(new) - 1
    measures = {}
    for name, value in held.values.items():
        largest = _reduced(np.maximum, value, begins)
        at = np.flatnonzero(value == largest[cell])
        # Of holdings with the same the first stands for all: what it leaves is the second.
        at = at[_changes(cell[at])]
        others = value.copy()
        others[at] = 0
        count = _reduced(np.add, (value > 0).astype(np.int64), begins).astype(np.int32)
        owner = np.where(count > 0, held.holding[at], -1).astype(np.int32)
        total, second = _reduced(np.add, value, begins), _reduced(np.maximum, others, begins)
        measures[name] = Measure(total, largest, second, count, owner)
    when = np.full(len(begins), period, np.int32)
    return _Part(held.region[begins], held.code[begins], when, measures)


def _groups(*keys: Indices) -> tuple[Ints, Ints]:
    """The order by all keys, and where in it each group begins."""
    key = np.zeros(len(keys[0]), np.int64)
    for one in keys:
        # Nodes and holdings are some thousands: a product of four stays below 2^63.
        key = key * (int(np.max(one, initial=0)) + 1) + one
    order = np.argsort(key, kind="stable")
    return order, np.flatnonzero(_changes(key[order]))


def _changes(key: Indices | Ints) -> Flags:
    return np.append(np.ones(min(len(key), 1), bool), key[1:] != key[:-1])


def _reduced(how: np.ufunc, values: Ints, starts: Ints) -> Ints:
    return how.reduceat(values, starts) if len(starts) else np.zeros(0, np.int64)


def _leaves(codes: Sequence[str]) -> list[str]:
    inner = {one.parent for one in taxonomy().values()} | {parent_of(code) for code in codes}
    return [code + UNSPLIT if code in inner and code != ROOT else code for code in codes]


def _tree(leaves: set[str]) -> list[str]:
    nodes = set()
    for leaf in leaves:
        above: str | None = leaf
        while above is not None:
            nodes.add(above)
            above = parent_of(above)
    return sorted(nodes)


def _numbers(codes: Sequence[str], nodes: Sequence[str]) -> Indices:
    number = {code: n for n, code in enumerate(nodes)}
    return np.array([number[code] for code in codes], np.int32)


def _ancestors(nodes: Sequence[str]) -> list[Indices]:
    """Of each node the node of 0, 1, 2 … levels above the root, -1 where it is not so deep; leaves may be anywhere."""
    number = {code: n for n, code in enumerate(nodes)}
    deepest = max((len(code) // 2 for code in nodes if code != ROOT), default=0)
    out = []
    for depth in range(deepest + 1):
        cut = [ROOT if depth == 0 else code[: 2 * depth] if code != ROOT else "" for code in nodes]
        ok = [depth == 0 or (code != ROOT and len(code) >= 2 * depth) for code in nodes]
        out.append(np.array([number[c] if good else -1 for c, good in zip(cut, ok, strict=True)], np.int32))
    return out
