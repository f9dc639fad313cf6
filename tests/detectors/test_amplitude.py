"""What a festival did is what is expected of it the next time."""

import math
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from detectors import amplitude
from detectors.amplitude import Amplitude
from detectors.festivals import lift_of
from detectors.moment import moment_of
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.state import Floats
from streams.ticks import start_of

PACE = Pace.of(DAY_MS)
SPRING = {2021: date(2021, 2, 12), 2022: date(2022, 2, 1), 2023: date(2023, 1, 22)}


def number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def run(
    state: Amplitude, first: date, last: date, ratio: Callable[[int], Floats | float], seed: int = 0, noise: float = 0.1
) -> None:
    """Feed days of series that sell ``ratio`` times what is usual."""
    draw = np.random.default_rng(seed)
    shape = state.observed.shape
    for day in range(number(first), number(last) + 1):
        sold = 100.0 * ratio(day) * np.exp(draw.normal(0.0, noise, shape))
        amplitude.step(state, sold, np.full(shape, 100.0), moment_of(0, start_of(day, DAY_MS), PACE))


def rush(times: float) -> Callable[[int], float]:
    days = {number(eve) - before for eve in SPRING.values() for before in (2, 3, 4)}
    return lambda day: times if day in days else 1.0


def ratios(state: Amplitude, day: date) -> tuple[float, float]:
    band = amplitude.lift(state, number(day))
    return math.exp(float(band.surge.max())), math.exp(float(band.drop.min()))


def test_before_its_first_time_a_festival_has_its_prior() -> None:
    state = Amplitude.empty(units=2, codes=3)
    day = number(date(2021, 2, 9))
    band = amplitude.lift(state, day)
    assert float(band.surge.max()) == pytest.approx(lift_of(day).surge)
    assert float(band.drop.min()) == pytest.approx(lift_of(day).drop)


def test_a_festival_that_does_nothing_here_soon_costs_nothing() -> None:
    state = Amplitude.empty(units=3, codes=4)
    run(state, date(2020, 9, 1), date(2021, 9, 1), lambda _: 1.0)
    assert ratios(state, date(2022, 1, 30))[0] < 1.7
    run(state, date(2021, 9, 2), date(2022, 9, 1), lambda _: 1.0)
    assert ratios(state, date(2023, 1, 20))[0] < 1.45
    assert ratios(state, date(2022, 12, 24))[0] < 1.2


def test_a_festival_that_doubles_trade_is_expected_to_double_it_and_a_little_more() -> None:
    state = Amplitude.empty(units=3, codes=4)
    run(state, date(2020, 9, 1), date(2022, 9, 1), rush(2.0))
    surge, _ = ratios(state, date(2023, 1, 20))
    assert 2.0 <= surge <= 3.6


def test_where_a_rush_comes_each_year_its_shifted_run_up_stays_allowed() -> None:
    state = Amplitude.empty(units=3, codes=4)
    run(state, date(2020, 9, 1), date(2022, 9, 1), rush(5.0))
    assert ratios(state, date(2023, 1, 14))[0] > 1.3


def test_a_panic_on_a_festival_is_not_learned_as_its_usual_course() -> None:
    state = Amplitude.empty(units=3, codes=4)
    run(state, date(2020, 9, 1), date(2021, 9, 1), rush(50.0))
    assert ratios(state, date(2022, 1, 30))[0] < 20.0


def test_a_commodity_that_rises_more_than_the_others_is_allowed_more() -> None:
    state = Amplitude.empty(units=4, codes=3)
    plain = rush(2.0)
    run(
        state,
        date(2020, 9, 1),
        date(2022, 9, 1),
        lambda day: np.array([1.0, 1.0, 2.0 if plain(day) > 1 else 1.0]) * plain(day),
    )
    surge = np.exp(amplitude.lift(state, number(date(2023, 1, 20))).surge)
    assert (surge[:, 2] > 1.3 * surge[:, 0]).all()


def test_a_pay_day_is_learned_from_the_months_and_noise_is_not() -> None:
    state = Amplitude.empty(units=3, codes=4)
    tenths = {number(date(2021, month, 10)) for month in range(1, 13)}
    run(state, date(2021, 1, 1), date(2021, 12, 31), lambda day: 1.25 if day in tenths else 1.0)
    assert 1.15 < ratios(state, date(2022, 3, 10))[0] < 1.35
    assert ratios(state, date(2022, 3, 8)) == pytest.approx((1.0, 1.0), abs=0.03)
    assert ratios(state, date(2022, 3, 15))[0] < 1.03


def test_a_day_without_a_row_teaches_nothing_and_the_prior_stays() -> None:
    state = Amplitude.empty(units=1, codes=1)
    nothing = np.full((1, 1), np.nan)
    for day in range(number(date(2021, 2, 1)), number(date(2021, 3, 1))):
        amplitude.step(state, nothing, np.full((1, 1), 100.0), moment_of(0, start_of(day, DAY_MS), PACE))
    assert ratios(state, date(2022, 1, 30))[0] == pytest.approx(math.exp(lift_of(number(date(2022, 1, 30))).surge))


def test_hours_are_summed_to_days_before_anything_is_learned() -> None:
    hourly, daily = Amplitude.empty(units=2, codes=2), Amplitude.empty(units=2, codes=2)
    pace = Pace.of(HOUR_MS)
    hours = np.linspace(0.0, 2.0, 24)
    for day in range(number(date(2021, 2, 1)), number(date(2021, 3, 1))):
        for i, hour in enumerate(hours):
            at = moment_of(0, start_of(day, DAY_MS) + i * HOUR_MS, pace)
            amplitude.step(hourly, np.full((2, 2), 30.0 * hour), np.full((2, 2), 10.0 * hour), at)
        whole = moment_of(0, start_of(day, DAY_MS), PACE)
        amplitude.step(daily, np.full((2, 2), 720.0), np.full((2, 2), 240.0), whole)
    assert hourly.pool == pytest.approx(daily.pool)
    assert daily.pool[1].sum() > 0.0


def test_what_is_said_of_a_day_does_not_look_at_it() -> None:
    one, two = Amplitude.empty(units=2, codes=2), Amplitude.empty(units=2, codes=2)
    run(one, date(2021, 1, 1), date(2021, 2, 9), rush(2.0))
    run(two, date(2021, 1, 1), date(2021, 2, 9), rush(2.0))
    day = number(date(2021, 2, 10))
    before = amplitude.lift(one, day)
    amplitude.step(two, np.full((2, 2), 1e6), np.full((2, 2), 100.0), moment_of(0, start_of(day, DAY_MS), PACE))
    assert np.array_equal(amplitude.lift(two, day).surge, before.surge)


def test_sales_that_never_change_leave_a_sound_band() -> None:
    state = Amplitude.empty(units=2, codes=2)
    run(state, date(2021, 1, 1), date(2022, 1, 1), lambda _: 1.0, noise=0.0)
    for day in range(number(date(2022, 1, 1)), number(date(2023, 1, 1))):
        band = amplitude.lift(state, day)
        assert (band.drop <= 0.0).all()
        assert (band.surge >= 0.0).all()


def test_where_small_festivals_do_nothing_others_not_yet_seen_are_hardly_expected_and_the_largest_still_is() -> None:
    state = Amplitude.empty(units=3, codes=4)
    new_year, mid_autumn = date(2021, 2, 9), date(2021, 9, 20)
    run(state, date(2020, 9, 5), date(2021, 1, 20), lambda _: 1.0)
    assert ratios(state, new_year)[0] > 3.0
    run(state, date(2021, 1, 21), date(2021, 9, 15), lambda _: 1.0)
    fresh = Amplitude.empty(units=3, codes=4)
    run(fresh, date(2021, 3, 5), date(2021, 9, 15), lambda _: 1.0)
    assert ratios(fresh, mid_autumn)[0] < 0.8 * math.exp(lift_of(number(mid_autumn)).surge)


def test_small_western_festivals_that_do_nothing_say_nothing_of_christmas() -> None:
    state = Amplitude.empty(units=3, codes=4)
    run(state, date(2021, 3, 5), date(2021, 12, 1), lambda _: 1.0)
    christmas = number(date(2021, 12, 23))
    assert float(amplitude.lift(state, christmas).surge.max()) == pytest.approx(lift_of(christmas).surge)
