"""How an event rises and falls: a multiplier for each of its periods."""

from typing import Final

import numpy as np

from streams.world import Floats

SHAPES: Final = ("step", "ramp", "lognormal")
_SIGMA: Final = 0.5
"""Spread of the lognormal curve, log time"""


def multipliers(shape: str, size: float, periods: int, ramp: int = 0) -> Floats:
    """Factors of the usual for each period of an event, (periods,); their largest is ``size``.

    ``step`` is at full size throughout; ``ramp`` rises linearly over ``ramp`` periods (half of them by default);
    ``lognormal`` is an epidemic curve with its top after a third of the time. Raises ValueError for another shape or
    for less than one period.

    >>> multipliers("ramp", 2.0, 4).tolist()
    [1.5, 2.0, 2.0, 2.0]
    """
    if periods < 1:
        raise ValueError(f"periods: expected at least 1, got {periods}")
    at = np.arange(periods, dtype=np.float64)
    if shape == "step":
        weight = np.ones(periods)
    elif shape == "ramp":
        weight = np.minimum(1.0, (at + 1) / (ramp or max(1, periods // 2)))
    elif shape == "lognormal":
        # The mode of a lognormal is exp(mu - sigma^2).
        mu = np.log(max(periods / 3, 0.5)) + _SIGMA**2
        weight = np.exp(-((np.log(at + 0.5) - mu) ** 2) / (2 * _SIGMA**2)) / (at + 0.5)
        weight = weight / weight.max()
    else:
        raise ValueError(f"shape: expected one of {', '.join(SHAPES)}, got {shape!r}")
    factors: Floats = 1.0 + (size - 1.0) * weight
    return factors
