"""Who reports: which series have ever been seen, and sums that do not fall because one of the parts did not report."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors.pace import DAY_MS, Pace
from detectors.state import Axes, Floats, Mask, PerSeries, State
from detectors.tree import Tree

MEMORY_MS: Final = 7 * DAY_MS
LEAST_TICKS: Final = 7
"""Half-life of what a series usually sells, here: a week, or so many periods where these are longer."""
MOST_SCALE: Final = 4.0
"""A sum is scaled up to so many times what was reported; beyond that too little is known of it."""


@dataclass(slots=True)
class Coverage(State):
    """All of shape (leaves, goods)."""

    seen: Annotated[Mask, Axes(("units", "codes"), "?")]
    total: PerSeries
    """sum of quantities reported, fading"""
    weight: PerSeries
    """periods with a report, fading"""


def whole(state: Coverage, tree: Tree, qty: Floats, pace: Pace) -> Floats:
    """Quantities of all nodes, float64 (regions, commodities), from those of the leaves, in place; NaN: none.

    A parent is the sum of what was reported, times the usual total of all its parts over that of those that reported: a
    shop that is closed or cut off is no fall of trade in its county. A part that has been silent fades out of the usual
    total by half in a week. NaN for nodes that were never seen, and for parents of one series.
    """
    there = ~np.isnan(qty)
    see(state, qty)
    known = state.weight > 0.0
    usual = np.where(known, state.total / np.where(known, state.weight, 1.0) * np.minimum(state.weight, 1.0), np.nan)
    total = tree.rise(qty)
    if not there.all():
        total *= _scale(tree, usual, there)
    decay = 0.5 ** (1.0 / max(MEMORY_MS / pace.tick_ms, LEAST_TICKS))
    state.total *= decay
    state.weight *= decay
    state.total += np.where(there, qty, 0.0)
    state.weight += there
    total[~tree.plural(state.seen)] = np.nan
    return total


def share(state: Coverage, tree: Tree, qty: Floats, heard: Floats | None = None) -> Floats:
    """Who reports of those who usually do, float64 (regions,), in [0, 1]; NaN: nobody does. Ask before ``whole``.

    A series counts by the periods in which it reported of late. ``qty`` (leaves, goods), NaN where not reported;
    ``heard`` (leaves,): of its terminals so many are behind what a leaf reports, NaN or None where that is not known.
    """
    usual = tree.over_regions(state.weight.sum(axis=1, keepdims=True))[:, 0]
    part = np.where(np.isnan(qty), 0.0, state.weight).sum(axis=1, keepdims=True)
    if heard is not None:
        part *= np.nan_to_num(heard, nan=1.0)[:, None]
    there = tree.over_regions(part)[:, 0]
    return np.asarray(np.divide(there, usual, out=np.full(usual.shape, np.nan), where=usual > 0.0))


def see(state: Coverage, values: Floats) -> None:
    """Note which series report anything, in place; ``values`` (leaves, goods), NaN where nothing is reported."""
    state.seen |= ~np.isnan(values)


def _scale(tree: Tree, usual: Floats, there: Mask) -> Floats:
    """How many times what was reported a node's whole is; 1.0 for given series."""
    usual = np.where(usual > 0.0, usual, np.nan)
    every = tree.rise(usual)
    heard = tree.rise(np.where(there, usual, np.nan))
    scale: Floats = np.clip(np.nan_to_num(every / heard, nan=1.0), 1.0, MOST_SCALE)
    scale[: tree.leaves, : tree.goods] = 1.0
    return scale
