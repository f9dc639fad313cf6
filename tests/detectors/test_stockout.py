"""Stock-outs, from sales alone and from stock."""

import numpy as np
import pytest

from detectors import stockout
from detectors.pace import DAY_MS, Pace
from detectors.state import Floats
from detectors.stockout import Stockout
from tests.detectors.shelves import DAILY, GOODS, HOURLY, SHOPS, copied, finite, hours, moments, nothing, sound


def run(
    qty: Floats,
    stock: Floats | None = None,
    pace: Pace = HOURLY,
    state: Stockout | None = None,
    first: int = 0,
) -> Floats:
    state = Stockout.empty(units=qty.shape[1], codes=qty.shape[2]) if state is None else state
    at = moments(first + len(qty), pace)[first:]
    none = nothing(qty[0])
    return np.stack(
        [stockout.step(state, q, none if stock is None else stock[i], at[i], pace) for i, q in enumerate(qty)]
    )


def test_a_good_that_sold_steadily_and_falls_silent_at_noon_is_out_by_the_afternoon() -> None:
    qty = hours(20)
    qty[-12:, 2, 3] = 0.0
    p = run(qty)
    assert p[-9, 2, 3] < 1e-3
    others = np.delete(p[-12:].reshape(12, -1), 2 * GOODS + 3, axis=1)
    assert np.median(others) > 0.1
    assert (others < 1e-3).mean() < 0.01


def test_a_whole_shop_that_is_quiet_has_not_run_out_of_everything() -> None:
    qty = hours(20)
    qty[-12:, 2] = 0.0
    p = run(qty)
    alone = hours(20)
    alone[-12:, 2, 3] = 0.0
    assert p[-9, 2].min() > 10.0 * run(alone)[-9, 2, 3]


def test_a_good_that_sells_once_a_day_may_be_silent_for_an_afternoon() -> None:
    qty = hours(40, rate=0.05)
    assert (run(qty)[20 * 24 :] < 1e-3).mean() < 3e-3


def test_in_quiet_weeks_p_comes_about_as_often_as_it_says() -> None:
    p = run(hours(60, rate=2.0))[14 * 24 :]
    for nominal in (0.01, 0.001):
        assert (p < nominal).mean() < 3.0 * nominal


def test_a_series_that_is_out_for_many_days_does_not_become_normal() -> None:
    qty = hours(30)
    qty[-10 * 24 :, 2, 3] = 0.0
    state = Stockout.empty(units=SHOPS, codes=GOODS)
    p = run(qty, state=state)
    assert p[-12:-2, 2, 3].max() < 1e-3
    assert stockout.days_out(state)[2, 3] == pytest.approx(10.0, abs=1.0)
    assert (stockout.days_out(state) > 0.0).sum() <= 3


def test_sales_that_come_back_end_it() -> None:
    qty = hours(30)
    qty[-5 * 24 : -2 * 24, 2, 3] = 0.0
    p = run(qty)
    assert p[-2 * 24 + 12, 2, 3] > 0.05


def test_a_daily_series_that_falls_silent_is_out_within_two_days() -> None:
    days = hours(60).reshape(60, 24, SHOPS, GOODS).sum(axis=1)
    days[-2:, 2, 3] = 0.0
    p = run(days, pace=DAILY)
    assert p[-1, 2, 3] < 1e-2
    assert np.median(p[20:]) > 0.1


def test_a_stock_of_nothing_is_a_stock_out_whatever_was_sold() -> None:
    qty, stock = hours(20), hours(20) + 500.0
    stock[-1, 1, 1] = 0.0
    p = run(qty, stock)
    assert p[-1, 1, 1] < 1e-4
    assert np.delete(p[-1].ravel(), GOODS + 1).min() > 1e-2


def test_a_stock_that_does_not_last_until_the_next_delivery_is_told_before_it_is_gone() -> None:
    qty = hours(20)
    day = qty.reshape(20, 24, SHOPS, GOODS).sum(axis=1).mean(axis=0)
    stock = 3.0 * day - np.tile(np.arange(24), 20)[:, None, None] * day / 24.0
    stock[-12:, 1, 1] = 0.1 * day[1, 1]
    p = run(qty, stock)
    assert p[-11, 1, 1] < 1e-2
    assert p[-11, 1, 1] < 0.1 * np.delete(p[-11].ravel(), GOODS + 1).min()


def test_silence_where_stock_is_reported_is_no_stock_out() -> None:
    qty = hours(20)
    qty[-12:, 2, 3] = 0.0
    assert run(qty, hours(20) + 500.0)[-1, 2, 3] > 0.01


def test_nothing_at_all_is_not_scored() -> None:
    assert np.isnan(run(np.full((100, SHOPS, GOODS), np.nan))).all()
    assert np.isnan(run(np.zeros((100, SHOPS, GOODS))) >= 0.99).sum() == 0


def test_the_same_every_hour_is_nothing_unusual() -> None:
    p = run(np.full((300, SHOPS, GOODS), 3.0))
    assert np.nanmin(p) > 0.01


def test_one_observation_is_no_evidence() -> None:
    qty = np.full((100, SHOPS, GOODS), np.nan)
    qty[3, 1, 1] = 5.0
    assert np.isnan(run(qty)).all()


def test_missing_hours_are_not_scored_and_do_no_harm() -> None:
    qty = hours(20)
    qty[::3] = np.nan
    p = run(qty)
    assert np.isnan(p[::3]).all()
    assert sound(p[150:], ~np.isnan(qty[150:]))


def test_huge_and_negative_values_give_sound_ps_and_do_not_spoil_the_state() -> None:
    qty = hours(20)
    qty[200], qty[201] = 2.0**53, -(2.0**53)
    state = Stockout.empty(units=SHOPS, codes=GOODS)
    p = run(qty, state=state)
    assert finite(state)
    assert sound(p[100:], np.ones(p[100:].shape, bool))


def test_permuted_shops_and_goods_give_permuted_results() -> None:
    qty = hours(15)
    rows, columns = np.array([3, 1, 4, 0, 2]), np.array([5, 2, 0, 1, 4, 3])
    permuted = run(qty[:, rows][:, :, columns])
    np.testing.assert_allclose(permuted, run(qty)[:, rows][:, :, columns], rtol=1e-2)


def test_other_units_give_the_same() -> None:
    qty = hours(15)
    np.testing.assert_allclose(run(1000.0 * qty), run(qty), rtol=1e-2)


def test_nothing_looks_ahead() -> None:
    qty = hours(15)
    assert np.array_equal(run(qty)[:300], run(qty[:300]), equal_nan=True)


def test_a_state_saved_and_restored_gives_the_same_bit_for_bit() -> None:
    qty, stock = hours(15), hours(15, seed=2) + 50.0
    whole, saved, restored = (Stockout.empty(units=SHOPS, codes=GOODS) for _ in range(3))
    straight = run(qty, stock, state=whole)
    run(qty[:200], stock[:200], state=saved)
    copied(saved, restored)
    assert np.array_equal(run(qty[200:], stock[200:], state=restored, first=200), straight[200:], equal_nan=True)


def test_a_festival_that_lowers_trade_explains_some_silence() -> None:
    qty = hours(20)
    qty[-12:, 2, 3] = 0.0
    state, slack = (Stockout.empty(units=SHOPS, codes=GOODS) for _ in range(2))
    for i, moment in enumerate(moments(len(qty))):
        quiet = moment._replace(drop_lift=-1.5) if i >= len(qty) - 12 else moment
        plain = stockout.step(state, qty[i], nothing(qty[i]), moment, HOURLY)
        festive = stockout.step(slack, qty[i], nothing(qty[i]), quiet, HOURLY)
        if i == len(qty) - 11:
            assert festive[2, 3] > plain[2, 3]


def test_other_lengths_of_period_give_sound_ps() -> None:
    for pace in (Pace.of(5 * 60_000), Pace.of(2 * 3_600_000), Pace.of(7 * DAY_MS)):
        p = run(hours(40), pace=pace)[700:]
        assert sound(p, ~np.isnan(p))
        assert np.nanmedian(p) > 0.05


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_figures_are_as_if_none_were_reported(value: float) -> None:
    qty = hours(12)
    stock = 100.0 + qty
    odd, none = (qty.copy(), stock.copy()), (qty.copy(), stock.copy())
    for at in ((100, 2, 3), (200, 1, 1)):
        for one, other in zip(odd, none, strict=True):
            one[at], other[at] = value, np.nan
    np.testing.assert_array_equal(run(*odd), run(*none))
