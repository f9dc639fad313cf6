"""Prices against those of the same month a year before."""

import numpy as np
import pytest

from detectors import yearly
from detectors.state import Floats
from detectors.tree import Tree
from detectors.yearly import Yearly

TREE = Tree.of(["330602", "330603"], ["salt", "rice"])
FIRST = int(np.datetime64("2022-01-01").astype(np.int64))


def run(prices: Floats, step: int = 1) -> Yearly:
    """Prices (periods, leaves, goods), one every ``step`` days."""
    state = Yearly.empty(units=2, codes=2)
    for i, price in enumerate(prices):
        yearly.take(state, price, FIRST + i * step)
    return state


def test_a_month_is_held_against_the_same_month_of_the_year_before() -> None:
    prices = np.full((365 + 20, 2, 2), 10.0)
    prices[5, 0, 0] = 20.0  # within January of the first year
    prices[200:340] = 90.0
    prices[365:, 0, 0] = 13.0
    found = yearly.rise(run(prices), TREE)
    assert found[0, 0] == pytest.approx(1.3 / 2.0 ** (1.0 / 31.0) - 1.0, rel=1e-4)
    assert found[1, 1] == pytest.approx(0.0, abs=1e-6)


def test_what_is_above_has_the_mean_of_each_ones_own_rise() -> None:
    prices = np.broadcast_to(np.array([[1.0, 5.0], [100.0, 7.0]]), (400, 2, 2)).copy()
    prices[365:, 0, 0] *= 1.44
    found = yearly.rise(run(prices), TREE)
    assert found[TREE.regions.index("3306"), 0] == pytest.approx(0.2, rel=1e-4)
    assert found[0, -1] == pytest.approx(0.2, rel=1e-4)


def test_without_a_price_in_both_months_nothing_is_known() -> None:
    prices = np.full((400, 2, 2), 10.0)
    assert np.isnan(yearly.rise(run(prices[:364]), TREE)).all()
    prices[:40, 0, 0] = np.nan
    found = yearly.rise(run(prices[:390]), TREE)
    assert np.isnan(found[0, 0])
    assert found[TREE.regions.index("3306"), 0] == pytest.approx(0.0, abs=1e-6)


def test_a_year_without_a_word_is_not_bridged_by_the_one_before() -> None:
    state = Yearly.empty(units=2, codes=2)
    for day in (0, 20, 800):
        yearly.take(state, np.full((2, 2), 5.0), FIRST + day)
    assert np.isnan(yearly.rise(state, TREE)).all()


def test_months_of_prices_are_taken_like_days() -> None:
    prices = np.full((14, 2, 2), 10.0)
    prices[12:] = 15.0
    assert yearly.rise(run(prices, 31), TREE)[0, 0] == pytest.approx(0.5, rel=1e-4)
