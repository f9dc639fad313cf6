"""The panel as a whole: what it judges of which input, in which order, and what it does not take for news."""

import copy
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import city_panel, panel, rarity
from detectors.city_panel import CityPanel, fitted, to_bytes
from detectors.incident import Finding
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.panel import CONDITIONS, KINDS, Frame, Panel, Verdicts
from detectors.panel_findings import findings
from detectors.rarity import MOST_DAYS
from detectors.state import Floats
from detectors.supply import Verdict
from detectors.tree import ALL, Tree
from streams.ticks import CHINA_MS

DAILY: Final = Pace.of(DAY_MS)
HOURLY: Final = Pace.of(HOUR_MS)
TREE: Final = Tree.of(["330602", "330603", "330604", "330702"], ["salt", "rice", "eggs", "oil", "flour"])
TOP: Final = TREE.regions.index("33")
LEAST_DAYS: Final = 30.0
FIRST: Final = date(2022, 11, 20)
PLAIN: Final = date(2023, 3, 14)
EVE: Final = date(2023, 1, 21)


def start(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_MS - CHINA_MS


def sold(day: date) -> Floats:
    """What is sold on a plain day."""
    mean = np.outer([60.0, 90.0, 120.0, 80.0], [1.0, 0.7, 1.3, 0.9, 1.1])
    return np.random.default_rng([day.toordinal()]).poisson(mean).astype(np.float64)


@cache
def _plain(last: date) -> Panel:
    state = Panel.new(TREE, DAILY)
    for day in days(FIRST, last):
        panel.step(state, Frame(qty=sold(day)), start(day))
    return state


def play(
    last: date, change: Mapping[date, Floats | float] | None = None, heard: Floats | None = None
) -> tuple[Panel, Verdicts]:
    """All days up to ``last``, those in ``change`` times a ratio (NaN: no row), from which on ``heard`` is told."""
    ratios = change or {}
    begin = min([last, *ratios])
    state = copy.deepcopy(_plain(begin - timedelta(1)))
    said = Verdicts({}, {})
    for day in days(begin, last):
        said = panel.step(state, Frame(qty=np.floor(sold(day) * ratios.get(day, 1.0)), heard=heard), start(day))
    return state, said


def found(last: date, change: Mapping[date, Floats | float] | None = None) -> list[Finding]:
    state, said = play(last, change)
    return findings(state, said, start(last), LEAST_DAYS)


def rows(*regions: str, by: float) -> Floats:
    """A ratio for these regions, 1 for the others."""
    return np.where(np.isin(TREE.regions[: TREE.leaves], regions), by, 1.0)[:, None]


def days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(i) for i in range((last - first).days + 1))


@pytest.mark.parametrize(
    ("given_", "kinds"),
    [
        ((), set()),
        (("qty",), {"demand_surge", "demand_drop", "stock_out", "glut", "supply_interruption"}),
        (("price",), {"price_spike", "price_drop"}),
        (("stock",), {"stock_out", "glut"}),
        (("qty", "price", "stock"), {*KINDS, *CONDITIONS}),
    ],
    ids=lambda of: "+".join(of) if isinstance(of, tuple) else "",
)
def test_each_kind_is_judged_where_there_is_something_to_judge_it_by(given_: tuple[str, ...], kinds: set[str]) -> None:
    said = panel.step(Panel.new(TREE, DAILY), Frame(**dict.fromkeys(given_, sold(FIRST))), start(FIRST))
    assert set(said.p) == kinds
    assert set(said.recurrence) == kinds
    assert all(p.shape == TREE.shape for p in said.p.values())


def test_below_an_hour_silence_is_not_judged() -> None:
    said = panel.step(Panel.new(TREE, Pace.of(HOUR_MS // 12)), Frame(qty=sold(FIRST)), start(FIRST))
    assert said.verdicts is None
    assert "supply_interruption" not in said.p


def test_days_are_known_exactly_where_a_p_is_and_a_smaller_p_is_no_less_rare() -> None:
    _, said = play(PLAIN, {PLAIN: rows("330603", by=3.0)})
    for kind, p in said.p.items():
        recurrence = said.recurrence[kind]
        np.testing.assert_array_equal(np.isnan(recurrence), np.isnan(p))
        known = ~np.isnan(p)
        assert ((recurrence[known] > 0.0) & (recurrence[known] <= MOST_DAYS)).all()
        assert (np.diff(recurrence[known][np.argsort(p[known])]) <= 1e-9).all()


def test_no_day_speaks_for_its_own_rarity(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for learn in (rarity.learn, lambda *_: None):
        state, _ = play(PLAIN - timedelta(1))
        monkeypatch.setattr(rarity, "learn", learn)
        told.append(panel.step(state, Frame(qty=2.0 * sold(PLAIN)), start(PLAIN)).recurrence["demand_surge"])
        monkeypatch.undo()
    np.testing.assert_array_equal(told[0], told[1])


def test_a_second_time_is_less_rare() -> None:
    later = PLAIN + timedelta(14)
    _, first = play(PLAIN, {PLAIN: 1.25})
    _, second = play(later, {PLAIN: 1.25, later: 1.25})
    once, again = (said.recurrence["demand_surge"][TOP, -1] for said in (first, second))
    assert once > LEAST_DAYS
    assert again < once


def test_a_broken_supply_is_judged_by_the_fall_of_the_same_day() -> None:
    _, said = play(PLAIN, {PLAIN: rows("330603", by=0.08)})
    assert said.verdicts is not None
    assert said.verdicts.tolist() == [Verdict.NORMAL, Verdict.SUPPLY_INTERRUPTION, Verdict.NORMAL, Verdict.NORMAL]
    p = said.p["supply_interruption"]
    assert p[1, -1] < 0.05
    assert p[[0, 2, 3], -1].tolist() == [1.0] * 3
    assert np.isnan(p[:, :-1]).all()


def test_an_interruption_takes_the_place_of_the_falls_that_it_explains() -> None:
    state, said = play(PLAIN, {PLAIN: rows("330603", by=0.08)})
    assert said.recurrence["demand_drop"][1].max() >= LEAST_DAYS
    of = [f.kind for f in findings(state, said, start(PLAIN), 1.0) if f.region == "330603"]
    assert "supply_interruption" in of
    assert not {"demand_drop", "stock_out"} & set(of)


def test_a_fall_of_one_good_is_no_interruption_and_is_told() -> None:
    few = np.where(np.arange(TREE.goods) == 2, 0.05, 1.0)[None]
    kinds = {(f.kind, f.commodity) for f in found(PLAIN, {PLAIN: few * rows(by=1.0)})}
    assert ("demand_drop", "eggs") in kinds
    assert "supply_interruption" not in {kind for kind, _ in kinds}


@pytest.mark.parametrize("periods", [1, 3, 10])
def test_a_shop_without_rows_is_no_fall_of_its_own_nor_of_its_parents(periods: int) -> None:
    gone = {day: rows("330603", by=np.nan) for day in days(PLAIN - timedelta(periods - 1), PLAIN)}
    state, said = play(PLAIN, gone)
    assert said.verdicts is not None
    assert said.verdicts.tolist() == [Verdict.NORMAL, Verdict.FEED_FAULT, Verdict.NORMAL, Verdict.NORMAL]
    assert [f for f in findings(state, said, start(PLAIN), LEAST_DAYS) if f.kind == "demand_drop"] == []


def test_a_shop_that_is_heard_and_sells_nothing_is_closed_and_its_silence_no_fall() -> None:
    state, said = play(PLAIN, {PLAIN: rows("330603", by=np.nan)}, heard=np.ones(TREE.leaves))
    assert said.verdicts is not None
    assert said.verdicts[1] == Verdict.CLOSED
    assert "demand_drop" not in {f.kind for f in findings(state, said, start(PLAIN), LEAST_DAYS)}


def test_the_stocking_up_before_the_spring_festival_is_expected_and_the_same_rush_in_march_is_not() -> None:
    rush = {EVE - timedelta(2): 2.0, EVE - timedelta(1): 2.5}
    festive = found(EVE - timedelta(1), rush)
    plain = found(PLAIN, {PLAIN - timedelta(1): 2.0, PLAIN: 2.5})
    assert "demand_surge" not in {f.kind for f in festive}
    assert ("33", ALL, "demand_surge") in {(f.region, f.commodity, f.kind) for f in plain}


def test_shops_that_rest_over_the_spring_festival_are_closed_and_nothing_is_told_of_them() -> None:
    rest = dict.fromkeys(days(EVE + timedelta(1), EVE + timedelta(3)), np.nan)
    state, said = play(EVE + timedelta(3), rest)
    assert said.verdicts is not None
    assert set(said.verdicts.tolist()) == {Verdict.CLOSED}
    assert findings(state, said, start(EVE + timedelta(3)), LEAST_DAYS) == []


def test_a_festival_that_lowers_trade_is_no_fall() -> None:
    slack = dict.fromkeys(days(EVE + timedelta(1), EVE + timedelta(2)), 0.4)
    assert {f.kind for f in found(EVE + timedelta(2), slack)} <= {"demand_surge"}


CITY: Final = "3306"
COUNTIES: Final = ["330602", "330603", "330604", "330624"]
CODES: Final = ["0101", "0301", "1001", "1101"]


def city(hours: int, units: int, codes: int) -> CityPanel:
    known = city_panel.new(CITY, COUNTIES[:units], CODES[:codes], HOURLY)
    rng = np.random.default_rng(4)
    for hour in range(hours):
        qty: Floats = rng.poisson(20.0, (units, codes)).astype(np.float64)
        price = np.exp(rng.normal(0.0, 0.02, (units, codes)))
        panel.step(known.panel, Frame(qty, price, 5.0 * qty), start(FIRST) + hour * HOUR_MS)
    return known


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    before=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    between=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_a_city_that_grows_in_two_steps_knows_the_same_as_one_that_grows_at_once(
    before: tuple[int, int], between: tuple[int, int]
) -> None:
    known = city(12, *before)
    units, codes = (max(a, b) for a, b in zip(before, between, strict=True))
    halfway = fitted(known, COUNTIES[:units], CODES[:codes])
    assert to_bytes(fitted(halfway, COUNTIES, CODES)) == to_bytes(fitted(known, COUNTIES, CODES))


def test_growth_keeps_every_figure_of_every_state() -> None:
    known = city(60, 2, 2)
    grown = fitted(known, COUNTIES, CODES)
    assert grown.panel.periods == known.panel.periods
    for name, state in known.panel.states().items():
        for field, had in state.arrays().items():
            has = grown.panel.states()[name].arrays()[field]
            assert np.array_equal(np.sort(had[had != 0].ravel()), np.sort(has[has != 0].ravel()), equal_nan=True), field


def test_what_is_known_of_a_node_goes_with_its_name() -> None:
    known = city(24 * 9, 2, 2)
    grown = fitted(known, COUNTIES, CODES)
    before, after = known.panel.demand.level, grown.panel.demand.level
    old, new = known.panel.tree, grown.panel.tree
    assert before.all()
    for i, region in enumerate(old.regions):
        for j, code in enumerate(old.commodities):
            assert after[new.regions.index(region), new.commodities.index(code)] == before[i, j]
    assert np.count_nonzero(after) == before.size
