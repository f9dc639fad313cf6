"""From the store to a table that gives nobody away, and from a table to what an attack on it finds."""

# ruff: noqa: S608
# Names are our own; provinces come from the store and are digits.

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from sinks.attack import Finding, attack
from sinks.disclosure import (
    DisclosureError,
    Flags,
    Indices,
    Rule,
    is_sensitive,
    protection,
    protection_from_owner,
)
from sinks.frame import Period, atoms_of, with_atoms
from sinks.holdings import REGISTERED, holders
from sinks.published import UNMEASURED, Published, compared
from sinks.suppression import suppress
from sinks.tabulation import LEVELS, MEASURES, Cells, Contributions, measured, tabulate
from sinks.target import ALL, MOST, OUTSIDER, Target
from streams.taxonomy import current

Ask = Callable[[str], pa.Table]
Progress = Callable[[str, int, int], None]
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_COUNTY_DIGITS: Final = LEVELS["county"]


@dataclass(frozen=True, slots=True)
class Breach:
    """What an attack on a published table found: a figure that is known too well. Units as in the store."""

    measure: str
    where: str
    attacker: str
    value: int
    low: int
    high: int | None
    need: int


def from_store(
    ask: Ask, periods: Sequence[Period], level: str, holdings: Mapping[str, str], progress: Progress | None = None
) -> Cells:
    """The table of ``periods`` down to ``level``, with the days of which several of them are sums.

    ``ask``: in the publisher's role. Which enterprises count as one the register says; ``holdings``, by enterprise, in
    its place. A day is one of China. Raises QueryError, and DisclosureError where lines have no county.
    """
    every = with_atoms(periods)
    since = _midnight(min(day for one in periods for day in one.days))
    held = holders(ask(REGISTERED), since, holdings)
    atoms = sorted({part for parts in atoms_of(every) for part in parts})
    answers = []
    for done, atom in enumerate(atoms):
        where = _on(every[atom])
        provinces = ask(f"SELECT DISTINCT province FROM sales_now WHERE {where} ORDER BY province")
        names = provinces["province"].to_pylist()
        for n, province in enumerate(names):
            if not province.isdecimal():
                raise DisclosureError(f"expected lines with a county, found some of {every[atom].name} without")
            answers.append((atom, ask(_sold(where, province))))
            if progress:
                progress("reading", done * len(names) + n + 1, len(atoms) * len(names))
    return tabulate(_contributions(answers, held), every, atoms_of(every), level)


def protect(
    cells: Cells, rule: Rule, shown: Flags, earlier: Sequence[Published] = (), progress: Progress | None = None
) -> Flags:
    """Which cells must be hidden. ``shown``: those of the table that is to be published.

    What ``earlier`` tables publish stays so, what they hide stays hidden, and an attacker has them all. Raises
    DisclosureError where that cannot be made safe, or where they are not of what the store has now.
    """
    published, marked, faults = compared(cells, earlier)
    if faults:
        raise DisclosureError(f"an earlier table does not agree with the store, publish it anew: {faults[0]}")
    hidden = marked | ~(shown | published)
    for name in MEASURES:
        hidden |= is_sensitive(cells.measures[name], rule) & measured(cells, name) & ~published
    for name in MEASURES:
        inside = measured(cells, name)
        part = cells.frame.take(inside)
        step = None if progress is None else _named(progress, f"protecting {name}")
        share = ALL if earlier else MOST
        hidden[inside] = suppress(part, target(cells, name, rule, hidden, share), published[inside], step)
    return hidden


def audit(
    cells: Cells, tables: Sequence[Published], rule: Rule, progress: Progress | None = None
) -> tuple[list[str], list[Breach]]:
    """Attack the tables, all together: where they do not say what is so, and what they give away."""
    published, _, faults = compared(cells, tables)
    found: list[Breach] = []
    for name in MEASURES:
        step = None if progress is None else _named(progress, f"attacking {name}")
        # What no table shows is as unknown as what is marked.
        frame = cells.frame.take(measured(cells, name))
        share = ALL if len(tables) > 1 else MOST
        broken = attack(target(cells, name, rule, ~published, share), progress=step)
        found += [_breach(name, frame.label(one.cell), one) for one in broken]
    return faults, found


def target(cells: Cells, name: str, rule: Rule, hidden: Flags, share: float) -> Target:
    """What is attacked of one measure: arrays of those cells of which it can be published. ``share``: see Target."""
    inside = measured(cells, name)
    one = cells.measures[name].take(inside)
    frame = cells.frame.take(inside)
    return Target(
        frame.equations,
        frame.kinds,
        one.total,
        hidden[inside],
        protection(one, rule),
        protection_from_owner(one, rule),
        one.owner,
        one.largest,
        share,
    )


def _breach(measure: str, where: str, one: Finding) -> Breach:
    who = "anyone" if one.attacker == OUTSIDER else "a holding with most or all of another hidden cell"
    return Breach(measure, where, who, one.value, one.low, one.high, one.need)


def _named(progress: Progress, name: str) -> Callable[[int, int], None]:
    return lambda done, of: progress(name, done, of)


def _on(period: Period) -> str:
    """The condition on ``ts`` for days of China, neighbours in one range."""
    ranges: list[list[datetime]] = []
    for day in sorted(period.days):
        start, end = _midnight(day), _midnight(day + timedelta(days=1))
        if ranges and ranges[-1][1] == start:
            ranges[-1][1] = end
        else:
            ranges.append([start, end])
    at = [tuple(f"fromUnixTimestamp64Milli(toInt64({int(end.timestamp() * 1000)}))" for end in one) for one in ranges]
    return "(" + " OR ".join(f"(ts >= {start} AND ts < {end})" for start, end in at) + ")"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), _CHINA)


def _sold(where: str, province: str) -> str:
    return (
        "SELECT toString(s.county) AS county, toString(s.code) AS code, toString(s.enterprise) AS enterprise, "
        "sum(s.amount) AS turnover, sum(s.base_qty) AS base_qty, "
        f"sumIf(abs(s.amount), s.base_qty = 0) AS {UNMEASURED} "
        f"FROM sales_now AS s WHERE {where} AND s.province = '{province}' "
        "GROUP BY county, code, enterprise ORDER BY county, code, enterprise"
    )


def _contributions(answers: Sequence[tuple[int, pa.Table]], holdings: Mapping[str, str]) -> Contributions:
    """Columns of all answers; ``answers``: with the number of the period that each is of."""
    lists: dict[str, list[str]] = {"county": [], "code": [], "enterprise": []}
    values: dict[str, list[int]] = {name: [] for name in (*MEASURES, UNMEASURED)}
    period: list[int] = []
    for number, table in answers:
        period += [number] * table.num_rows
        for name in lists:
            lists[name] += table[name].to_pylist()
        for name in values:
            values[name] += table[name].to_pylist()
    if wrong := [one for one in lists["county"] if len(one) != _COUNTY_DIGITS]:
        raise DisclosureError(f"expected lines with a county of {_COUNTY_DIGITS} digits, got {wrong[0]!r}")
    counties, county = _coded(lists["county"])
    codes, code = _coded([current(one) for one in lists["code"]])
    _, holding = _coded([holdings.get(one, one) for one in lists["enterprise"]])
    return Contributions(
        counties,
        codes,
        county,
        code,
        np.array(period, np.int32),
        holding,
        {name: np.array(column, np.int64) for name, column in values.items()},
    )


def _coded(values: list[str]) -> tuple[list[str], Indices]:
    names, number = np.unique(np.array(values, dtype=str), return_inverse=True)
    return names.tolist(), number.astype(np.int32)
