"""Stock-outs: from the stock on hand where it is reported, from sales alone where it is not.

A series is in stock or out of it: a hidden Markov chain, filtered (Rabiner 1989). In stock it sells nothing with the
chance that its rate explains; out of stock, nearly always. Stock runs out through a sale, the sooner the more of a
usual day was sold already, and as often as sales so far tell; it comes back mostly while the shops are quiet. The
chance of being out becomes a p by the share of in-stock time that scores as high (``odds``).
"""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors import in_stock_sales, odds
from detectors.in_stock_sales import SHAPE, Expected, InStockSales, PerSeries, Singles
from detectors.moment import Moment
from detectors.odds import BINS
from detectors.pace import DAY_MS, HOUR_MS, WEEK_MS, Pace
from detectors.state import Axes, Floats, Mask

OUT_SILENT: Final = 0.985
"""chance of no sale in a period out of stock"""
NEW_SILENT: Final = 0.75
"""the same of the period in which it ran out"""
LOW_MOST: Final = 3.0
"""log: how much a low sale may speak for having run out within the period"""
EARLY: Final = 0.1
LATE: Final = 2.2
"""stock-outs per usual day's sale: at the start of a day, and added after a whole usual day by its end"""
STEADY: Final = 0.001
"""stock-outs an hour that sales do not explain: shelves cleared, goods taken back"""
AFTER_SILENCE: Final = 0.05
"""how much rarer a stock-out begins after a period without a sale"""
BACK_OPEN: Final = 0.02
BACK_QUIET: Final = 0.35
"""returns an hour: while shops trade, and in the quiet hours, when they are filled"""
QUIET: Final = 0.3
"""an hour is quiet below this share of the mean one"""
BACK_DAY: Final = 0.35
"""returns a day where a period is a day or longer"""
OFTEN_HALF_LIFE_MS: Final = 56 * DAY_MS
OFTEN_POOL: Final = 20.0
OFTEN_OWN: Final = 30.0
"""weight of the hazards as they stand in how often all series run out, and of all in one's own, in stock-outs"""
OFTEN_LEAST: Final = 0.03
OFTEN_MOST: Final = 3.0
"""bounds of that ratio"""
LONG: Final = 0.3
"""how much rarer a return is after a day without"""
CARRY: Final = 2.0
"""weight, in usual periods, of a usual day in what was sold today"""
SCORE_HALF_LIFE_MS: Final = 28 * DAY_MS
CERTAIN: Final = 1e-6
"""chance that a report of the stock is wrong"""
INTERVALS: Final = 2.0
INTERVAL_HOURS: Final = 24.0
"""weight, in deliveries, of a delivery a day in the usual interval between two"""
DEMAND_CV: Final = 0.3
"""how far, relative, the sale until the next delivery varies beyond its baskets"""
DELIVERY_FADE: Final = 0.9
"""what a delivery leaves of the weight of earlier ones"""
UNSURE: Final = 0.002
"""share of time in stock even where the model is certain of the opposite"""


@dataclass(slots=True)
class Stockout(InStockSales):
    """The chance of being out of stock, and how such chances are spread; float32."""

    out: PerSeries
    hours: PerSeries
    """hours since it ran out times the chance that it did"""
    out_share: PerSeries
    """share of time out of stock, of a week fading"""
    gaps: PerSeries
    """times that it ran out, of a week fading"""
    begun: PerSeries
    begun_due: PerSeries
    """stock-outs that began, as far as sales tell, and as the hazard alone expects; fading"""
    silent_last: PerSeries
    """1 where the last period had no sale"""
    stock: PerSeries
    stocked: PerSeries
    """last stock reported, and 1 where one ever was"""
    since: PerSeries
    """hours since the last delivery"""
    hours_between: PerSeries
    deliveries: PerSeries
    """hours between deliveries and their number, fading"""
    scores: Annotated[Singles, Axes((2, BINS), "f4")]
    """in-stock periods by bin of log odds, fading: from sales alone, from stock"""


def step(state: Stockout, qty: Floats, stock: Floats, moment: Moment, pace: Pace) -> Floats:
    """One period of the given series. Changes the state.

    ``qty``: sold, float64 (..., regions, commodities), base units; ``stock``: on hand at the end of the period, the
    same shape; NaN where not reported, and infinite ones count as that. Returns p of being in stock all the same,
    float64 of that shape: NaN where nothing was reported or the series is not known yet.
    """
    qty, stock = (np.where(np.isfinite(of), of, np.nan) for of in (qty, stock))
    seen, told = ~np.isnan(qty), ~np.isnan(stock)
    sold = np.where(seen, np.maximum(qty, 0.0), 0.0).astype(np.float32)
    in_stock_sales.begin(state, moment, pace)
    at = in_stock_sales.expect(state, sold, seen, np.float32(1.0) - state.out, moment, pace)
    out = _filter(state, sold, seen, at, moment, pace)
    out = np.where(told, np.where(stock <= 0.0, 1.0 - CERTAIN, CERTAIN), out).astype(np.float32)
    known = (state.exposed >= pace.warm_ticks) & (seen | told)
    score = np.where(told, _short(state, stock, at, pace), np.log(out / (1.0 - out)))
    p = _chance(state, score, np.where(known, 1.0 - out, 0.0), told, pace)
    _remember(state, out, stock, told, pace)
    state.silent_last[...] = np.where(seen, sold <= 0.0, state.silent_last)
    in_stock_sales.learn(state, sold, seen, np.float32(1.0) - out, at, moment, pace)
    return np.where(known, p, np.nan)


def days_out(state: Stockout) -> Floats:
    """Days since each series ran out, 0 where it is more likely in stock: measure ``stock_out_days``."""
    return np.where(state.out > 0.5, state.hours / np.maximum(state.out, 0.5) / 24.0, 0.0).astype(np.float64)


def _filter(state: Stockout, sold: Singles, seen: Mask, at: Expected, moment: Moment, pace: Pace) -> Singles:
    """Chance of being out, with this period's sale known; carries the expected time since it ran out along."""
    silent = sold <= 0.0
    back, run_out = _hazards(state, at, moment, pace)
    often = _often(state)
    still, due = state.out * (1.0 - back), (1.0 - state.out) * run_out
    begun = due * often
    old = np.where(seen, np.where(silent, OUT_SILENT, 1.0 - OUT_SILENT), 1.0)
    new = np.where(seen, np.where(silent, NEW_SILENT, (1.0 - NEW_SILENT) * _low(sold, at)), 1.0)
    here = (1.0 - still - begun) * np.where(seen, np.where(silent, at.none, 1.0 - at.none), 1.0)
    gone = still * old + begun * new
    longer = state.hours * (1.0 - back) + still * (pace.tick_ms / HOUR_MS)
    state.hours[...] = (longer * old + begun * new * (pace.tick_ms / HOUR_MS)) / (gone + here)
    out = np.asarray(np.clip(gone / (gone + here), CERTAIN, 1.0 - CERTAIN), np.float32)
    fade = np.float32(0.5 ** (pace.tick_ms / max(OFTEN_HALF_LIFE_MS, 14.0 * pace.tick_ms)))
    # What a period's sale adds to the chance of being out, or takes from it, speaks of a stock-out that began earlier.
    state.begun[...] = state.begun * fade + np.where(seen, begun + out - (still + begun), 0.0)
    state.begun_due[...] = state.begun_due * fade + np.where(seen, due, 0.0)
    return out


def _often(state: Stockout) -> Singles:
    """How often each series runs out, times what the hazard says: its own past shrunk to that of all."""
    begun, due = (a.sum(axis=(-2, -1), keepdims=True) for a in (state.begun, state.begun_due))
    pool = np.clip((begun + OFTEN_POOL) / (due + OFTEN_POOL), OFTEN_LEAST, OFTEN_MOST)
    own = (state.begun + OFTEN_OWN * pool) / (state.begun_due + OFTEN_OWN)
    return np.asarray(np.clip(own, OFTEN_LEAST, OFTEN_MOST), np.float32)


def _low(sold: Singles, at: Expected) -> Singles:
    """How much likelier a sale is that stopped within the period: the deviance of few baskets (negative binomial)."""
    got, due = sold / at.basket + 0.5, at.rate / at.basket + 0.5
    deviance = got * np.log(got / due) - (got + SHAPE) * np.log((got + SHAPE) / (due + SHAPE))
    return np.asarray(np.where(got < due, np.exp(np.minimum(deviance, LOW_MOST)), 1.0), np.float32)


def _remember(state: Stockout, out: Singles, stock: Floats, told: Mask, pace: Pace) -> None:
    """Keep what is known of the stock, in place."""
    left = np.maximum(np.nan_to_num(stock), 0.0).astype(np.float32)
    more = told & (state.stocked > 0.0) & (left > state.stock)
    fade = np.where(more, DELIVERY_FADE, 1.0)
    tick = pace.tick_ms / HOUR_MS
    state.since += np.float32(tick)
    state.hours_between[...] = state.hours_between * fade + np.where(more, state.since, 0.0)
    state.deliveries[...] = state.deliveries * fade + more
    state.since[...] = np.where(more, 0.0, state.since)
    state.stock[...] = np.where(told, left, state.stock)
    state.stocked[...] = np.where(told, 1.0, state.stocked)
    state.hours[...] = np.where(told, np.where(left > 0.0, 0.0, np.maximum(state.hours, tick)), state.hours)
    week = 0.5 ** (pace.tick_ms / WEEK_MS)
    state.gaps[...] = state.gaps * week + ((out > 0.5) & (state.out <= 0.5))
    state.out_share[...] = state.out_share * week + (1.0 - week) * out
    state.out[...] = out


def _hazards(state: Stockout, at: Expected, moment: Moment, pace: Pace) -> tuple[Singles, Singles]:
    """Chances, before this period's sale is known, of a return to stock and of running out."""
    hours = pace.tick_ms / HOUR_MS
    back = np.full_like(state.out, 1.0 - (1.0 - BACK_DAY) ** max(hours / 24.0, 1.0))
    if pace.tick_ms < DAY_MS:
        profile = at.profile[..., in_stock_sales.slot_of(moment), None, None]
        quiet = (profile > 0.0) & (profile < QUIET)
        long = LONG * np.clip(state.hours / np.maximum(state.out, CERTAIN) / 12.0 - 1.0, 0.0, 1.0)
        back[...] = 1.0 - (1.0 - np.where(quiet, BACK_QUIET * (1.0 - long), BACK_OPEN)) ** hours
    day = np.maximum(at.day, 1e-6 * at.basket)
    gone = np.clip(state.today_usual / day, 0.0, 2.0)
    extra = CARRY * day / in_stock_sales.periods_of_day(pace)
    sold = (state.today + extra * gone) / (day + extra)
    eager = EARLY + LATE * sold * np.maximum(gone, 0.05)
    run_out = np.minimum(at.usual / day, 1.0) * eager + STEADY * min(hours, 24.0)
    after = np.where(state.silent_last > 0.0, AFTER_SILENCE, 1.0 / np.maximum(1.0 - at.none, 0.05))
    return back, np.asarray(np.clip(run_out * after, 0.0, 0.6), np.float32)


def _short(state: Stockout, stock: Floats, at: Expected, pace: Pace) -> Floats:
    """Log odds that a reported stock does not last until the next usual delivery."""
    usual = (state.hours_between + INTERVALS * INTERVAL_HOURS) / (state.deliveries + INTERVALS)
    hours = np.maximum(usual - state.since, pace.tick_ms / HOUR_MS)
    need = np.maximum(at.day, 1e-6 * at.basket) * hours / max(24.0, pace.tick_ms / HOUR_MS)
    spread = np.sqrt(need * at.basket + (DEMAND_CV * need) ** 2)
    left = np.nan_to_num(stock)
    return np.asarray(np.where(left <= 0.0, -np.log(CERTAIN), np.clip(1.7 * (need - left) / spread, -12.0, 12.0)))


def _chance(state: Stockout, score: Floats, weight: Floats, told: Mask, pace: Pace) -> Floats:
    """p of the scores: the share of in-stock time, of those who report stock and of the others, that scores as high."""
    fade = 0.5 ** (pace.tick_ms / SCORE_HALF_LIFE_MS)
    unsure = weight + np.where(weight > 0.0, UNSURE, 0.0)
    alone, stocked = (
        odds.tail(state.scores[..., i, :], score, np.where(mine, unsure, 0.0), fade)
        for i, mine in ((0, ~told), (1, told))
    )
    return np.where(told, stocked, alone)
