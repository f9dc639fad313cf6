"""The demand engine over whole timelines: rushes are found, what is usual is not."""

import numpy as np
import numpy.typing as npt
import pytest

from detectors import demand
from detectors.demand import Demand
from detectors.moment import moment_of
from detectors.pace import DAY_MS, HOUR_MS, Pace

DAILY = Pace.of(DAY_MS)
START = 19_000 * DAY_MS - 8 * HOUR_MS


def counts(periods: int, nodes: tuple[int, int] = (6, 3), mean: float = 60.0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(4).poisson(mean, (periods, *nodes)).astype(np.float64)


def run(
    qty: npt.NDArray[np.float64], state: Demand | None = None, pace: Pace = DAILY, first: int = 0, lift: float = 0.0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Demand]:
    state = Demand.empty(units=qty.shape[1], codes=qty.shape[2]) if state is None else state
    sides = [
        demand.step(
            state, q, moment_of(first + i, START + (first + i) * pace.tick_ms, pace, lift if i == 79 else 0.0), pace
        )
        for i, q in enumerate(qty)
    ]
    return np.array([s.up for s in sides]), np.array([s.down for s in sides]), state


def test_a_sharp_rush_is_a_surge_on_its_first_day() -> None:
    qty = counts(80)
    qty[79, 2, 1] *= 3
    up, _, _ = run(qty)
    assert up[79, 2, 1] < 1e-3


def test_a_doubling_is_a_surge_on_its_second_day_and_not_a_drop() -> None:
    qty = counts(80)
    qty[78:, 2, 1] *= 2
    up, down, state = run(qty)
    assert up[79].argmin() == 2 * 3 + 1
    assert up[79, 2, 1] < 1e-3 < down[79, 2, 1]
    shown = demand.evidence(state, DAILY)
    assert shown.observed[2, 1] / shown.expected[2, 1] > 1.2
    assert shown.since[2, 1] + shown.window[2, 1] == START + 80 * DAY_MS


def test_a_halving_is_a_drop() -> None:
    qty = counts(80)
    qty[77:80, 2, 1] *= 0.5
    _, down, state = run(qty)
    assert down[79, 2, 1] < 1e-3
    shown = demand.evidence(state, DAILY, down=True)
    assert shown.observed[2, 1] < shown.expected[2, 1]


def test_a_festival_explains_what_it_may_lift() -> None:
    qty = counts(80)
    qty[79] *= 2
    plain, _, _ = run(qty)
    festive, _, _ = run(qty, lift=1.0)
    assert (festive[79] > plain[79]).all()


def test_p_is_about_right_in_quiet_times() -> None:
    up, down, _ = run(counts(300))
    for p in (up[60:], down[60:]):
        assert 0.3 < np.mean(p < 0.01) / 0.01 < 3.0


def test_nothing_is_said_before_a_series_is_known_nor_of_what_is_missing() -> None:
    qty = counts(30)
    qty[29, 0, 0] = np.nan
    up, _, _ = run(qty)
    assert np.isnan(up[:7]).all()
    assert np.isnan(up[29, 0, 0])
    assert not np.isnan(up[29, 1]).any()


def test_the_future_changes_nothing_and_a_state_continues_as_it_was() -> None:
    qty = counts(60)
    whole, _, _ = run(qty)
    first, _, state = run(qty[:40])
    again = Demand(**{name: array.copy() for name, array in state.arrays().items()})
    second, _, _ = run(qty[40:], again, first=40)
    assert np.array_equal(whole, np.concatenate([first, second]), equal_nan=True)


def test_permuted_regions_give_permuted_results() -> None:
    qty = counts(60)
    order = np.array([3, 1, 5, 0, 2, 4])
    up, _, _ = run(qty)
    other, _, _ = run(qty[:, order])
    assert np.allclose(up[:, order], other, rtol=0.05, equal_nan=True)


@pytest.mark.parametrize("value", [0.0, np.nan, 1e12, 7.0])
def test_constant_empty_and_huge_series_raise_nothing(value: float) -> None:
    up, down, _ = run(np.full((40, 2, 2), value))
    for p in (up, down):
        assert not (p < 1e-3).any()


@pytest.mark.parametrize("tick_ms", [HOUR_MS // 4, HOUR_MS, 6 * HOUR_MS, 7 * DAY_MS])
def test_every_cadence_is_judged(tick_ms: int) -> None:
    pace = Pace.of(tick_ms)
    periods = int(12 * max(1.0, pace.ticks_per_day))
    up, _, _ = run(counts(periods, (2, 2), 400.0), pace=pace)
    assert np.isfinite(up[-1]).all()
    assert (up[-1] > 1e-5).all()


def test_a_shop_that_only_now_begins_is_not_a_rush_for_weeks() -> None:
    qty = counts(120)
    qty[:60, 0] = 0.0
    up, _, _ = run(qty)
    assert not (up[75:, 0] < 1e-3).any()
