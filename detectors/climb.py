"""Climbs: a price that usually stands still and now rises day after day.

How far a price rises says little of goods that are cheap today and dear tomorrow; that it rises five days in a row,
where it used to move once a week, is rare however small the steps. So a run of rises counts by how seldom this series
rises at all: each adds ``-log(share of the days on which it rose)``, and a day without one ends the run. Falls
likewise.
"""

from typing import Final, NamedTuple

import numpy as np

from detectors.relative import SLOTS, Shelf, Singles, is_price, sums
from detectors.state import Floats, Mask
from detectors.tree import Tree

MOVE: Final = np.float32(0.003)
"""log: less is rounding, of a price that is a mean of receipts"""
HALF_LIFE: Final = 240.0
"""reported slots"""
PRIOR: Final = 40.0
"""weight, in slots, of how often all series move in how often one does"""
START: Final = (0.15, 50.0)
"""share of the slots on which a price rises before any is known, and its weight in slots"""
LEAST: Final = 0.01
"""no price rises less often, for all that is known"""
MOST: Final = 12.0
"""no series counts for more in a mean"""


class Climbs(NamedTuple):
    """Of all nodes."""

    run: Singles
    """float32 (..., 2, regions, commodities): minus the log chance of the run of rises, of falls, that is going on; a
    parent has the mean. NaN where no price was reported"""
    still: Singles
    """float32 (..., 1, regions, commodities): share of the slots on which the price stood still, mean of those below"""


def begin(shelf: Shelf, slot: int) -> None:
    """Learn from the slot that is over, in place, before ``relative.begin`` closes it."""
    last, known = int(shelf.slot.flat[0]), bool(shelf.slot.flat[1])
    if not known or slot <= last:
        return
    moved, there = _moves(shelf, shelf.shown, shelf.count > 0.0)
    shelf.run[...] = _run(shelf, moved, there)
    fade = np.where(there, np.float32(0.5 ** (1.0 / HALF_LIFE)), np.float32(1.0))
    shelf.days *= fade
    shelf.days += there
    shelf.moves *= fade[..., None, :, :]
    shelf.moves += moved > MOVE
    shelf.before[...] = np.where(shelf.count > 0.0, shelf.shown, shelf.before)
    if slot - last >= SLOTS:
        shelf.before[...] = 0.0
        shelf.run[...] = 0.0


def climbs(shelf: Shelf, price: Floats, relative: Singles, tree: Tree) -> Climbs:
    """The runs with this period's price (..., leaves, goods), yuan, as ``relative`` is: what lies below is no climb."""
    own = relative[..., : tree.leaves, : tree.goods]
    run = _run(shelf, *_moves(shelf, price, is_price(price)))
    run = np.where(own > 0.0, run, np.where(np.isfinite(own), np.float32(0.0), np.float32(np.nan)))
    still = np.maximum(np.float32(1.0) - _often(shelf).sum(axis=-3, keepdims=True), np.float32(0.0))
    if tree.shape == (tree.leaves, tree.goods):
        return Climbs(run, still)
    count = sums(tree, np.where(np.isfinite(own[..., :1, :, :]), np.float32(1.0), np.float32(np.nan)))
    mean = sums(tree, np.minimum(run, np.float32(MOST))) / count
    mean[..., : tree.leaves, : tree.goods] = run
    still = sums(tree, np.where(np.isfinite(own[..., :1, :, :]), still, np.float32(np.nan))) / count
    return Climbs(np.where(np.isfinite(relative), mean, np.float32(np.nan)), still)


def in_a_row(prices: Singles, down: bool = False) -> int:
    """On how many slots in a row, up to now, a price rose (fell).

    ``prices`` (slots,): of one series, the newest first, 0 where there is none: such a slot is passed over.

    >>> in_a_row(np.array([10.3, 10.2, 0.0, 10.1, 10.1, 10.0], np.float32))
    2
    """
    there = prices[prices > 0.0]
    moved = np.log(there[:-1] / there[1:])
    return int(np.argmin(np.append((-moved if down else moved) > MOVE, False)))


def _moves(shelf: Shelf, price: Floats | Singles, there: Mask) -> tuple[Singles, Mask]:
    """Log moves since the last slot, upwards and downwards; 0 where there is none to tell of; and where there is."""
    there = there & (shelf.before > 0.0)
    before = np.where(there, shelf.before, np.float32(1.0))
    moved = np.log(np.where(there, price, before).astype(np.float32) / before)
    return np.stack([moved, -moved], axis=-3), there


def _often(shelf: Shelf) -> Singles:
    """Share of the slots on which each series rises, falls, float32 (..., 2, leaves, goods)."""
    days, moves = (x.sum(axis=(-2, -1), keepdims=True, dtype=np.float64) for x in (shelf.days, shelf.moves))
    usual = ((moves + START[0] * START[1]) / (days[..., None, :, :] + START[1])).astype(np.float32)
    known = (shelf.days + np.float32(PRIOR))[..., None, :, :]
    often: Singles = np.maximum((shelf.moves + np.float32(PRIOR) * usual) / known, np.float32(LEAST))
    return often


def _run(shelf: Shelf, moved: Singles, there: Mask) -> Singles:
    run = np.where(moved > MOVE, shelf.run - np.log(_often(shelf)), np.float32(0.0))
    kept: Singles = np.where(there[..., None, :, :], run, shelf.run)
    return kept
