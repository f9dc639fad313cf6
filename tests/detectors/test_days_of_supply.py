"""Days of supply and what rulebooks ask of them."""

import numpy as np
import pytest

from detectors import days_of_supply, in_stock_sales, stockout
from detectors.days_of_supply import NORMAL
from detectors.stockout import Stockout
from detectors.tree import Tree
from tests.detectors.shelves import GOODS, HOURLY, SHOPS, hours, moments, nothing

CODES = ("0101", "0201", "0301", "0801", "0501")


def test_a_stock_lasts_for_its_ratio_to_the_daily_sale() -> None:
    stock = np.array([[10.0, 0.0, -3.0, np.nan, 5.0]])
    got = days_of_supply.days(stock, np.array([[2.0, 2.0, 2.0, 2.0, 0.0]]))
    np.testing.assert_array_equal(got, [[5.0, 0.0, 0.0, np.nan, np.nan]])


def test_normal_days_are_known_for_four_classes_and_their_goods() -> None:
    np.testing.assert_array_equal(days_of_supply.normal_days(CODES), [9.0, 30.0, 6.0, 5.0, np.nan])
    assert all(n.least <= n.most for n in NORMAL.values())


def test_percent_of_normal_is_of_the_own_usual_stock_or_else_of_the_normal_days() -> None:
    stock, usual = np.full((1, 5), 18.0), np.array([[36.0, np.nan, np.nan, np.nan, np.nan]])
    got = days_of_supply.percent_of_normal(stock, usual, np.full((1, 5), 2.0), days_of_supply.normal_days(CODES))
    np.testing.assert_allclose(got, [[50.0, 30.0, 150.0, 180.0, np.nan]])


def test_a_large_shops_empty_shelf_counts_for_more() -> None:
    tree = Tree.of(["110101", "110102"], ["0101", "0102"])
    out, daily = np.array([[1.0, 0.0], [0.0, np.nan]]), np.array([[3.0, 1.0], [1.0, 5.0]])
    got = days_of_supply.share_out(tree, out, daily)
    city = tree.regions.index("1101")
    np.testing.assert_allclose(got[city], [0.75, 0.0, 0.6])
    np.testing.assert_allclose(got[0], [1.0, 0.0, 0.75])


def test_days_of_a_city_are_those_of_the_shops_that_report_stock() -> None:
    tree = Tree.of(["110101", "110102"], ["0101", "0102"])
    stock, daily = np.array([[10.0, np.nan], [4.0, np.nan]]), np.array([[2.0, 1.0], [2.0, 1.0]])
    got = days_of_supply.days_of_nodes(tree, stock, daily)
    np.testing.assert_allclose(got[tree.regions.index("1101")], [3.5, np.nan, 3.5])


def test_the_usual_day_is_that_of_days_in_stock() -> None:
    qty = hours(40)
    usual = qty[: 24 * 30].sum(axis=0) / 30.0
    qty[24 * 30 :, 2, 3] = 0.0
    state = Stockout.empty(units=SHOPS, codes=GOODS)
    for q, moment in zip(qty, moments(len(qty)), strict=True):
        stockout.step(state, q, nothing(q), moment, HOURLY)
    daily = in_stock_sales.daily(state, HOURLY)
    assert daily[2, 3] == pytest.approx(usual[2, 3], rel=0.15)
    np.testing.assert_allclose(daily, usual, rtol=0.2)


def test_a_shelf_that_is_empty_every_evening_has_gaps_and_a_share_of_time_out() -> None:
    qty = hours(40)
    for day in range(25, 40):
        qty[day * 24 + 12 : day * 24 + 23, 2, 3] = 0.0
    state = Stockout.empty(units=SHOPS, codes=GOODS)
    for q, moment in zip(qty, moments(len(qty)), strict=True):
        stockout.step(state, q, nothing(q), moment, HOURLY)
    assert state.gaps[2, 3] > 3.0
    assert state.out_share[2, 3] > 0.2
    others = np.delete(state.gaps.ravel(), 2 * GOODS + 3)
    assert others.max() < 1.5
