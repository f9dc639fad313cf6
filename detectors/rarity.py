"""From a p-value to "once in N days": how often chance alone would say as much, over everything that is watched."""

import math
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt

from detectors.pace import DAY_MS, Pace
from detectors.state import Axes, Floats, State

MOST_DAYS: Final = 36_525.0
"""A hundred years: no model here is to be believed beyond it."""

STEP: Final = 0.5
RUNGS: Final = 93
"""The ladder of thresholds: ``exp(-STEP j)``, j = 0 to 92, down to 1e-20."""
ANCHOR: Final = 10.0
"""Episodes at the rarest rung that is taken as it was seen; beyond it the tail is extrapolated."""
PRIOR_EPISODES: Final = 1.0
"""Weight of the prior number of tests, in episodes."""
PRIOR_SLOPE: Final = 20.0
"""Weight of the prior slope 1 (of p that are right), in episodes."""
PLAIN: Final = 0.05
"""p from which nobody asks how rare it is: there days go by 1 / p, which is quick over half a million nodes"""
SLOPE_EPISODES: Final = 30.0
"""Episodes from which the slope is fitted, where there are so many."""
MOST_BUSY: Final = 0.25
"""Where episodes fill more of the time than this they run into each other, and their number says nothing."""
HALF_LIFE_DAYS: Final = 240.0
"""Of what is remembered: p are calibrated ever better, and the seasons differ."""
CAP: Final = 6
"""Rungs (3 nats, a factor of 20) beyond which an episode counts no further: a real incident of the past is one."""


class Area(msgspec.Struct, frozen=True):
    """How much of the monitored area one city's tests stand for; a unit is a county, or a city as a whole."""

    city_units: int
    all_units: int

    def tests_per_day(self, city_tests_per_day: float) -> float:
        """Tests a day of the whole area, if the other units are tested as often as this city's.

        >>> Area(city_units=5, all_units=60).tests_per_day(1_000.0)
        12000.0
        """
        return city_tests_per_day * self.all_units / max(self.city_units, 1)


def recurrence_days(p: float, tests_per_day: float) -> float:
    """Mean days between two results this small or smaller, when nothing is wrong; at most 36,525.

    ``1 / (p tests_per_day)``. It is as nominal as ``p`` is, and takes the tests as independent, which makes it too
    short rather than too long.

    >>> recurrence_days(1e-6, 10_000.0)
    100.0
    >>> recurrence_days(0.0, 10_000.0)
    36525.0
    """
    expected = p * tests_per_day
    return MOST_DAYS if expected * MOST_DAYS <= 1.0 else 1.0 / expected


@dataclass(slots=True)
class Rarity(State):
    """How often the smallest p of each group passed each rung. A group (axis "groups") is what is alerted on its own:

    a kind over the whole area, or a kind of one level of regions.
    """

    days: Annotated[Floats, Axes(("groups",))]
    """observed; this and what follows fade"""
    tests: Annotated[Floats, Axes(("groups",))]
    """tests in them, all nodes together"""
    episodes: Annotated[Floats, Axes(("groups", RUNGS))]
    """runs of periods with a p at or below the rung, those closer than the refractory time being one"""
    since: Annotated[Floats, Axes(("groups", RUNGS))]
    """days since the last such period, or since the start; does not fade"""
    busy: Annotated[Floats, Axes(("groups", RUNGS))]
    """days that lay within the refractory time of such a period: nothing can begin in them"""


def refractory_days(pace: Pace) -> float:
    """Days within which what is said again is the same alert: 1, 3, 14 or 61, by the period."""
    period = pace.tick_ms / DAY_MS
    return 1.0 if period < 0.5 else 3.0 if period < 4.0 else 14.0 if period < 20.0 else 61.0


def learn(state: Rarity, smallest: npt.ArrayLike, tests: npt.ArrayLike, pace: Pace) -> None:
    """Count one period. Ask ``recurrence`` first, or the period speaks for itself.

    ``smallest``: float64 (groups,), the smallest p over all nodes of the group, NaN where none was tested: then the
    time does not count. ``tests``: how many were tested, (groups,). Leave out (NaN) periods that people have confirmed
    to be real incidents: those are no chance.
    """
    p = np.asarray(smallest, np.float64)
    seen = np.isfinite(p)
    period = pace.tick_ms / DAY_MS
    s = -np.log(np.clip(p, 1e-300, 1.0), where=seen, out=np.full(p.shape, -1.0))
    passed = s[:, None] >= STEP * np.arange(RUNGS)
    fade = 0.5 ** (np.where(seen, period, 0.0) / HALF_LIFE_DAYS)
    for memory in (state.days, state.tests, state.episodes.T, state.busy.T):
        memory *= fade
    state.since += period
    again = (state.since <= refractory_days(pace)) & (state.episodes > 0.0)
    state.episodes += passed & ~again
    state.busy += (again | passed) * period * seen[:, None]
    state.since[passed] = 0.0
    state.days += np.where(seen, period, 0.0)
    state.tests += np.where(seen, np.asarray(tests, np.float64), 0.0)


def recurrence(state: Rarity, p: npt.ArrayLike, tests: npt.ArrayLike, pace: Pace) -> Floats:
    """Days, float64 of the shape of ``p`` (groups, ...): alerts rated so rare or rarer come about once in so many days.

    Over the whole input and all groups together: each of G groups that are tested gets the G-th part of the rate, so
    that kinds with coarse p and kinds with fine p are comparable. ``tests`` (groups,) of this period. Days are
    ``1 / (G rate)``, at most 36,525; NaN stays NaN.

    The rate of a group at or below p, in episodes a day: at a rung with n episodes in T days, those left out in which
    one was going on, ``(n + a) / (T + a / prior)``, a = 1. The prior takes nodes as independent and periods as half so:
    ``tests p / sqrt(refractory time x period)``. Beyond the anchor, the rarest rung with 10 episodes, it falls as
    ``(1 + x / w)^-e``, x = nats beyond it. That is what is to be expected of ``p^k`` if k is known no better than from
    e episodes that ended within 3 nats of a rung with 30 (or of the anchor) and from the w nats that they went (cut at
    3), with 20 of each added for k = 1. So the effective number of tests and the tail are fitted to the past, and the
    dependence between nodes and periods, and p that are not quite right, are in both.

    *Source*: extremal index by runs (Smith and Weissman 1994); exponential excesses of -log p, censored (Hill 1975);
    gamma-Poisson shrinkage and its predictive tail (Lomax 1954). *Assumes* that the next year is as the past. *Fails*
    in the first weeks where p are wrong; where real incidents are left in the past, alerts are rarer than rated.
    """
    values = np.asarray(p, np.float64)
    flat = values.reshape(len(values), -1)
    now = np.asarray(tests, np.float64)
    ladder = _ladder(state, now, pace)
    rungs = STEP * np.arange(RUNGS)
    groups = max(int((now > 0.0).sum()), 1)
    days = np.empty(flat.shape)
    for of, rate, out in zip(flat, ladder, days, strict=True):
        plain = float(np.exp(-np.interp(-math.log(PLAIN), rungs, rate)))
        np.divide(plain * PLAIN, np.maximum(of, PLAIN), out=out)
        small = np.flatnonzero(of < PLAIN)
        out[small] = np.exp(-np.interp(-np.log(np.maximum(of[small], 1e-300)), rungs, rate))
    return np.minimum(days / groups, MOST_DAYS).reshape(values.shape)


def _ladder(state: Rarity, tests: Floats, pace: Pace) -> Floats:
    """Log of the episodes a day at or below each rung, float64 (groups, RUNGS)."""
    rung = STEP * np.arange(RUNGS)
    gap = refractory_days(pace)
    periods = np.maximum(state.days * DAY_MS / pace.tick_ms, 1.0)
    usual = np.where(state.tests > 0.0, state.tests / periods, tests)
    prior = np.maximum(usual, 1.0)[:, None] * np.exp(-rung) / math.sqrt(gap * pace.tick_ms / DAY_MS)
    free = np.maximum(state.days[:, None] - state.busy, 0.0)
    rate = (state.episodes + PRIOR_EPISODES) / (free + PRIOR_EPISODES / prior)
    rate = np.maximum.accumulate(rate[:, ::-1], axis=1)[:, ::-1]
    anchor, ended, went = _tail(state, prior, gap)
    beyond = np.maximum(rung - STEP * anchor[:, None], 0.0)
    tail = np.log(np.take_along_axis(rate, anchor[:, None], axis=1)) - ended[:, None] * np.log1p(beyond / went[:, None])
    return np.where(beyond > 0.0, tail, np.log(rate))


def _tail(state: Rarity, prior: Floats, gap: float) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """The rung that each group's tail hangs on, int64 (groups,); episodes that ended beyond it, and nats they went."""
    n = np.minimum.accumulate(state.episodes, axis=1)
    sparse = state.busy <= MOST_BUSY * state.days[:, None]
    known = (n >= ANCHOR) & sparse
    first = np.argmax((prior <= MOST_BUSY / gap) & sparse, axis=1)
    anchor = np.where(known.any(axis=1), RUNGS - 1 - np.argmax(known[:, ::-1], axis=1), first)
    many = (n >= SLOPE_EPISODES) & sparse
    from_rung = np.where(many.any(axis=1), RUNGS - 1 - np.argmax(many[:, ::-1], axis=1), anchor)
    n = np.pad(n, ((0, 0), (0, CAP)))
    steps = n[np.arange(len(n))[:, None], from_rung[:, None] + np.arange(CAP + 1)]
    ended = steps[:, 0] - steps[:, -1]
    went = STEP * (steps[:, 1:] + steps[:, :-1]).sum(axis=1) / 2.0
    return anchor, ended + PRIOR_SLOPE, went + PRIOR_SLOPE
