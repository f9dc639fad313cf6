"""Prices of periods: how unusual a rise or fall is, of one series, over the shops, over the goods.

Two readings of each period: one shop's price against its own normal (one chain gouges), and the mean of the shops' own
relatives (a market moves).
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from detectors import climb, jump, relative
from detectors.jump import Judged, Restlessness
from detectors.moment import Moment
from detectors.pace import Pace
from detectors.relative import Shelf
from detectors.sides import Sides
from detectors.state import Floats
from detectors.tree import Tree

FESTIVE: Final = 0.1
"""log a price may move further, either way, per log that a festival moves trade"""


@dataclass(slots=True)
class Quotes:
    """State: prices of the given series, and the restlessness of all nodes."""

    shelf: Shelf
    restlessness: Restlessness

    @classmethod
    def of(cls, tree: Tree) -> Self:
        """A state that knows nothing."""
        units, codes = tree.shape
        return cls(
            Shelf.empty(leaves=tree.leaves, goods=tree.goods),
            Restlessness.empty(units=units, codes=codes),
        )


def step(state: Quotes, price: Floats, tree: Tree, moment: Moment, pace: Pace) -> Sides:
    """One period of prices, in place; p of rises and of falls of all nodes.

    ``price``: float64 (..., leaves, goods), yuan, NaN or not above 0 where none was reported. Returns float64 (...,
    regions, commodities), NaN where there was no price, or the series is not known for five days of the last thirty.
    """
    judged = read(state, price, tree, moment, pace)
    return Sides(judged.p[..., 0, :, :], judged.p[..., 1, :, :])


def read(state: Quotes, price: Floats, tree: Tree, moment: Moment, pace: Pace) -> Judged:
    """As ``step``, with what was usual beside."""
    slot = relative.slot_of(moment, pace)
    climb.begin(state.shelf, slot)
    relative.begin(state.shelf, slot)
    values = relative.relatives(state.shelf, price, tree)
    festive = FESTIVE * max(moment.surge_lift, -moment.drop_lift)
    if festive > 0.0:
        values = np.where(values > 0.0, np.maximum(values - np.float32(festive), np.float32(0.0)), values)
    climbs = climb.climbs(state.shelf, price, values, tree)
    relative.take(state.shelf, price)
    return jump.step(state.restlessness, values, climbs, tree, moment, pace)
