"""Sums over several windows at once against what was usual before them, as a z on the cube-root scale."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.expectation import GUARD, Expectation, Singles, hourly, known
from detectors.kinds import Kinds
from detectors.pace import HOUR_MS, Pace
from detectors.state import Axes, Mask

RING: Final = 48
"""cells that are kept: hours, or periods where these are longer"""
WINDOWS: Final = 3
"""windows that are judged at once"""
HOURS: Final = (12, 24, 48)
DAYS: Final = (2, 3, 5)
"""lengths of the windows: hours for cadences below a day, else periods. A window of one day is left out: real days that
stand alone are most of the false alarms, and a sharp rush fills two days on its first"""
HALF_LIFE_DAYS: Final = 28.0
"""of the law that is for all"""
OWN_HALF_LIFE_DAYS: Final = 90.0
OWN: Final = 60.0
"""of a series' own variance, and the periods of its kind that stand beside it: from less it is too uncertain itself"""
KIND: Final = 120.0
"""periods of the law for all, a node, that stand beside those of a kind: its nodes move together"""
CUT: Final = 3.0
"""standard deviations at which a deviation is cut before it teaches the variance"""
CUT_BIAS: Final = 1.02
ODD: Final = 4.5
ODD_WEIGHT: Final = 0.2
"""standard deviations beyond which a period teaches the series' own variance only so much"""
LEAST_VARIANCE: Final = 1e-4
SPARSE: Final = 0.5
"""variance of counting alone, b / expected, above which a window is not judged: too little is sold in it"""
LEAST_VISITS: Final = 2.8
"""visits, fading, of an hour of the day before windows are judged: three days of its profile"""
FIRST_VARIANCE: Final = 0.05
FIRST_PERIODS: Final = 15.0
"""a of the pool before anything is known, and the series' periods that this counts for"""
LEAST_EXPECTED: Final = 1e-3
"""base units below which nothing is expected of a window"""


class Cells(NamedTuple):
    """What a period of some cadence is in the ring."""

    windows: tuple[int, ...]
    """cells of each window"""
    cell_ms: int


@dataclass(slots=True)
class Windows(Expectation):
    """The ring of the last cells and the variance of each window, float32."""

    sold: Annotated[Singles, Axes((RING, "units", "codes"), "f4")]
    high: Annotated[Singles, Axes((RING, "units", "codes"), "f4")]
    """season times what a festival may lift"""
    low: Annotated[Singles, Axes((RING, "units", "codes"), "f4")]
    """season times what a festival may leave"""
    cell: Annotated[Singles, Axes((4, 1, 1))]
    """float64: number of the newest cell, whether there is one, its first period's start (ms UTC); the day that the
    newest of the waiting moments are of"""
    squares: Annotated[Singles, Axes((2, WINDOWS, "units", "codes"), "f4")]
    """squared deviations over the pool's variance; periods; fading"""
    factor: Annotated[Singles, Axes((WINDOWS, "units", "codes"), "f4")]
    """of the pool's variance, as last judged; 0: never"""
    moments: Annotated[Singles, Axes((5, WINDOWS, 1, 1), "f8")]
    """of the pool's variance over 1 / expected, fading"""
    waiting_moments: Annotated[Singles, Axes((GUARD, 5, WINDOWS, 1, 1), "f8")]
    """those of the last days, which do not count yet: what is judged must not teach how much trade varies"""


class Scores(NamedTuple):
    """All float32 (windows, ..., regions, commodities); NaN where not judged."""

    up: Singles
    """z against the higher expectation"""
    down: Singles
    """z against the lower one"""
    observed: Singles
    high: Singles
    low: Singles
    variance: Singles
    """of the deviation on the cube-root scale"""


@cache
def cells(pace: Pace) -> Cells:
    """The windows of a cadence in cells, shortest first."""
    if not hourly(pace):
        return Cells(DAYS, pace.tick_ms)
    cell = max(pace.tick_ms, HOUR_MS)
    return Cells(tuple(max(1, h * HOUR_MS // cell) for h in HOURS), cell)


def push(state: Windows, sold: Singles, high: Singles, low: Singles, start_ms: int, pace: Pace) -> None:
    """Put one period into the newest cell, or into a new one, in place; cells that were left out are empty."""
    number = start_ms // cells(pace).cell_ms
    newest, begun = float(state.cell[0].flat[0]), bool(state.cell[1].flat[0])
    if not begun or number != newest:
        steps = int(min(number - newest, RING)) if begun else RING
        for i in range(steps):
            for ring in (state.sold, state.high, state.low):
                ring[int(number - i) % RING] = 0.0
        state.cell[2] = start_ms
    state.cell[0], state.cell[1] = number, 1.0
    at = int(number) % RING
    state.sold[at] += sold
    state.high[at] += high
    state.low[at] += low


def judge(state: Windows, seen: npt.NDArray[np.bool_], pace: Pace, kinds: Kinds | None = None) -> Scores:
    """z of each window, and in place what its deviation teaches of the variance.

    ``d = 3 ((O / E)^(1/3) - 1)`` with O sold and E usual in the window, ``z = (d + min(v/3, 1)) / sqrt(v)``,
    ``v = f (a + b / E)``: a and b by weighted regression over all series, f the series' own factor, shrunk to that of
    its kind (a sum of many varies less than each of them), or to 1. Like the level, a and b stay ``GUARD`` days behind:
    a rush of all series would else hide itself. Source: Wilson and Hilferty 1931 (cube roots of
    gamma sums are nearly normal; mean ``1 - v / 9``).
    """
    lengths = cells(pace).windows
    newest = int(state.cell[0].flat[0])
    _pass_on(state)
    shape = (len(lengths), *state.level.shape)
    out = Scores(*(np.full(shape, np.nan, np.float32) for _ in range(6)))
    sums = np.zeros((3, *state.level.shape), np.float32)
    ready = known(state) & seen
    if not ready.any():
        return out
    plain, done = True, 0
    for k, length in enumerate(lengths):
        for i in range(done, length):
            at = (newest - i) % RING
            sums[0] += state.sold[at]
            sums[1] += state.high[at]
            plain = plain and np.array_equal(state.high[at], state.low[at])
            sums[2] += state.low[at]
        done = length
        high, low = (np.maximum(state.level * s, LEAST_EXPECTED) for s in sums[1:])
        good = ready & (state.level * sums[1] > LEAST_EXPECTED)
        a, b = _pool(state, k)
        factor = state.factor[k] = _factor(state, k, kinds)
        up, variance = _z(sums[0], high, a, b, factor)
        down = up if plain else _z(sums[0], low, a, b, factor)[0]
        z, teaches = (up, good) if plain else _outside(up, down, sums[1] > sums[2], good)
        _learn(state, k, np.where(teaches, z, 0.0), teaches, high, variance, factor, pace)
        # Until some series has been watched for a whole window, nobody knows how much one varies.
        watched = state.squares[1, k].max(axis=(-2, -1), keepdims=True) >= length
        watched = watched & (not hourly(pace) or state.hour_visits.max(axis=0) >= LEAST_VISITS)
        judged = good & watched & (b * factor / high < SPARSE)
        for array, value in zip(out, (up, down, sums[0], high, low, variance), strict=True):
            array[k] = np.where(judged, value, np.nan)
    return out


def variance(state: Windows, k: int, usual: Singles) -> Singles:
    """Variance of d in window ``k`` of each node where ``usual`` is expected in it, float32.

    By all that is known: it compares regions on one day, and what moves them all moves none of them apart.
    """
    a, b = _pool(state, k, behind=False)
    factor = np.where(state.factor[k] > 0.0, state.factor[k], 1.0)
    return np.asarray((a + b / usual + LEAST_VARIANCE) * factor, np.float32)


def _z(observed: Singles, usual: Singles, a: Singles, b: Singles, factor: Singles) -> tuple[Singles, Singles]:
    variance = (a + b / usual + LEAST_VARIANCE) * factor
    d = 3.0 * (np.cbrt(observed / usual) - 1.0)
    return np.asarray((d + np.minimum(variance / 3.0, 1.0)) / np.sqrt(variance), np.float32), np.asarray(
        variance, np.float32
    )


def _outside(up: Singles, down: Singles, festive: Mask, good: Mask) -> tuple[Singles, Mask]:
    """Deviation from the band of a festival, and where it says how much trade varies: not inside of a band."""
    z = np.where(up > 0.0, up, np.where(down < 0.0, down, np.float32(0.0)))
    return z, good & (~festive | (z != 0.0))


def _factor(state: Windows, k: int, kinds: Kinds | None) -> Singles:
    """Variance of each node over that of the law for all, as its own periods and those of its kind show it."""
    squares, periods = state.squares[:, k].astype(np.float32)
    if kinds is None:
        return np.asarray((squares + OWN) / (periods + OWN), np.float32)
    prior = KIND * np.maximum(kinds.total((periods > 0.0).astype(np.float32)), 1.0)
    of_kind = (kinds.total(squares) + prior) / (kinds.total(periods) + prior)
    return np.asarray((squares + OWN * of_kind) / (periods + OWN), np.float32)


def _pass_on(state: Windows) -> None:
    """On a new day, let the moments that have waited longest count."""
    if state.cell[3].flat[0] == state.day[0].flat[0]:
        return
    state.cell[3] = state.day[0]
    state.moments += state.waiting_moments[-1]
    state.waiting_moments[1:] = state.waiting_moments[:-1].copy()
    state.waiting_moments[0] = 0.0


def _pool(state: Windows, k: int, behind: bool = True) -> tuple[Singles, Singles]:
    """a and b >= 0 of the variance ``a + b / expected`` of a window, weighted least squares over all series.

    What waits counts as long as nothing has waited for ``GUARD`` days, or where it need not stay ``behind``.
    """
    passed, waiting = state.moments[:, k], state.waiting_moments[:, :, k].sum(axis=0)
    w, wx, wxx, wu, wux = passed + np.where((passed[0] > 0.0) & behind, 0.0, waiting)
    whole = np.maximum(w, 1e-30)
    spread = w * wxx - wx * wx
    b = np.where(spread > 1e-9 * w * wxx + 1e-30, np.maximum(w * wux - wx * wu, 0.0) / np.maximum(spread, 1e-30), 0.0)
    a = np.where(w > 0.0, (wu - b * wx) / whole, FIRST_VARIANCE)
    b = np.where((a < 0.0) & (wx > 0.0), wu / np.maximum(wx, 1e-30), b)
    n = state.squares[1, k].sum(axis=(-2, -1), keepdims=True, dtype=np.float64)
    a = (n * np.maximum(a, 0.0) + FIRST_PERIODS * FIRST_VARIANCE) / (n + FIRST_PERIODS)
    return np.asarray(a, np.float32), np.asarray(b, np.float32)


def _learn(
    state: Windows,
    k: int,
    z: Singles,
    good: npt.NDArray[np.bool_],
    usual: Singles,
    variance: Singles,
    factor: Singles,
    pace: Pace,
) -> None:
    fade, own_fade = (
        0.5 ** (1.0 / (days * max(pace.ticks_per_day, 1.0))) for days in (HALF_LIFE_DAYS, OWN_HALF_LIFE_DAYS)
    )
    much = np.where(np.abs(z) > ODD, ODD_WEIGHT, 1.0).astype(np.float32)
    square = np.minimum(z * z, CUT * CUT)
    own = state.squares[:, k]
    kept = 1.0 - (1.0 - own_fade) * much
    own[...] = np.where(good, own * kept + np.stack([square * factor * CUT_BIAS, np.ones_like(square)]) * much, own)
    x = 1.0 / usual
    weight = good / (0.05 + x) ** 2 / np.maximum(factor, 1.0) ** 2
    u = square * variance
    sums = (weight, weight * x, weight * x * x, weight * u, weight * u * x)
    state.moments[:, k] *= fade
    state.waiting_moments[0, :, k] += np.stack([s.sum(axis=(-2, -1), keepdims=True, dtype=np.float64) for s in sums])
