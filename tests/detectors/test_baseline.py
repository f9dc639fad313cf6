"""The baseline: learned from the first day, robust, frozen on demand."""

import numpy as np
import pytest

from detectors import baseline
from detectors.baseline import Baseline, Usual
from detectors.pace import DAY_MS, Pace
from detectors.state import Cells, Floats

PACE = Pace.of(DAY_MS)
FREE = np.ones(1)


def cells(quantity: Floats, lines: Floats | None = None) -> Cells:
    counties = np.atleast_2d(quantity).T
    both = np.vstack([counties.sum(axis=0), counties])
    n = np.full_like(both, 10.0) if lines is None else np.vstack([lines.sum(axis=0), np.atleast_2d(lines).T])
    return Cells(n, both, np.zeros_like(both), np.zeros_like(both), np.ones(both.shape, np.uint64))


def run(state: Baseline, values: list[float], free: Floats = FREE) -> Usual:
    for value in values:
        baseline.fold(state, PACE)
        at = baseline.usual(state, 1.0, PACE)
        baseline.learn(state, cells(np.array([value])), at, 1.0, free, PACE)
    return baseline.usual(state, 1.0, PACE)


def test_the_level_is_right_after_the_first_tick_and_half_a_line_more() -> None:
    at = run(Baseline.empty(units=2, codes=1), [1_000.0])
    assert at.mean[1, 0] == pytest.approx(1_050.0)


def test_a_series_is_tested_only_once_it_is_known_for_a_week_of_days() -> None:
    state = Baseline.empty(units=2, codes=1)
    assert run(state, [1_000.0] * 6).warm[1, 0] == 0.0
    assert run(state, [1_000.0]).warm[1, 0] == 1.0


def test_one_odd_tick_hardly_moves_the_level() -> None:
    state = Baseline.empty(units=2, codes=1)
    usual = run(state, [900.0, 1_100.0] * 14)
    odd = run(state, [100_000.0])
    assert odd.mean[1, 0] < 1.2 * usual.mean[1, 0]


def test_a_new_level_is_taken_up_within_weeks() -> None:
    state = Baseline.empty(units=2, codes=1)
    run(state, [1_000.0] * 28)
    assert run(state, [1_400.0] * 28).mean[1, 0] > 1_300.0


def test_nothing_is_learned_of_a_flagged_commodity() -> None:
    state = Baseline.empty(units=2, codes=1)
    before = run(state, [1_000.0] * 20)
    after = run(state, [9_000.0] * 20, free=np.zeros(1))
    assert after.mean[1, 0] == before.mean[1, 0]
    assert after.known[1, 0] == before.known[1, 0]


def test_the_dispersion_is_the_variance_over_the_mean() -> None:
    rng = np.random.default_rng(3)
    state = Baseline.empty(units=2, codes=1)
    values = (rng.poisson(40.0, 400) * 100.0).tolist()
    assert run(state, values).dispersion[1, 0] == pytest.approx(100.0, rel=0.35)


def test_a_county_that_never_sold_a_commodity_is_expected_to_sell_next_to_nothing() -> None:
    state = Baseline.empty(units=3, codes=1)
    for _ in range(28):
        at = baseline.usual(state, 1.0, PACE)
        baseline.learn(state, cells(np.array([1_000.0, 0.0]), np.array([10.0, 0.0])), at, 1.0, FREE, PACE)
    at = baseline.usual(state, 1.0, PACE)
    assert 0.0 < at.mean[2, 0] < 10.0
