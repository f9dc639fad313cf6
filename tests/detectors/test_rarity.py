"""From p to days."""

import pytest

from detectors.rarity import MOST_DAYS, Area, recurrence_days


@pytest.mark.parametrize(
    ("p", "tests", "days"),
    [
        (1e-6, 10_000.0, 100.0),
        (1.0, 4.0, 0.25),
        (1e-300, 1.0, MOST_DAYS),
        (0.0, 1e9, MOST_DAYS),
        (1e-9, 0.0, MOST_DAYS),
    ],
)
def test_recurrence_is_one_over_the_expected_results_a_day(p: float, tests: float, days: float) -> None:
    assert recurrence_days(p, tests) == pytest.approx(days)


def test_the_more_is_watched_the_more_often_chance_speaks() -> None:
    assert Area(city_units=5, all_units=50).tests_per_day(100.0) == 1_000.0
