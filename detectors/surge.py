"""Panic buying: a quasi-Poisson CUSUM of the log likelihood ratio, for several sizes of a rush at once.

A large ratio finds a sharp rush within minutes, a small one a slow rush within a day (Page 1954; Lucas 1985).
"""

import math
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import numpy as np

from detectors.baseline import TINY, Usual
from detectors.state import Axes, Bits, Cells, Floats, Mask, State

_RATIOS: Final = (1.5, 3.0, 6.0)
RATIOS: Final[Floats] = np.array(_RATIOS).reshape(-1, 1, 1)
"""The rushes looked for, as multiples of the usual; shape (3, 1, 1)."""
SKEW: Final[Floats] = np.array([1.0, 1.05, 1.15]).reshape(-1, 1, 1)
"""The dispersion is taken so much larger: with it exp(S) is a supermartingale for log-normal quantities a line whose
log has a standard deviation of 0.3 to 0.8, not only for equal ones."""
_GAIN: Final[Floats] = np.log(RATIOS) / SKEW
_COST: Final[Floats] = (RATIOS - 1.0) / SKEW
MOST_PER_LINE: Final = 4.0
"""A line counts for at most so many usual ones: one bulk buyer is no panic."""
LEAST_LINES: Final = 3.0
"""Lines in the window, or those of a usual day where a day has fewer."""
OVER: Final = 6.0
"""A flagged CUSUM starts anew when the usual is e**6 times likelier, of late, than the rush that it has seen."""
LEAST_P: Final = 1e-300
_PerRatio = Annotated[Floats, Axes((len(_RATIOS), "units", "codes"))]


@dataclass(slots=True)
class Surge(State):
    """CUSUMs and the sums since each was last zero; axes (ratio, units, commodities)."""

    score: _PerRatio
    over: _PerRatio
    """CUSUM of the opposite: that a flagged rush, of the size seen so far, has ended"""
    window: Annotated[Floats, Axes((4, len(_RATIOS), "units", "codes"))]
    """since the change point: quantity observed, quantity expected, lines, ticks"""
    partitions: Annotated[Bits, Axes((len(_RATIOS), "units", "codes"), "u8")]


class Window(NamedTuple):
    """Evidence of each series since its change point; shape (units, commodities)."""

    observed: Floats
    expected: Floats
    lines: Floats
    ticks: Floats
    shops: Floats
    """raw partitions that contributed: a lower bound of the shops"""


def step(state: Surge, cells: Cells, at: Usual, drift_sq: float, watch: float, open_: bool) -> Floats:
    """Take in one tick, in place, and return p: float64 (units, commodities), in [1e-300, 1].

    ``S = max(0, S + (y ln r - mean (r - 1)) / dispersion)`` for each ratio r. Under the model P(S >= h) <= exp(-h) at
    any time (Doob's inequality for the reversed likelihood-ratio martingale), so ``p = 3 exp(-max S)``, where S is
    first divided by ``1 + expected / known + drift_sq expected / dispersion``: the variance of the baseline itself over
    that of the window. The p is nominal until it is calibrated.

    ``drift_sq`` is the relative variance of what no baseline knows, ``watch`` the p below which a series is flagged;
    ``open_`` says whether shops are usually open: at night nothing tells that a rush is over.
    """
    counted = np.minimum(cells.quantity, MOST_PER_LINE * at.per_line * cells.lines)
    np.maximum(counted, 0.0, out=counted)
    weight = at.warm / at.dispersion
    score = state.score
    score += _GAIN * (counted * weight)
    score -= _COST * (at.mean * weight)
    np.maximum(score, 0.0, out=score)
    flagged = score > math.log(len(_RATIOS) / watch)
    if flagged.any():
        _end(state, flagged, counted, at, open_)
    alive = score > 0.0
    window = state.window
    window[0] += cells.quantity
    window[1] += at.mean
    window[2] += cells.lines
    window[3] += 1.0
    window *= alive
    state.partitions |= cells.partitions
    state.partitions *= alive
    evidence = score / (1.0 + window[1] * (1.0 / at.known + drift_sq / at.dispersion))
    p: Floats = len(_RATIOS) * np.exp(-np.maximum.reduce(evidence, axis=0))
    np.minimum(p, 1.0, out=p)
    return np.maximum(p, LEAST_P, out=p)


def add_late(state: Surge, cells: Cells, at: Usual, since: int) -> None:
    """Add rows of a tick that was closed, in place; ``since`` ticks were closed from it on, itself included.

    Where the window goes back to the tick, S is what it would be. Where it began later, S was 0 in between: the rows
    count as far as they would have carried it over those ticks had nothing else been sold in them. So lateness alone
    never makes S larger than it would be, by the model of the present.
    """
    counted = np.minimum(cells.quantity, MOST_PER_LINE * at.per_line * cells.lines)
    weight = at.warm / at.dispersion
    window = state.window
    missing = np.maximum(since - window[3], 0.0)
    gain = _GAIN * (counted * weight) - _COST * (at.mean * weight) * missing
    gain[(missing > 0.0) & (gain <= 0.0)] = 0.0
    state.score += gain
    np.maximum(state.score, 0.0, out=state.score)
    alive = state.score > 0.0
    told = (missing == 0.0) | (gain > 0.0)
    window[0] += told * cells.quantity
    window[1] += told * missing * at.mean
    window[2] += told * cells.lines
    window[3] += told * missing
    window *= alive
    state.partitions |= cells.partitions * told
    state.partitions *= alive


def _end(state: Surge, flagged: Mask, counted: Floats, at: Usual, open_: bool) -> None:
    """Start those CUSUMs anew of which the rush is over, by the likelihood of its own ratio against 1."""
    ratio = np.maximum(state.window[0] / np.maximum(state.window[1], TINY), RATIOS)
    normal = (at.mean * (ratio - 1.0) - counted * np.log(ratio)) / at.dispersion
    state.over += normal * open_
    np.maximum(state.over, 0.0, out=state.over)
    state.over *= flagged
    ended = state.over > OVER
    state.score[ended] = 0.0
    state.over[ended] = 0.0


def window(state: Surge) -> Window:
    """The window of the ratio with the largest score, for each series."""
    best = state.score.argmax(axis=0)[None]
    observed, expected, lines, ticks = (np.take_along_axis(w, best, axis=0)[0] for w in state.window)
    shops = np.bitwise_count(np.take_along_axis(state.partitions, best, axis=0)[0]).astype(np.float64)
    return Window(observed, expected, lines, ticks, shops)


def lines_worth(cells: Cells, at: Usual) -> Floats:
    """The city's quantities in usual lines, (commodities,): lines alone say nothing where a day's total is one line."""
    lines = np.maximum(cells.lines[0], 0.0)
    quantity = np.maximum(cells.quantity[0], 0.0) / np.maximum(at.per_line, TINY)
    worth: Floats = np.where(at.per_line > 0.0, np.minimum(quantity, MOST_PER_LINE * lines), lines)
    return worth


def supported(found: Window, at: Usual) -> Mask:
    """Whether enough lines and shops stand behind each window that its p may be told."""
    return (found.lines >= np.minimum(at.lines_a_day, LEAST_LINES)) & (found.shops >= at.needed)


def tests_per_day(at: Usual, ticks_per_day: float) -> float:
    """How often in a day some CUSUM of the city can rise: the expected number of ticks with a sale, over all series."""
    return float((at.warm * ticks_per_day * -np.expm1(-at.lines_a_day / ticks_per_day)).sum())


def quiet(state: Surge) -> None:
    """Nothing was heard for long: start anew."""
    for array in state.arrays().values():
        array[:] = 0
