import numpy as np
import pytest

from detectors.sides import Sides
from detectors.state import Floats
from detectors.univariate import QUIET, SLOTS, SPEAKS, WARM, Univariate, step

DAYS = 4


def machine(seed: int = 1, series: int = 3, days: int = DAYS) -> Floats:
    """A metric of five minutes with a day's rhythm, float64 (T, series)."""
    rng = np.random.default_rng(seed)
    at = np.arange(days * SLOTS)
    usual = 50 + 10 * np.sin(2 * np.pi * at / SLOTS)
    return usual[:, None] + rng.normal(0.0, 1.0, (len(at), series))


def run(values: Floats, state: Univariate | None = None, first: int = 0) -> Sides:
    state = state or Univariate.empty(units=values.shape[1], codes=1)
    told = [step(state, row[:, None], (first + t) % SLOTS) for t, row in enumerate(values)]
    return Sides(*(np.stack([getattr(s, name)[:, 0] for s in told]) for name in ("up", "down")))


def test_a_quiet_machine_is_seldom_spoken_of() -> None:
    told = run(machine(days=9, series=20))
    spoken = np.fmin(told.up, told.down) <= SPEAKS
    assert spoken[4 * SLOTS :].mean() < 0.003


@pytest.mark.parametrize(("by", "side"), [(25.0, "up"), (-25.0, "down")])
def test_a_level_never_seen_before_is_told_at_once_and_on_its_side(by: float, side: str) -> None:
    values = machine()
    values[3 * SLOTS + 40 :] += by
    told = run(values)
    assert (getattr(told, side)[3 * SLOTS + 40] <= SPEAKS).all()
    other = told.down if side == "up" else told.up
    assert (other[3 * SLOTS + 40] == 1.0).all()


def test_an_hour_of_night_by_day_is_strange_though_the_value_is_common() -> None:
    values = machine(days=8, series=1)
    day = 7 * SLOTS + SLOTS // 4
    values[day : day + 36] -= 14.0
    told = run(values)
    assert np.nanmin(told.down[day : day + 36]) <= SPEAKS


def test_who_has_spoken_is_silent_for_a_while() -> None:
    values = machine()
    at = 3 * SLOTS
    values[at : at + QUIET + 20 : 10] += 40.0 + np.arange(0, QUIET + 20, 10)[:, None]
    told = run(values)
    after = told.up[at + 1 : at + QUIET]
    assert (told.up[at] <= SPEAKS).all()
    assert (after == 1.0).all()


def test_what_is_said_does_not_depend_on_what_comes() -> None:
    values = machine()
    cut = 3 * SLOTS + 7
    later = values.copy()
    later[cut:] = 1e6
    for a, b in zip(run(values), run(later), strict=True):
        np.testing.assert_array_equal(a[:cut], b[:cut])


def test_series_that_change_places_get_the_same_answers() -> None:
    values = machine()
    for a, b in zip(run(values), run(values[:, ::-1]), strict=True):
        np.testing.assert_array_equal(a, b[:, ::-1])


def test_a_state_that_was_written_and_read_says_the_same() -> None:
    values = machine()
    state = Univariate.empty(units=3, codes=1)
    run(values[:500], state)
    again = Univariate(**{name: array.copy() for name, array in state.arrays().items()})
    for a, b in zip(run(values[500:], state, 500), run(values[500:], again, 500), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("value", [0.0, 7.5, -1e12])
def test_a_constant_is_never_strange(value: float) -> None:
    told = run(np.full((400, 2), value))
    assert np.nanmin(told) == 1.0


def test_what_is_missing_is_not_judged_and_not_learned() -> None:
    values = machine()
    with_gap = np.insert(values, 600, np.full((5, 3), np.nan), axis=0)
    told = run(with_gap)
    assert np.isnan(told.up[600:605]).all()
    assert np.isnan(told.up[:WARM]).all()
    assert np.isfinite(told.up[605:]).all()


def test_huge_values_leave_numbers() -> None:
    values = machine()
    values[400:402] = 1e150
    assert np.isfinite(run(values).up[WARM:]).all()
