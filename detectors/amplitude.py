"""What each festival really did here: the prior of the calendar gives way to what the data shows.

Each passed occasion (day of a festival, exchanged working day) leaves the log ratio of what was sold to what was usual:
one for all series, and what single commodities and regions add to it. The next time the expectation is precise, and a
festival that does nothing in this data (Christmas in China, the Spring Festival in the United States) costs no power.
Days of the month are learned in the same way from all days that are no occasion.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import numpy as np

from detectors.almanac import Lift
from detectors.festivals import (
    MONTH_SLOTS,
    SLOTS,
    beside,
    festival_slots,
    month_slot,
    occasions,
    pay_days,
    peak,
    priors,
)
from detectors.moment import Moment
from detectors.state import Axes, Floats, PerSeries, State

YEARS: Final = 4.0
"""An occasion is the mean of about so many: trade changes its habits."""
MONTHS: Final = 12.0
"""As ``YEARS``, of a day of the month."""
PRIOR: Final = 0.25
"""The prior counts as so many occasions."""
STAYS: Final = 0.7
"""So much of the prior stays for ever where a festival has shown its full effect: its run-up shifts by days."""
OTHERS: Final = 1.0
"""The prior of a festival that others tell of weighs as much as so many others of its own size."""
SAFE: Final = 1.5
"""It may do so many times what the others did of theirs."""
SHIFT: Final = 0.15
"""What was learned is taken so much further: no year is like the last."""
BEYOND: Final = 0.4
"""Log by which one occasion may pass its prior: what is further is no festival, and is not learned from."""
NODES: Final = 2.0
"""So many series, over the years, tell of a commodity or region as much as the pool of all does."""
MONTHLY_MOST: Final = 0.3
"""Log: a day of the month does no more."""
SURE: Final = 2.0
"""Standard errors that are taken off the effect of a day of the month: what is left is an effect."""
USUAL_NOISE: Final = 0.04
"""Variance of a day's log ratio until it is known."""
LEAST_NOISE: Final = 1e-4
"""At least: what sells the same every day leaves none."""
LEAST: Final = 0.02
"""A day of no sales counts as this share of a usual one."""


@dataclass(slots=True)
class Amplitude(State):
    """What is known of each occasion, and the sums of the day that is not over. Axes: units are regions."""

    observed: PerSeries
    expected: PerSeries
    day: Annotated[Floats, Axes((2,))]
    """days since 1970 of the day that is summed; whether there is one"""
    pool: Annotated[Floats, Axes((2, SLOTS))]
    """log ratio of all series together, and from how many occasions"""
    codes: Annotated[Floats, Axes((2, SLOTS, "codes"))]
    """what a commodity adds to it, and from how many series (regions x occasions)"""
    units: Annotated[Floats, Axes((2, SLOTS, "units"))]
    """what a region adds to it"""
    months: Annotated[Floats, Axes((3, MONTH_SLOTS))]
    """days of the month: mean log ratio, mean square, how many"""


class Band(NamedTuple):
    """Log of the most and the least that a festival explains, ``drop <= 0 <= surge``; (units, codes) or (1, 1)."""

    surge: Floats
    drop: Floats


_PLAIN: Final = Band(np.zeros((1, 1)), np.zeros((1, 1)))


def step(state: Amplitude, observed: Floats, expected: Floats, moment: Moment) -> None:
    """Take in one period of a day or less, in place. Learned from a day is what was known when it was over.

    ``observed`` and ``expected``: (units, codes), any unit, what was sold and what is usual *without* any festival; NaN
    where either is not known. Flagged series belong in it: what passes the prior by far is cut at ``BEYOND``.
    """
    if state.day[1] and moment.day != state.day[0]:
        _learn(state, int(state.day[0]))
        state.observed[:] = 0.0
        state.expected[:] = 0.0
    state.day[:] = moment.day, 1.0
    known = np.isfinite(observed) & np.isfinite(expected)
    state.observed += np.where(known, observed, 0.0)
    state.expected += np.where(known, expected, 0.0)


def lift(state: Amplitude, day: int) -> Band:
    """How far above and below the usual a local day may be, before anything of it is known.

    With m learned from n occasions and L the prior: ``surge = u + (L - u)+ max(o PRIOR / (n + PRIOR), STAYS a)``.
    ``u`` is the largest of m+ of the day and its two neighbours, each shrunk by
    ``(1 + SHIFT) n L^2 / (n L^2 + noise)``; ``a`` is what the festival did on its best day here over the prior's best,
    ``o`` the same of all festivals of the Chinese year together, both in [0, 1] (of a Western one ``o`` is 1). Drop
    likewise. Of several occasions the widest counts. Where none is, the arrays have the shape (1, 1).
    """
    found = occasions(day)
    monthly = _month(state, day)
    if not found:
        return monthly
    surge, drop = monthly
    noise = _noise(state)
    for occasion in found:
        up = down = np.zeros((1, 1))
        for slot in beside(occasion.slot):
            learned = _learned(state, slot, max(occasion.lift.surge, -occasion.lift.drop), noise)
            up, down = np.maximum(up, learned), np.minimum(down, learned)
        left = PRIOR / (state.pool[1, occasion.slot] + PRIOR)
        acts, others = _acts(state, occasion.slot, noise), _others(state, occasion.slot, noise)
        rise, fall = (max(o * left, STAYS * a) for o, a in zip(others, acts, strict=True))
        surge = np.maximum(surge, up + rise * np.maximum(occasion.lift.surge - up, 0.0))
        drop = np.minimum(drop, down + fall * np.minimum(occasion.lift.drop - down, 0.0))
    return Band(surge, drop)


def _learned(state: Amplitude, slot: int, most: float, noise: float) -> Floats:
    """Log ratio to allow each series on an occasion, (units, codes); ``most`` is the scale of its prior."""
    n = state.pool[1, slot]
    codes, units = (array[0, slot] * array[1, slot] / (array[1, slot] + NODES) for array in (state.codes, state.units))
    both: Floats = state.pool[0, slot] + codes[None, :] + units[:, None]
    both *= (1.0 + SHIFT) * n * most * most / (n * most * most + noise)
    return both


def _acts(state: Amplitude, slot: int, noise: float) -> Lift:
    """How much of its prior a festival does here, in [0, 1] a side: its best day beyond the noise over the prior's."""
    whole = festival_slots(slot)
    pool, best, error = state.pool[0, whole.start : whole.stop], peak(slot), math.sqrt(noise)
    surge = (float(pool.max()) - error) / best.surge if best.surge > 0.0 else 0.0
    drop = (float(pool.min()) + error) / best.drop if best.drop < 0.0 else 0.0
    return Lift(min(max(surge, 0.0), 1.0), min(max(drop, 0.0), 1.0))


def _others(state: Amplitude, slot: int, noise: float) -> Lift:
    """How much of its prior a festival may do here, in [0, 1] a side, by what those of the Chinese year did.

    ``SAFE (w + sum g b) / (w + sum b^2)``: a regression through the origin of what each did on its best day, g, on its
    prior's best of the days seen, b, beside ``w = OTHERS`` times the square of its own. So small festivals that do
    nothing say much of other small ones and little of the largest. A Western one keeps its prior until it has passed:
    where the small ones do nothing (Mother's Day at the grocer's), Christmas still does.
    """
    sizes, starts, west = priors()
    if west[np.searchsorted(starts, slot, side="right") - 1]:
        return Lift(1.0, 1.0)
    year = ~west
    own, error = peak(slot), math.sqrt(noise)
    mean, seen = state.pool[0], state.pool[1] > 0.0
    shares = []
    for size, sign, best in zip(sizes, (1.0, -1.0), (own.surge, -own.drop), strict=True):
        b = np.maximum.reduceat(np.where(seen, size, 0.0), starts)[year]
        g = np.clip(np.maximum.reduceat(np.where(seen, sign * mean, 0.0), starts)[year] - error, 0.0, b)
        own_weight = max(OTHERS * best * best, 1e-9)
        shares.append(min(1.0, float(SAFE * (own_weight + g @ b) / (own_weight + b @ b))))
    return Lift(*shares)


def _noise(state: Amplitude) -> float:
    """Variance of the log ratio of all series together on a plain day."""
    n = state.months[2].sum()
    return max(float((state.months[1] * state.months[2]).sum() / n), LEAST_NOISE) if n > 0.0 else USUAL_NOISE


def _month(state: Amplitude, day: int) -> Band:
    """What the day of the month does, (1, 1)."""
    mean, square, n = state.months[:, month_slot(day)]
    prior = pay_days(day)
    if n < 2.0:
        return Band(np.full((1, 1), prior.surge), np.full((1, 1), prior.drop))
    error = SURE * np.sqrt(max(square - mean * mean, 0.0) / (n - 1.0))
    left = 1.0 / (n + 1.0)
    surge = max(mean - error, prior.surge * left, 0.0)
    drop = min(mean + error, prior.drop * left, 0.0)
    return Band(np.full((1, 1), surge), np.full((1, 1), drop))


def _learn(state: Amplitude, day: int) -> None:
    """Learn from a day that is over; from one without any row, nothing."""
    known = state.expected > 0.0
    if not known.any():
        return
    ratio = np.log(
        np.maximum(np.divide(state.observed, state.expected, where=known, out=np.ones_like(state.observed)), LEAST)
    )
    ratio[~known] = np.nan
    found = occasions(day)
    if not found:
        value = float(np.clip(np.nanmedian(ratio), -MONTHLY_MOST, MONTHLY_MOST))
        month = state.months[:, month_slot(day)]
        month[2] = min(month[2] + 1.0, MONTHS)
        month[:2] += (np.array([value, value * value]) - month[:2]) / month[2]
    for occasion in found:
        low, high = occasion.lift.drop - BEYOND, occasion.lift.surge + BEYOND
        _learn_occasion(state, occasion.slot, np.clip(ratio, low, high))


def _learn_occasion(state: Amplitude, slot: int, ratio: Floats) -> None:
    pool = float(np.nanmedian(ratio))
    mean, n = state.pool[:, slot]
    n = min(n + 1.0, YEARS)
    state.pool[:, slot] = mean + (pool - mean) / n, n
    for array, axis in ((state.codes, 0), (state.units, 1)):
        count = np.isfinite(ratio).sum(axis=axis)
        heard = count > 0
        value = _median(ratio - pool, axis)
        mean, weight = array[:, slot]
        total = weight + count
        mean[heard] += (value - mean)[heard] * (count / np.maximum(total, 1.0))[heard]
        np.minimum(total, YEARS * np.maximum(count, 1.0), out=total, where=heard)
        array[1, slot] = total


def _median(values: Floats, axis: int) -> Floats:
    """Median of what is known along an axis, 0 where nothing is."""
    filled = np.where(np.isfinite(values).any(axis=axis, keepdims=True), values, 0.0)
    median: Floats = np.nanmedian(filled, axis=axis)
    return median
