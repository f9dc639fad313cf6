"""Online control of the false share of what is raised, with a memory that fades: today's alerts pay for today's."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt

from detectors.pace import DAY_MS, Pace
from detectors.state import Axes, Floats, Ints, Mask, State

MEMORY_DAYS: Final = 90.0
"""Time constant of the memory."""
SPEND: Final = 0.1
"""Share of the wealth at hand that one period may spend: more finds more at once, less keeps some for later."""


@dataclass(slots=True)
class Discovery(State):
    """One account a jurisdiction (axis "units")."""

    spent: Annotated[Floats, Axes(("units",))]
    """fading sum of the false discoveries to be expected, tests times threshold"""
    found: Annotated[Floats, Axes(("units",))]
    """fading sum of discoveries"""


def step(state: Discovery, p: npt.ArrayLike, alpha: float, pace: Pace) -> Mask:
    """Which of a period's candidates are discoveries, bool of the shape of ``p``; the account is settled.

    ``p`` is (units, tests), or (units, ...); NaN is not tested. With ``d`` the decay a period, A what was spent and R
    what was found, the wealth is ``B = alpha (1 + d R) - d A``; the rule of Benjamini and Hochberg at the level
    ``a = min(alpha, SPEND B)`` finds k; ``a k+`` is spent, where k+ is what it would have found had one more p been 0:
    the expected number of false ones is at most that. So the expected share ``V / (1 + R)`` of false ones among what
    was found within memory stays below alpha where the p are independent, and where nothing is ever wrong about alpha
    false ones come in each memory's length. A strong find of many at once may overdraw: then nothing is found until
    memory has faded.

    *Source*: Ramdas, Yang, Wainwright and Jordan 2017, "Online control of the false discovery rate with decaying
    memory" (mem-LORD++, its estimate of the false share, smoothed by one in the denominator so that wealth returns
    while nothing is found); Zrnic, Jiang, Ramdas and Jordan 2020, "The power of batching" (BatchBH, k+).

    Raises ValueError where alpha is not in (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha: expected a share between 0 and 1, got {alpha}")
    tested = np.asarray(p, np.float64)
    flat = tested.reshape(tested.shape[0], -1)
    decay = np.exp(-pace.tick_ms / (MEMORY_DAYS * DAY_MS))
    state.spent *= decay
    state.found *= decay
    wealth = alpha * (1.0 + state.found) - state.spent
    level = np.clip(SPEND * wealth, 0.0, alpha)
    n = np.isfinite(flat).sum(axis=1)
    ordered = np.sort(np.where(np.isnan(flat), np.inf, flat), axis=1)
    k = _last_passed(ordered, level, n, 0)
    some = k > 0
    most = np.full(len(flat), -1.0)
    most[some] = ordered[some, k[some] - 1]
    hit: Mask = flat <= most[:, None]
    with_one_more = np.minimum(_last_passed(ordered, level, n, 1), n)
    state.spent += level * np.maximum(with_one_more, k)
    state.found += k
    return hit.reshape(tested.shape)


def _last_passed(ordered: Floats, level: Floats, n: Ints, free: int) -> Ints:
    """The largest r such that r of the ordered p, ``free`` of them for nothing, are at most ``r level / n``; int64."""
    r = np.arange(1, ordered.shape[1] + 1) + free
    passes = ordered * np.maximum(n, 1)[:, None] <= r * level[:, None]
    if not passes.size:
        return np.minimum(n, free)
    last = ordered.shape[1] - np.argmax(passes[:, ::-1], axis=1)
    return np.where(passes.any(axis=1), last + free, free)
