from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from streams.simulate.trade import Trade, make_trade
from streams.simulate.tradecalendar import festivals, lifts
from streams.simulate.tradegrid import Grid, TradeError, read_grid, write_grid
from streams.simulate.tradeplan import KINDS, Plan
from streams.simulate.tradetruth import CONTROL, EVENT, Happening
from streams.world import Floats

SMALL = Plan(days=120, regions=("3306",), goods=4, events=())


def series(trade: Trade, name: str = "qty") -> Floats:
    return trade.grid.values[name]


def one(kind: str, role: str = EVENT, plan: Plan = SMALL) -> tuple[Trade, Trade, Happening]:
    """The same trade without and with events of one kind, and the first of these."""
    happened = make_trade(replace(plan, events=(kind,)))
    told = [h for h in happened.happenings if h.role == role and h.label not in ("Spring Festival", "Qingming")]
    return make_trade(plan), happened, told[0]


def within(trade: Trade, told: Happening, name: str = "qty") -> Floats:
    grid = trade.grid
    rows = np.array([i for i, r in enumerate(grid.regions) if r in told.regions])
    named = grid.commodities if told.commodities == ("*",) else told.commodities
    goods = np.array([grid.commodities.index(c) for c in named])
    part: Floats = grid.values[name][np.ix_(rows, goods, np.arange(told.first, told.last + 1))]
    return part


def test_the_same_plan_gives_the_same_files_byte_for_byte(tmp_path: Path) -> None:
    plan = replace(SMALL, events=KINDS)
    for folder in ("a", "b"):
        make_trade(plan).write(tmp_path / folder)
    for name in ("input.csv", "truth.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (series(make_trade(replace(plan, seed=2))) != series(make_trade(plan))).mean() > 0.5


def test_a_file_that_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    grid = make_trade(SMALL).grid
    assert write_grid(tmp_path / "x.csv", grid) == grid.values["qty"].size
    again = read_grid(tmp_path / "x.csv")
    assert (again.regions, again.commodities, again.texts) == (grid.regions, grid.commodities, grid.texts)
    for name, values in grid.values.items():
        np.testing.assert_allclose(again.values[name], values)
    assert '"' not in (tmp_path / "x.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "said"), [("ts,region\n2023-01-02,2\n", "expected rows with ts"), ("", "Empty CSV")])
def test_a_file_that_is_no_trade_says_what_was_expected(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(TradeError, match=said):
        read_grid(tmp_path / "x.csv")


def test_without_events_nothing_is_told_but_festivals() -> None:
    assert {h.role for h in make_trade(SMALL).happenings} == {CONTROL}
    assert {h.label for h in make_trade(SMALL).happenings} == {"Spring Festival", "Qingming"}


def test_counts_of_a_shop_are_more_dispersed_than_poisson() -> None:
    trade = make_trade(replace(SMALL, days=364, shops_per_county=1))
    qty = series(trade)[..., 60:]
    weekly = qty[..., : 43 * 7].reshape(*qty.shape[:2], 43, 7)
    assert np.median(weekly.var(axis=2) / weekly.mean(axis=2)) > 2.0


def test_people_stock_up_before_the_spring_festival_of_the_lunar_date() -> None:
    assert [(d.isoformat(), k.name) for d, k in festivals(date(2024, 2, 1), date(2024, 2, 20))] == [
        ("2024-02-10", "Spring Festival")
    ]
    day = (date(2024, 2, 10) - date(1970, 1, 1)).days
    before, on, plain = lifts(np.array([day - 1, day, day + 20]))
    assert before > 0.5
    assert on < -0.5
    assert plain == 0.0


def test_hours_of_the_night_are_silent() -> None:
    trade = make_trade(replace(SMALL, days=21, cadence="hourly"))
    hour = trade.grid.times.astype("datetime64[h]").astype(np.int64) % 24
    assert series(trade)[..., (hour < 7) | (hour >= 22)].sum() == 0
    assert series(trade)[..., hour == 18].mean() > 2 * series(trade)[..., hour == 14].mean()


def test_weeks_are_sums_of_days() -> None:
    weeks, days = make_trade(replace(SMALL, cadence="weekly")), make_trade(SMALL)
    np.testing.assert_allclose(series(weeks)[..., 0], series(days)[..., :7].sum(axis=-1))
    assert [str(t)[:10] for t in weeks.grid.times[:2]] == ["2023-01-02", "2023-01-09"]


def test_prices_stand_still_for_most_days() -> None:
    price = series(make_trade(replace(SMALL, shops_per_county=1)), "price")
    assert (np.diff(price, axis=-1) == 0).mean() > 0.75


def test_a_rush_is_where_and_when_the_truth_says() -> None:
    plain, rushed, told = one("panic_buying", plan=replace(SMALL, seed=3))
    assert within(rushed, told).sum() > 1.1 * within(plain, told).sum()
    assert (series(rushed)[..., : told.first] == series(plain)[..., : told.first]).all()


def test_a_chain_that_gouges_moves_only_its_price() -> None:
    plain, dear, told = one("gouge")
    assert np.nanmean(within(dear, told, "price") / within(plain, told, "price")) > 1.01
    assert (series(dear) == series(plain)).all()


def test_an_empty_shelf_sells_nothing_in_the_shops_that_it_reaches() -> None:
    plain, empty, told = one("stock_out", plan=replace(SMALL, shops_per_county=1))
    assert within(empty, told).sum() == 0
    assert within(empty, told, "stock").sum() == 0
    assert within(plain, told).sum() > 0


def test_a_city_without_lorries_sells_what_it_has_and_then_nothing() -> None:
    plain, cut, told = one("supply_interruption", plan=replace(SMALL, seed=5))
    ratio = within(cut, told).sum(axis=(0, 1)) / within(plain, told).sum(axis=(0, 1))
    assert ratio[-1] < 0.5 < ratio[0]


def test_faults_and_promotions_are_controls() -> None:
    plan = replace(SMALL, cadence="hourly", days=60, events=("promotion", "gap", "doubled", "slip", "turnover"))
    told = {h.label.partition(",")[0]: h for h in make_trade(plan).happenings}
    assert {"promotion", "feed gap", "counted twice", "clock in the wrong zone"} <= set(told)
    assert {h.role for h in told.values()} == {CONTROL}
    assert np.isnan(within(make_trade(plan), told["feed gap"])).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cadence": "monthly"}, "cadence: expected one of 5min"),
        ({"days": 0}, "days: expected at least 1"),
        ({"regions": ("9999",)}, "regions: expected division codes"),
        ({"events": ("flood",)}, "events: expected any of panic_buying"),
        ({"cadence": "5min", "days": 3660, "regions": ("33",)}, "expected at most"),
    ],
)
def test_a_plan_that_cannot_be_says_why(change: dict[str, object], said: str) -> None:
    with pytest.raises(TradeError, match=said):
        replace(SMALL, **change)  # type: ignore[arg-type]


def test_a_grid_knows_its_pace() -> None:
    grid = make_trade(replace(SMALL, cadence="hourly", days=3)).grid
    assert (grid.per_day, grid.daily) == (24.0, False)
    assert grid.texts[1] == "2023-01-02 01:00:00"
    assert Grid(grid.times[:1], grid.regions, grid.commodities, {}).per_day == 1.0
