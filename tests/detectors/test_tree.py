"""Nodes: given series and the sums above them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.tree import ALL, Tree


def test_codes_are_a_hierarchy_and_other_names_are_flat_under_the_root() -> None:
    tree = Tree.of(["310101", "310102", "3201", "shop x"], ["salt"])
    assert tree.regions == ("310101", "310102", "3201", "shop x", "3101", "31", "32", ALL)
    assert tree.commodities == ("salt",)


def test_one_region_and_one_commodity_have_nothing_above() -> None:
    tree = Tree.of(["x"], ["y"])
    assert (tree.regions, tree.commodities) == (("x",), ("y",))
    assert tree.rise(np.array([[3.0]])).tolist() == [[3.0]]


def test_a_sum_is_that_of_what_was_reported() -> None:
    tree = Tree.of(["310101", "310102", "320101"], ["a", "b"])
    sums = tree.rise(np.array([[1.0, 2.0], [np.nan, 4.0], [np.nan, np.nan]]))
    named = {(r, c): sums[i, j] for i, r in enumerate(tree.regions) for j, c in enumerate(tree.commodities)}
    assert named["3101", "a"] == 1.0
    assert named["3101", "b"] == 6.0
    assert named["3101", ALL] == 7.0
    assert np.isnan(named["32", "a"])
    assert named[ALL, ALL] == 7.0


def test_a_region_that_was_given_itself_is_not_the_sum_of_its_parts_and_not_counted_twice() -> None:
    tree = Tree.of(["31", "3101", "310101", "x"], ["a"])
    sums = tree.rise(np.array([[100.0], [50.0], [10.0], [1.0]]))
    assert sums[tree.regions.index(ALL), 0] == 101.0
    assert tree.regions[:4] == ("31", "3101", "310101", "x")


def test_a_parent_of_one_series_has_no_word_of_its_own() -> None:
    tree = Tree.of(["310101", "310102", "320101"], ["a", "b"])
    seen = np.array([[True, True], [True, False], [True, False]])
    plural = tree.plural(seen)
    at = {(r, c): plural[i, j] for i, r in enumerate(tree.regions) for j, c in enumerate(tree.commodities)}
    assert at["310101", "b"]
    assert not at["310102", "b"]
    assert at["310101", ALL]
    assert not at["310102", ALL]
    assert at["3101", "a"]
    assert not at["3101", "b"]
    assert not at["32", "a"]
    assert at[ALL, "a"]


@given(st.permutations(["110101", "110102", "1201", "13", "x"]))
def test_the_order_of_the_regions_does_not_matter(order: list[str]) -> None:
    values = {"110101": 1.0, "110102": 2.0, "1201": 4.0, "13": 8.0, "x": 16.0}
    tree = Tree.of(order, ["a"])
    sums = tree.rise(np.array([[values[r]] for r in order]))[:, 0]
    assert dict(zip(tree.regions, sums.tolist(), strict=True)) == {
        **values,
        "1101": 3.0,
        "11": 3.0,
        "12": 4.0,
        ALL: 31.0,
    }


def test_leading_axes_pass_through() -> None:
    tree = Tree.of(["310101", "310102"], ["a", "b"])
    many = np.arange(12.0).reshape(3, 2, 2)
    assert np.array_equal(tree.rise(many)[1], tree.rise(many[1]))


@pytest.mark.parametrize("digits", [2, 4, 6])
def test_every_given_region_is_found_first(digits: int) -> None:
    given_ = [f"{11 + i:02d}{'01' * 2}"[:digits] for i in range(3)]
    assert Tree.of(given_, ["a"]).regions[:3] == tuple(given_)


def test_a_province_with_one_city_is_that_city_once_more_and_says_nothing() -> None:
    tree = Tree.of(["310101", "310102", "320101", "320201"], ["a"])
    plural = dict(zip(tree.regions, tree.plural(np.ones((4, 1), np.bool_))[:, 0].tolist(), strict=True))
    assert plural["3101"]
    assert not plural["31"]
    assert plural["32"]
    assert plural[ALL]
