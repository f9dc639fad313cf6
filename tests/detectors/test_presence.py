"""The share of the terminals that told of a bar, by how many usually do at that hour."""

import numpy as np
import pytest

from detectors.pace import DAY_MS, HOUR_MS, WEEK_MS, Pace
from detectors.presence import Presence, step
from detectors.state import Floats
from tests.detectors.market import START

HOURLY = Pace.of(HOUR_MS)


def heard(told: list[float], pace: Pace = HOURLY) -> Floats:
    """Of one county, bar by bar."""
    state = Presence.empty(slots=pace.slots, units=1)
    return np.concatenate([step(state, np.array([n]), START + i * pace.tick_ms, pace) for i, n in enumerate(told)])


def test_where_no_terminal_ever_told_it_is_not_known_who_is_heard() -> None:
    assert np.isnan(heard([0.0] * 30)).all()


def test_all_that_are_there_are_heard_and_those_cut_off_are_not() -> None:
    said = heard([8.0] * 48 + [2.0, 0.0])
    assert said[:48].tolist() == [1.0] * 48
    assert said[48:].tolist() == [0.25, 0.0]


def test_each_hour_is_compared_with_the_same_hour_of_the_days_before() -> None:
    day = [0.0] * 8 + [3.0] * 2 + [8.0] * 12 + [0.0] * 2
    said = heard(day * 3)
    assert np.isnan(said[48:56]).all()
    assert said[56:70].tolist() == [1.0] * 14


@pytest.mark.parametrize("days", [1, 6])
def test_an_outage_of_days_does_not_become_usual(days: int) -> None:
    said = heard([8.0] * 24 + [4.0] * 24 * days + [8.0])
    assert set(said[24:-1].tolist()) == {0.5}
    assert said[-1] == 1.0


def test_terminals_that_are_gone_for_a_week_are_no_longer_waited_for() -> None:
    assert heard([8.0] * 24 + [4.0] * 24 * 8)[-1] == 1.0


@pytest.mark.parametrize("tick_ms", [DAY_MS, WEEK_MS])
def test_longer_bars_are_compared_with_those_before(tick_ms: int) -> None:
    assert heard([8.0, 8.0, 6.0, 2.0], Pace.of(tick_ms))[2] == 0.75
