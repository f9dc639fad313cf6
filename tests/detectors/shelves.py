"""Goods on shelves for tests: what a few shops sell by the hour, and what every answer of a detector must be."""

from typing import Final

import numpy as np

from detectors.moment import Moment, moment_of
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.state import Floats, Mask, State
from streams.ticks import CHINA_MS

HOURLY: Final = Pace.of(HOUR_MS)
DAILY: Final = Pace.of(DAY_MS)
SHOPS: Final = 5
GOODS: Final = 6
_OPEN: Final = np.array(
    [0.0] * 7 + [0.6, 1.0, 1.4, 1.3, 1.1, 0.9, 0.8, 0.8, 0.9, 1.2, 1.5, 1.4, 1.0, 0.6, 0.3] + [0.0] * 2
)


def hours(days: int, seed: int = 1, rate: float = 10.0) -> Floats:
    """Pieces sold, (24 days, SHOPS, GOODS), over-dispersed, closed at night; ``rate``: in a mean open hour."""
    rng = np.random.default_rng(seed)
    mean = rate * _OPEN[None, :, None, None] * rng.gamma(60.0, 1.0 / 60.0, (days, 24, SHOPS, GOODS))
    return np.asarray(rng.poisson(mean).reshape(24 * days, SHOPS, GOODS), np.float64)


def moments(count: int, pace: Pace = HOURLY) -> list[Moment]:
    """The first so many periods; the first begins at midnight in China, on a Monday."""
    start = 4 * DAY_MS - CHINA_MS
    return [moment_of(i, start + i * pace.tick_ms, pace) for i in range(count)]


def nothing(like: Floats) -> Floats:
    """Not reported."""
    return np.full(like.shape, np.nan)


def copied(source: State, target: State) -> None:
    """Put what one state holds into another, through bytes."""
    for name, array in source.arrays().items():
        target.arrays()[name][...] = np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def finite(state: State) -> bool:
    """Whether nothing in a state is spoilt."""
    return all(bool(np.isfinite(array).all()) for array in state.arrays().values())


def sound(p: Floats, judged: Mask) -> bool:
    """Whether p is a chance exactly where something is judged."""
    there = ~np.isnan(p)
    return bool((there == judged).all() and (p[there] >= 0.0).all() and (p[there] <= 1.0).all())
