"""Faults of the feed: hours that never come, hours counted twice, a clock in the wrong time zone."""

from typing import Final

import numpy as np

from streams.simulate.tradegrid import Grid
from streams.simulate.tradeplan import Plan
from streams.simulate.tradetruth import CONTROL, Happening

FAULTS: Final = ("gap", "doubled", "slip")
_SLIP_HOURS: Final = 8
_QUIET: Final = 0.25


def spoil(plan: Plan, grid: Grid) -> list[Happening]:
    """Put the faults that ``plan.events`` names into ``grid``, in place, one each at least, each in one city.

    A clock can only slip where periods are shorter than a day.
    """
    rng, told = plan.rng(8), []
    cities = sorted({region[:4] for region in grid.regions})
    for kind in [k for k in FAULTS if k in plan.events]:
        for _ in range(max(1, plan.days // 120)):
            city = str(rng.choice(cities))
            rows = np.array([i for i, region in enumerate(grid.regions) if region.startswith(city)])
            done = _spoil(kind, plan, grid, rows, rng)
            if done is not None:
                first, last, what, label = done
                regions = tuple(grid.regions[i] for i in rows)
                told.append(Happening(what, first, last, regions, ("*",), 1.0, role=CONTROL, label=label))
    return told


def _spoil(
    kind: str, plan: Plan, grid: Grid, rows: np.ndarray[tuple[int], np.dtype[np.int64]], rng: np.random.Generator
) -> tuple[int, int, str, str] | None:
    """First and last period, the kind of alert that it must not raise, and what it is; None where it cannot be."""
    periods, pace = len(grid.times), plan.per_day
    length = {"gap": max(1, pace // 2) + 1, "doubled": 1, "slip": 2 * pace}[kind]
    if (kind == "slip" and pace == 1) or length >= periods // 2:
        return None
    first = int(rng.integers(int(periods * _QUIET), periods - length))
    if kind == "doubled":
        # By day, when there is something to count twice.
        first = min(periods - 1, first - first % pace + pace * 3 // 4)
    span = np.arange(first, first + length)
    if kind == "gap":
        for values in grid.values.values():
            values[np.ix_(rows, np.arange(values.shape[1]), span)] = np.nan
        return first, first + length - 1, "supply_interruption", "feed gap"
    if kind == "doubled":
        grid.values["qty"][rows, :, first] *= 2
        return first, first, "panic_buying", "counted twice"
    shift = _SLIP_HOURS * pace // 24
    for values in grid.values.values():
        values[rows, :, first : first + length] = np.roll(values[rows, :, first : first + length], shift, axis=-1)
    return first, first + length - 1, "panic_buying", "clock in the wrong zone"
