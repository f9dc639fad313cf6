"""Rises as the rules count them: since the last price, over days, of means of weeks and of ten days; of all nodes.

Of several shops or goods: the mean of each one's own log relative, never a relative of means.
"""

from typing import Final

import numpy as np

from detectors.pace import DAY_MS, Pace
from detectors.relative import SLOTS, Shelf, Singles
from detectors.state import Floats, Ints
from detectors.tree import Tree

_SINCE: Final = {"1d": 1, "5d": 5, "1m": 30}
"""windows of the price now against the price so many days before"""
_MEANS: Final = {"1w": 7, "10d": 10}
"""windows of the mean of so many days against that of as many before"""
_STALE: Final = 3
"""a price so many slots older stands for one that was not reported"""


def rises(shelf: Shelf, tree: Tree, pace: Pace) -> dict[str, Floats]:
    """Measures ``price_rise`` (since the last price), ``price_rise_1d``, ``_5d``, ``_1w``, ``_10d``, ``_1m``.

    After ``relative.take``. Fractions (0.1 is 10 %), float64 (..., regions, commodities); NaN where a price is missing
    or the window is shorter than a slot.
    """
    prices = known_prices(shelf)
    days = max(1.0, pace.tick_ms / DAY_MS)
    found = {"price_rise": _log(prices[0], _last(prices[1:]))}
    for name, window in _SINCE.items():
        back = round(window / days)
        found[f"price_rise_{name}"] = _log(prices[0], _before(prices, back)) if back else _none(prices)
    for name, window in _MEANS.items():
        n = round(window / days)
        found[f"price_rise_{name}"] = _log(_mean(prices[:n]), _mean(prices[n : 2 * n])) if n else _none(prices)
    return {name: np.expm1(_over(tree, value)) for name, value in found.items()}


def changes(shelf: Shelf, pace: Pace) -> dict[str, Floats]:
    """Measures ``price_change_1d`` and ``_1w``, yuan, of the given series, float64 (..., leaves, goods)."""
    prices = known_prices(shelf)
    days = max(1.0, pace.tick_ms / DAY_MS)
    found = {}
    for name, window in (("1d", 1), ("1w", 7)):
        back = round(window / days)
        before = _before(prices, back) if back else np.zeros_like(prices[0])
        both = (prices[0] > 0.0) & (before > 0.0)
        found[f"price_change_{name}"] = np.where(both, prices[0].astype(np.float64) - before, np.nan)
    return found


def cumulative(shelf: Shelf, tree: Tree, slots: int) -> Floats:
    """Rise of the price now since ``slots`` (1 to 30) slots before, a fraction, float64 (..., regions, commodities)."""
    if not 0 < slots < SLOTS:
        raise ValueError(f"slots: expected 1 to {SLOTS - 1}, got {slots}")
    prices = known_prices(shelf)
    return np.expm1(_over(tree, _log(prices[0], _before(prices, slots))))


def slots_above(shelf: Shelf, base: Floats, rise: float) -> Ints:
    """For how many slots in a row, up to now, prices stood ``rise`` (a fraction) or more above ``base`` (yuan).

    ``base``: (..., leaves, goods). Slots without a price are passed over; int64, at most SLOTS.
    """
    prices = known_prices(shelf)
    there = prices > 0.0
    above = there & (prices >= base * (1.0 + rise))
    going = np.cumsum(there & ~above, axis=0) == 0
    return np.asarray((above & going).sum(axis=0), np.int64)


def known_prices(shelf: Shelf) -> Singles:
    """Prices by slot, the one that is not over first, float32 (SLOTS, ..., leaves, goods); 0: none."""
    slot = int(shelf.slot.flat[0])
    now = shelf.total / np.maximum(shelf.count, 1.0)
    order = [(slot - back) % SLOTS for back in range(1, SLOTS)]
    past = np.moveaxis(shelf.past[..., order, :, :], -3, 0)
    return np.concatenate([now[None], past]).astype(np.float32)


def _before(prices: Singles, back: int) -> Singles:
    return _last(prices[back : back + _STALE])


def _last(prices: Singles) -> Singles:
    first = (prices > 0.0).argmax(axis=0)
    last: Singles = np.take_along_axis(prices, first[None], axis=0)[0]
    return last


def _mean(prices: Singles) -> Singles:
    mean: Singles = (prices.sum(axis=0) / np.maximum((prices > 0.0).sum(axis=0), 1)).astype(np.float32)
    return mean


def _log(now: Singles, before: Singles) -> Floats:
    both = (now > 0.0) & (before > 0.0)
    ratio = np.where(both, now, 1.0).astype(np.float64) / np.where(both, before, 1.0)
    return np.where(both, np.log(ratio), np.nan)


def _none(prices: Singles) -> Floats:
    return np.full(prices.shape[1:], np.nan)


def _over(tree: Tree, value: Floats) -> Floats:
    return np.asarray(tree.rise(value) / tree.rise(np.where(np.isnan(value), np.nan, 1.0)))
