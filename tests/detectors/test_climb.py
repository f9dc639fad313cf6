"""Climbs: runs of rises of a price that usually stands still."""

from copy import deepcopy

import numpy as np

from detectors import climb, relative
from detectors.climb import Climbs
from detectors.pace import HOUR_MS, Pace
from detectors.quote import Quotes
from detectors.relative import Shelf
from detectors.state import Floats
from detectors.tree import Tree
from tests.detectors.price_shelves import DAILY, at, play, sticky

TREE = Tree.of(["310101", "310102"], ["pork", "rice"])
CITY = TREE.regions.index("3101")
QUIET = np.full((60, 2, 2), 10.0)


def _climbs(prices: Floats, pace: Pace = DAILY) -> Climbs:
    """The climbs of the last of these periods."""
    shelf = Shelf.empty(leaves=2, goods=2)
    for number, frame in enumerate(prices):
        slot = relative.slot_of(at(number, pace), pace)
        climb.begin(shelf, slot)
        relative.begin(shelf, slot)
        said = climb.climbs(shelf, frame, relative.relatives(shelf, frame, TREE), TREE)
        relative.take(shelf, frame)
    return said


def _then(*prices: float) -> Floats:
    """Sixty quiet days, then these prices of the first series."""
    following = np.full((len(prices), 2, 2), 10.0)
    following[:, 0, 0] = prices
    return np.concatenate([QUIET, following])


def _run(*prices: float) -> float:
    return float(_climbs(_then(*prices)).run[0, 0, 0])


def test_each_rise_in_a_row_adds_to_the_run_and_a_day_without_ends_it() -> None:
    one, two = _run(10.1), _run(10.1, 10.2)
    assert one > 2.0
    assert two > 1.6 * one
    assert _run(10.1, 10.2, 10.2) == 0.0
    assert _run(10.1, 10.2, 10.15) == 0.0


def test_a_day_without_a_price_does_not_end_a_run() -> None:
    assert _run(10.1, np.nan, 10.2) > 1.6 * _run(10.1)
    assert np.isnan(_run(10.1, np.nan))


def test_a_long_gap_ends_a_run() -> None:
    gap = [np.nan] * 40
    assert np.isnan(_run(10.1, *gap, 10.2))
    assert _run(10.1, 10.2, *gap, *([11.0] * 6), 11.1) < 1.2 * _run(10.1)


def test_what_is_less_than_rounding_or_below_the_usual_price_is_no_climb() -> None:
    assert _run(10.01) == 0.0
    assert _run(7.0, 7.5, 8.0) == 0.0


def test_falls_climb_downwards() -> None:
    said = _climbs(_then(9.9, 9.8))
    assert said.run[0, 0, 0] == 0.0
    assert said.run[1, 0, 0] > 4.0


def test_the_same_rise_counts_for_less_the_more_often_a_series_rises() -> None:
    rng = np.random.default_rng(2)
    prices = _then(10.1, 10.2)
    prices[:, 1, 1] = np.exp(np.cumsum(rng.normal(0.0, 0.02, len(prices))))
    prices[-2:, 1, 1] = prices[-3, 1, 1] * np.array([1.3, 1.6])
    said = _climbs(prices)
    assert 0.0 < said.run[0, 1, 1] < 0.6 * said.run[0, 0, 0]
    assert said.still[0, 1, 1] < 0.5 < said.still[0, 0, 0]


def test_above_a_series_stands_the_mean() -> None:
    said = _climbs(_then(10.1, 10.2))
    np.testing.assert_allclose(said.run[0, CITY, 0], said.run[0, 0, 0] / 2.0, rtol=1e-6)
    np.testing.assert_allclose(said.run[0, CITY, -1], said.run[0, 0, 0] / 4.0, rtol=1e-6)


def test_a_price_that_changes_within_a_day_has_risen_once() -> None:
    prices = np.full((24 * 12, 2, 2), 10.0)
    prices[-24 - 10 :, 0, 0] = 11.0
    once = _climbs(prices[:-24], Pace.of(HOUR_MS)).run[0, 0, 0]
    assert once > 1.0
    assert _climbs(prices, Pace.of(HOUR_MS)).run[0, 0, 0] == 0.0


def test_a_price_that_creeps_up_is_told_before_any_of_its_steps_would_be() -> None:
    shops = Tree.of([f"3101{n:02d}" for n in range(1, 13)], ["pork", "rice", "salt"])
    prices = sticky(220, 12, 3)
    known = Quotes.of(shops)
    play(known, shops, prices[:200])
    creeps, steps = prices[200:206].copy(), prices[200:206].copy()
    creeps[:, 4, 1] = 1.015 ** np.arange(1, 7) * prices[199, 4, 1]
    steps[:, 4, 1] = prices[199, 4, 1] * 1.1
    told = play(deepcopy(known), shops, creeps, first=200).up[:, 4, 1]
    assert told[5] < 1e-3 < told[0]
    assert play(known, shops, steps, first=200).up[:, 4, 1].min() > 3.0 * told[5]
