"""The CUSUM of quantities against a known usual."""

import numpy as np
import pytest

from detectors import surge
from detectors.baseline import Usual
from detectors.state import Cells, Floats
from detectors.surge import Surge

LINE = 500.0
WATCH = 1e-4


def usual(lines: float, *, dispersion: float = LINE, shops: float = 2.0) -> Usual:
    one = np.ones((2, 1))
    return Usual(
        mean=one * lines * LINE,
        dispersion=one * dispersion,
        per_line=np.array([LINE]),
        known=one * lines * LINE * 1e4,
        lines_a_day=one * lines * 288,
        warm=one,
        shops=one * shops,
    )


def cells(lines: float, quantity: float | None = None, shops: int = 2) -> Cells:
    one = np.ones((2, 1))
    sold = lines * LINE if quantity is None else quantity
    return Cells(one * lines, one * sold, one * 0.0, one * 0.0, np.full((2, 1), 2**shops - 1, np.uint64))


def run(state: Surge, ticks: list[Cells], at: Usual, *, open_: bool = True) -> list[float]:
    return [float(surge.step(state, c, at, 0.0, WATCH, open_)[1, 0]) for c in ticks]


def found(state: Surge, at: Usual) -> bool:
    return bool(surge.supported(surge.window(state), at)[1, 0])


@pytest.fixture
def state() -> Surge:
    return Surge.empty(units=2, codes=1)


def test_the_usual_is_nothing_to_speak_of(state: Surge) -> None:
    assert min(run(state, [cells(2.0)] * 500, usual(2.0))) == 1.0


def test_p_falls_with_the_log_likelihood_ratio(state: Surge) -> None:
    (p,) = run(state, [cells(6.0)], usual(1.0))
    # The largest of the three ratios is that of the data, so it gives the largest likelihood.
    score = (6.0 * np.log(6.0) - 5.0) / surge.SKEW[2, 0, 0]
    assert p == pytest.approx(3.0 * np.exp(-score / (1.0 + 1e-4)), rel=1e-3)


def test_the_change_point_is_where_the_rush_began(state: Surge) -> None:
    run(state, [cells(0.0)] * 20 + [cells(8.0)] * 5, usual(1.0))
    window = surge.window(state)
    assert window.ticks[1, 0] == 5.0
    assert window.observed[1, 0] / window.expected[1, 0] == pytest.approx(8.0)


def test_a_small_rush_is_found_more_slowly_than_a_large_one(state: Surge) -> None:
    def ticks_until(lines: float) -> int:
        return next(
            i for i, p in enumerate(run(Surge.empty(units=2, codes=1), [cells(lines)] * 300, usual(2.0))) if p < 1e-6
        )

    assert ticks_until(16.0) < ticks_until(6.0) < ticks_until(4.0) < 100


def test_one_bulk_buyer_is_no_panic(state: Surge) -> None:
    at = usual(0.25)
    assert min(run(state, [cells(1.0, 500_000.0, shops=1)], at)) > 1e-3
    assert not found(state, at)


def test_one_shop_of_several_is_not_believed_alone_but_the_only_one_is(state: Surge) -> None:
    run(state, [cells(8.0, shops=1)] * 20, usual(1.0))
    assert not found(state, usual(1.0, shops=3.0))
    assert found(state, usual(1.0, shops=1.0))


def test_a_flag_ends_soon_after_the_rush(state: Surge) -> None:
    run(state, [cells(8.0)] * 200, usual(1.0))
    after = run(state, [cells(1.0)] * 10, usual(1.0))
    assert after[0] < WATCH < after[-1]


def test_a_closed_shop_does_not_end_a_rush(state: Surge) -> None:
    run(state, [cells(8.0)] * 200, usual(1.0))
    assert max(run(state, [cells(0.0)] * 100, usual(0.05), open_=False)) < WATCH


def test_a_baseline_that_may_be_off_is_no_evidence(state: Surge) -> None:
    busy = [cells(130.0)] * 12
    sure = [float(surge.step(state, c, usual(100.0), 0.0, WATCH, True)[1, 0]) for c in busy]
    unsure = Surge.empty(units=2, codes=1)
    careful = [float(surge.step(unsure, c, usual(100.0), 0.01, WATCH, True)[1, 0]) for c in busy]
    assert sure[-1] < 1e-10 < 1e-2 < careful[-1]


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.8])
def test_p_is_not_too_small_for_log_normal_quantities(sigma: float) -> None:
    """20,000 series of 150 ticks with nothing wrong: p below 1e-3 at the end in at most 1 in 1,000."""
    rng = np.random.default_rng(5)
    n = 20_000
    dispersion: Floats = np.full((1, n), LINE * np.exp(sigma**2))
    one = np.ones((1, n))
    at = Usual(0.5 * LINE * one, dispersion, LINE * np.ones(n), 1e12 * one, 144.0 * one, one, 2.0 * one)
    state = Surge.empty(units=1, codes=n)
    for _ in range(150):
        lines = rng.poisson(0.5, n)
        line = np.repeat(np.arange(n), lines)
        each = LINE * np.exp(rng.normal(-(sigma**2) / 2, sigma, len(line)))
        quantity = np.bincount(line, each, n).astype(np.float64)
        tick = Cells(lines[None].astype(float), quantity[None], one * 0.0, one * 0.0, np.ones((1, n), np.uint64))
        p = surge.step(state, tick, at, 0.0, WATCH, True)
    assert (p < 1e-3).mean() <= 1e-3
    assert (p < 1e-2).mean() <= 1e-2
