"""What customers want: levels, hours, weekdays, calendar, trend and promotions, and counts around them."""

from typing import Final

import numpy as np

from streams.simulate.tradecalendar import lifts
from streams.simulate.tradeplan import DAY_S, Goods, Plan, Shops
from streams.simulate.tradeprice import Prices
from streams.world import Floats

_DAY_SHAPE: Final = 30.0
"""Gamma shape of what all goods of a shop have in common on a day"""
_CELL_SHAPE: Final = 12.0
"""Gamma shape of one good of one shop on one day"""
_TREND: Final = 0.02
"""A week's random step of a county's trade, log"""


def expected(plan: Plan, shops: Shops, goods: Goods, prices: Prices) -> Floats:
    """Units that customers want of each good in each shop and period without events, (shops, commodities, T)."""
    rng = plan.rng(4)
    level = shops.size[:, None] * goods.rate * np.exp(rng.normal(0.0, 0.4, (len(shops.county), plan.goods)))
    days = plan.day_numbers()
    # Day 0 was a Thursday.
    weekend = (days + 3) % 7 >= 5
    weeks = -(-plan.days // 7)
    walk = np.cumsum(rng.normal(0.0, _TREND, (len(plan.counties()), weeks)), axis=1)
    trend = np.repeat(walk - walk.mean(axis=1, keepdims=True), 7, axis=1)[:, : plan.days]
    log_day = goods.weekend[:, None] * weekend + goods.festive[:, None] * lifts(days)
    log_day = log_day + goods.elasticity[:, None] * prices.cut[shops.chain] + trend[shops.county][:, None, :]
    daily = level[..., None] * np.exp(log_day)
    mean: Floats = np.repeat(daily, plan.per_day, axis=-1) * np.tile(_hours(plan), plan.days)
    at = np.arange(mean.shape[-1])
    mean *= ((at >= shops.opens[:, None]) & (at < shops.closes[:, None]))[:, None, :]
    return mean


def draw(plan: Plan, mean: Floats, factor: Floats) -> Floats:
    """Negative-binomial counts around ``mean`` x ``factor``, both (shops, commodities, T); factors are 1 or more.

    Days of a shop and of its goods differ. What a factor adds is drawn apart, so that all else stays as it was.
    """
    rng, more = plan.rng(5), plan.rng(9)
    shops, commodities, _ = mean.shape
    common = rng.gamma(_DAY_SHAPE, 1 / _DAY_SHAPE, (shops, 1, plan.days))
    own = rng.gamma(_CELL_SHAPE, 1 / _CELL_SHAPE, (shops, commodities, plan.days))
    rate = mean * np.repeat(common * own, plan.per_day, axis=-1)
    counts = np.asarray(rng.poisson(rate), np.float64)
    return counts + np.asarray(more.poisson(rate * (factor - 1.0)), np.float64)


def _hours(plan: Plan) -> Floats:
    """Share of a day's trade in each of its periods; the sum is 1. Peaks at 10 and at 18, closed from 22 to 7."""
    hour = (np.arange(plan.per_day) + 0.5) * (DAY_S / plan.per_day) / 3600
    curve = 0.25 + np.exp(-(((hour - 10.0) / 2.5) ** 2)) + 1.1 * np.exp(-(((hour - 18.0) / 2.2) ** 2))
    open_ = (hour >= 7) & (hour < 22) | (plan.per_day == 1)
    share: Floats = curve * open_ / (curve * open_).sum()
    return share
