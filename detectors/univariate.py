"""Metrics of machines: values of any sign and scale, every few seconds to hours, of which nothing is known beforehand.

Three surprises of each value, every one against the series' own past: it breaks the range ever seen, it jumps, and the
mean of the last three dozen lies off what this time of day usually brings. Their p are combined by Fisher's method.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors.sides import Sides
from detectors.state import Axes, Floats, Ints, Mask, PerSeries, State

SLOTS: Final = 288
"""Slots of a day: five minutes each"""
BINS: Final = 96
QUIET: Final = 100
"""Observations for which a series is silent after it has spoken"""
SPEAKS: Final = 0.004
"""p at which it does"""
WARM: Final = 100
"""Observations before the first p"""
_BINS_AN_OCTAVE: Final = 4
_SMALLEST: Final = 2.0**-12
_SPAN: Final = 36
_KEEP: Final = 0.5 ** (1 / 3000)
"""Half-life of what is usual: 3000 observations"""
_LEARN: Final = 0.3
"""Weight of a day in the profile of its slot"""
_TAIL: Final = 0.6
_MOST: Final = 8.0
_TEN: Final = float(np.log(10.0))

PerBin = Annotated[Floats, Axes(("units", "codes", BINS))]
PerSlot = Annotated[Floats, Axes(("units", "codes", SLOTS))]


@dataclass(slots=True)
class Univariate(State):
    """What is known of each series."""

    seen: PerSeries
    """observations"""
    last: PerSeries
    low: PerSeries
    high: PerSeries
    weight: PerSeries
    """fading number of observations, of which the next four are sums"""
    jump: PerSeries
    jump_square: PerSeries
    off: PerSeries
    off_square: PerSeries
    recent: PerSeries
    """mean of the last residuals"""
    quiet: PerSeries
    """observations for which it stays silent"""
    visits: PerSlot
    profile: PerSlot
    """usual value of each slot of the day"""
    breaks: PerBin
    """how often the range was broken, by how far"""
    jumps: PerBin
    """how often the value jumped, by how far"""


def step(state: Univariate, values: Floats, slot: Ints | int) -> Sides:
    """Judge one observation of each series, then learn it.

    Parameters
    ----------
    state
        Changed in place.
    values
        float64 (units, codes); NaN where there is none.
    slot
        Slot of the day, 0 to SLOTS - 1, for all series or (units, codes).

    Returns
    -------
    Sides
        float64 (units, codes): p on the side to which the value lies off, 1 on the other; 1 while a series is silent
        after it has spoken (p <= SPEAKS, QUIET observations); NaN where there is no value or too little is known.
    """
    there = np.isfinite(values)
    x = np.where(there, values, state.last)
    first = there & (state.seen == 0)
    at = np.broadcast_to(np.asarray(slot), x.shape)[..., None]
    beyond, breaking = _range(state, x, first, there)
    jumping, move = _jump(state, x, first, there)
    strange, off = _season(state, x, at, there)
    p = _fisher(breaking + jumping + strange)
    judged = there & (state.seen >= WARM)
    silent = state.quiet > 0
    state.quiet[...] = np.where(judged & ~silent & (p <= SPEAKS), QUIET, np.maximum(state.quiet - there, 0.0))
    state.seen += there
    state.last[...] = x
    p = np.where(judged, np.where(silent, 1.0, p), np.nan)
    side = np.where(beyond != 0, beyond, np.where(jumping > strange, move, off))
    other = np.where(judged, 1.0, np.nan)
    return Sides(np.where(side >= 0, p, other), np.where(side >= 0, other, p))


def _range(state: Univariate, x: Floats, first: Mask, there: Mask) -> tuple[Floats, Floats]:
    """How far beyond the range (signed, as a share of it), and -log10 of how often it was broken by as much."""
    width = np.maximum(state.high - state.low, 1e-9)
    beyond = np.where(first, 0.0, np.maximum(x - state.high, 0.0) - np.maximum(state.low - x, 0.0)) / width
    evidence = _rank(state.breaks, np.abs(beyond), state.seen, there & (beyond != 0))
    state.high[...] = np.where(first, x, np.where(there, np.maximum(state.high, x), state.high))
    state.low[...] = np.where(first, x, np.where(there, np.minimum(state.low, x), state.low))
    return beyond, evidence


def _jump(state: Univariate, x: Floats, first: Mask, there: Mask) -> tuple[Floats, Floats]:
    """-log10 of how often it jumped as far, and the jump."""
    move = np.where(first, 0.0, x - state.last)
    size = np.abs(move)
    mean, spread = _moments(state.jump, state.jump_square, state.weight)
    far = np.where(state.weight > 0, np.maximum(size - mean, 0.0) / np.maximum(spread, 1e-9), 0.0)
    evidence = _rank(state.jumps, far, state.seen, there & (far > 0))
    return evidence, move


def _season(state: Univariate, x: Floats, at: Ints, there: Mask) -> tuple[Floats, Floats]:
    """-log10 p of the mean residual of the last three dozen, and that mean. Learns the profile and all moments."""
    visits = np.take_along_axis(state.visits, at, axis=-1)[..., 0]
    usual = np.take_along_axis(state.profile, at, axis=-1)[..., 0]
    residual = np.where(visits > 0, x - usual, 0.0)
    state.recent[...] = np.where(there, state.recent + (residual - state.recent) * (2.0 / (_SPAN + 1)), state.recent)
    mean, spread = _moments(state.off, state.off_square, state.weight)
    z = np.where(visits > 1, (state.recent - mean) / np.maximum(spread, 1e-9), 0.0)
    learned = np.where(visits > 0, usual + _LEARN * (x - usual), x)
    np.put_along_axis(state.profile, at, np.where(there, learned, usual)[..., None], axis=-1)
    np.put_along_axis(state.visits, at, (visits + there)[..., None], axis=-1)
    size = np.abs(x - state.last) * (state.seen > 0)
    for total, value in (
        (state.jump, size),
        (state.jump_square, size**2),
        (state.off, state.recent),
        (state.off_square, state.recent**2),
        (state.weight, 1.0),
    ):
        total[...] = np.where(there, _KEEP * total + value, total)
    # How often such residuals come on metrics of machines: near exp(-1.4 |z|).
    return np.minimum(_TAIL * np.abs(z), _MOST), z


def _moments(total: Floats, squares: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of a fading sum."""
    n = np.maximum(weight, 1.0)
    mean = total / n
    return mean, np.sqrt(np.maximum(squares / n - mean**2, 0.0))


def _rank(counts: Floats, size: Floats, seen: Floats, count: Mask) -> Floats:
    """-log10 of the share of past observations at least as large, to a bin; then counts this one."""
    place = np.log2(np.maximum(size, _SMALLEST) / _SMALLEST) * _BINS_AN_OCTAVE
    at = np.minimum(place, BINS - 1).astype(np.int64)[..., None]
    above = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]
    as_large = np.take_along_axis(above, at, axis=-1)[..., 0]
    own = np.take_along_axis(counts, at, axis=-1) + count[..., None]
    np.put_along_axis(counts, at, own, axis=-1)
    return np.where(count, np.log10((seen + 1.0) / (as_large + 1.0)), 0.0)


def _fisher(evidence: Floats) -> Floats:
    """Chance of this sum of three -log10 p: chi square of six degrees of freedom."""
    half = evidence * _TEN
    return np.asarray(np.exp(-half) * (1.0 + half + half**2 / 2.0), np.float64)
