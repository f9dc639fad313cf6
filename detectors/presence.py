"""Who has told of a bar: terminals that have sent all their sales of it, against as many as usually have.

A terminal that tells of a bar and sold nothing in it is alive; one that does not tell is cut off, or off. When shops
are usually open is in the number itself: it is compared with those of the same hour on the days before.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors.pace import Pace
from detectors.state import Axes, Floats, State

_DAYS: Final = 7


@dataclass(slots=True)
class Presence(State):
    """Terminals that told, by slot of the week; units are the regions that report."""

    told: Annotated[Floats, Axes(("slots", "units"))]
    """at the last visit of the slot"""


def step(state: Presence, told: Floats, start_ms: int, pace: Pace) -> Floats:
    """Share of the usual terminals that told of the bar at ``start_ms`` (UTC), float64 (units,), in [0, 1].

    The usual is the most that told in the same hour of the last seven days (of the last bar, where bars are a week and
    longer): that many there are, for no terminal tells twice. NaN where none ever told: there are none, or what they
    said is not known. Takes ``told`` (units,) in, in place.
    """
    slot = pace.visit(start_ms) % pace.slots
    a_day = max(pace.slots // _DAYS, 1)
    usual = np.maximum(state.told[slot % a_day :: a_day].max(axis=0), told)
    state.told[slot] = told
    heard: Floats = np.where(usual > 0.0, told / np.maximum(usual, 1.0), np.nan)
    return heard
