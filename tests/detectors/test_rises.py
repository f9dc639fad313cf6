"""Rises as the rules count them."""

import numpy as np
import pytest

from detectors import rises
from detectors.pace import WEEK_MS, Pace
from detectors.quote import Quotes
from detectors.state import Floats
from detectors.tree import Tree
from tests.detectors.price_shelves import DAILY, play

TREE = Tree.of(["310101", "310102"], ["pork"])


def _after(prices: list[list[float]]) -> tuple[Quotes, Tree]:
    state = Quotes.of(TREE)
    play(state, TREE, np.array(prices, np.float64)[..., None])
    return state, TREE


def test_a_one_time_rise_is_against_the_last_price_however_long_ago() -> None:
    state, tree = _after([[10.0, 20.0], [10.0, np.nan], [10.0, np.nan], [10.5, 22.0]])
    found = rises.rises(state.shelf, tree, DAILY)
    np.testing.assert_allclose(found["price_rise"][:2, 0], [0.05, 0.1], rtol=1e-6)
    np.testing.assert_allclose(found["price_rise_1d"][:2, 0], [0.05, 0.1], rtol=1e-6)


def test_a_parent_has_the_mean_of_each_shops_own_rise() -> None:
    state, tree = _after([[10.0, 1000.0], [20.0, 1000.0]])
    city = rises.rises(state.shelf, tree, DAILY)["price_rise_1d"][tree.regions.index("3101"), 0]
    assert city == pytest.approx(np.sqrt(2.0) - 1.0, rel=1e-6)


def test_weeks_and_ten_days_are_compared_by_their_means() -> None:
    state, tree = _after([[10.0, 10.0]] * 10 + [[13.0, 10.0]] * 10)
    found = rises.rises(state.shelf, tree, DAILY)
    assert found["price_rise_10d"][0, 0] == pytest.approx(0.3, rel=1e-6)
    week_before = (4 * 10.0 + 3 * 13.0) / 7
    assert found["price_rise_1w"][0, 0] == pytest.approx(13.0 / week_before - 1.0, rel=1e-6)


def test_a_rise_over_a_month_and_over_any_number_of_days() -> None:
    state, tree = _after([[10.0 + day, 10.0] for day in range(31)])
    assert rises.rises(state.shelf, tree, DAILY)["price_rise_1m"][0, 0] == pytest.approx(3.0, rel=1e-6)
    assert rises.cumulative(state.shelf, tree, 10)[0, 0] == pytest.approx(40.0 / 30.0 - 1.0, rel=1e-6)
    with pytest.raises(ValueError, match="expected 1 to 30, got 31"):
        rises.cumulative(state.shelf, tree, 31)


def test_days_above_a_threshold_are_counted_in_a_row_and_closed_days_passed_over() -> None:
    state, _ = _after([[13.0, 9.0], [10.0, 13.0], [13.0, 13.0], [np.nan, 13.0], [13.0, 13.0]])
    base: Floats = np.full((2, 1), 10.0)
    assert rises.slots_above(state.shelf, base, 0.3)[:, 0].tolist() == [2, 4]


def test_a_change_in_yuan() -> None:
    state, _ = _after([[10.0, 20.0], [10.5, 19.0]])
    np.testing.assert_allclose(rises.changes(state.shelf, DAILY)["price_change_1d"][:, 0], [0.5, -1.0], rtol=1e-5)


def test_a_window_shorter_than_a_period_is_not_known() -> None:
    weekly = Pace.of(WEEK_MS)
    state = Quotes.of(TREE)
    play(state, TREE, np.full((5, 2, 1), 10.0), weekly)
    found = rises.rises(state.shelf, TREE, weekly)
    assert np.isnan(found["price_rise_1d"]).all()
    assert np.isnan(rises.changes(state.shelf, weekly)["price_change_1d"]).all()
    assert found["price_rise_1w"][0, 0] == pytest.approx(0.0)
