"""From p to days."""

import numpy as np
import numpy.typing as npt
import pytest

from detectors import rarity
from detectors.pace import DAY_MS, Pace
from detectors.rarity import MOST_DAYS, Area, Rarity, recurrence_days
from detectors.state import Floats

DAILY, HOURLY = Pace.of(DAY_MS), Pace.of(DAY_MS // 24)
NODES = 40


def smallest(periods: int, inputs: int = 60, power: float = 1.0, factor: float = 1.0, seed: int = 1) -> Floats:
    """The smallest of 40 p over as many inputs, (periods, inputs); power and factor make them wrong."""
    rng = np.random.default_rng(seed)
    p: Floats = np.minimum(factor * rng.random((periods, inputs, NODES)).min(axis=2) ** power, 1.0)
    return p


def rated(ps: Floats, state: Rarity, pace: Pace = DAILY) -> Floats:
    """Days of each period as if each group were an input of its own, (periods, groups)."""
    tests = np.full(ps.shape[1], float(NODES))
    out = []
    for p in ps:
        out.append(rarity.recurrence(state, p, tests, pace) * len(p))
        rarity.learn(state, p, tests, pace)
    return np.stack(out)


def per_promise(days: Floats, least: float, burn: int) -> float:
    """How often it came about over how often it was said to, where alerts of three days running are one."""
    hit = days[burn:] >= least
    for i in range(1, len(hit)):
        hit[i] &= ~hit[max(0, i - 3) : i].any(axis=0)
    return float(hit.sum() / (hit.size / least))


@pytest.mark.parametrize(
    ("p", "tests", "days"),
    [
        (1e-6, 10_000.0, 100.0),
        (1.0, 4.0, 0.25),
        (1e-300, 1.0, MOST_DAYS),
        (0.0, 1e9, MOST_DAYS),
        (1e-9, 0.0, MOST_DAYS),
    ],
)
def test_recurrence_is_one_over_the_expected_results_a_day(p: float, tests: float, days: float) -> None:
    assert recurrence_days(p, tests) == pytest.approx(days)


def test_the_more_is_watched_the_more_often_chance_speaks() -> None:
    assert Area(city_units=5, all_units=50).tests_per_day(100.0) == 1_000.0


@pytest.mark.parametrize(
    ("power", "factor"),
    [
        pytest.param(1.0, 1.0, id="right"),
        pytest.param(1.0, 0.2, id="five times too small"),
        pytest.param(1.0, 5.0, id="five times too large"),
        pytest.param(0.75, 1.0, id="tail too light"),
        pytest.param(1.25, 1.0, id="tail too heavy"),
    ],
)
def test_once_in_thirty_days_comes_once_in_thirty_days_also_where_p_is_wrong(power: float, factor: float) -> None:
    days = rated(smallest(900, power=power, factor=factor), Rarity.empty(groups=60))
    assert 0.5 < per_promise(days, 30.0, burn=60) < 2.0
    assert 0.3 < per_promise(days, 365.0, burn=60) < 2.5


def test_dependent_periods_are_one_episode() -> None:
    """Hours of which six running say the same: a month's rarest is still what comes once a month."""
    held = np.repeat(smallest(400, inputs=20), 6, axis=0)
    days = rated(held, Rarity.empty(groups=20), HOURLY)
    hit = (days[480:] >= 10.0).reshape(-1, 6, 20).any(axis=1)
    assert 0.4 < hit.sum() / (hit.size / 4.0 / 10.0) < 2.0


def test_a_real_incident_of_the_past_does_not_make_the_next_one_common() -> None:
    calm, shaken = smallest(400, inputs=4), smallest(400, inputs=4)
    shaken[200:203] = 1e-12
    states = Rarity.empty(groups=4), Rarity.empty(groups=4)
    for ps, state in zip((calm, shaken), states, strict=True):
        rated(ps, state)
    tests = np.full(4, float(NODES))
    before, after = (rarity.recurrence(s, np.full(4, 1e-6), tests, DAILY) for s in states)
    assert (after > before / 2.0).all()


def test_a_first_period_is_rated_by_the_number_of_tests() -> None:
    state = Rarity.empty(groups=1)
    days = rarity.recurrence(state, np.array([[1e-2, 1e-4, 1e-6]]), np.array([100.0]), DAILY)[0]
    assert (np.diff(days) > 0.0).all()
    assert days[1] == pytest.approx(3.0**0.5 / (1e-4 * 100.0), rel=0.7)
    assert days[2] <= MOST_DAYS


def test_kinds_share_what_is_promised() -> None:
    alone = rarity.recurrence(Rarity.empty(groups=1), np.array([1e-4]), np.array([50.0]), DAILY)
    both = rarity.recurrence(Rarity.empty(groups=2), np.full(2, 1e-4), np.full(2, 50.0), DAILY)
    idle = rarity.recurrence(Rarity.empty(groups=2), np.array([1e-4, np.nan]), np.array([50.0, 0.0]), DAILY)
    assert both == pytest.approx(alone[0] / 2.0)
    assert idle[0] == pytest.approx(alone[0])
    assert np.isnan(idle[1])


def test_a_smaller_p_is_never_less_rare() -> None:
    state = Rarity.empty(groups=3)
    rated(smallest(300, inputs=3, power=1.2), state)
    days = rarity.recurrence(state, np.tile(np.logspace(0, -30, 400), (3, 1)), np.full(3, 40.0), DAILY)
    assert (np.diff(days, axis=1) >= -1e-9).all()
    assert np.isfinite(days).all()


@pytest.mark.parametrize("value", [np.nan, 1.0, 0.0, 1e-320])
def test_nothing_constant_and_huge_give_sound_days(value: float) -> None:
    state = Rarity.empty(groups=2)
    days = rated(np.full((100, 2), value), state)
    assert np.isnan(days).all() if np.isnan(value) else (np.isfinite(days) & (days > 0.0)).all()
    assert all(np.isfinite(a).all() for a in state.arrays().values())


def test_what_was_not_tested_is_no_time() -> None:
    ps = smallest(200, inputs=2)
    gappy = np.insert(ps, np.repeat(np.arange(0, 200, 50), 3), np.nan, axis=0)
    state = Rarity.empty(groups=2)
    rated(gappy, state)
    whole = Rarity.empty(groups=2)
    rated(ps, whole)
    assert state.days.tolist() == whole.days.tolist()


def test_nothing_looks_ahead_and_a_state_restored_gives_the_same_bit_for_bit() -> None:
    ps = smallest(200, inputs=5)
    straight, restored = Rarity.empty(groups=5), Rarity.empty(groups=5)
    head = rated(ps[:120], straight)
    for name, array in straight.arrays().items():
        saved: npt.NDArray[np.generic] = np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape).copy()
        setattr(restored, name, saved)
    assert np.array_equal(rated(ps[120:], straight), rated(ps[120:], restored))
    assert np.array_equal(rated(ps, Rarity.empty(groups=5))[:120], head)


def test_permuted_groups_give_permuted_days() -> None:
    ps, order = smallest(150, inputs=5), np.array([3, 0, 4, 1, 2])
    assert np.array_equal(rated(ps, Rarity.empty(groups=5))[:, order], rated(ps[:, order], Rarity.empty(groups=5)))


@pytest.mark.parametrize(("hours", "days"), [(1, 1.0), (24, 3.0), (168, 14.0), (730, 61.0)])
def test_the_refractory_time_follows_the_period(hours: int, days: float) -> None:
    assert rarity.refractory_days(Pace.of(hours * 3_600_000)) == days
