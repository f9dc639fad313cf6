"""The seasonal profile of a city: how the trade of a week is spread over its hours, or over its days.

The rate of a slot is shrunk in two steps: an hour of the week towards that hour of all days, and this towards a flat
day. So the first days are usable, opening hours are known after a day or two and weekends after the first of them.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors.pace import DAY_MS, Pace
from detectors.state import Axes, Floats, State

MEMORY: Final = 0.5 ** (1 / 8)
"""Decay per visit of a slot: half-life of eight weeks."""
FLOOR: Final = 0.1
"""Least profile: a shop may open an hour early without the whole city looking like a rush."""
OWN_VISITS: Final = 1.0
DAY_VISITS: Final = 0.25
"""Weight of the prior of a slot (its hour of the day) and of an hour of the day (flat), in visits."""
PRIOR_LINES: Final = 5.0
"""The same priors in lines: where few lines are sold, a visit says little."""
KNOWN_DRIFT: Final = 0.1
"""Standard deviation, relative, of what level and profile can never know: the baseline is right within 10 %."""
UNSEEN_DRIFT: Final = 0.2
"""Further standard deviation of a slot that has not been seen yet."""

_PerSlot = Annotated[Floats, Axes(("slots",))]


@dataclass(slots=True)
class Profile(State):
    """``sold`` and ``ticks``: lines and ticks seen by slot, fading; ``value``: the profile, mean 1 over the week."""

    sold: _PerSlot
    ticks: _PerSlot
    value: _PerSlot
    drift_sq: _PerSlot
    """variance, relative, of what is not known of a slot"""
    visit: Annotated[Floats, Axes((3,))]
    """the visit under way: its number, lines, ticks"""


def new(pace: Pace) -> Profile:
    """A flat profile."""
    profile = Profile.empty(slots=pace.slots)
    profile.value[:] = 1.0
    profile.drift_sq[:] = KNOWN_DRIFT**2 + UNSEEN_DRIFT**2
    return profile


def ended(profile: Profile, tick: int, pace: Pace) -> bool:
    """Whether a visit that has ticks ended before ``tick``: call ``fold`` then."""
    return bool(profile.visit[2] > 0.0 and pace.visit(tick) != profile.visit[0])


def enter(profile: Profile, tick: int, pace: Pace) -> int:
    """The slot of a tick; begins a visit where it is the first of another one."""
    visit = pace.visit(tick)
    if visit != profile.visit[0]:
        profile.visit[:] = (visit, 0.0, 0.0)
    return visit % pace.slots


def learn(profile: Profile, lines: float) -> None:
    """Add a tick's ``lines``, scaled up to all commodities, to the visit under way."""
    profile.visit[1] += lines
    profile.visit[2] += 1.0


def fold(profile: Profile, pace: Pace) -> None:
    """Learn from the visit that has ended, in place, and work the profile out anew."""
    number, lines, ticks = profile.visit
    slot = int(number) % pace.slots
    profile.sold[slot] = profile.sold[slot] * MEMORY + lines
    profile.ticks[slot] = profile.ticks[slot] * MEMORY + ticks
    rate = max(profile.sold.sum(), 1.0) / profile.ticks.sum()
    few = PRIOR_LINES / rate
    prior = np.full(pace.slots, rate)
    per_day = DAY_MS // pace.slot_ms
    if per_day > 1:
        weight = DAY_VISITS * ticks + few
        sold, seen = (a.reshape(-1, per_day).sum(axis=0) for a in (profile.sold, profile.ticks))
        prior = np.tile((sold + weight * rate) / (seen + weight), pace.slots // per_day)
    weight = OWN_VISITS * ticks + few
    value = (profile.sold + weight * prior) / (profile.ticks + weight)
    profile.value[:] = np.maximum(value / value.mean(), FLOOR)
    profile.drift_sq[:] = KNOWN_DRIFT**2 + UNSEEN_DRIFT**2 * weight / (profile.ticks + weight)
