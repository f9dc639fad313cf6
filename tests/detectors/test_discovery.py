"""The share of what is told that is likely false."""

import numpy as np
import numpy.typing as npt
import pytest

from detectors import discovery
from detectors.discovery import MEMORY_DAYS, Discovery
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.state import Floats

DAILY = Pace.of(DAY_MS)


def run(rarest: Floats, state: Discovery | None = None, pace: Pace = DAILY) -> Discovery:
    state = state or Discovery.empty(groups=rarest.shape[1])
    for days in rarest:
        discovery.learn(state, days, pace)
    return state


def chance(rng: np.random.Generator, periods: int, groups: int = 4) -> Floats:
    """Rarest of each group where nothing is wrong: all together pass r days once in r days."""
    return 1.0 / (groups * rng.random((periods, groups)))


@pytest.mark.parametrize("days", [40.0, 100.0, 500.0])
def test_where_nothing_is_wrong_all_that_is_told_is_likely_false(days: float) -> None:
    shares = [float(discovery.false_share(run(chance(np.random.default_rng(seed), 600)), days)) for seed in range(40)]
    told = 600.0 / days
    assert np.mean(shares) > 0.5 if told > 3.0 else np.mean(shares) > 0.15


@pytest.mark.parametrize("every", [8, 20])
def test_the_share_is_right_where_real_ones_come_beside_those_of_chance(every: int) -> None:
    rng = np.random.default_rng(3)
    rarest = chance(rng, 3000)
    rarest[::every, 0] = 300.0
    state, said = run(rarest[:500]), []
    for first in range(500, 3000, 25):
        said.append(float(discovery.false_share(state, 40.0)))
        run(rarest[first : first + 25], state)
    false = 1.0 / 32.0
    assert np.mean(said) == pytest.approx(false / (false + 1.0 / every), rel=0.35)


def test_the_rarer_it_is_the_less_likely_it_is_false() -> None:
    state = run(chance(np.random.default_rng(1), 400))
    share = discovery.false_share(state, np.array([1.0, 30.0, 400.0, 1e4, 1e9]))
    assert (np.diff(share) <= 0.0).all()
    assert share[-1] < 0.01


def test_what_goes_on_is_found_once() -> None:
    once, often = np.ones((100, 1)), np.ones((100, 1))
    once[50], often[50:60] = 500.0, 500.0
    assert run(often).found[8] == pytest.approx(run(once).found[8], rel=0.1)


def test_what_was_found_long_ago_counts_no_more() -> None:
    state = run(np.full((1, 4), 1000.0))
    assert state.found[5] == 4.0
    run(np.ones((int(5 * MEMORY_DAYS), 4)), state)
    assert state.found[5] < 0.04
    assert float(discovery.false_share(state, 32.0)) == 1.0


def test_hours_add_up_to_days() -> None:
    state = run(np.ones((240, 1)), pace=Pace.of(HOUR_MS))
    assert state.days[0] == pytest.approx(10.0, rel=0.06)


def test_what_is_not_tested_is_no_find() -> None:
    assert run(np.full((5, 3), np.nan)).found.sum() == 0.0
    assert run(np.zeros((5, 0))).days[0] > 0.0


def test_a_state_saved_and_restored_gives_the_same_bit_for_bit() -> None:
    rarest = chance(np.random.default_rng(6), 60)
    straight, restored = run(rarest[:30]), Discovery.empty(groups=4)
    for name, array in straight.arrays().items():
        saved: npt.NDArray[np.generic] = np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape).copy()
        setattr(restored, name, saved)
    run(rarest[30:], straight)
    run(rarest[30:], restored)
    assert all(np.array_equal(getattr(straight, name), array) for name, array in restored.arrays().items())
