"""The baseline: what each unit usually sells of each commodity, and how much that varies by chance.

``mean = level x profile``, variance ``dispersion x mean`` (quasi-Poisson). Level and dispersion fade exponentially, are
robust against single odd ticks, and stand still while a commodity is flagged.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from detectors.pace import Pace
from detectors.state import Cells, Floats, Mask, PerSeries, State

PRIOR_LINES: Final = 0.5
"""Lines added to what a series has sold before it is tested: Jeffreys' prior of a Poisson rate."""
WINSOR: Final = 4.0
"""A tick may lie so many standard deviations above the mean before the level takes only that much of it."""
WINSOR_SQ: Final = 16.0
"""Largest squared standard residual that the dispersion takes."""
PRIOR_DISPERSION: Final = 1.3
"""Dispersion over the quantity of one line where nothing is known: E[q^2] / E[q]^2 of quantities a line that vary by
half."""
PRIOR_BLOCKS: Final = 3.0
POOL_BLOCKS: Final = 25.0
"""Weights, in blocks: of that prior in the dispersion of a commodity, and of the commodity's in that of a unit."""
LEAST_DISPERSION: Final = 0.05
"""of the quantity of one line"""
NEEDED_SHOPS: Final = 2
TINY: Final = 1e-12
HUGE: Final = 1e300


@dataclass(slots=True)
class Baseline(State):
    """Fading sums; all of shape (units, commodities)."""

    quantity: PerSeries
    lines: PerSeries
    exposure: PerSeries
    """sum of the profile over the ticks learned: quantity / exposure is the level"""
    age: PerSeries
    """ticks learned, not fading"""
    dispersion: PerSeries
    """variance over mean, as last worked out"""
    residual: PerSeries
    """squared residuals of the blocks, fading: a block is a visit of a slot of the profile"""
    mass: PerSeries
    """means of the blocks, fading"""
    blocks: PerSeries
    """blocks, fading; one in which less than a line is expected counts as that part of one"""
    block_quantity: PerSeries
    block_mean: PerSeries
    """of the block under way"""
    shops: PerSeries
    """most raw partitions seen in one tick: a lower bound of the shops that sell it"""


class Usual(NamedTuple):
    """What is usual at one tick; shape (units, commodities) where nothing else is said."""

    mean: Floats
    """thousandths of the base unit"""
    dispersion: Floats
    """variance over mean, thousandths of the base unit"""
    per_line: Floats
    """(commodities,): thousandths of the base unit in one line, over the whole city"""
    known: Floats
    """quantity, fading, from which the level was learned: how well it is known"""
    lines_a_day: Floats
    warm: Floats
    """1.0 where the series is known for long enough to be tested, else 0.0"""
    shops: Floats
    """most raw partitions that a tick ever heard of the series from"""

    @property
    def needed(self) -> Floats:
        """(units, 1): shops that must agree before a deviation is told: two, or one where there are no more."""
        most: Floats = self.shops.max(axis=1, keepdims=True)
        return np.minimum(most, NEEDED_SHOPS)


def usual(state: Baseline, season: float, pace: Pace) -> Usual:
    """What each series is expected to sell at a tick whose profile is ``season``."""
    per_line = _per_line(state)
    known = np.maximum(state.quantity, 0.0) + PRIOR_LINES * per_line
    exposure = np.maximum(state.exposure, TINY)
    warm = (state.age >= pace.warm_ticks) & (per_line > 0.0)
    return Usual(
        mean=known * season / exposure,
        dispersion=np.maximum(state.dispersion, TINY),
        per_line=per_line,
        known=np.maximum(known, TINY),
        lines_a_day=state.lines * (pace.ticks_per_day / exposure),
        warm=warm.astype(np.float64),
        shops=state.shops,
    )


def most(at: Usual) -> Floats:
    """The most of a tick's quantity that the level takes, (units, commodities)."""
    cap: Floats = at.mean + WINSOR * np.sqrt(at.dispersion * (at.mean + at.dispersion))
    # Before it is warm a series has no mean worth holding on to.
    cap += (1.0 - at.warm) * HUGE
    return cap


def learn(state: Baseline, cells: Cells, at: Usual, season: float, free: Floats, pace: Pace) -> None:
    """Take in one tick, in place; ``free`` (commodities,) is 0.0 where a commodity is flagged, else 1.0.

    The quantity is winsorised at ``mean + 4 sqrt(dispersion (mean + dispersion))`` once the series is warm. A series
    begins with the tick in which its county and its commodity were first heard of, not with the message that told of
    that tick: how ticks are packed into messages must change nothing.
    """
    cap = most(at)
    free = free * _begun(state, cells)
    keep = 1.0 - free * (1.0 - pace.level_decay)
    state.quantity *= keep
    state.quantity += free * np.minimum(cells.quantity, cap)
    state.lines *= keep
    state.lines += free * np.maximum(cells.lines, 0.0)
    state.exposure *= keep
    state.exposure += free * season
    state.age += free
    np.maximum(state.shops, np.bitwise_count(cells.partitions), out=state.shops)
    state.block_quantity += free * cells.quantity
    state.block_mean += free * at.mean


def fold(state: Baseline, pace: Pace) -> None:
    """Learn the dispersion from the block that has ended, in place.

    Blocks, not ticks: a tick that sells a tenth of a line has a residual that is all skew. ``sum (y - mean)^2 / sum
    mean``, each square winsorised at ``16 dispersion (mean + dispersion)``. A unit's is shrunk towards the commodity's
    over all counties, and this towards the prior: taken too low by a third, it would turn a p of 1e-6 into 1e-9.
    """
    per_line = _per_line(state)
    learned = (2.0 * state.age > pace.warm_ticks) & (state.block_mean > 0.0)
    square = (state.block_quantity - state.block_mean) ** 2
    known = np.where(state.dispersion > 0.0, state.dispersion, PRIOR_DISPERSION * per_line)
    square = np.minimum(square, WINSOR_SQ * known * (state.block_mean + known))
    lines = state.block_mean / np.maximum(per_line, TINY)
    keep = np.where(learned, pace.dispersion_decay ** (pace.slot_ms / pace.tick_ms), 1.0)
    state.residual[:] = state.residual * keep + learned * square
    state.mass[:] = state.mass * keep + learned * state.block_mean
    state.blocks[:] = state.blocks * keep + learned * np.minimum(lines, 1.0)
    state.block_quantity[:] = 0.0
    state.block_mean[:] = 0.0
    state.dispersion[:] = _dispersion(state, per_line)


def _begun(state: Baseline, cells: Cells) -> Mask:
    """(units, commodities): whether both were heard of, in this tick or before."""
    heard = (state.age > 0.0) | (state.lines > 0.0) | (cells.lines != 0.0) | (cells.partitions > 0)
    begun: Mask = heard.any(axis=1)[:, None] & heard.any(axis=0)
    return begun


def _dispersion(state: Baseline, per_line: Floats) -> Floats:
    pooled = _shrunk(
        state.residual[1:].sum(axis=0),
        state.mass[1:].sum(axis=0),
        state.blocks[1:].sum(axis=0),
        PRIOR_DISPERSION * per_line,
        PRIOR_BLOCKS,
    )
    own = _shrunk(state.residual, state.mass, state.blocks, pooled, POOL_BLOCKS)
    dispersion: Floats = np.maximum(own, LEAST_DISPERSION * per_line)
    return dispersion


def _shrunk(residual: Floats, mass: Floats, blocks: Floats, prior: Floats, weight: float) -> Floats:
    return (blocks * residual / np.maximum(mass, TINY) + weight * prior) / (blocks + weight)


def _per_line(state: Baseline) -> Floats:
    """The quantity of one line of each commodity over the whole city: a county that never sold it has one too."""
    per_line: Floats = np.maximum(state.quantity[0], 0.0) / np.maximum(state.lines[0], 1.0)
    return per_line
