"""Silence and thin trade told apart: the supply broke, the feed broke, or the shop is closed.

Works on hour bars and longer periods, for the regions that report (shops or counties). Where it is not known that
terminals are heard, a sudden silence is a fault of the feed, and not of the supply unless a broad fall came before it.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.moment import Moment
from detectors.pace import DAY_MS, EXIT_MS, HOUR_MS, Pace
from detectors.state import Axes, Floats, Mask, PerSeries, State

FALL: Final = 0.4
"""A broad fall: less than this share of what is usual, over the window."""
BLIND: Final = 0.25
"""The same where no p is known: how restless the region is, is not known either."""
BREADTH: Final = 0.6
"""Share of the commodities that are usually sold now and have fallen as far."""
SURE_P: Final = 0.02
"""The combined p of the drop below which a broad fall counts, where p is known."""
MISSING: Final = 0.15
"""Share of a day's trade that must be missing: the hour of a clock that slipped is less."""
EMPTY: Final = 0.5
"""Share of the commodities (with stock on hand known) out of stock from which shelves are empty ..."""
FULL: Final = 0.1
"""... and below which they are full: then a fall is one of demand."""
UNHEARD: Final = 0.95
"""Share of the terminals below which a part of the feed is missing."""
PART: Final = 0.75
"""Share of the terminals below which a fall is theirs that is half as deep as that share tells."""
HEARD: Final = 0.5
"""Share of the terminals from which on a region without a sale is closed; below it, most of it is not heard."""
OPEN: Final = 0.5
"""A slot of the week with sales in a smaller share of the weeks is one in which the region is usually closed."""
CLOSED_LIFT: Final = math.log(0.3)
"""A festival that may lower trade so far may close shops."""
CATCH_UP: Final = 1.5
"""So much of the usual in the period after a silence is what had been held back."""
VISIT_KEEP: Final = 0.8
QUIET: Final = 0.25
"""An hour with less than this share of the mean hour is a quiet one."""
HALF_LIFE_MS: Final = 3 * HOUR_MS
"""Of the window, for periods below a day; for longer ones it is the period."""
DAY_SLOTS: Final = 24


class Verdict(IntEnum):
    """What a region's trade says of its supply."""

    NORMAL = 0
    CLOSED = 1
    FEED_FAULT = 2
    SUPPLY_INTERRUPTION = 3


class Reason(IntEnum):
    """Why; which verdict it leads to is said beside it."""

    NONE = 0
    """normal"""
    USUALLY_CLOSED = 1
    """closed: no row in a slot of the week that is usually silent"""
    FESTIVAL = 2
    """closed: no row on a day on which a festival closes shops"""
    HEARD_WITHOUT_SALE = 3
    """closed: most terminals are heard, and sell nothing"""
    GONE = 4
    """closed: silent for three weeks"""
    NO_WORD = 5
    """feed fault: not a row, and most terminals are not heard"""
    PART_UNHEARD = 6
    """feed fault: as much is missing as there are terminals that are not heard"""
    CAUGHT_UP = 7
    """feed fault: after a silence, more than usual at once: what had been held back"""
    CLOCK = 8
    """feed fault: what is missing by day was sold in hours that are usually quiet: a clock or zone that slipped"""
    EMPTY_SHELVES = 9
    """interruption: most goods are out of stock"""
    BROAD_FALL = 10
    """interruption: most goods have fallen at once while the shops are heard"""
    CONTINUES = 11
    """interruption: silence after a broad fall"""


Codes = npt.NDArray[np.int8]
PerUnit = Annotated[Floats, Axes(("units",))]


class Seen(NamedTuple):
    """One period. R regions that report, C commodities (no sums)."""

    observed: Floats
    """(R, C), any unit; NaN where there was no row"""
    expected: Floats
    """(R, C), what is usual now without any festival; NaN where it is not known"""
    drop_p: Floats
    """(R, C), p of a drop; NaN where not known"""
    total_p: Floats
    """(R,), p of a drop of the region's trade as a whole; NaN where not known"""
    stock: Floats
    """(R, C), stock on hand; NaN where not reported"""
    heard: Floats
    """(R,), share of the terminals or feeds that gave a sign of life, in [0, 1]; NaN where not known"""
    drop_lift: float
    """log, <= 0: how far festivals may lower trade"""


class Verdicts(NamedTuple):
    """Of each region, shape (R,)."""

    verdict: Codes
    reason: Codes
    p: Floats
    """of an interruption that is going on, the smallest so far; NaN where the verdict is another"""


@dataclass(slots=True)
class Supply(State):
    """What is remembered of each region. Axes: units are the regions that report, slots those of the week."""

    observed: PerSeries
    """fading sums of the window: periods with a sale, and all while the supply is interrupted"""
    expected: PerSeries
    day: Annotated[Floats, Axes((2, DAY_SLOTS, "units"))]
    """what was sold, and what was usual, in each period of the last day"""
    sold: Annotated[Floats, Axes(("slots", "units"))]
    """fading count of the visits of the slot with a sale"""
    visits: Annotated[Floats, Axes(("slots", "units"))]
    """fading count of its visits"""
    idle: PerUnit
    """what is usual in the periods since the last sale"""
    silent: PerUnit
    """periods without a row, in a row"""
    unexplained: PerUnit
    """1 where the last of them was a fault of the feed"""
    broken: PerUnit
    """1 where the supply was interrupted when the region was last heard"""
    least: PerUnit
    """smallest p of the interruption"""
    begun: Annotated[Floats, Axes((2,))]
    """interruptions that began, in all regions; periods of all regions in which one could have"""


def step(state: Supply, seen: Seen, moment: Moment, pace: Pace) -> Verdicts:
    """Take in one period, in place, and judge each region. Where nothing is usual yet, the verdict is normal.

    The p of an interruption is the smaller of ``combined`` and of how often one began so far in all regions, ``(begun +
    1) / (periods + 1)``: the rule asks for more than a low p (depth, breadth, signs of life), so it is rarer than that.

    Raises ValueError for periods below an hour.
    """
    if pace.tick_ms < HOUR_MS:
        raise ValueError(f"tick_ms: expected an hour or more, got {pace.tick_ms}")
    usual = np.where(np.isfinite(seen.expected), seen.expected, 0.0)
    sold = np.where(np.isfinite(seen.observed), seen.observed, 0.0)
    reported: Mask = np.logical_or.reduce(np.isfinite(seen.observed), axis=1)
    traded: Mask = np.logical_or.reduce(sold != 0.0, axis=1)
    keep = 0.5 ** (pace.tick_ms / HALF_LIFE_MS) if pace.tick_ms < DAY_MS else 0.0
    counts = traded | (reported & (state.broken > 0.0))
    for window, new in ((state.observed, sold), (state.expected, usual)):
        window *= np.where(counts, keep, 1.0)[:, None]
        window += np.where(counts[:, None], new, 0.0)
    state.idle[:] = np.where(traded, 0.0, state.idle + usual.sum(axis=1))
    hour = moment.number % max(1, int(pace.ticks_per_day))
    state.day[0, hour], state.day[1, hour] = sold.sum(axis=1), usual.sum(axis=1)
    visits = state.visits[moment.slot]
    shut: Mask = (visits > 0.0) & (state.sold[moment.slot] < OPEN * visits)
    p = combined(seen.drop_p, seen.total_p, usual > 0.0)
    verdict, reason = np.where(reported, _trading(state, seen, sold, shut, p), _silent(state, seen, shut, pace))
    broken = verdict == Verdict.SUPPLY_INTERRUPTION
    begins = broken & (state.broken == 0.0)
    rule = (state.begun[0] + 1.0) / (state.begun[1] + 1.0)
    state.begun += begins.sum(), (traded & usual.any(axis=1) & (state.broken == 0.0)).sum()
    state.least[:] = np.minimum(np.fmin(p, rule), np.where(begins, 1.0, state.least))
    _remember(state, moment, reported, traded, verdict, reason)
    return Verdicts(verdict, reason, np.where(broken, state.least, np.nan))


def combined(drop_p: Floats, total_p: Floats, usual: Mask) -> Floats:
    """p that nothing has fallen, of the goods that are usually sold now and of their total; (R,), NaN: nothing known.

    Over goods ``p = (m / r) p_(r)``, the r-th smallest of m with ``r = BREADTH m`` upwards: right under any dependence,
    and small only where many goods fell (Rueger 1978). Of both, twice the smaller.
    """
    known = np.where(usual & np.isfinite(drop_p), drop_p, np.nan)
    m = np.isfinite(known).sum(axis=1)
    r = np.maximum(np.ceil(BREADTH * m), 1.0).astype(np.int64)
    ordered = np.sort(known, axis=1)  # NaN last
    if ordered.shape[1]:
        goods = np.take_along_axis(ordered, (r - 1)[:, None], axis=1)[:, 0] * m / r
    else:
        goods = np.full(len(total_p), np.nan)
    tests = np.isfinite(goods).astype(np.float64) + np.isfinite(total_p)
    both: Floats = np.minimum(np.fmin(goods, total_p) * tests, 1.0)
    return both


def _trading(state: Supply, seen: Seen, sold: Floats, shut: Mask, p: Floats) -> Codes:
    """Verdict and reason, (2, R), of regions from which there are rows."""
    observed, expected = state.observed.sum(axis=1), state.expected.sum(axis=1)
    whole = state.day[1].sum(axis=0)
    least = np.exp(seen.drop_lift)
    known = expected > 0.0
    fallen = (state.observed < FALL * least * state.expected).astype(np.float64)
    breadth = (fallen * state.expected).sum(axis=1) / np.where(known, expected, 1.0)
    missing = known & (least * expected - observed >= MISSING * whole)
    low = missing & (observed < FALL * least * expected)
    empty, stocked = _shelves(seen)
    heard = np.where(np.isnan(seen.heard), 1.0, seen.heard)
    fewer = known & (heard < PART) & (observed < (1.0 + heard) / 2.0 * least * expected)
    part = ((low & (heard < UNHEARD)) | fewer) & (observed >= FALL * least * heard * expected)
    sure = np.where(np.isnan(p), observed < BLIND * least * expected, p <= SURE_P)
    broad = low & (breadth >= BREADTH) & sure & ~(stocked & (empty <= FULL))
    now = np.nansum(seen.expected, axis=1)
    caught = (state.unexplained > 0.0) & (sold.sum(axis=1) >= CATCH_UP * now) & (now > 0.0)
    nothing: Mask = ~np.logical_or.reduce(sold != 0.0, axis=1)
    return _first(
        (nothing & shut, Verdict.CLOSED, Reason.USUALLY_CLOSED),
        (nothing & (seen.drop_lift <= CLOSED_LIFT), Verdict.CLOSED, Reason.FESTIVAL),
        (caught, Verdict.FEED_FAULT, Reason.CAUGHT_UP),
        ((missing | nothing) & known & stocked & (empty >= EMPTY), Verdict.SUPPLY_INTERRUPTION, Reason.EMPTY_SHELVES),
        (low & _slipped(state), Verdict.FEED_FAULT, Reason.CLOCK),
        (part, Verdict.FEED_FAULT, Reason.PART_UNHEARD),
        (nothing & (state.broken > 0.0), Verdict.SUPPLY_INTERRUPTION, Reason.CONTINUES),
        (nothing & (state.idle > MISSING * whole), Verdict.CLOSED, Reason.HEARD_WITHOUT_SALE),
        (broad & ~nothing, Verdict.SUPPLY_INTERRUPTION, Reason.BROAD_FALL),
    )


def _silent(state: Supply, seen: Seen, shut: Mask, pace: Pace) -> Codes:
    """Verdict and reason, (2, R), of regions from which there is no row."""
    known = np.nansum(seen.expected, axis=1) > 0.0
    everywhere: Mask = np.ones(len(known), bool)
    empty, stocked = _shelves(seen)
    return _first(
        (~known & (state.broken == 0.0), Verdict.NORMAL, Reason.NONE),
        (shut, Verdict.CLOSED, Reason.USUALLY_CLOSED),
        (everywhere if seen.drop_lift <= CLOSED_LIFT else ~everywhere, Verdict.CLOSED, Reason.FESTIVAL),
        ((state.silent + 1.0) * pace.tick_ms > EXIT_MS, Verdict.CLOSED, Reason.GONE),
        (state.broken > 0.0, Verdict.SUPPLY_INTERRUPTION, Reason.CONTINUES),
        ((seen.heard >= HEARD) & stocked & (empty >= EMPTY), Verdict.SUPPLY_INTERRUPTION, Reason.EMPTY_SHELVES),
        (seen.heard >= HEARD, Verdict.CLOSED, Reason.HEARD_WITHOUT_SALE),
        (everywhere, Verdict.FEED_FAULT, Reason.NO_WORD),
    )


def _first(*rules: tuple[Mask, Verdict, Reason]) -> Codes:
    """Verdict and reason of the first rule that holds, else normal; (2, R)."""
    when = [rule[0] for rule in rules]
    return np.stack([np.select(when, [np.int8(rule[i]) for rule in rules], np.int8(0)) for i in (1, 2)])


def _shelves(seen: Seen) -> tuple[Floats, Mask]:
    """Share of the goods with known stock that have none, (R,), and where any stock is known at all."""
    asked = np.isfinite(seen.stock) & (np.nan_to_num(seen.expected) > 0.0)
    count = asked.sum(axis=1)
    empty: Floats = (asked & (seen.stock <= 0.0)).sum(axis=1) / np.maximum(count, 1)
    return empty, count > 0


def _slipped(state: Supply) -> Mask:
    """Whether at least half of what is missing in the last day was sold in its quiet hours; (R,)."""
    sold, usual = state.day
    quiet = usual < QUIET * usual.sum(axis=0) / DAY_SLOTS
    misplaced = np.where(quiet, np.maximum(sold - usual, 0.0), 0.0).sum(axis=0)
    missing = np.where(quiet, 0.0, np.maximum(usual - sold, 0.0)).sum(axis=0)
    slipped: Mask = (misplaced > 0.0) & (misplaced >= 0.5 * missing)
    return slipped


def _remember(state: Supply, moment: Moment, reported: Mask, traded: Mask, verdict: Codes, reason: Codes) -> None:
    """Learn when a region is open, but from no festival and no interruption; keep how its silence began."""
    learn = (verdict != Verdict.SUPPLY_INTERRUPTION) & (reason != Reason.FESTIVAL) & (reason != Reason.GONE)
    sold, visits = state.sold[moment.slot], state.visits[moment.slot]
    sold[:] = np.where(learn, VISIT_KEEP * sold + traded, sold)
    visits[:] = np.where(learn, VISIT_KEEP * visits + 1.0, visits)
    state.silent[:] = np.where(reported, 0.0, state.silent + 1.0)
    state.unexplained[:] = reason == Reason.NO_WORD
    over = (traded & (verdict != Verdict.SUPPLY_INTERRUPTION)) | (reason == Reason.GONE)
    state.broken[:] = np.where(verdict == Verdict.SUPPLY_INTERRUPTION, 1.0, np.where(over, 0.0, state.broken))
