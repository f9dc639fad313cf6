"""A day of the simulated market: what each shelf sells, at what price; a pure function of world, seed and day."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.topics import DAY_MS, HOUR_MS
from streams.world import Bools, Floats, Ints, World

ZONE_MS: Final = 8 * HOUR_MS
"""Local time is UTC+8, with no summer time."""
BLOCK_MS: Final = 5 * 60_000
BLOCKS: Final = DAY_MS // BLOCK_MS
OPENS_HOUR: Final = 8
CLOSES_HOURS: Final = (21, 22)

_CYCLE: Final = 14
_WEEKEND: Final = 1.25
_PROMO_DEMAND: Final = 1.6
_PROMO_SHARE: Final = 0.15
"""Promotions a SKU and cycle of 14 days"""

# Relative sales by hour of the local clock: peaks at 10 and 11, and from 17 to 19.
_HOURS: Final = {
    **{8: 0.7, 9: 1.1, 10: 1.6, 11: 1.4, 12: 0.9, 13: 0.7, 14: 0.7},
    **{15: 0.9, 16: 1.2, 17: 1.7, 18: 1.8, 19: 1.4, 20: 0.9, 21: 0.5},
}


def _curve(closes: int) -> Floats:
    """Share of a day's sales in each block of 5 minutes, smoothed over an hour while open; the sum is 1."""
    hours = np.array([_HOURS.get(h, 0.0) if h < closes else 0.0 for h in range(24)])
    blocks = np.repeat(hours, BLOCKS // 24)
    smooth = np.convolve(blocks, np.ones(12) / 12, mode="same") * (blocks > 0)
    share: Floats = smooth / smooth.sum()
    return share


CURVES: Final = np.stack([_curve(closes) for closes in CLOSES_HOURS])
"""(2, 288): shares of a day's sales by block, of shops that close at 21 and at 22 h"""


@dataclass(frozen=True, slots=True)
class Day:
    """One local day, a value a shelf."""

    start_ms: int
    """00:00 local time, ms UTC"""
    rate: Floats
    """sale lines expected in the day without events; 0 for novelties"""
    price: Ints
    """price of one unit, fen, without events"""
    promo: Bools


def day_of(ms: int) -> int:
    """Number of the local day since 1970-01-01."""
    return (ms + ZONE_MS) // DAY_MS


def make_day(world: World, seed: int, number: int) -> Day:
    """Rates and prices of the local day ``number``."""
    skus, shelves = world.skus, world.shelves
    count = len(skus.sku)
    cut = _promotions(seed, count, number)
    # Loose and fresh goods are priced anew every morning; a packed good's price moves rarely, and comes back.
    jitter = np.where(skus.content == 0, np.random.default_rng([seed, 1, number]).normal(0.0, 0.015, count), 0.0)
    level = np.random.default_rng([seed, 2, number // _CYCLE])
    step = np.where(level.random(count) < 0.2, level.choice((-1, 1), count) * level.uniform(0.03, 0.08, count), 0.0)
    factor = (1.0 + step) * (1.0 + jitter) * (1.0 - cut)
    price = np.maximum(1, np.rint(shelves.price * factor[shelves.sku]))
    # Day 0 was a Thursday.
    week = _WEEKEND if (number + 3) % 7 >= 5 else 1.0
    promo = (cut > 0)[shelves.sku]
    return Day(
        start_ms=number * DAY_MS - ZONE_MS,
        rate=shelves.rate * skus.listed[shelves.sku] * np.where(promo, _PROMO_DEMAND, 1.0) * week,
        price=price.astype(np.int64),
        promo=promo,
    )


def _promotions(seed: int, count: int, number: int) -> Floats:
    """Price cut of each SKU on that day, 0 without a promotion: 3 to 7 days, 15 to 30 %."""
    phase = np.random.default_rng([seed, 3]).integers(0, _CYCLE, count)
    cycle, at = np.divmod(number + phase, _CYCLE)
    cut = np.zeros(count)
    for c in (number // _CYCLE, number // _CYCLE + 1):
        rng = np.random.default_rng([seed, 4, c])
        active = rng.random(count) < _PROMO_SHARE
        # The last day of a cycle is always free, so that two promotions never become one.
        begin = rng.integers(0, _CYCLE - 7, count)
        end = begin + rng.integers(3, 8, count)
        depth = rng.uniform(0.15, 0.30, count)
        cut = np.where((cycle == c) & active & (at >= begin) & (at < end), depth, cut)
    return cut
