"""Panic buying and slumps: quantities of all nodes against what was usual before, over several windows at once."""

from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import numpy as np

from detectors import calibrate, expectation, siblings, windows
from detectors.amplitude import Band
from detectors.calibrate import BINS
from detectors.expectation import Singles
from detectors.kinds import Kinds
from detectors.moment import Moment
from detectors.pace import Pace
from detectors.siblings import Siblings
from detectors.sides import Sides
from detectors.state import Axes, Floats
from detectors.tree import Tree
from detectors.windows import Scores

SCORE_HALF_LIFE_DAYS: Final = 365.0
HOLD_DAYS: Final = 3.0
SOFT: Final = 0.1
"""log lift of a festival of which half is given up"""
UP: Final = 0
DOWN: Final = 1


@dataclass(slots=True)
class Demand(Siblings):
    """All that is known of demand: levels, windows, scores; and of the last period what an alert shows."""

    scores: Annotated[Floats, Axes((2, 2, BINS, 1, 1))]
    """histograms of the scores, up and down, fading"""
    held: Annotated[Singles, Axes((2, "units", "codes"), "f4")]
    """periods for which a flagged series teaches the histograms nothing, up and down"""
    shown: Annotated[Singles, Axes((2, 4, "units", "codes"), "f4")]
    """of the best window, up and down: observed, expected, length in cells, score; NaN: nothing was judged"""


class Evidence(NamedTuple):
    """What stands behind a p, each float64 (..., regions, commodities); NaN where nothing was judged."""

    observed: Floats
    """sold in the window"""
    expected: Floats
    """usual in it, with what the calendar explains"""
    since: Floats
    """ms UTC at which the window begins"""
    window: Floats
    """its length in ms"""


def step(
    state: Demand, qty: Floats, moment: Moment, pace: Pace, tree: Tree | None = None, band: Band | None = None
) -> Sides:
    """Chances of so high and so low a demand, from one period; changes the state.

    ``qty``: of all nodes, float64 (..., regions, commodities), any unit, NaN where not reported. ``tree``: with it what
    siblings do counts too, and kinds of nodes have a variance each. ``band``: how far a festival may lift or lower each
    node, log; without it that of the moment is for all. Nodes are judged from four days (or longer periods) and the
    guard on.
    """
    seen = np.isfinite(qty)
    sold = np.where(seen, np.maximum(qty, 0.0), 0.0).astype(np.float32)
    expectation.begin(state, moment, pace)
    season, hour = expectation.usual_season(state, moment.slot, pace)
    surge, drop = (moment.surge_lift, moment.drop_lift) if band is None else band
    there = np.where(seen, season, 0.0).astype(np.float32)
    high, low = (np.asarray(there * np.exp(_soft(lift)), np.float32) for lift in (surge, drop))
    windows.push(state, sold, high, low, moment.start_ms, pace)
    scores = windows.judge(state, seen, pace, None if tree is None else Kinds.of(tree))
    if tree is not None:
        scores = siblings.beside(state, scores, tree, pace)
    up = _side(state, UP, scores, scores.up, scores.high, pace)
    down = _side(state, DOWN, scores, -scores.down, scores.low, pace)
    expectation.learn(state, sold, seen, season, hour, moment.slot, pace)
    return Sides(up, down)


def evidence(state: Demand, pace: Pace, down: bool = False) -> Evidence:
    """What stands behind the last p of a surge, or of a drop."""
    observed, expected, length, score = state.shown[DOWN if down else UP].astype(np.float64)
    cell_ms = windows.cells(pace).cell_ms
    begins = state.cell[2]
    gone = np.isnan(score)
    observed, expected, length = (np.where(gone, np.nan, a) for a in (observed, expected, length))
    return Evidence(observed, expected, begins - (length - 1.0) * cell_ms, length * cell_ms)


def expected(state: Demand, moment: Moment, pace: Pace) -> Floats:
    """What is usual in a period without any festival, float64 (..., regions, commodities); NaN: not known yet."""
    season, _ = expectation.usual_season(state, moment.slot, pace)
    return np.where(expectation.known(state), (state.level * season).astype(np.float64), np.nan)


def _soft(lift: Floats | float) -> Floats:
    """A festival's lift: small ones are mostly given up, for what they hide is worth more than what they explain."""
    size = np.abs(lift)
    return np.asarray(lift * size / (size + SOFT))


def _side(state: Demand, side: int, scores: Scores, z: Singles, usual: Singles, pace: Pace) -> Floats:
    """p of one side: the highest z of the windows, by what all series scored before."""
    filled = np.where(np.isnan(z), -np.inf, z)
    best = filled.argmax(axis=0)[None]
    score = np.take_along_axis(z, best, 0)[0]
    length = np.asarray(windows.cells(pace).windows, np.float32)[best[0]]
    of = (np.take_along_axis(a, best, 0)[0] for a in (scores.observed, usual))
    state.shown[side] = np.stack([*of, length, score])
    p = calibrate.chance(state.scores[side], score, pace)
    fade = 0.5 ** (1.0 / (SCORE_HALF_LIFE_DAYS * max(pace.ticks_per_day, 1.0)))
    hold = HOLD_DAYS * max(pace.ticks_per_day, 1.0 / HOLD_DAYS)
    calibrate.count(state.scores[side], state.held[side], score, p, hold, fade, pace)
    return p
