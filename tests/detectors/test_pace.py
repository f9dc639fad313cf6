"""What follows from the length of a tick."""

import pytest

from detectors.pace import DAY_MS, HOUR_MS, Pace
from tests.detectors.market import START


@pytest.mark.parametrize(
    ("tick_ms", "slots"),
    [(300_000, 168), (HOUR_MS, 168), (6 * HOUR_MS, 168), (DAY_MS, 7), (7 * DAY_MS, 1), (30 * DAY_MS, 1)],
)
def test_short_ticks_have_hours_of_the_week_and_daily_ones_days(tick_ms: int, slots: int) -> None:
    assert Pace.of(tick_ms).slots == slots


def test_a_local_day_begins_at_local_midnight() -> None:
    pace = Pace.of(DAY_MS)
    assert pace.visit(START - 1) + 1 == pace.visit(START) == pace.visit(START + DAY_MS - 1)


def test_a_series_is_known_for_two_days_or_seven_ticks_before_it_is_tested() -> None:
    assert Pace.of(300_000).warm_ticks == 576
    assert Pace.of(DAY_MS).warm_ticks == 7


def test_a_tick_must_have_a_length() -> None:
    with pytest.raises(ValueError, match="expected a positive number of ms, got 0"):
        Pace.of(0)
