"""Prices year on year: this month so far against the same month of the year before."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors.expectation import Singles
from detectors.state import Axes, Floats, State
from detectors.tree import Tree

MONTHS: Final = 12


@dataclass(slots=True)
class Yearly(State):
    """Log prices by month. Axes: units and codes are the given regions and goods."""

    month: Annotated[Floats, Axes((2,))]
    """number of the month that is not over, since 1970; 1 where there is one"""
    total: Annotated[Singles, Axes(("units", "codes"), "f4")]
    """sum of the log prices of the month that is not over"""
    count: Annotated[Singles, Axes(("units", "codes"), "f4")]
    past: Annotated[Singles, Axes((MONTHS, "units", "codes"), "f4")]
    """mean log price of a month, by its number modulo 12"""
    told: Annotated[Singles, Axes((MONTHS, "units", "codes"), "f4")]
    """1 where there was a price in it"""


def take(state: Yearly, price: Floats, day: int) -> None:
    """Take in a period's prices (leaves, goods), yuan, in place; ``day``: days since 1970, local."""
    month = float(np.datetime64(day, "D").astype("datetime64[M]").astype(np.int64))
    if state.month[1] and month != state.month[0]:
        _close(state, int(month))
    state.month[:] = month, 1.0
    there = np.isfinite(price) & (price > 0.0)
    state.total += np.log(price, out=np.zeros(price.shape), where=there).astype(np.float32)
    state.count += there


def rise(state: Yearly, tree: Tree) -> Floats:
    """Measure ``price_rise_year``, a fraction, float64 (regions, commodities); NaN where either month has no price.

    Of several shops or goods the mean of each one's own log relative, as ``rises.rises``.
    """
    at = int(state.month[0]) % MONTHS
    both = (state.count > 0.0) & (state.told[at] > 0.0)
    log = state.total / np.maximum(state.count, 1.0) - state.past[at]
    total = tree.rise(np.where(both, log, np.nan).astype(np.float64))
    return np.asarray(np.expm1(total / np.maximum(np.nan_to_num(tree.rise(both.astype(np.float64))), 1.0)))


def _close(state: Yearly, month: int) -> None:
    """Keep the month that is over; months before the new one of which nothing was heard have no price."""
    old = int(state.month[0])
    at = old % MONTHS
    state.past[at] = state.total / np.maximum(state.count, 1.0)
    state.told[at] = state.count > 0.0
    for missed in range(max(old + 1, month - MONTHS), month):
        state.told[missed % MONTHS] = 0.0
    state.total[:] = state.count[:] = 0.0
