"""Shelf prices: they stand still for weeks, move by steps, and fall for the days of a promotion."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.simulate.tradeplan import Goods, Plan, Shops
from streams.world import Floats

_MOVES: Final = 1 / 25
"""Share of the days on which a chain prices a good anew"""
_STEP: Final = 0.035
_MARKET_STEP: Final = 0.004
"""A day's change of what a good costs on the market, log; chains follow when they price anew"""
_CYCLE: Final = 14
_PROMOTED: Final = 0.12
"""Promotions a chain, good and cycle"""
CHAINS: Final = 6


@dataclass(frozen=True, slots=True)
class Prices:
    """By chain, commodity and day."""

    log_price: Floats
    """(chains, commodities, days), log yuan, without promotions"""
    cut: Floats
    """(chains, commodities, days), log price cut of a promotion, 0 without"""
    shop: Floats
    """(shops, commodities), what a shop is dearer than its chain, log"""


def make_prices(plan: Plan, shops: Shops, goods: Goods) -> Prices:
    """Draw all prices."""
    rng, days = plan.rng(2), plan.days
    market = np.cumsum(rng.normal(0.0, _MARKET_STEP, (plan.goods, days)), axis=1)
    moves = rng.random((CHAINS, plan.goods, days)) < _MOVES
    moves[..., 0] = True
    wish = np.log(goods.price)[:, None] + market + rng.normal(0.0, _STEP, moves.shape)
    last = np.maximum.accumulate(np.where(moves, np.arange(days), 0), axis=-1)
    return Prices(
        log_price=np.take_along_axis(wish, last, axis=-1),
        cut=_cuts(plan),
        shop=rng.normal(0.0, 0.015, (len(shops.county), plan.goods)),
    )


def _cuts(plan: Plan) -> Floats:
    """Promotions of 3 to 7 days and 15 to 30 %."""
    rng = plan.rng(3)
    cycles = -(-plan.days // _CYCLE)
    shape = (CHAINS, plan.goods, cycles)
    active = rng.random(shape) < _PROMOTED
    begin, length = rng.integers(0, _CYCLE - 7, shape), rng.integers(3, 8, shape)
    depth = -np.log1p(-rng.uniform(0.15, 0.30, shape))
    at = np.arange(_CYCLE)
    on = active[..., None] & (at >= begin[..., None]) & (at < (begin + length)[..., None])
    cut = np.where(on, depth[..., None], 0.0).reshape(CHAINS, plan.goods, -1)
    return cut[..., : plan.days]
