"""What is usual: a level known before the window, times the season of the week, each series beside the pool of all.

All arrays end with the axes (regions, commodities), or (1, 1) where one figure is for all. Leading axes are allowed.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt

from detectors.moment import Moment
from detectors.pace import DAY_MS, Pace
from detectors.state import Axes, State

Singles = npt.NDArray[np.float32]

GUARD: Final = 4
"""days (periods, where these are longer) that the level stays behind: what is judged must not teach the level"""
LEAST_DAYS: Final = 4.0
"""days, of which a level must have been learned"""
LEVEL_HALF_LIFE: Final = 14.0
"""days"""
BAND: Final = 2.0
"""standard deviations at which a day that teaches the level is cut"""
STRAYED: Final = 10.0
"""days beyond the band on one side after which what was unusual is the new normal"""
RELEARNED: Final = 4.0
"""days that the old level then counts for"""
NEW_DAYS: Final = 3.0
NEW_TIMES: Final = 10.0
"""days in a row of so many times the level after which this is a series that only now begins to trade"""
SPREAD: Final = 0.15
LEAST_SPREAD: Final = 0.001
"""variance of a day's log ratio before it is known, and at least"""
UPSIDE_DOWN: Final = 0.69
"""log lift, or 1.7 times that downwards, from which a day teaches nothing of the level either: twice the usual, or a
third. A smaller one is cut like any odd day; a level that stood still over all small festivals would be weeks old"""
WEEKDAY_FADE: Final = 0.92
HOUR_FADE: Final = 0.95
WEEK_FADE: Final = 0.9
"""what is left of a slot of the profiles at its next visit"""
WEEKDAY_FLAT: Final = 1.5
WEEKDAY_POOL: Final = 4.0
HOUR_POOL: Final = 2.0
"""visits that the flat week counts for beside the pool, and the pool beside the series' own"""
WEEK_FLAT: Final = 0.3
"""share of the busiest hour of a week for which "no hour is special to its day" counts"""
MOST: Final = 4.0
"""times the usual at which an hour is cut before it teaches the profile"""


@dataclass(slots=True)
class Expectation(State):
    """Levels and profiles, float32."""

    level: Annotated[Singles, Axes(("units", "codes"), "f4")]
    """quantity of a usual period"""
    days: Annotated[Singles, Axes(("units", "codes"), "f4")]
    """days that the level was learned from"""
    spread: Annotated[Singles, Axes(("units", "codes"), "f4")]
    """variance of 3 (cube root of day over level - 1)"""
    strayed: Annotated[Singles, Axes(("units", "codes"), "f4")]
    """days in a row above (or, negative, below) the band"""
    waiting: Annotated[Singles, Axes((GUARD, "units", "codes"), "f4")]
    """the last days' levels plus one; 0: none"""
    today: Annotated[Singles, Axes((3, "units", "codes"), "f4")]
    """sums of the day that is not over: quantity, season, season without the weekday"""
    hours: Annotated[Singles, Axes((24, "units", "codes"), "f4")]
    """quantity over the usual of a day's mean hour, fading"""
    hour_visits: Annotated[Singles, Axes((24, 1, 1), "f4")]
    weekdays: Annotated[Singles, Axes((2, 7, "units", "codes"), "f4")]
    """quantity over the level, fading; days, fading"""
    week: Annotated[Singles, Axes((2, 168, 1, 1), "f4")]
    """sold and expected of each hour of the week, all series together, fading"""
    day: Annotated[Singles, Axes((4, 1, 1))]
    """float64: number of the day that is not over; its weekday; whether one has begun; 1: festive"""


def known(state: Expectation) -> npt.NDArray[np.bool_]:
    """Which series have a level."""
    return state.days >= LEAST_DAYS


def hourly(pace: Pace) -> bool:
    """Whether a day has several periods."""
    return pace.tick_ms < DAY_MS


def usual_season(state: Expectation, slot: int, pace: Pace) -> tuple[Singles, Singles]:
    """(season, season without its weekday) of a slot of the week: what to multiply the level with, mean 1.

    ``hour x weekday x (hour of this weekday)``. Hour: ``(n own + 2 pool) / (n + 2)``, n visits. Weekday: the sums of
    ratios to the level, pooled with weights ``sqrt(level)`` and 1.5 visits of a flat week; the series' own beside four
    visits of the pool. What an hour has of its own on its weekday is learned from all series together alone. Source:
    shrinkage by visits, as in ``profile.py``; the separable part keeps 31 figures a series instead of 168.
    """
    if pace.slots == 1:
        return np.ones_like(state.level), np.ones_like(state.level)
    if not hourly(pace):
        return _weekday(state, slot), np.ones_like(state.level)
    hour = _hour(state, slot % 24) * _of_the_week(state, slot)
    return hour * _weekday(state, slot // 24), hour


def begin(state: Expectation, moment: Moment, pace: Pace) -> None:
    """Close the day before, if a new one (or a period of a day or longer) begins; in place."""
    if float(state.day[2].flat[0]) and float(state.day[0].flat[0]) != moment.day:
        _close(state, pace)
    state.day[0], state.day[2] = moment.day, 1.0
    state.day[1] = moment.slot // 24 if hourly(pace) else moment.slot
    if max(moment.surge_lift, -moment.drop_lift / 1.7) >= UPSIDE_DOWN:
        state.day[3] = 1.0


def learn(
    state: Expectation,
    sold: Singles,
    seen: npt.NDArray[np.bool_],
    season: Singles,
    hour: Singles,
    slot: int,
    pace: Pace,
) -> None:
    """Take in one period, in place. ``sold`` is 0 where not ``seen``; ``season``, ``hour``: of ``usual_season``."""
    state.today += np.stack([sold, np.where(seen, season, 0.0), np.where(seen, hour, 0.0)])
    if not hourly(pace) or float(state.day[3].flat[0]):
        return
    at, special = slot % 24, _of_the_week(state, slot)
    usual = np.where(known(state) & seen, state.level * season / hour, 0.0)
    there = usual > 0.0
    if not there.any():
        return
    expected = usual * hour / special
    cut = np.where(there, np.minimum(sold, MOST * expected * special + MOST), 0.0)
    share = np.divide(cut, usual, out=np.zeros_like(cut), where=there)
    state.hours[at] = state.hours[at] * HOUR_FADE + share
    state.hour_visits[at] = state.hour_visits[at] * HOUR_FADE + 1.0
    weight = 1.0 / (1.0 + 0.02 * expected)
    state.week[0, slot] = state.week[0, slot] * WEEK_FADE + _over(cut * weight)
    state.week[1, slot] = state.week[1, slot] * WEEK_FADE + _over(expected * weight)


def _close(state: Expectation, pace: Pace) -> None:
    """What the day that is over says of its weekday and of the level; of festive days, nothing."""
    sold, season, plain = state.today
    festive = bool(state.day[3].flat[0])
    there = (season > 0.0) & (not festive)
    ratio = np.divide(sold, season, out=np.zeros_like(sold), where=there)
    if pace.slots > 1 and not festive:
        told = there & known(state) & (state.level > 0.0) & (np.abs(state.strayed) < 1.0)
        value = np.clip(np.divide(sold, state.level * plain, out=np.zeros_like(sold), where=told), 0.0, 3.0)
        own = state.weekdays[:, int(state.day[1].flat[0])]
        own[...] = np.where(told, own * WEEKDAY_FADE + np.stack([value, np.ones_like(value)]), own)
    oldest = state.waiting[-1].copy()
    state.waiting[1:] = state.waiting[:-1].copy()
    state.waiting[0] = np.where(there, ratio + 1.0, 0.0)
    _learn_level(state, np.maximum(oldest - 1.0, 0.0), oldest > 0.0)
    state.today[...] = 0.0
    state.day[3] = 0.0


def _learn_level(state: Expectation, day: Singles, there: npt.NDArray[np.bool_]) -> None:
    """``level += max(1/n, alpha) (day - level)``, the day cut at ``BAND`` standard deviations on the cube-root scale.

    Beyond the band on one side for ``STRAYED`` days in a row, the level is learned anew.
    """
    first = there & (state.days == 0.0)
    state.level[...] = np.where(first, day, state.level)
    state.spread[...] = np.where(first, SPREAD, state.spread)
    spread = np.maximum(state.spread, LEAST_SPREAD)
    base = np.maximum(state.level, 1e-6)
    off = 3.0 * (np.cbrt(day / base) - 1.0)
    width = BAND * np.sqrt(spread)
    side = np.where(np.abs(off) > width, np.sign(off), 0.0)
    same = side == np.sign(state.strayed)
    strayed = np.where(side == 0.0, 0.0, np.where(same, state.strayed + side, side))
    state.strayed[...] = np.where(there, strayed, state.strayed)
    anew = there & (np.abs(state.strayed) >= STRAYED)
    state.days[...] = np.where(anew, np.minimum(state.days, RELEARNED), state.days)
    begins = there & (state.strayed >= NEW_DAYS) & (day > NEW_TIMES * base)
    state.days[...] = np.where(begins, 0.0, state.days)
    anew |= begins
    cut = base * np.maximum(1.0 + np.clip(off, -width, width) / 3.0, 0.01) ** 3
    value = np.where(anew, day, cut)
    gain = np.maximum(1.0 / (state.days + 1.0), 1.0 - 0.5 ** (1.0 / LEVEL_HALF_LIFE))
    state.level[...] = np.where(there, base + gain * (value - base), state.level)
    deviation = 1.15 * np.minimum(off * off, 6.25 * spread)
    gain = np.maximum(1.0 / (state.days + 3.0), 0.03)
    state.spread[...] = np.where(there & (state.days >= 2.0), spread + gain * (deviation - spread), state.spread)
    state.days += there


def _weekday(state: Expectation, weekday: int) -> Singles:
    ratios, days = state.weekdays
    weight = np.sqrt(np.maximum(state.level, 0.0))
    flat = WEEKDAY_FLAT * np.maximum(_over(weight), 1e-9)
    pool = (_over(ratios * weight) + flat) / (_over(days * weight) + flat)
    pool /= pool.mean(axis=0)
    profile = (ratios + WEEKDAY_POOL * pool) / (days + WEEKDAY_POOL)
    return np.asarray(np.maximum(profile[weekday] / profile.mean(axis=0), 0.05), np.float32)


def _hour(state: Expectation, hour: int) -> Singles:
    if not float(state.hour_visits.min()):
        return np.ones_like(state.level)
    weight = np.where(known(state), np.sqrt(np.maximum(state.level, 0.0)), 0.0)
    pool = _over(state.hours * weight)
    pool = pool / np.maximum(pool.mean(axis=0), 1e-9)
    mean = np.maximum(state.hours.mean(axis=0), 1e-9)
    n = state.hour_visits
    profile = (n * (state.hours / mean) + HOUR_POOL * pool) / (n + HOUR_POOL)
    return np.asarray(np.maximum(profile[hour] / profile.mean(axis=0), 1e-3), np.float32)


def _of_the_week(state: Expectation, slot: int) -> Singles:
    sold, expected = state.week[:, slot]
    flat = WEEK_FLAT * state.week[1].max(axis=0) + 1e-9
    return np.asarray(np.clip((sold + flat) / (expected + flat), 0.3, 3.0), np.float32)


def _over(values: Singles) -> Singles:
    """Sum over all series."""
    return np.asarray(values.sum(axis=(-2, -1), keepdims=True), np.float32)
