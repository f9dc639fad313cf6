"""Which share of what is told is likely false: finds of late against those that chance alone would give."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt

from detectors.pace import DAY_MS, Pace
from detectors.rarity import refractory_days
from detectors.state import Axes, Floats, State

MEMORY_DAYS: Final = 90.0
"""Time constant of the memory."""
RUNGS: Final = 16
"""Rarities that are counted: once in 1, 2, 4 to 32,768 days"""
_LADDER: Final = 2.0 ** np.arange(RUNGS)


@dataclass(slots=True)
class Discovery(State):
    """How many finds of each rarity there were of late. A group is what is found on its own, as in ``Rarity``."""

    days: Annotated[Floats, Axes((1,))]
    """observed; fading"""
    found: Annotated[Floats, Axes((RUNGS,))]
    """finds as rare as the rung or rarer, fading; those of a group that are closer than the refractory time are one"""
    since: Annotated[Floats, Axes(("groups", RUNGS))]
    """days since the last one; does not fade"""


def learn(state: Discovery, rarest: npt.ArrayLike, pace: Pace) -> None:
    """Count one period, in place. ``rarest``: days of the rarest of each group, float64 (groups,), NaN: not tested."""
    days = np.nan_to_num(np.asarray(rarest, np.float64))
    period = pace.tick_ms / DAY_MS
    fade = np.exp(-period / MEMORY_DAYS)
    there = days[:, None] >= _LADDER
    again = (state.since <= refractory_days(pace)) & (state.since > 0.0)
    state.days *= fade
    state.days += period
    state.found *= fade
    state.found += (there & ~again).sum(axis=0)
    # 0 is "never": the time since a find begins with the period after it.
    state.since[:] = np.where(there, period, np.where(state.since > 0.0, state.since + period, 0.0))


def false_share(state: Discovery, days: npt.ArrayLike) -> Floats:
    """Expected share of false ones among what was found of late and is as rare, float64 of the shape of ``days``.

    ``days``: how often chance alone gives a find, as ``rarity.recurrence`` says, so that of T days ``T / days`` are to
    be expected false, over all kinds and nodes together. Of n found the share is ``T / (days n)``, at most 1, and of a
    find the smallest over all rarities that it passes: that at which a control of the false share would begin to let it
    through. T and n fade alike, so that today's finds are held against today's.

    *Source*: Benjamini and Hochberg 1995 (estimate and q-value as of Storey 2002); the decaying memory of Ramdas, Yang,
    Wainwright and Jordan 2017. *Assumes* that recurrence is right. *Fails* to tell apart two finds as rare: it says of
    a season with many that each is likely true, of a quiet one that a lone find of once in 90 days is as likely chance.
    """
    n = np.maximum(state.found, 1.0)
    share = np.minimum.accumulate(np.minimum(state.days / (_LADDER * n), 1.0))
    rung = np.floor(np.log2(np.clip(np.asarray(days, np.float64), 1.0, _LADDER[-1]))).astype(np.int64)
    return np.asarray(share[rung])
