"""The seasonal profile: usable from the first days, opening hours and weekends learned."""

import numpy as np

from detectors import profile
from detectors.pace import HOUR_MS, Pace
from detectors.profile import Profile
from detectors.state import Floats
from tests.detectors.market import START, open_hours

PACE = Pace.of(HOUR_MS)
WEEK = range(START, START + 168 * HOUR_MS, HOUR_MS)


def learned(hours: int, lines: float = 100.0) -> Profile:
    state = profile.new(PACE)
    for tick in range(START, START + hours * HOUR_MS, HOUR_MS):
        if profile.ended(state, tick, PACE):
            profile.fold(state, PACE)
        profile.enter(state, tick, PACE)
        profile.learn(state, lines * open_hours(tick))
    return state


def truth() -> Floats:
    week = np.array([open_hours(t) for t in WEEK])
    by_slot = np.empty(168)
    by_slot[[PACE.visit(t) % 168 for t in WEEK]] = week / week.mean()
    return by_slot


def test_a_new_profile_is_flat() -> None:
    assert profile.new(PACE).value.tolist() == [1.0] * 168


def test_opening_hours_are_known_after_two_days_on_days_not_yet_seen() -> None:
    state = learned(49)
    closed = truth() == 0.0
    assert state.value[closed].max() < 0.4
    assert state.value[~closed].min() > 0.5


def test_after_four_weeks_the_profile_is_that_of_the_market() -> None:
    off = learned(4 * 168).value / np.maximum(truth(), profile.FLOOR)
    assert off.min() > 0.85
    assert off.max() < 1.15


def test_where_few_lines_are_sold_the_profile_stays_nearly_flat() -> None:
    assert learned(49, lines=0.01).value.max() < 1.2


def test_what_is_not_known_of_an_hour_shrinks_as_it_is_seen() -> None:
    assert learned(4 * 168).drift_sq.max() < learned(169).drift_sq.max() < profile.new(PACE).drift_sq.max()
