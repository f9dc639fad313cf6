"""Found share and delay at a budget of false alarms, and observed against nominal rates of p.

An alarm is p <= threshold; alarms of one input closer than the refractory time are one. The threshold is the largest
with which the clean record keeps the budget over all of its series together, so a method cannot buy power with noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.simulate.tradetruth import Happening
from streams.world import Floats, Ints

BUDGET_DAYS: Final = {"week": 7.0, "month": 30.4375, "year": 365.25}
LEVELS: Final = (0.01, 0.001, 0.0001)
REFRACTORY_DAYS: Final = {True: 3.0, False: 1.0}
"""By whether periods are days"""
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Signals:
    """p of each series and period."""

    keys: tuple[Key, ...]
    """region and commodity; ``*`` for all"""
    p: Floats
    """(T, keys), NaN where nothing was scored"""


@dataclass(frozen=True, slots=True)
class Found:
    """How many events a method finds at a budget, and how late."""

    events: int
    found: int
    delay_days: float
    """mean; a miss counts as the longest possible and a period more"""
    alarms: int
    """on the clean record"""
    threshold: float

    @property
    def share(self) -> float:
        """Of the events."""
        return self.found / max(1, self.events)


@dataclass(frozen=True, slots=True)
class Clock:
    """How the periods of an input lie in time."""

    per_day: float
    score_from: int
    """periods before it are for learning"""

    @property
    def gap(self) -> int:
        """Refractory time, periods."""
        return max(1, round(REFRACTORY_DAYS[self.per_day <= 1.0] * self.per_day))


def folded(at: Ints, gap: int) -> int:
    """Alarms that are left when those within ``gap`` periods of the first of a group are one."""
    count, last = 0, -gap
    for t in at.tolist():
        if t >= last + gap:
            count, last = count + 1, t
    return count


def threshold(lowest: Floats, clock: Clock, budget_days: float) -> tuple[float, int]:
    """The largest p that keeps one alarm in ``budget_days`` on ``lowest`` (T,), and the alarms that it raises.

    NaN where the record is too short for a single alarm.
    """
    seen = np.flatnonzero(~np.isnan(lowest))
    allowed = int(len(seen) / clock.per_day / budget_days)
    values = np.unique(lowest[seen])
    if not allowed or not len(values):
        return np.nan, 0
    low, high = -1, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        if folded(np.flatnonzero(lowest <= values[middle]), clock.gap) <= allowed:
            low = middle
        else:
            high = middle
    if low < 0:
        return -1.0, 0
    return float(values[low]), folded(np.flatnonzero(lowest <= values[low]), clock.gap)


def lowest(p: Floats) -> Floats:
    """The smallest p of each period, NaN where there is none."""
    least: Floats = np.where(np.isnan(p), np.inf, p).min(axis=1)
    least[np.isinf(least)] = np.nan
    return least


def speaks_of(key: Key, event: Happening) -> bool:
    """Whether a series can tell of an event: its region, one below or above it within its group; its good or all."""
    region, commodity = key
    group = event.group.rstrip("!")
    if region == "*":
        if group and event.regions != ("*",):
            return False
    elif event.regions != ("*",):
        related = any(region.startswith(r) or r.startswith(region) for r in event.regions)
        if not related or not region.startswith(group):
            return False
    if commodity == "*":
        return not (event.group.endswith("!") and event.commodities != ("*",))
    return event.commodities == ("*",) or commodity in event.commodities


def found_at(
    clean: Signals, runs: Sequence[tuple[Signals, Sequence[Happening]]], clock: Clock, budget_days: float
) -> Found | None:
    """What is found in ``runs`` at the threshold of the clean record; None where that is too short."""
    least = lowest(clean.p)
    least[: clock.score_from] = np.nan
    limit, alarms = threshold(least, clock, budget_days)
    if np.isnan(limit):
        return None
    delays, hits = [], 0
    for signals, events in runs:
        for event in events:
            columns = [i for i, key in enumerate(signals.keys) if speaks_of(key, event)]
            window = lowest(signals.p[event.first : event.last + 1, columns]) if columns else np.empty(0)
            at = np.flatnonzero(window <= limit)
            hits += bool(len(at))
            late = at[0] if len(at) else event.last - event.first + 1
            delays.append(late / clock.per_day)
    return Found(len(delays), hits, float(np.mean(delays)), alarms, limit)


def calibration(clean: Signals, score_from: int) -> dict[float, float]:
    """Observed over nominal share of p below each of ``LEVELS`` on a clean record; NaN where nothing was scored."""
    p = clean.p[score_from:]
    p = p[~np.isnan(p)]
    return {level: float((p < level).mean() / level) if len(p) else np.nan for level in LEVELS}
