"""Prices of periods: rises and falls of one series, of shops together, of goods together."""

from copy import deepcopy
from functools import cache

import numpy as np
import pytest

from detectors.pace import HOUR_MS, Pace
from detectors.quote import Quotes
from detectors.sides import Sides
from detectors.state import Floats
from detectors.tree import Tree
from tests.detectors.price_shelves import play, sticky

SHOPS = [f"3101{n:02d}" for n in range(1, 13)]
TREE = Tree.of(SHOPS, ["pork", "rice", "salt"])
CITY = TREE.regions.index("3101")
KNOWN = 200
DAYS = 220


@cache
def _known() -> Quotes:
    state = Quotes.of(TREE)
    play(state, TREE, sticky(DAYS, 12, 3)[:KNOWN])
    return state


def _then(prices: Floats, surge_lift: float = 0.0) -> Sides:
    """p of the days after KNOWN quiet ones."""
    return play(deepcopy(_known()), TREE, prices, first=KNOWN, surge_lift=surge_lift)


def _next() -> Floats:
    return sticky(DAYS, 12, 3)[KNOWN:].copy()


def test_p_is_right_within_two_on_sticky_prices_with_sales() -> None:
    said = play(Quotes.of(TREE), TREE, sticky(400, 12, 3))
    for p in (said.up[60:], said.down[60:]):
        known = p[np.isfinite(p)]
        for nominal in (0.01, 0.001):
            assert 0.4 <= np.mean(known < nominal) / nominal <= 2.0


def test_a_rise_of_one_shop_is_told_of_this_shop() -> None:
    prices = _next()
    prices[5:, 4, 1] *= 1.6
    p = _then(prices).up[5]
    assert np.nanargmin(p[:12, :3]) == 4 * 3 + 1
    assert p[4, 1] < 1e-3


def test_a_small_rise_in_all_shops_is_told_of_the_city_although_no_shop_stands_out() -> None:
    prices = _next()
    prices[5:, :, 0] *= 1.12
    p = _then(prices).up[5]
    assert p[CITY, 0] < 1e-4
    assert np.nanmin(p[:12, 0]) > p[CITY, 0]


def test_the_end_of_a_sale_everywhere_is_less_of_a_rise_than_a_new_price() -> None:
    sale, rise = _next(), _next()
    sale[:12, :, 0] *= 0.75
    rise[12:, :, 0] /= 0.75
    assert _then(rise).up[12, CITY, 0] < 0.01 * _then(sale).up[12, CITY, 0]


def test_a_fall_is_told_downwards_only() -> None:
    prices = _next()
    prices[5:, 4, 1] /= 1.8
    said = _then(prices)
    assert said.down[5, 4, 1] < 1e-3
    assert said.up[5, 4, 1] > 0.1


def test_the_first_move_of_a_price_that_never_moved_is_no_infinite_evidence() -> None:
    prices = sticky(DAYS, 12, 3)
    prices[:, 0, 0] = 10.0
    prices[-1, 0, 0] = 10.1
    assert play(Quotes.of(TREE), TREE, prices).up[-1, 0, 0] > 0.001


def test_an_incident_is_told_once_and_does_not_become_the_normal() -> None:
    prices = sticky(DAYS, 12, 3)
    prices[100:110, 3, 2] *= 2.0
    prices[200:, 3, 2] *= 2.0
    p = play(Quotes.of(TREE), TREE, prices).up[:, 3, 2]
    assert p[100] < 1e-3
    assert p[103] > 0.01
    assert p[200] < 2e-3


def test_a_festival_explains_a_rise() -> None:
    prices = _next()[:1]
    prices[0, :, 0] *= 1.15
    assert _then(prices, surge_lift=1.5).up[0, CITY, 0] > 5.0 * _then(prices).up[0, CITY, 0]


def test_what_was_not_reported_is_not_judged_and_a_closed_dear_shop_moves_no_mean() -> None:
    prices = sticky(DAYS, 12, 3)
    prices[:, 0] *= 20.0
    prices[KNOWN:, 0] = np.nan
    p = play(Quotes.of(TREE), TREE, prices).up
    assert np.isnan(p[KNOWN:, 0]).all()
    assert np.nanmin(p[KNOWN:, CITY, :3]) > 1e-4


def test_empty_constant_and_huge_prices_are_borne() -> None:
    empty = play(Quotes.of(TREE), TREE, np.full((40, 12, 3), np.nan))
    assert np.isnan(empty.up).all()
    constant = play(Quotes.of(TREE), TREE, np.full((60, 12, 3), 5.0))
    assert np.nanmin(constant.up) > 0.1
    huge = np.full((60, 12, 3), 5.0)
    huge[50:] = 1e12
    huge[55] = -1.0
    p = play(Quotes.of(TREE), TREE, huge).up
    assert np.isnan(p[55]).all()
    assert (p[np.isfinite(p)] >= 0.0).all()


def test_a_long_gap_is_forgotten() -> None:
    state, tree = Quotes.of(TREE), TREE
    prices = sticky(60, 12, 3)
    play(state, tree, prices)
    assert np.isnan(play(state, tree, prices[:1], first=200).up).all()


def test_permuted_shops_and_goods_give_permuted_results() -> None:
    prices = sticky(80, 12, 3)
    rows, columns = np.random.default_rng(3).permutation(12), np.array([2, 0, 1])
    other = Tree.of([SHOPS[i] for i in rows], [TREE.commodities[i] for i in columns])
    p = play(Quotes.of(TREE), TREE, prices).up
    permuted = play(Quotes.of(other), other, prices[:, rows][:, :, columns]).up
    np.testing.assert_allclose(permuted[:, :12, :3], p[:, rows][:, :, columns], rtol=1e-4)
    np.testing.assert_allclose(permuted[:, 12:, 3], p[:, 12:, 3], rtol=1e-4)


def test_nothing_is_known_ahead_of_time() -> None:
    prices = sticky(90, 12, 3)
    whole = play(Quotes.of(TREE), TREE, prices).up
    np.testing.assert_array_equal(play(Quotes.of(TREE), TREE, prices[:70]).up, whole[:70])


def test_hours_are_judged_against_days() -> None:
    hourly = Pace.of(HOUR_MS)
    tree = Tree.of(["north"], ["pork"])
    prices = np.full((24 * 25, 1, 1), 10.0)
    prices[24 * 10 : 24 * 15] *= 1.03
    prices[-5:] = 15.0
    said = play(Quotes.of(tree), tree, prices, hourly)
    assert said.up[-5, 0, 0] < 0.01 < said.up[-6, 0, 0]


@pytest.mark.parametrize("regions", [["north", "south"], ["310101"]])
def test_a_tree_without_parents_of_two_has_no_means_of_shops(regions: list[str]) -> None:
    tree = Tree.of(regions, ["pork"])
    p = play(Quotes.of(tree), tree, sticky(60, len(regions), 1)).up
    assert np.isfinite(p[-1, : tree.leaves]).all()
    assert np.isfinite(p[-1, tree.leaves :]).all() == (len(regions) > 1 or tree.leaves == len(tree.regions))


@pytest.mark.parametrize("value", [1e-300, 1e-46, 1e300, np.inf, -np.inf, 0.0])
def test_what_can_be_no_price_is_as_if_none_was_given(value: float) -> None:
    odd, none = _next(), _next()
    odd[3:6, 4, 1], none[3:6, 4, 1] = value, np.nan
    for said, expected in zip(_then(odd), _then(none), strict=True):
        np.testing.assert_array_equal(said, expected)
