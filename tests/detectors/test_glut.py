"""Gluts: from stock, and from sales and prices that fall together."""

import numpy as np

from detectors import glut
from detectors.glut import Glut
from detectors.pace import Pace
from detectors.state import Floats
from tests.detectors.shelves import DAILY, GOODS, HOURLY, SHOPS, copied, finite, hours, moments, nothing, sound

DAYS = 90


def days(seed: int = 1) -> Floats:
    """Pieces sold a day."""
    return np.asarray(hours(DAYS, seed).reshape(DAYS, 24, SHOPS, GOODS).sum(axis=1))


def stocks(seed: int = 3) -> Floats:
    """About five days of supply, after deliveries of uneven size."""
    spread = np.random.default_rng(seed).normal(0.0, 0.15, (DAYS, SHOPS, GOODS))
    return np.asarray(5.0 * days().mean(axis=0) * np.exp(spread))


def prices(seed: int = 4) -> Floats:
    return np.asarray(5.0 * np.exp(np.random.default_rng(seed).normal(0.0, 0.02, (DAYS, SHOPS, GOODS))))


def run(
    qty: Floats,
    stock: Floats | None = None,
    price: Floats | None = None,
    state: Glut | None = None,
    pace: Pace = DAILY,
    first: int = 0,
) -> Floats:
    state = Glut.empty(units=qty.shape[1], codes=qty.shape[2]) if state is None else state
    at = moments(first + len(qty), pace)[first:]
    none = nothing(qty)
    feeds = zip(qty, none if stock is None else stock, none if price is None else price, at, strict=True)
    return np.stack([glut.step(state, q, s, c, m, pace) for q, s, c, m in feeds])


def test_stock_that_lasts_six_times_as_long_as_usual_is_a_glut() -> None:
    stock = stocks()
    stock[-3:, 1, 2] *= 6.0
    p = run(days(), stock)
    assert p[-1, 1, 2] < 1e-3
    assert np.delete(p[-1].ravel(), GOODS + 2).min() > 1e-3


def test_sales_that_collapse_over_a_steady_stock_are_a_glut() -> None:
    qty = days()
    qty[-8:, 1, 2] *= 0.05
    p = run(qty, stocks())
    assert p[-1, 1, 2] < 1e-3


def test_a_glut_that_goes_on_is_not_learned_as_normal_for_weeks() -> None:
    stock = stocks()
    stock[-20:, 1, 2] *= 6.0
    assert run(days(), stock)[-20:, 1, 2].max() < 1e-2


def test_where_no_stock_is_reported_sales_and_prices_that_fall_together_are_a_glut() -> None:
    qty, price = days(), prices()
    qty[-10:, 1, 2] *= 0.2
    price[-10:, 1, 2] *= 0.7
    p = run(qty, None, price)
    assert p[-8:, 1, 2].min() < 1e-3
    assert np.delete(p[-1].ravel(), GOODS + 2).min() > 1e-3


def test_a_promotion_that_sells_is_no_glut() -> None:
    qty, price = days(), prices()
    qty[-10:, 1, 2] *= 2.0
    price[-10:, 1, 2] *= 0.7
    assert run(qty, None, price)[-10:, 1, 2].min() > 0.05


def test_sales_that_fall_at_a_steady_price_are_not_told_without_stock() -> None:
    qty = days()
    qty[-10:, 1, 2] *= 0.2
    assert run(qty, None, prices())[-10:, 1, 2].min() > 1e-3


def test_a_festival_explains_sales_that_fall() -> None:
    qty, price = days(), prices()
    qty[-3:], price[-3:] = 0.3 * qty[-3:], 0.8 * price[-3:]
    plain, festive = (Glut.empty(units=SHOPS, codes=GOODS) for _ in range(2))
    none = nothing(qty[0])
    for i, moment in enumerate(moments(DAYS, DAILY)):
        slack = moment._replace(drop_lift=-1.2) if i >= DAYS - 3 else moment
        p = glut.step(plain, qty[i], none, price[i], moment, DAILY)
        q = glut.step(festive, qty[i], none, price[i], slack, DAILY)
    assert np.median(q) > 3.0 * np.median(p)


def test_in_quiet_months_p_comes_about_as_often_as_it_says() -> None:
    p = run(days(), stocks())[30:]
    assert (p < 0.01).mean() < 0.03
    assert (p < 0.001).mean() < 0.005


def test_nothing_at_all_and_one_observation_are_not_scored() -> None:
    empty = np.full((DAYS, SHOPS, GOODS), np.nan)
    assert np.isnan(run(empty)).all()
    empty[3] = 5.0
    assert np.isnan(run(empty, empty, empty)).all()


def test_the_same_every_day_is_nothing_unusual() -> None:
    same = np.full((DAYS, SHOPS, GOODS), 3.0)
    assert np.nanmin(run(same, 5.0 * same, same)) > 0.01
    assert np.nanmin(run(same, None, same)) > 0.01


def test_missing_days_are_not_scored() -> None:
    stock = stocks()
    stock[::3] = np.nan
    p = run(days(), stock)
    assert np.isnan(p[::3]).all()
    assert sound(p, ~np.isnan(p))


def test_huge_and_negative_values_give_sound_ps_and_do_not_spoil_the_state() -> None:
    qty, stock, price = days(), stocks(), prices()
    for i, value in ((50, 2.0**53), (51, -(2.0**53))):
        qty[i], stock[i], price[i] = value, value, value
    state = Glut.empty(units=SHOPS, codes=GOODS)
    p = run(qty, stock, price, state)
    assert finite(state)
    assert sound(p[60:], np.ones(p[60:].shape, bool))


def test_permuted_shops_and_goods_give_permuted_results() -> None:
    qty, stock = days(), stocks()
    rows, columns = np.array([3, 1, 4, 0, 2]), np.array([5, 2, 0, 1, 4, 3])
    permuted = run(qty[:, rows][:, :, columns], stock[:, rows][:, :, columns])
    np.testing.assert_allclose(permuted, run(qty, stock)[:, rows][:, :, columns], rtol=1e-3)


def test_nothing_looks_ahead() -> None:
    qty, stock = days(), stocks()
    assert np.array_equal(run(qty, stock)[:60], run(qty[:60], stock[:60]), equal_nan=True)


def test_a_state_saved_and_restored_gives_the_same_bit_for_bit() -> None:
    qty, stock, price = days(), stocks(), prices()
    saved, restored = (Glut.empty(units=SHOPS, codes=GOODS) for _ in range(2))
    straight = run(qty, stock, price)
    run(qty[:50], stock[:50], price[:50], saved)
    copied(saved, restored)
    rest = run(qty[50:], stock[50:], price[50:], restored, first=50)
    assert np.array_equal(rest, straight[50:], equal_nan=True)


def test_hours_give_sound_ps() -> None:
    qty = hours(20)
    p = run(qty, 100.0 + qty, pace=HOURLY)
    assert sound(p, ~np.isnan(p))
    assert np.nanmedian(p) > 0.05


def test_infinite_figures_are_as_if_none_were_reported() -> None:
    for value in (np.inf, -np.inf):
        odd, none = (days(), stocks(), prices()), (days(), stocks(), prices())
        for at in ((50, 2, 3), (70, 1, 1)):
            for one, other in zip(odd, none, strict=True):
                one[at], other[at] = value, np.nan
        np.testing.assert_array_equal(run(*odd), run(*none))
