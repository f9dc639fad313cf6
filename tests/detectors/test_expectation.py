"""Levels and profiles."""

import numpy as np

from detectors import expectation
from detectors.expectation import Expectation
from detectors.moment import moment_of
from detectors.pace import DAY_MS, HOUR_MS, Pace

DAILY = Pace.of(DAY_MS)


def learned(qty: np.ndarray, pace: Pace = DAILY) -> Expectation:
    state = Expectation.empty(units=qty.shape[1], codes=qty.shape[2])
    for i, q in enumerate(qty.astype(np.float32)):
        now = moment_of(i, (19_000 * DAY_MS - 8 * HOUR_MS) + i * pace.tick_ms, pace)
        expectation.begin(state, now, pace)
        season, hour = expectation.usual_season(state, now.slot, pace)
        expectation.learn(state, q, ~np.isnan(q), season, hour, now.slot, pace)
    return state


def test_the_level_does_not_follow_a_rush_of_some_days() -> None:
    qty = np.full((60, 2, 1), 50.0)
    qty[52:, 0] = 200.0
    level = learned(qty).level.ravel()
    assert level[0] < 60.0
    assert abs(level[1] - 50.0) < 1.0


def test_what_lasts_becomes_the_new_normal() -> None:
    qty = np.full((80, 1, 1), 50.0)
    qty[40:] = 200.0
    assert abs(learned(qty).level.item() / 200.0 - 1.0) < 0.15


def test_the_weekday_is_learned() -> None:
    week = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0])
    state = learned(np.tile(70.0 * week, 12)[:, None, None])
    profile = [expectation.usual_season(state, slot, DAILY)[0].item() for slot in range(7)]
    assert max(profile) / min(profile) > 1.7


def test_the_hour_is_learned() -> None:
    day = np.where(np.arange(24) < 8, 1.0, 20.0)
    state = learned(np.tile(day, 30)[:, None, None], Pace.of(HOUR_MS))
    profile = [expectation.usual_season(state, slot, Pace.of(HOUR_MS))[0].item() for slot in range(24)]
    assert max(profile) / min(profile) > 10.0
