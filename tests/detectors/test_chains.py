"""Masks of the last hours and days: who was there since when."""

import numpy as np

from detectors import chains
from detectors.chains import Chains, add
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.state import Ints
from streams.ticks import tick_of
from tests.detectors.market import START

DAY = tick_of(START, DAY_MS)
"""midnight in China"""
EVERY = slice(None)


def at(state: Chains, hour: float, mask: int, unit: int = 1, code: int = 0) -> None:
    one: Ints = np.array([unit])
    add(state, DAY + int(hour * HOUR_MS), HOUR_MS, one, np.array([code]), np.array([mask], np.uint64))


def since(state: Chains, hour: float, unit: int | slice = 1, code: int | slice = 0) -> int:
    return int(chains.since(state, DAY + int(hour * HOUR_MS), HOUR_MS, unit, code))


def opened() -> Chains:
    return Chains.empty(units=3, codes=2)


def test_nobody_has_been_there_at_first() -> None:
    assert since(opened(), 0.0) == 0


def test_what_was_sold_since_an_hour_counts_and_nothing_before() -> None:
    state = opened()
    for hour, mask in ((10, 1), (11, 2), (12, 4), (12.9, 8)):
        at(state, hour, mask)
    assert [since(state, hour) for hour in (10, 11.5, 12, 13)] == [15, 14, 12, 0]


def test_a_region_and_all_goods_are_those_of_their_parts() -> None:
    state = opened()
    at(state, 10, 1, 1, 0)
    at(state, 10, 2, 2, 0)
    at(state, 10, 4, 2, 1)
    assert since(state, 10, EVERY) == 3
    assert since(state, 10, 2, EVERY) == 6
    assert since(state, 10, EVERY, EVERY) == 7


def test_beyond_the_hours_that_are_known_whole_days_count_and_at_most_two() -> None:
    state = opened()
    for hour in range(60):
        at(state, hour, 1 << hour)
    assert since(state, 52) == sum(1 << hour for hour in range(52, 60))
    assert since(state, 51) == sum(1 << hour for hour in range(48, 60))
    assert since(state, 30) == since(state, -100) == sum(1 << hour for hour in range(24, 60))


def test_late_rows_count_in_their_hour_and_day_and_not_where_these_are_forgotten() -> None:
    state = opened()
    at(state, 30, 1)
    at(state, 27, 2)
    at(state, 20, 4)
    at(state, -5, 8)
    assert [since(state, hour) for hour in (28, 26, 0)] == [1, 3, 7]


def test_the_order_of_rows_does_not_matter_while_all_are_known() -> None:
    rows = [(30.0, 1), (29.0, 2), (26.5, 4), (24.0, 8)]
    forward, back = opened(), opened()
    for hour, mask in rows:
        at(back, hour, mask)
    for hour, mask in rows[::-1]:
        at(forward, hour, mask)
    assert np.array_equal(forward.masks, back.masks)


def test_bars_of_a_week_are_their_own_hours_and_days() -> None:
    week = Pace.of(7 * DAY_MS).tick_ms
    state = opened()
    for i in range(10):
        tick = tick_of(START, week) + i * week
        add(state, tick, week, np.array([1]), np.array([0]), np.array([1 << i], np.uint64))
    assert int(chains.since(state, tick_of(START, week) + 8 * week, week, 1, 0)) == 0b11_0000_0000
