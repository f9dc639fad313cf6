"""The online control of the false share."""

import numpy as np
import numpy.typing as npt
import pytest

from detectors import discovery
from detectors.discovery import MEMORY_DAYS, Discovery
from detectors.pace import DAY_MS, Pace
from detectors.state import Floats, Mask

DAILY = Pace.of(DAY_MS)
ALPHA = 0.2


def stream(
    rng: np.random.Generator, days: int, tests: int, rate: float, strength: float, units: int = 40
) -> tuple[Floats, Mask]:
    """p (days, units, tests) of which a share ``rate`` are real, and which those are."""
    real = rng.random((days, units, tests)) < rate
    p = rng.random(real.shape)
    p[real] **= strength
    return p, real


def fading(ps: Floats, real: Mask, alpha: float = ALPHA) -> tuple[Floats, Floats]:
    """Fading numbers of false and of all discoveries, (days, units)."""
    state = Discovery.empty(units=ps.shape[1])
    false, found = np.zeros(ps.shape[1]), np.zeros(ps.shape[1])
    out = []
    for p, r in zip(ps, real, strict=True):
        hit = discovery.step(state, p, alpha, DAILY)
        decay = np.exp(-1.0 / MEMORY_DAYS)
        false, found = false * decay + (hit & ~r).sum(axis=1), found * decay + hit.sum(axis=1)
        out.append((false, found))
    return np.array([f for f, _ in out]), np.array([f for _, f in out])


@pytest.mark.parametrize(("rate", "strength"), [(0.0, 1.0), (0.001, 6.0), (0.01, 4.0), (0.1, 3.0)])
def test_the_fading_share_of_false_ones_stays_below_alpha(rate: float, strength: float) -> None:
    false, found = fading(*stream(np.random.default_rng(5), 400, 50, rate, strength))
    assert float((false / (1.0 + found))[-200:].mean()) <= ALPHA


def test_wealth_returns_while_nothing_is_found() -> None:
    """After three quiet years a strong signal is found as readily as after one: no death of alpha."""
    rng = np.random.default_rng(6)
    for days in (365, 1095):
        state = Discovery.empty(units=30)
        for p in rng.random((days, 30, 20)):
            discovery.step(state, p, ALPHA, DAILY)
        strong = np.full((30, 20), 0.5)
        strong[:, 0] = 1e-5
        assert discovery.step(state, strong, ALPHA, DAILY)[:, 0].all()


def test_many_at_once_help_each_other() -> None:
    p = np.full((2, 100), 0.7)
    p[0, :1] = p[1, :30] = 1e-3
    hit = discovery.step(Discovery.empty(units=2), p, ALPHA, DAILY)
    assert hit.sum(axis=1).tolist() == [0, 30]


def test_more_is_found_where_more_is_real() -> None:
    rng = np.random.default_rng(7)
    _, few = fading(*stream(rng, 300, 50, 0.002, 5.0))
    _, many = fading(*stream(rng, 300, 50, 0.05, 5.0))
    assert many[-1].mean() > 10.0 * few[-1].mean()


def test_what_is_spent_never_passes_alpha_of_what_was_found() -> None:
    state = Discovery.empty(units=5)
    for p in np.random.default_rng(8).random((500, 5, 30)) ** 3:
        discovery.step(state, p, ALPHA, DAILY)
        assert (state.spent <= ALPHA * (1.0 + state.found) + ALPHA).all()


def test_nothing_tested_costs_nothing() -> None:
    state = Discovery.empty(units=3)
    assert not discovery.step(state, np.full((3, 4), np.nan), ALPHA, DAILY).any()
    assert not discovery.step(state, np.zeros((3, 0)), ALPHA, DAILY).any()
    assert not state.spent.any()


def test_permuted_candidates_give_permuted_discoveries_in_any_shape() -> None:
    p = np.random.default_rng(9).random((2, 6, 5)) ** 6
    flat = discovery.step(Discovery.empty(units=2), p.reshape(2, 30), ALPHA, DAILY)
    back = discovery.step(Discovery.empty(units=2), p[:, ::-1], ALPHA, DAILY)
    assert np.array_equal(flat.reshape(2, 6, 5), back[:, ::-1])
    assert flat.any()


def test_a_state_saved_and_restored_gives_the_same_bit_for_bit() -> None:
    ps, _ = stream(np.random.default_rng(4), 100, 30, 0.02, 5.0)
    straight = Discovery.empty(units=40)
    for p in ps[:60]:
        discovery.step(straight, p, ALPHA, DAILY)
    restored = Discovery.empty(units=40)
    for name, array in straight.arrays().items():
        saved: npt.NDArray[np.generic] = np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape).copy()
        setattr(restored, name, saved)
    for p in ps[60:]:
        assert np.array_equal(discovery.step(straight, p, ALPHA, DAILY), discovery.step(restored, p, ALPHA, DAILY))


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, float("nan")])
def test_alpha_is_a_share(alpha: float) -> None:
    with pytest.raises(ValueError, match="expected a share between 0 and 1"):
        discovery.step(Discovery.empty(units=1), np.zeros((1, 1)), alpha, DAILY)
