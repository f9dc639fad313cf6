import numpy as np
import pytest

from streams.simulate.tradetruth import Happening
from tests.bench.detection.scoring import Clock, Key, Signals, calibration, folded, found_at, speaks_of, threshold

DAILY = Clock(1.0, 0)
KEYS: tuple[Key, ...] = (("330602", "0101"), ("330603", "0101"), ("3306", "*"))
EVENT = Happening("demand_surge", 40, 49, ("330602",), ("0101",), 2.0, group="3306")


def signals(*alarms: tuple[int, int, float], periods: int = 100) -> Signals:
    p = np.full((periods, len(KEYS)), 0.5)
    for t, key, value in alarms:
        p[t, key] = value
    return Signals(KEYS, p)


def test_alarms_close_together_are_one() -> None:
    assert folded(np.array([1, 2, 3, 4, 9]), 3) == 3


def test_the_threshold_keeps_the_budget_and_is_the_largest_that_does() -> None:
    lowest = np.full(70, 0.9)
    lowest[[5, 15, 25, 35]] = [0.01, 0.02, 0.03, 0.04]
    limit, alarms = threshold(lowest, DAILY, 30.0)
    assert (limit, alarms) == (0.02, 2)


def test_a_record_shorter_than_the_budget_gives_no_threshold() -> None:
    assert np.isnan(threshold(np.full(20, 0.5), DAILY, 30.0)[0])


def test_a_rush_is_found_with_its_delay_and_a_miss_counts_as_the_longest() -> None:
    clean = signals((10, 1, 0.02), (30, 1, 0.03), (60, 1, 0.03), (80, 0, 0.04))
    early, missed = signals((42, 0, 0.01)), signals((42, 1, 0.01))
    found = found_at(clean, [(early, [EVENT]), (missed, [EVENT])], DAILY, 30.4375)
    assert found is not None
    assert (found.events, found.found, found.share) == (2, 1, 0.5)
    assert found.delay_days == pytest.approx((2 + 10) / 2)


@pytest.mark.parametrize(
    ("key", "speaks"),
    [
        (("330602", "0101"), True),
        (("330602", "*"), True),
        (("3306", "0101"), True),
        (("33", "0101"), False),
        (("*", "*"), False),
        (("330603", "0101"), False),
        (("330602", "0102"), False),
    ],
)
def test_only_series_of_the_place_and_the_good_speak_of_an_event(key: Key, speaks: bool) -> None:
    assert speaks_of(key, EVENT) is speaks


def test_an_event_everywhere_is_spoken_of_by_the_root() -> None:
    assert speaks_of(("*", "0101"), Happening("demand_surge", 0, 1, ("*",), ("*",), 2.0))


def test_uniform_p_are_calibrated() -> None:
    p = np.random.default_rng(1).random((100_000, 3))
    ratios = calibration(Signals(KEYS, p), 0)
    assert ratios[0.01] == pytest.approx(1.0, abs=0.1)
    assert ratios[0.001] == pytest.approx(1.0, abs=0.3)
