"""Sums that do not fall because a part did not report."""

from itertools import pairwise

import numpy as np

from detectors import coverage
from detectors.coverage import Coverage
from detectors.pace import DAY_MS, Pace
from detectors.tree import Tree

DAY = Pace.of(DAY_MS)
TREE = Tree.of(["310101", "310102", "310103"], ["a"])
CITY = TREE.regions.index("3101")


def run(days: list[list[float]]) -> list[float]:
    state = Coverage.empty(units=TREE.leaves, codes=TREE.goods)
    return [float(coverage.whole(state, TREE, np.array([day]).T, DAY)[CITY, 0]) for day in days]


def test_a_shop_that_does_not_report_is_no_fall_of_its_county() -> None:
    usual = [10.0, 20.0, 30.0]
    assert run([usual] * 10 + [[10.0, 20.0, np.nan]])[-1] == 60.0


def test_a_shop_that_reports_nothing_sold_is_a_fall() -> None:
    assert run([[10.0, 20.0, 30.0]] * 10 + [[10.0, 20.0, 0.0]])[-1] == 30.0


def test_a_shop_that_has_gone_fades_out_of_the_whole() -> None:
    totals = run([[10.0, 20.0, 30.0]] * 10 + [[10.0, 20.0, np.nan]] * 60)
    assert totals[-1] < 31.0
    assert all(a >= b - 1e-9 for a, b in pairwise(totals[10:]))


def test_what_is_reported_is_scaled_up_to_four_times_at_most() -> None:
    assert run([[1.0, 1.0, 98.0]] * 10 + [[1.0, np.nan, np.nan]])[-1] == coverage.MOST_SCALE


def test_a_node_of_which_nothing_is_reported_has_no_sum() -> None:
    assert np.isnan(run([[1.0, 2.0, 3.0]] * 3 + [[np.nan] * 3])[-1])


def test_no_parent_speaks_before_two_of_its_parts_have_been_seen() -> None:
    totals = run([[1.0, np.nan, np.nan], [1.0, 2.0, np.nan]])
    assert np.isnan(totals[0])
    assert totals[1] == 3.0


def test_the_share_that_reports_is_of_those_that_usually_do() -> None:
    state, usual = Coverage.empty(units=TREE.leaves, codes=TREE.goods), np.array([[10.0], [20.0], [np.nan]])
    assert np.isnan(coverage.share(state, TREE, usual)).all()
    for _ in range(10):
        coverage.whole(state, TREE, usual, DAY)
    share = coverage.share(state, TREE, np.array([[np.nan], [5.0], [5.0]]))
    assert share[:2].tolist() == [0.0, 1.0]
    assert np.isnan(share[2])
    assert share[CITY] == 0.5


def test_a_county_of_which_some_terminals_are_heard_reports_in_part() -> None:
    state, usual = Coverage.empty(units=TREE.leaves, codes=TREE.goods), np.array([[10.0], [20.0], [np.nan]])
    for _ in range(10):
        coverage.whole(state, TREE, usual, DAY)
    share = coverage.share(state, TREE, usual, np.array([0.25, np.nan, np.nan]))
    assert (share[0], share[1], share[CITY]) == (0.25, 1.0, 0.625)
