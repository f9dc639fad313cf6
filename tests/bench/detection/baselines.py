"""The published methods that ours is held against, each from its paper; all causal, all over any leading axes.

Arrays are (files, T, nodes): quantities of the nodes of a tree, sums above the leaves included; the result is p, small
where unusual, of the same shape. Thresholds are set by the scoring, so only the order of p matters for what is found.
"""

from typing import Final

import numpy as np
from scipy.stats import norm

from streams.world import Floats

EARS_DAYS: Final = 7
_LEVEL_DAYS: Final = 14.0
_SLOT_VISITS: Final = 8.0
_RATIO: Final = 1.5
SCAN_DAYS: Final = (1, 2, 3, 7)


def ears_c1(values: Floats, per_day: int) -> Floats:
    """EARS C1: against mean and deviation of the seven days before (Hutwagner 2003); by the hour, of that hour."""
    return _p(_ears(values, per_day, guard=0))


def ears_c2(values: Floats, per_day: int) -> Floats:
    """EARS C2: as C1, with two days between window and today."""
    return _p(_ears(values, per_day, guard=2))


def ears_c3(values: Floats, per_day: int) -> Floats:
    """EARS C3: what C2 exceeds 1 by, summed over today and the two days before."""
    excess = np.maximum(_ears(values, per_day, guard=2) - 1.0, 0.0)
    total = np.nan_to_num(excess)
    for day in (1, 2):
        total[:, day * per_day :] += np.nan_to_num(excess[:, : -day * per_day])
    return np.where(np.isnan(excess), np.nan, _p(total))


def _ears(values: Floats, per_day: int, guard: int) -> Floats:
    window = np.full((EARS_DAYS, *values.shape), np.nan)
    for i in range(EARS_DAYS):
        lag = (guard + 1 + i) * per_day
        window[i, :, lag:] = values[:, :-lag]
    known = (~np.isnan(window)).sum(axis=0)
    filled = np.nan_to_num(window)
    mean = filled.sum(axis=0) / np.maximum(known, 1)
    spread = np.where(np.isnan(window), 0.0, (window - mean) ** 2).sum(axis=0) / np.maximum(known - 1, 1)
    # A window without variation would divide by nothing; counts vary at least as Poisson ones do.
    deviation = np.sqrt(np.maximum(spread, np.maximum(1e-4 * mean**2, 1e-9)))
    score: Floats = np.where(known == EARS_DAYS, (values - mean) / deviation, np.nan)
    return score


def _p(z: Floats) -> Floats:
    return likely(-norm.logsf(z))


def likely(evidence: Floats) -> Floats:
    """exp(-evidence); beyond 700, where that would be 0, the order is kept."""
    far = 700.0 + np.log1p(np.maximum(evidence - 700.0, 0.0))
    return np.asarray(np.exp(-np.minimum(evidence, far)), np.float64)


def expected(values: Floats, per_day: int, slots: int) -> Floats:
    """Mean before each period: a fading level times a fading profile over the slots of the week."""
    files, periods, nodes = values.shape
    level, weight = np.zeros((files, nodes)), np.zeros((files, nodes))
    profile, visits = np.ones((slots, files, nodes)), np.full((slots, files, nodes), 1.0)
    fade, slot_fade = 0.5 ** (1 / (_LEVEL_DAYS * per_day)), 0.5 ** (1 / _SLOT_VISITS)
    mean = np.full(values.shape, np.nan)
    for t in range(periods):
        shape = profile[t % slots] / visits[t % slots]
        usual = level / np.maximum(weight, 1e-9)
        mean[:, t] = np.where(weight > 0, usual * shape, np.nan)
        now = values[:, t]
        there = ~np.isnan(now)
        y = np.where(there, now, 0.0)
        relative = np.where(weight > 0, y / np.maximum(usual, 1e-9), 1.0)
        profile[t % slots] = np.where(
            there, slot_fade * profile[t % slots] + np.minimum(relative, 10.0), profile[t % slots]
        )
        visits[t % slots] = np.where(there, slot_fade * visits[t % slots] + 1.0, visits[t % slots])
        level, weight = np.where(there, fade * level + y, level), np.where(there, fade * weight + shape, weight)
    return mean


def nb_cusum(values: Floats, mean: Floats, per_day: int) -> Floats:
    """Negative-binomial CUSUM for a rise by half (Hoehle and Paul 2008); p = exp(-S).

    The dispersion is a fading moment estimate of each node.
    """
    files, periods, nodes = values.shape
    total, extra, squares = np.zeros((files, nodes)), np.zeros((files, nodes)), np.zeros((files, nodes))
    fade = 0.5 ** (1 / (_LEVEL_DAYS * per_day))
    p = np.full(values.shape, np.nan)
    for t in range(periods):
        y, mu = values[:, t], np.maximum(mean[:, t], 1e-6)
        known = ~(np.isnan(y) | np.isnan(mu))
        y, mu = np.where(known, y, 0.0), np.where(known, mu, 1.0)
        size = np.clip(squares / np.maximum(extra, 1e-9), 0.5, 1e4)
        ratio = y * np.log(_RATIO * (size + mu) / (size + _RATIO * mu)) - size * np.log(
            (size + _RATIO * mu) / (size + mu)
        )
        total = np.where(known, np.maximum(0.0, total + ratio), total)
        p[:, t] = np.where(known, likely(total), np.nan)
        extra = np.where(known, fade * extra + np.maximum(0.0, (y - mu) ** 2 - mu), extra)
        squares = np.where(known, fade * squares + mu**2, squares)
    return p


def poisson_scan(values: Floats, mean: Floats, per_day: int) -> Floats:
    """Expectation-based Poisson scan over nodes and durations of 1, 2, 3 and 7 days (Neill 2005); p = exp(-LLR)."""
    known = ~(np.isnan(values) | np.isnan(mean))
    seen = np.cumsum(np.where(known, values, 0.0), axis=1)
    due = np.cumsum(np.where(known, mean, 0.0), axis=1)
    best = np.zeros(values.shape)
    for days in SCAN_DAYS:
        n = days * per_day
        count, base = seen.copy(), due.copy()
        count[:, n:] -= seen[:, :-n]
        base[:, n:] -= due[:, :-n]
        base = np.maximum(base, 1e-6)
        score = count * np.log(np.maximum(count, 1e-9) / base) + base - count
        best = np.maximum(best, np.where(count > base, score, 0.0))
    return np.where(known, likely(best), np.nan)
