"""Circles of neighbours: a rush that is weak in each county and that no sum of the tree holds."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from detectors import neighbourhood, panel
from detectors.adjacency import centres, circles
from detectors.incident import Incidents, Rules
from detectors.incident import step as join
from detectors.neighbourhood import SIZES, Circles
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.panel import Frame, Panel, Verdicts
from detectors.panel_findings import findings
from detectors.rulebook import rulebooks
from detectors.state import Floats
from detectors.tree import ALL, Tree
from streams.regions import regions
from streams.simulate.trade import make_trade
from streams.simulate.tradeplan import Plan
from tests.detectors.market import START

DAILY: Final = Pace.of(DAY_MS)
CITIES: Final = ("3101", "3205", "3303", "3304", "3305")
REGIONS: Final = tuple(sorted(code for code in regions() if len(code) == 6 and code[:4] in CITIES))
"""Shanghai, Suzhou, and of Zhejiang three cities: provinces that meet"""
GOODS: Final = ("0101", "0102", "0201", "salt")
TREE: Final = Tree.of(REGIONS, GOODS)
CIRCLES: Final = Circles.of(TREE, centres())
HIT: Final = tuple(REGIONS[i] for i in circles(REGIONS, 10, centres())[REGIONS.index("330421")].tolist())
"""Counties around the border of Shanghai and Zhejiang"""
DAYS: Final = 150
RUSH: Final = 145


def sales(days: int = DAYS, factor: float = 1.0, goods: slice = slice(3, 4), seed: int = 6) -> list[Floats]:
    """Restless trade of each county; from RUSH on those of HIT buy ``factor`` times as much of some goods."""
    rng = np.random.default_rng(seed)
    at = [REGIONS.index(region) for region in HIT]
    found = []
    for day in range(days):
        qty = rng.poisson(rng.gamma(20.0, 60.0 / 20.0, (TREE.leaves, TREE.goods))).astype(np.float64)
        if day >= RUSH:
            qty[at, goods] = np.round(qty[at, goods] * factor)
        found.append(qty)
    return found


def run(days: list[Floats], state: Panel, first: int = 0) -> list[Verdicts]:
    return [panel.step(state, Frame(qty=qty), START + (first + i) * DAY_MS) for i, qty in enumerate(days)]


def smallest(said: list[Verdicts], down: bool = False) -> list[float]:
    """Smallest p of a side in each period, 1 where none was judged."""
    return [min((find.p for find in v.finds if find.down == down), default=1.0) for v in said]


@pytest.fixture(scope="module")
def rush() -> tuple[Panel, list[Verdicts]]:
    state = Panel.new(TREE, DAILY)
    return state, run(sales(RUSH + 2, 1.4), state)


def test_a_rush_of_two_fifths_over_neighbouring_counties_of_two_provinces_is_found_where_no_node_finds_it(
    rush: tuple[Panel, list[Verdicts]],
) -> None:
    said = rush[1]
    assert all(np.nanmax(v.recurrence["demand_surge"]) < 30.0 for v in said[RUSH:])
    rarest = max(v.finds[0].days for v in said[RUSH:])
    assert rarest >= 30.0
    assert rarest > 3.0 * max((find.days for v in said[60:RUSH] for find in v.finds), default=0.0)


def test_it_is_told_as_one_incident_with_its_counties_and_its_good(rush: tuple[Panel, list[Verdicts]]) -> None:
    state, said = rush
    found = findings(state, said[-1], START + (RUSH + 1) * DAY_MS, 30.0)
    regions_ = {f.region for f in found}
    assert len(regions_ & set(HIT)) >= 6
    assert len(regions_ - set(HIT)) <= 1
    assert {region[:2] for region in regions_} == {"31", "33"}
    assert {f.commodity for f in found} == {"salt"}
    assert {f.kind for f in found} == {"demand_surge"}
    rules = Rules(rulebooks("national"), frozenset(REGIONS), DAY_MS)
    (alert,) = join(Incidents(), found, START + (RUSH + 2) * DAY_MS, rules)
    assert alert.commodity == "salt"
    assert {county.region for county in alert.counties} == regions_


def test_nothing_is_found_where_nothing_is_asked_for(rush: tuple[Panel, list[Verdicts]]) -> None:
    state, said = rush
    assert findings(state, said[-1], START, 1e9) == []


def test_a_group_of_goods_is_found_that_no_good_of_it_shows() -> None:
    state = Panel.new(TREE, DAILY)
    said = run(sales(RUSH + 3, 1.28, slice(0, 2)), state)
    rarest = max((find for v in said[RUSH:] for find in v.finds), key=lambda find: find.days)
    assert rarest.days >= 30.0
    goods = neighbourhood.parts(rarest, state.circles, state.demand, TREE, DAILY).commodities
    assert set(goods.tolist()) <= {0, 1}
    assert CIRCLES.goods_of(rarest.column).tolist() in ([0, 1], [0, 1, 2, 3])


def test_a_fall_is_found_like_a_rise() -> None:
    said = run(sales(RUSH + 4, 0.6), Panel.new(TREE, DAILY))
    assert min(smallest(said[RUSH:], down=True)) < 1e-4
    assert min(smallest(said[RUSH:])) > 1e-4


def test_a_rush_in_all_counties_is_none_of_a_circle() -> None:
    days = sales(RUSH + 3)
    days[RUSH:] = [np.round(1.5 * qty) for qty in days[RUSH:]]
    assert min(smallest(run(days, Panel.new(TREE, DAILY))[RUSH:])) > 1e-4


def test_one_county_does_not_speak_for_its_neighbours() -> None:
    days = sales(RUSH + 3)
    for qty in days[RUSH:]:
        qty[REGIONS.index("310118"), 3] *= 20.0
    assert min(smallest(run(days, Panel.new(TREE, DAILY))[RUSH:])) > 1e-4


def test_on_trade_with_nothing_in_it_circles_are_told_no_more_often_than_promised() -> None:
    told, days = 0, 360
    for seed in (1, 2, 3):
        grid = make_trade(Plan(days=days, goods=6, seed=seed, events=(), shops_per_county=1)).grid
        state = Panel.new(Tree.of(grid.regions, grid.commodities), DAILY)
        at = -9
        for day in range(days):
            said = panel.step(state, Frame(qty=grid.values["qty"][..., day]), START + day * DAY_MS)
            if any(find.days >= 30.0 for find in said.finds):
                told += day - at > 3
                at = day
    # Every kind has its part of one in thirty days: surges, drops and stock-outs are the others.
    assert told <= 2.0 * 3 * days / 30.0 / 4.0


def test_circles_are_as_large_as_half_of_the_regions_and_none_are_where_they_are_few() -> None:
    assert [int((CIRCLES.size == n).sum()) for n in range(len(SIZES))] == [TREE.leaves] * 3
    few = Circles.of(Tree.of(REGIONS[:9], GOODS), centres())
    assert set(few.size.tolist()) == {0}
    assert len(Circles.of(Tree.of(REGIONS[:7], GOODS), centres()).members) == 0
    assert len(Circles.of(Tree.of([f"shop {i}" for i in range(40)], GOODS), centres()).members) == 0


def test_a_city_that_is_given_beside_its_counties_is_in_no_circle() -> None:
    tree = Tree.of((*REGIONS, "3303"), GOODS)
    assert tree.leaves - 1 not in Circles.of(tree, centres()).members


def test_regions_that_are_no_codes_have_circles_where_centres_are_given() -> None:
    tree = Tree.of([f"shop {i}" for i in range(20)], GOODS)
    found = Circles.of(tree, {f"shop {i}": (110.0 + i**2 / 50.0, 30.0) for i in range(20)})
    assert set(found.members[0].tolist()) == {-1, 0, 1, 2, 3}


def test_columns_are_goods_divisions_and_all() -> None:
    assert [CIRCLES.goods_of(column).tolist() for column in range(6)] == [[0], [1], [2], [3], [0, 1], [0, 1, 2, 3]]
    assert TREE.commodities[-1] == ALL


def test_permuted_regions_and_goods_give_the_same_finds() -> None:
    rows, columns = np.random.default_rng(1).permutation(TREE.leaves), np.array([2, 0, 3, 1])
    tree = Tree.of([REGIONS[i] for i in rows], [GOODS[i] for i in columns])
    days = sales(RUSH + 2, 1.4)
    mine = run(days, Panel.new(TREE, DAILY))
    theirs = run([qty[np.ix_(rows, columns)] for qty in days], Panel.new(tree, DAILY))
    np.testing.assert_allclose(smallest(theirs), smallest(mine), rtol=0.05)


def test_a_state_saved_and_restored_gives_the_same_bit_for_bit_and_nothing_looks_ahead() -> None:
    days = sales(60)
    straight, restored = Panel.new(TREE, DAILY), Panel.new(TREE, DAILY)
    said = run(days[:40], straight)
    again = run(days[:40], Panel.new(TREE, DAILY))
    assert [v.finds for v in said] == [v.finds for v in again]
    restored.periods = straight.periods
    for mine, theirs in zip(straight.states().values(), restored.states().values(), strict=True):
        for name, array in mine.arrays().items():
            copied: npt.NDArray[np.generic] = np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape).copy()
            setattr(theirs, name, copied)
    assert [v.finds for v in run(days[40:], straight, 40)] == [v.finds for v in run(days[40:], restored, 40)]


def test_missing_huge_and_constant_figures_do_no_harm() -> None:
    days = sales(70)
    for i, qty in enumerate(days):
        qty[i % TREE.leaves] = np.nan
    days[45][3, 3], days[50][:] = 2.0**53, 0.0
    state = Panel.new(TREE, DAILY)
    said = run(days, state)
    assert all(0.0 < find.p <= 1.0 and np.isfinite(find.days) for v in said for find in v.finds)
    assert all(np.isfinite(array).all() for array in state.neighbourhood.arrays().values())
    same = run([np.full((TREE.leaves, TREE.goods), 50.0)] * 60, Panel.new(TREE, DAILY))
    assert all(find.days < 30.0 for v in same for find in v.finds)


def test_nothing_is_said_before_it_is_known_what_is_usual() -> None:
    said = run(sales(24), Panel.new(TREE, DAILY))
    assert all(not v.finds for v in said)


def test_hours_are_looked_at_like_days() -> None:
    rng = np.random.default_rng(2)
    state, at = Panel.new(TREE, Pace.of(HOUR_MS)), [REGIONS.index(region) for region in HIT]
    shape = np.concatenate([np.full(7, 0.1), np.full(15, 1.5), np.full(2, 0.4)])
    ps = []
    for hour in range(24 * 24):
        rate = np.full((TREE.leaves, TREE.goods), 8.0 * shape[hour % 24])
        if hour >= 23 * 24:
            rate[at, 3] *= 1.4
        said = panel.step(state, Frame(qty=rng.poisson(rate).astype(np.float64)), START + hour * HOUR_MS)
        ps.append(min((find.p for find in said.finds), default=1.0))
    assert min(ps[23 * 24 :]) < 0.1 * min(ps[22 * 24 : 23 * 24])
