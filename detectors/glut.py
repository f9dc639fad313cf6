"""Gluts (滞销): stock that lasts far longer than usual; where none is reported, sales and prices that fall together.

Each series is measured by its own restlessness: log days of supply, log of recent against usual sales, log price
against the usual one. A promotion is no glut: it cuts the price, and sales rise.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors import odds
from detectors.in_stock_sales import PerSeries, Singles
from detectors.moment import Moment
from detectors.odds import BINS
from detectors.pace import DAY_MS, Pace
from detectors.state import Axes, Floats, Mask, State

RECENT_HALF_LIFE_MS: Final = 2 * DAY_MS
USUAL_HALF_LIFE_MS: Final = 28 * DAY_MS
PRIOR_VARIANCE: Final = 0.04
PRIOR_PERIODS: Final = 7.0
"""variance of a log ratio before its own is known, and its weight in periods"""
LEAST_SD: Final = 0.02
WARM_PERIODS: Final = 14.0
"""periods for which a figure must be known before it is judged"""
FLAGGED: Final = 1e-3
"""a series at such a p is not learned from"""
ANEW_MS: Final = 28 * DAY_MS
"""a series flagged for so long is learned anew: that is its normal now"""
MOST_SD: Final = 4.0
"""a figure is learned as at most so many standard deviations from the usual"""


@dataclass(slots=True)
class Glut(State):
    """Fading sums; float32. ``cover``, ``trade``, ``dear``: log days of supply, log sales ratio, log price."""

    recent: PerSeries
    recent_seen: PerSeries
    usual: PerSeries
    usual_seen: PerSeries
    """sold and periods, over two days and four weeks"""
    cover: Annotated[Singles, Axes((3, "units", "codes"), "f4")]
    trade: Annotated[Singles, Axes((3, "units", "codes"), "f4")]
    dear: Annotated[Singles, Axes((3, "units", "codes"), "f4")]
    """sums of weight, value, value squared"""
    flagged_ms: PerSeries
    scores: Annotated[Singles, Axes((2, BINS), "f4")]
    """periods by bin of score, fading: from stock, from sales and prices"""


def step(state: Glut, qty: Floats, stock: Floats, price: Floats, moment: Moment, pace: Pace) -> Floats:
    """One period of the given series. Changes the state.

    ``qty`` sold, ``stock`` on hand, base units, ``price`` per base unit: float64 (regions, commodities), NaN where not
    reported, and infinite ones count as that. Returns p of so much stock, or of such a fall of sales and price, float64
    of that shape; NaN where neither can be judged. A festival's slack (``moment.drop_lift``) is taken off the fall.
    """
    qty, stock, price = (np.where(np.isfinite(of), of, np.nan) for of in (qty, stock, price))
    trade = _trade(state, qty, pace)
    daily = _daily(state, pace)
    told = ~np.isnan(stock) & (daily > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cover = np.where(told, np.log((np.maximum(stock, 0.0) + daily / 8.0) / daily), np.nan)
        dear = np.log(np.where(price > 0.0, price, np.nan))
    sales_down = -_z(state.trade, trade - moment.drop_lift)
    both = np.minimum(sales_down, -_z(state.dear, dear))
    much = _z(state.cover, cover)
    score = np.sqrt(2.0) * np.where(told, much, both)
    known = ~np.isnan(score)
    p = _chance(state, np.where(known, score, odds.LOWEST), known, told, pace)
    _learn(state, qty, cover, trade, dear, np.where(known, p, 1.0), pace)
    return np.where(known, p, np.nan)


def _trade(state: Glut, qty: Floats, pace: Pace) -> Floats:
    """Log of recent sales against the usual; takes this period into the recent ones."""
    seen = ~np.isnan(qty)
    fade = 0.5 ** (pace.tick_ms / max(RECENT_HALF_LIFE_MS, pace.tick_ms))
    state.recent[...] = state.recent * fade + np.where(seen, np.maximum(qty, 0.0), 0.0)
    state.recent_seen[...] = state.recent_seen * fade + seen
    usual = _over(state.usual, state.usual_seen)
    some = 0.1 * usual
    ratio = _over(_over(state.recent, state.recent_seen) + some, usual + some)
    return np.asarray(np.where(seen & (ratio > 0.0), np.log(np.where(ratio > 0.0, ratio, 1.0)), np.nan))


def _daily(state: Glut, pace: Pace) -> Floats:
    """Sales a day, now: recent ones, with a tenth of the usual so that a day without sales is not an endless stock."""
    recent = _over(state.recent, state.recent_seen)
    usual = np.where(state.usual_seen > 0.0, _over(state.usual, state.usual_seen), recent)
    return np.asarray((0.9 * recent + 0.1 * usual) * (DAY_MS / pace.tick_ms))


def _z(sums: Singles, value: Floats) -> Floats:
    """Standard deviations above the series' own mean; NaN where not known for long enough."""
    weight, total, square = sums.astype(np.float64)
    mean = _over(total, weight)
    spread = np.maximum(_over(square, weight) - mean * mean, 0.0)
    variance = (weight * spread + PRIOR_PERIODS * PRIOR_VARIANCE) / (weight + PRIOR_PERIODS)
    z = (value - mean) / np.maximum(np.sqrt(variance), LEAST_SD)
    return np.asarray(np.where(weight >= WARM_PERIODS * 0.9, z, np.nan))


def _chance(state: Glut, score: Floats, known: Mask, told: Mask, pace: Pace) -> Floats:
    """p of the scores among those of all series; what was flagged before does not count as normal."""
    fade = 0.5 ** (pace.tick_ms / USUAL_HALF_LIFE_MS)
    weight = np.where(known & (state.flagged_ms == 0.0), 1.0, 0.0)
    stocked, alone = (
        odds.tail(state.scores[i], score, np.where(mine, weight, 0.0), fade) for i, mine in ((0, told), (1, ~told))
    )
    return np.where(told, stocked, alone)


def _learn(state: Glut, qty: Floats, cover: Floats, trade: Floats, dear: Floats, p: Floats, pace: Pace) -> None:
    """Learn what was not flagged, or has been for so long that it is normal now."""
    flagged = p < FLAGGED
    state.flagged_ms[...] = np.where(flagged, state.flagged_ms + pace.tick_ms, 0.0)
    learn = ~flagged | (state.flagged_ms > ANEW_MS)
    fade = 0.5 ** (pace.tick_ms / max(USUAL_HALF_LIFE_MS, 14.0 * pace.tick_ms))
    seen = learn & ~np.isnan(qty)
    usual = _over(state.usual, state.usual_seen)
    young = state.usual_seen < WARM_PERIODS
    sold = np.nan_to_num(np.maximum(qty, 0.0))
    # A rush must not make plain days look slack: a period counts for at most thrice the usual.
    sold = np.where(young, sold, np.minimum(sold, 3.0 * usual + 3.0 * _over(state.recent, state.recent_seen)))
    state.usual[...] = np.where(seen, state.usual * fade + sold, state.usual)
    state.usual_seen[...] = np.where(seen, state.usual_seen * fade + 1.0, state.usual_seen)
    for sums, value in ((state.cover, cover), (state.trade, trade), (state.dear, dear)):
        take = learn & ~np.isnan(value)
        x = np.where(take, value, 0.0)
        known = _z(sums, x)
        mean = _over(sums[1], sums[0])
        far = np.where(np.isnan(known), 0.0, np.abs(known))
        x = np.where(far > MOST_SD, mean + (x - mean) * (MOST_SD / np.maximum(far, MOST_SD)), x)
        sums[...] = np.where(take, sums * fade + np.stack([np.ones_like(x), x, x * x]), sums)


def _over(top: Floats | Singles, bottom: Floats | Singles) -> Floats:
    """A ratio, 0 where nothing is known."""
    top, bottom = np.asarray(top, np.float64), np.asarray(bottom, np.float64)
    return np.asarray(np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=bottom > 0.0))
