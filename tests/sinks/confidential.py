"""Random tables in two dimensions, with skewed contributions of holdings, as tests and the bench attack them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from sinks.disclosure import Flags, Rule, is_sensitive, protection, protection_from_owner
from sinks.frame import period
from sinks.tabulation import Cells, Contributions, tabulate
from sinks.target import OUTSIDER, Target

DAY = "2026-03-01"
CODES = ("0101", "0102", "0103", "010101", "0201", "0202", "0301", "0302", "0303", "030101", "030102")


@dataclass(frozen=True)
class Shape:
    """How large a random table may be."""

    provinces: int = 2
    cities: int = 3
    counties: int = 3
    holdings: int = 14
    codes: int = 8


def contributions(rng: np.random.Generator, shape: Shape | None = None) -> Contributions:
    """What holdings of very different size sold, most of them in a few counties and of some commodities only."""
    of = shape or Shape()
    counties = [
        f"{10 + p:02d}{1 + c:02d}{1 + n:02d}"
        for p in range(rng.integers(1, of.provinces + 1))
        for c in range(rng.integers(1, of.cities + 1))
        for n in range(rng.integers(1, of.counties + 1))
    ]
    codes = sorted(rng.choice(CODES, min(of.codes, len(CODES)), replace=False).tolist())
    size = rng.lognormal(10, 1.5, of.holdings)
    present = rng.random((of.holdings, len(counties))) < rng.uniform(0.2, 0.9, of.holdings)[:, None]
    sells = rng.random((of.holdings, len(codes))) < rng.uniform(0.3, 1.0, of.holdings)[:, None]
    holding, county, code = np.nonzero(present[:, :, None] & sells[:, None, :])
    value = np.ceil(size[holding] * rng.lognormal(0, 1, len(holding))).astype(np.int64)
    return sold(counties, codes, county, code, holding, value)


def sold(
    counties: list[str], codes: list[str], county: Any, code: Any, holding: Any, value: Any, period: Any = None
) -> Contributions:
    """What holdings sold, without quantities."""
    when = np.zeros(len(value), np.int32) if period is None else np.asarray(period, np.int32)
    where, what, who = (np.asarray(one, np.int32) for one in (county, code, holding))
    return Contributions(counties, codes, where, what, when, who, {"turnover": np.asarray(value, np.int64)})


def table(seed: int, shape: Shape | None = None) -> Cells:
    """A random table down to counties."""
    return tabulate(contributions(np.random.default_rng(seed), shape), [period(DAY)], [[0]], "county")


def target_of(cells: Cells, rule: Rule | None = None, hidden: Flags | None = None) -> Target:
    """What is attacked where only the sensitive cells are hidden, or those given."""
    one, rule = cells.measures["turnover"], rule or Rule()
    return Target(
        cells.frame.equations,
        cells.frame.kinds,
        one.total,
        is_sensitive(one, rule) if hidden is None else hidden,
        protection(one, rule),
        protection_from_owner(one, rule),
        one.owner,
        one.largest,
    )


def too_tight(target: Target) -> set[tuple[int, int]]:
    """Cells that an attacker can bound too tightly, by two programmes over the whole table for each and each attacker;
    each cell with the attacker."""
    value = target.value.astype(float)
    found = set()
    knows = target.hidden & (2 * target.own >= target.value)
    for attacker in [OUTSIDER, *(int(one) for one in np.unique(target.owner[knows]))]:
        own = np.where((target.owner == attacker) & (2 * target.own >= target.value), target.own, 0)
        known = ~target.hidden | (own == target.value)
        bounds = np.column_stack([np.where(known, value, own), np.where(known, value, np.inf)])
        need = target.needs_against(attacker, np.arange(len(value)))
        for one in np.flatnonzero(need > 0):
            aim = np.zeros(len(value))
            aim[one] = 1
            ends = [
                linprog(way * aim, A_eq=target.sums, b_eq=np.zeros(target.sums.shape[0]), bounds=bounds)
                for way in (1, -1)
            ]
            high = np.inf if ends[1].status == 3 else ends[1].x[one]
            if ends[0].x[one] > value[one] - need[one] + 0.5 or high < value[one] + need[one] - 0.5:
                found.add((int(one), attacker))
    return found


def cell(cells: Cells, region: str, code: str, period: int = 0) -> int:
    """The number of a cell."""
    frame = cells.frame
    return int(frame.cell_at[frame.regions.index(region), frame.codes.index(code), period])


def some(cells: Cells, which: Flags) -> Cells:
    """Some of the cells."""
    return Cells(cells.frame.take(which), {name: one.take(which) for name, one in cells.measures.items()})
