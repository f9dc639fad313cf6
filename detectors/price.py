"""Price spikes: the mean log price relative of the last hours against the series' own restlessness."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.baseline import TINY, Usual
from detectors.pace import DAY_MS, PRICE_MEMORY_MS, Pace
from detectors.state import BitsPerSeries, Cells, Floats, Mask, PerSeries, State
from detectors.surge import LEAST_P, Window

MEMORY_LINES: Final = 4.0
"""The mean reaches back over at least so many priced lines, however long ago they are."""
PRIOR_SD: Final = 0.03
PRIOR_TICKS: Final = 10.0
LEAST_SD: Final = 0.01
"""Restlessness, log units: before anything is known, the weight of that in ticks, and the least of it."""
WINSOR: Final = 3.0
LEAST_KNOWN: Final = 20.0
"""Ticks with prices, fading, before a series is tested; a week where a tick is a day."""
LEAST_TICKS: Final = 2.0
"""Ticks with prices for which the deviation must have lasted."""


@dataclass(slots=True)
class Price(State):
    """All of shape (units, commodities)."""

    total: PerSeries
    """sum of log relatives, fading"""
    weight: PerSeries
    """lines behind it"""
    centre: PerSeries
    """sum of the means that are usual (promotions pull below 0), fading"""
    square: PerSeries
    """sum of squared deviations from the centre, fading"""
    ticks: PerSeries
    """ticks with prices behind the two, fading"""
    silence: PerSeries
    """ticks since the last priced line"""
    run: PerSeries
    """ticks since the mean rose above half of the least effect"""
    run_ticks: PerSeries
    """ticks with prices among them"""
    run_lines: PerSeries
    """priced lines among them"""
    partitions: BitsPerSeries
    """raw partitions that contributed since then"""


def step(state: Price, cells: Cells, least_rise: float, pace: Pace) -> Floats:
    """Take in one tick, in place, and return p: float64 (units, commodities), in [1e-300, 1].

    ``m`` is the line-weighted mean of the log relatives with a half-life of two hours (one tick where ticks are
    longer, four lines where trade is thin), ``z = (m - centre) / restlessness`` and ``p = exp(-sqrt(2) z) / 2``, the
    tail of a Laplace law: price changes have far heavier tails than the Gaussian (Midrigan 2011). 1.0 where the rise is
    below ``least_rise`` (a fraction) or the series is not known yet. The p is nominal until it is calibrated.
    """
    priced = cells.relatives > 0.0
    # Each hour's prices replace older ones, but the last few lines are never let go of.
    keep = np.maximum(state.weight * pace.price_decay, np.minimum(state.weight, MEMORY_LINES))
    state.total *= keep / np.maximum(state.weight, TINY)
    state.total += cells.log_relative
    np.add(keep, cells.relatives, out=state.weight)
    state.silence += 1.0
    state.silence *= ~priced
    rise = _rise(state)
    least = math.log1p(least_rise)
    above = rise > least / 2
    state.run += 1.0
    state.run *= above
    state.run_ticks += priced
    state.run_ticks *= above
    state.run_lines += cells.relatives
    state.run_lines *= above
    state.partitions |= cells.partitions * priced
    state.partitions *= above
    p: Floats = 0.5 * np.exp(-math.sqrt(2.0) * np.maximum(rise, 0.0) / _restlessness(state))
    return np.where((rise >= least) & _known(state, pace), np.maximum(p, LEAST_P), 1.0)


def learn(state: Price, cells: Cells, free: Floats, pace: Pace) -> None:
    """Learn centre and restlessness, in place, from ticks with prices; ``free`` (commodities,) is 0.0 where flagged.

    Deviations are winsorised at three times the restlessness.
    """
    weight = free * (cells.relatives > 0.0)
    sd = _restlessness(state)
    rise = np.minimum(np.maximum(_rise(state), -WINSOR * sd), WINSOR * sd)
    keep = 1.0 - weight * (1.0 - pace.dispersion_decay)
    mean = rise + _centre(state)
    state.centre *= keep
    state.centre += weight * mean
    state.square *= keep
    state.square += weight * rise * rise
    state.ticks *= keep
    state.ticks += weight


def window(state: Price) -> Window:
    """The mean price relative (1.0: as usual), what is usual for the series, and since when it is above."""
    mean = state.total / np.maximum(state.weight, TINY)
    shops = np.bitwise_count(state.partitions).astype(np.float64)
    return Window(np.exp(mean), np.exp(_centre(state)), state.run_lines, state.run, shops)


def supported(state: Price, found: Window, at: Usual, pace: Pace) -> Mask:
    """Whether the rise lasts for two ticks with prices, in more than one shop if there are more, and is of today."""
    fresh = state.silence * pace.tick_ms <= max(DAY_MS, pace.tick_ms)
    return fresh & (state.run_ticks >= LEAST_TICKS) & (found.shops >= at.needed)


def tests_per_day(state: Price, pace: Pace) -> float:
    """Independent looks at all series in a day: the mean is renewed every two hours, or with every tick."""
    return float(_known(state, pace).sum() * min(DAY_MS / PRICE_MEMORY_MS, pace.ticks_per_day))


def quiet(state: Price) -> None:
    """Nothing was heard for long: no deviation is going on."""
    for array in (state.total, state.weight, state.run, state.run_ticks, state.run_lines, state.partitions):
        array[:] = 0


def _known(state: Price, pace: Pace) -> Mask:
    return state.ticks >= 0.9 * min(LEAST_KNOWN, pace.warm_ticks)


def _centre(state: Price) -> Floats:
    return state.centre / (state.ticks + PRIOR_TICKS)


def _rise(state: Price) -> Floats:
    return state.total / np.maximum(state.weight, TINY) - _centre(state)


def _restlessness(state: Price) -> Floats:
    variance = (state.square + PRIOR_TICKS * PRIOR_SD**2) / (state.ticks + PRIOR_TICKS)
    return np.maximum(np.sqrt(variance), LEAST_SD)
