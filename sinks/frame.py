"""What the public knows of a table before it sees a figure: its cells, and which of them add up to which.

A cell is region × commodity × period. Regions and commodities are trees by their codes (two digits a level, ``00`` at
the root); a period is a set of days. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
from scipy import sparse

from sinks.disclosure import DisclosureError, Flags, Indices

ROOT: Final = "00"
"""The nation; all commodities."""


def parent_of(code: str) -> str | None:
    """The code above, None above the root.

    >>> parent_of("330602"), parent_of("33"), parent_of("00")
    ('3306', '00', None)
    """
    if code == ROOT:
        return None
    return code[:-2] or ROOT if len(code) > 2 else ROOT


@dataclass(frozen=True, slots=True)
class Period:
    """Days that are one column of a table. ``name``: the day, ``first/last``, or ``~day+day…`` of what none shows."""

    name: str
    days: frozenset[date]


def period(name: str) -> Period:
    """The period of a day, ``2026-03-01``, or of days, ``2026-03-02/2026-03-08``. Raises DisclosureError."""
    try:
        if name.startswith("~"):
            return Period(name, frozenset(date.fromisoformat(day) for day in name[1:].split("+")))
        first, last = (date.fromisoformat(end) for end in (name.split("/") * 2)[:2])
    except ValueError as error:
        raise DisclosureError(f"expected a day or first/last as in 2026-03-01, got {name!r}") from error
    if name.count("/") > 1 or last < first:
        raise DisclosureError(f"expected a day or first/last, got {name!r}")
    return Period(name, frozenset(first + timedelta(n) for n in range((last - first).days + 1)))


def with_atoms(periods: Iterable[Period]) -> tuple[Period, ...]:
    """The periods, and the smallest sets of days of which they are sums where these are not among them.

    >>> [one.name for one in with_atoms([period("2026-03-02/2026-03-04"), period("2026-03-02")])]
    ['2026-03-02', '2026-03-02/2026-03-04', '~2026-03-03+2026-03-04']
    """
    known = sorted(set(periods), key=lambda one: one.name)
    by_membership: dict[tuple[bool, ...], set[date]] = {}
    for day in set().union(*(one.days for one in known)):
        by_membership.setdefault(tuple(day in one.days for one in known), set()).add(day)
    named = {one.days for one in known}
    rest = [sorted(days) for days in by_membership.values() if frozenset(days) not in named]
    return (*known, *(Period(f"~{'+'.join(map(str, days))}", frozenset(days)) for days in sorted(rest)))


def atoms_of(periods: Sequence[Period]) -> list[list[int]]:
    """Of each period the numbers of those of which it is the sum, among periods as ``with_atoms`` gives them."""
    days = [one.days for one in periods]
    atoms = [n for n, one in enumerate(days) if not any(other < one for other in days)]
    return [[part for part in atoms if days[part] <= one] for one in days]


@dataclass(frozen=True)
class Frame:
    """``region``, ``code``, ``period``: of each cell, the numbers in the lists of nodes. A cell that is not: zero."""

    regions: Sequence[str]
    codes: Sequence[str]
    periods: Sequence[Period]
    region: Indices
    code: Indices
    period: Indices

    def __len__(self) -> int:
        return len(self.region)

    @cached_property
    def cell_at(self) -> Indices:
        """The cell of region × code × period, -1 where there is none; int32."""
        at = np.full((len(self.regions), len(self.codes), len(self.periods)), -1, np.int32)
        at[self.region, self.code, self.period] = np.arange(len(self), dtype=np.int32)
        return at

    @cached_property
    def region_parent(self) -> Indices:
        """The number of the region above each, -1 above the root."""
        return _parents(self.regions)

    @cached_property
    def code_parent(self) -> Indices:
        """The number of the commodity above each, -1 above the root."""
        return _parents(self.codes)

    @cached_property
    def equations(self) -> Any:
        """Sparse CSC of sums × cells: 1 for the parts, -1 for their sum, so that its product with true values is 0.

        Regions within a region, commodities within a commodity, and parts of a period are each a sum.
        """
        return self._summed_up[0]

    @cached_property
    def _summed_up(self) -> tuple[Any, Indices]:
        cells = np.arange(len(self), dtype=np.int32)
        pairs = [
            (self._above(self.region_parent[self.region], self.code, self.period), cells, 0),
            (self._above(self.region, self.code_parent[self.code], self.period), cells, 1),
        ]
        for whole, parts in enumerate(atoms_of(self.periods)):
            for part in parts if parts != [whole] else ():
                inside = np.flatnonzero(self.period == part).astype(np.int32)
                above = self.cell_at[self.region[inside], self.code[inside], whole]
                pairs.append((above, inside, 2 + whole))
        rows = np.concatenate([np.where(above < 0, -1, above + kind * len(self)) for above, _, kind in pairs])
        parts_ = np.concatenate([part for _, part, _ in pairs])
        parts_, rows = parts_[rows >= 0], rows[rows >= 0]
        sums, row = np.unique(rows, return_inverse=True)
        row = np.concatenate([row, np.arange(len(sums))])
        column = np.concatenate([parts_, sums % max(len(self), 1)])
        sign = np.concatenate([np.ones(len(parts_)), -np.ones(len(sums))])
        matrix = sparse.csc_matrix((sign, (row, column)), shape=(len(sums), len(self)))
        return matrix, (sums // max(len(self), 1)).astype(np.int32)

    @cached_property
    def kinds(self) -> Indices:
        """Of each of the ``equations`` what it sums up: 0 regions, 1 commodities, 2 and more periods."""
        return self._summed_up[1]

    def take(self, cells: Flags) -> "Frame":
        """The table without the other cells. Sums of which a part is left out must be left out as well."""
        return Frame(self.regions, self.codes, self.periods, self.region[cells], self.code[cells], self.period[cells])

    def label(self, cell: int) -> str:
        """Region, commodity and period of a cell in words for an error."""
        where, what, when = self.region[cell], self.code[cell], self.period[cell]
        return f"region {self.regions[where]}, commodity {self.codes[what]}, {self.periods[when].name}"

    def _above(self, region: Indices, code: Indices, period: Indices) -> Indices:
        found = self.cell_at[region, code, period]
        return np.where((region < 0) | (code < 0), -1, found).astype(np.int32)


def _parents(codes: Sequence[str]) -> Indices:
    number = {code: n for n, code in enumerate(codes)}
    above = (parent_of(code) for code in codes)
    return np.array([-1 if one is None else number.get(one, -1) for one in above], np.int32)
