"""Prices on shelves for tests: sticky, with sales; and a run of the detector over them."""

from typing import Final

import numpy as np

from detectors import quote
from detectors.moment import Moment, moment_of
from detectors.pace import DAY_MS, Pace
from detectors.quote import Quotes
from detectors.sides import Sides
from detectors.state import Floats
from detectors.tree import Tree
from streams.ticks import CHINA_MS

DAILY: Final = Pace.of(DAY_MS)


def play(
    state: Quotes, tree: Tree, prices: Floats, pace: Pace = DAILY, first: int = 0, surge_lift: float = 0.0
) -> Sides:
    """All periods of ``prices`` (periods, leaves, goods); p of all nodes, (periods, regions, commodities)."""
    said = [
        quote.step(state, frame, tree, at(first + i, pace)._replace(surge_lift=surge_lift), pace)
        for i, frame in enumerate(prices)
    ]
    return Sides(np.stack([s.up for s in said]), np.stack([s.down for s in said]))


def at(number: int, pace: Pace = DAILY) -> Moment:
    """The moment of a period; the first begins at midnight in China."""
    return moment_of(number, number * pace.tick_ms - CHINA_MS, pace)


def sticky(days: int, shops: int, goods: int, seed: int = 1) -> Floats:
    """Prices that move once in twenty days and are on sale now and then, float64 (days, shops, goods)."""
    rng = np.random.default_rng(seed)
    moved = rng.random((days, shops, goods)) < 0.05
    level = np.cumsum(np.where(moved, rng.normal(0.0, 0.04, moved.shape), 0.0), axis=0)
    starts = rng.random(moved.shape) < 0.01
    for length in range(1, 7):
        level[length:] -= 0.2 * starts[:-length]
    return np.asarray(np.round(10.0 * np.exp(level), 2))
