"""Own relatives: each series' log price against its own recent normal, and their mean over shops and goods.

A mean of prices moves when a dear shop is closed; the mean of each shop's own relative does not. The normal is known
before the period that is judged: prices are kept by slot (a day, or a period where that is longer), and the slot that
is not over belongs to no normal.
"""

from dataclasses import dataclass
from typing import Annotated, Final, cast

import numpy as np
import numpy.typing as npt

from detectors.moment import Moment
from detectors.pace import DAY_MS, Pace
from detectors.state import Axes, Floats, Mask, State
from detectors.tree import Tree

SLOTS: Final = 31
"""slots of prices that are kept, the last 30 of them known"""
RECENT: Final = 10
"""slots of the recent normal: of 3 to 30, 7 to 10 found most rises at the same rate of false alarms"""
LEAST: Final = 5
"""reported slots of the last 30 that a series needs to be judged"""
BLOCK: Final = 5
"""slots whose median is one value of the longer memory"""
BLOCKS: Final = 7
"""values of the longer memory: slots 11 to 45 before"""
RETURN: Final = 0.5
"""how far a price that was higher (lower) before is taken as a return to it, when shops are averaged"""
OUTLYING: Final = 0.7
"""log: no shop counts for more in a mean, whatever it asks"""
LEAST_PRICE: Final = 1e-18
MOST_PRICE: Final = 1e18
"""yuan; what lies beyond is no price"""
SHARE: Final = 0.3
"""of the series below a node, so many must report for their mean to count"""

Singles = npt.NDArray[np.float32]
Leaf = Annotated[Singles, Axes(("leaves", "goods"), "f4")]
"""float32 (given regions, given commodities)"""


@dataclass(slots=True)
class Shelf(State):
    """Prices by slot, yuan; 0 where none was reported. A leading axis before all others is allowed."""

    slot: Annotated[Floats, Axes((2,))]
    """number of the slot that is not over; 1 where there is one"""
    total: Leaf
    count: Leaf
    """sum of the prices of the slot that is not over, and how many"""
    past: Annotated[Singles, Axes((SLOTS, "leaves", "goods"), "f4")]
    """mean price by slot, by its number modulo SLOTS"""
    blocks: Annotated[Singles, Axes((BLOCKS, "leaves", "goods"), "f4")]
    recent: Leaf
    """median of the last slots"""
    high: Leaf
    low: Leaf
    """upper and lower quartile of the longer memory"""
    reported: Leaf
    """slots of the last 30 with a price"""
    shown: Leaf
    """last price of all; ``climb`` keeps this and what follows"""
    before: Leaf
    """last price of the last slot that is over and had one"""
    days: Leaf
    """slots known, fading"""
    moves: Annotated[Singles, Axes((2, "leaves", "goods"), "f4")]
    """of these, how many with a rise, with a fall"""
    run: Annotated[Singles, Axes((2, "leaves", "goods"), "f4")]
    """minus the log chance of the run of rises, of falls, up to the last slot"""


def slot_of(moment: Moment, pace: Pace) -> int:
    """Number of the slot of a period: its day, or its own number where a period is longer."""
    return moment.day if pace.tick_ms <= DAY_MS else moment.number


def begin(shelf: Shelf, slot: int) -> None:
    """Close the slot that is over, in place, before anything of the new one is known."""
    last, known = int(shelf.slot.flat[0]), bool(shelf.slot.flat[1])
    shelf.slot[..., 0], shelf.slot[..., 1] = slot, 1.0
    if not known or slot <= last:
        return
    for gone in range(max(last + 1, slot - SLOTS), slot + 1):
        shelf.reported -= shelf.past[..., gone % SLOTS, :, :] > 0.0
        shelf.past[..., gone % SLOTS, :, :] = 0.0
    if slot - last < SLOTS:
        closed = shelf.total / np.maximum(shelf.count, np.float32(1.0))
        shelf.past[..., last % SLOTS, :, :] = closed
        shelf.reported += closed > 0.0
    shelf.total[...] = 0.0
    shelf.count[...] = 0.0
    for number in range(max(last + 1, slot - BLOCK * BLOCKS), slot + 1):
        if number % BLOCK == 0:
            _remember(shelf, number, slot)
    shelf.recent[...] = _median(_slots(shelf, range(slot - RECENT, slot)))


def take(shelf: Shelf, price: Floats) -> None:
    """Add the prices of a period to the slot that is not over, in place. (..., leaves, goods), NaN: none."""
    good = is_price(price)
    shelf.total += np.where(good, price, 0.0)
    shelf.count += good
    shelf.shown[...] = np.where(good, price, shelf.shown)


def relatives(shelf: Shelf, price: Floats, tree: Tree) -> Singles:
    """Log relatives of all nodes, float32 (..., 2, regions, commodities): rises, falls (a fall is positive there).

    One series: ``log(price / recent)``. A mean over series: of rises (falls count as none, so that a sale elsewhere
    hides no rise), each against ``recent`` moved by RETURN of the way to its upper quartile of the weeks before, so
    that the end of many sales is not a rise; falls likewise. NaN where a price is missing or not known, where fewer
    than two series or SHARE of the known ones report, and of a parent of one region alone.
    """
    known = (shelf.reported >= LEAST) & (shelf.recent > 0.0)
    there = known & is_price(price)
    recent = np.where(known, shelf.recent, np.float32(1.0))
    own = np.log(np.where(there, price, recent).astype(np.float32) / recent)
    own[~there] = np.nan
    values = np.stack([own, -own], axis=-3)
    if tree.shape == (tree.leaves, tree.goods):
        return values
    high = np.where(known & (shelf.high > recent), shelf.high, recent)
    low = np.where(known & (shelf.low > 0.0) & (shelf.low < recent), shelf.low, recent)
    back = np.float32(RETURN) * np.log(np.stack([high / recent, recent / low], axis=-3))
    part = np.clip(values - back, np.float32(0.0), np.float32(OUTLYING))
    count = np.nan_to_num(sums(tree, np.where(there, np.float32(1.0), np.float32(np.nan))))
    possible = np.nan_to_num(sums(tree, np.where(known, np.float32(1.0), np.float32(np.nan))))
    enough = count >= np.maximum(2.0, SHARE * possible)
    regions = np.bincount(tree.below[1], minlength=len(tree.regions) - tree.leaves)
    enough[..., tree.leaves :, :] &= (regions >= 2)[:, None]
    mean = sums(tree, part) / np.where(enough, count, np.float32(np.nan))[..., None, :, :]
    mean[..., : tree.leaves, : tree.goods] = values
    return np.asarray(mean, np.float32)


def is_price(price: Floats) -> Mask:
    """Whether one was given of which single precision can hold the ratio to any other."""
    return np.asarray((price >= LEAST_PRICE) & (price <= MOST_PRICE))


def sums(tree: Tree, given: Singles) -> Singles:
    """``Tree.rise`` in single precision: its sums are as its values are."""
    return cast(Singles, tree.rise(cast(Floats, given)))


def _slots(shelf: Shelf, numbers: range) -> Singles:
    taken: Singles = shelf.past[..., [n % SLOTS for n in numbers], :, :]
    return taken


def _remember(shelf: Shelf, number: int, slot: int) -> None:
    """Add the median of the BLOCK slots that ended RECENT before ``number`` to the longer memory."""
    first = number - RECENT - BLOCK
    if first < slot - SLOTS + 1:
        value: Singles = np.zeros_like(shelf.recent)
    else:
        value = _median(_slots(shelf, range(first, number - RECENT)))
    shelf.blocks[..., (number // BLOCK) % BLOCKS, :, :] = value
    order = np.sort(np.where(shelf.blocks > 0.0, shelf.blocks, np.inf), axis=-3)
    n = (shelf.blocks > 0.0).sum(axis=-3, keepdims=True)
    at = np.maximum(n - 1, 0)
    for quartile, share in ((shelf.high, 0.75), (shelf.low, 0.25)):
        picked = np.take_along_axis(order, np.rint(share * at).astype(np.intp), axis=-3)[..., 0, :, :]
        quartile[...] = np.where(n[..., 0, :, :] > 0, picked, 0.0)


def _median(prices: Singles) -> Singles:
    """Median over axis -3 of the positive ones; 0 where there is none."""
    order = np.sort(np.where(prices > 0.0, prices, np.inf), axis=-3)
    n = (prices > 0.0).sum(axis=-3, keepdims=True)
    below = np.take_along_axis(order, np.maximum(n - 1, 0) // 2, axis=-3)
    above = np.take_along_axis(order, np.minimum(n // 2, prices.shape[-3] - 1), axis=-3)
    both = np.where(n > 0, (below + np.where(n > 0, above, 0.0)) / 2.0, 0.0)[..., 0, :, :]
    return both.astype(np.float32)
