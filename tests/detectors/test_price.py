"""Mean price relatives against their own restlessness."""

import numpy as np
import pytest

from detectors import price
from detectors.baseline import Usual
from detectors.pace import DAY_MS, Pace
from detectors.price import Price
from detectors.state import Cells

PACE = Pace.of(300_000)
RISE = 0.05


def cells(relative: float, lines: float = 4.0, shops: int = 2) -> Cells:
    one = np.ones((2, 1))
    bits = np.full((2, 1), 2**shops - 1 if lines else 0, np.uint64)
    return Cells(one * lines, one * lines * 500.0, one * lines, one * lines * relative, bits)


def run(state: Price, ticks: list[Cells], pace: Pace = PACE) -> list[float]:
    out = []
    for c in ticks:
        out.append(float(price.step(state, c, RISE, pace)[1, 0]))
        price.learn(state, c, np.full(1, float(out[-1] > 1e-4)), pace)
    return out


def quiet(n: int, sd: float = 0.02) -> list[Cells]:
    return [cells(x) for x in np.random.default_rng(2).normal(0.0, sd, n)]


def supported(state: Price, shops: float = 2.0, pace: Pace = PACE) -> bool:
    one = np.ones((2, 1))
    at = Usual(one, one, np.ones(1), one, one, one, one * shops)
    return bool(price.supported(state, price.window(state), at, pace)[1, 0])


@pytest.fixture
def state() -> Price:
    return Price.empty(units=2, codes=1)


def test_nothing_is_said_before_a_series_is_known(state: Price) -> None:
    assert run(state, [cells(0.7)] * 10) == [1.0] * 10


def test_a_rise_of_a_fifth_is_found_within_two_hours(state: Price) -> None:
    run(state, quiet(400))
    assert min(run(state, [cells(0.2)] * 24)) < 1e-6
    assert supported(state)


def test_a_rise_below_the_rulebooks_five_percent_is_not_told(state: Price) -> None:
    run(state, quiet(400, sd=0.001))
    assert min(run(state, [cells(np.log(1.04))] * 60)) == 1.0


def test_a_fall_is_no_spike(state: Price) -> None:
    run(state, quiet(400))
    assert min(run(state, [cells(-0.3)] * 60)) == 1.0


def test_a_restless_series_needs_a_larger_rise(state: Price) -> None:
    restless = Price.empty(units=2, codes=1)
    run(state, quiet(600, sd=0.02))
    waves = [cells(0.15 * np.sin(i / 40)) for i in range(600)]
    run(restless, waves)
    assert run(state, [cells(0.25)] * 24)[-1] < 1e-6 < run(restless, [cells(0.25)] * 24)[-1]


def test_one_tick_with_prices_is_not_enough(state: Price) -> None:
    run(state, quiet(400))
    run(state, [cells(3.0, lines=50.0)])
    assert not supported(state)
    run(state, [cells(3.0, lines=50.0)])
    assert supported(state)


def test_one_shop_of_several_is_not_believed_alone_but_the_only_one_is(state: Price) -> None:
    run(state, quiet(400))
    run(state, [cells(0.5, shops=1)] * 20)
    assert not supported(state, shops=3.0)
    assert supported(state, shops=1.0)


def test_what_was_priced_yesterday_is_not_told_today(state: Price) -> None:
    run(state, quiet(400))
    run(state, [cells(0.5)] * 20)
    assert supported(state)
    run(state, [cells(0.0, lines=0.0)] * 300)
    assert not supported(state)


def test_the_window_gives_the_mean_relative_and_since_when(state: Price) -> None:
    run(state, quiet(400, sd=0.001))
    run(state, [cells(np.log(1.5))] * 120)
    window = price.window(state)
    assert window.observed[1, 0] == pytest.approx(1.5, rel=0.03)
    assert window.expected[1, 0] == pytest.approx(1.0, abs=0.01)
    assert 115.0 <= window.ticks[1, 0] <= 120.0


def test_daily_prices_are_judged_day_by_day() -> None:
    pace, state = Pace.of(DAY_MS), Price.empty(units=2, codes=1)
    run(state, quiet(30), pace)
    first, second = run(state, [cells(0.5), cells(0.5)], pace)
    assert first < 1e-4
    assert second < 1e-4
    assert supported(state, pace=pace)
