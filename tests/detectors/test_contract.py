"""What holds for every detector: both go through the same checks."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from detectors import baseline, price, surge
from detectors.baseline import Baseline
from detectors.pace import DAY_MS, Pace
from detectors.price import Price
from detectors.state import Cells, Floats, State
from detectors.surge import Surge, Window
from tests.detectors.market import Market, no_cells

HOUR = Pace.of(3_600_000)
UNITS, CODES = 4, 6


@dataclass
class Panic:
    """The surge detector with the baseline that it leans on."""

    base: Baseline
    state: Surge

    @classmethod
    def new(cls) -> "Panic":
        return cls(Baseline.empty(units=UNITS + 1, codes=CODES), Surge.empty(units=UNITS + 1, codes=CODES))

    def step(self, cells: Cells, pace: Pace) -> Floats:
        baseline.fold(self.base, pace)
        at = baseline.usual(self.base, 1.0, pace)
        p = surge.step(self.state, cells, at, 0.01, 1e-4, True)
        baseline.learn(self.base, cells, at, 1.0, np.ones(CODES), pace)
        return p

    def window(self) -> Window:
        return surge.window(self.state)

    def states(self) -> list[State]:
        return [self.base, self.state]


@dataclass
class Spike:
    """The price detector."""

    state: Price

    @classmethod
    def new(cls) -> "Spike":
        return cls(Price.empty(units=UNITS + 1, codes=CODES))

    def step(self, cells: Cells, pace: Pace) -> Floats:
        p = price.step(self.state, cells, 0.05, pace)
        price.learn(self.state, cells, np.ones(CODES), pace)
        return p

    def window(self) -> Window:
        return price.window(self.state)

    def states(self) -> list[State]:
        return [self.state]


Detector = Panic | Spike
New = Callable[[], Detector]
detectors = pytest.mark.parametrize("new", [Panic.new, Spike.new], ids=["surge", "price"])
paces = pytest.mark.parametrize("pace", [HOUR, Pace.of(DAY_MS)], ids=["hourly", "daily"])


def feed(n: int, seed: int = 1) -> list[Cells]:
    """Hours of a market that is open round the clock, with a rush and a rise at the end."""
    market = Market(UNITS, CODES, HOUR.tick_ms, lines=6.0, seed=seed)
    noon = 1_760_000_000_000 // DAY_MS * DAY_MS + 4 * HOUR.tick_ms
    out = []
    for i in range(n):
        hit = i >= n - 12
        out.append(market.cells(noon + i * DAY_MS, {(1, 2): 6.0} if hit else None, 0.5 if hit else 0.0))
    return out


def run(detector: Detector, cells: list[Cells], pace: Pace = HOUR) -> list[Floats]:
    return [detector.step(c, pace) for c in cells]


def sound(ps: list[Floats]) -> bool:
    return all(bool(np.isfinite(p).all() and (p > 0.0).all() and (p <= 1.0).all()) for p in ps)


@detectors
@paces
def test_nothing_at_all_is_nothing_unusual(new: New, pace: Pace) -> None:
    ps = run(new(), [no_cells(UNITS, CODES)] * 100, pace)
    assert all((p == 1.0).all() for p in ps)


@detectors
@paces
def test_the_same_every_tick_is_nothing_unusual(new: New, pace: Pace) -> None:
    ps = run(new(), feed(1) * 200, pace)
    assert min(p.min() for p in ps) > 1e-3
    assert ps[-1].min() > 0.05


@detectors
@paces
def test_one_observation_is_no_evidence(new: New, pace: Pace) -> None:
    ps = run(new(), [no_cells(UNITS, CODES)] * 3 + feed(1) + [no_cells(UNITS, CODES)] * 50, pace)
    assert min(p.min() for p in ps) > 1e-3


@detectors
def test_missing_ticks_do_no_harm(new: New) -> None:
    gappy = [c if i % 3 else no_cells(UNITS, CODES) for i, c in enumerate(feed(150))]
    assert sound(run(new(), gappy))


@detectors
def test_a_rush_and_a_rise_are_found_where_they_are(new: New) -> None:
    detector = new()
    *_, last = run(detector, feed(150))
    assert last[2, 2] < 1e-4
    window = detector.window()
    assert window.observed[2, 2] > 1.3 * window.expected[2, 2]


@detectors
def test_huge_values_give_sound_ps_and_do_not_spoil_the_state(new: New) -> None:
    detector = new()
    run(detector, feed(100))
    calm = feed(1)[0]
    huge = Cells(
        calm.lines, calm.quantity + 2.0**53, calm.relatives, calm.log_relative + 2.0 * calm.relatives, calm.partitions
    )
    ps = run(detector, [huge, huge, *feed(100)])
    assert sound(ps)
    assert all(np.isfinite(a.astype(np.float64)).all() for s in detector.states() for a in s.arrays().values())


@detectors
def test_negative_sums_of_returns_give_sound_ps(new: New) -> None:
    calm = feed(1)[0]
    returned = Cells(-calm.lines, -calm.quantity, calm.relatives * 0, calm.log_relative * 0, calm.partitions)
    assert sound(run(new(), [returned] * 60 + feed(60) + [returned] * 5))


@detectors
def test_permuted_counties_give_permuted_results(new: New) -> None:
    order = np.array([0, 3, 1, 4, 2])
    straight, permuted = run(new(), feed(150)), run(new(), [_rows(c, order) for c in feed(150)])
    for p, q in zip(straight, permuted, strict=True):
        np.testing.assert_allclose(q, p[order], rtol=1e-9)


@detectors
def test_permuted_commodities_give_permuted_results(new: New) -> None:
    order = np.array([5, 2, 0, 1, 4, 3])
    straight, permuted = run(new(), feed(150)), run(new(), [_columns(c, order) for c in feed(150)])
    for p, q in zip(straight, permuted, strict=True):
        np.testing.assert_allclose(q, p[:, order], rtol=1e-9)


@detectors
def test_nothing_looks_ahead(new: New) -> None:
    """What is said up to a tick is the same whatever comes after it."""
    cells = feed(150)
    whole, prefix = run(new(), cells), run(new(), cells[:140])
    for p, q in zip(whole, prefix, strict=False):
        assert np.array_equal(p, q)


@detectors
def test_a_state_saved_and_restored_gives_the_same_bit_for_bit(new: New) -> None:
    cells, straight, restored = feed(150), new(), new()
    run(straight, cells[:100])
    for mine, theirs in zip(restored.states(), straight.states(), strict=True):
        for name, array in theirs.arrays().items():
            saved: npt.NDArray[np.generic] = np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape).copy()
            setattr(mine, name, saved)
    for p, q in zip(run(straight, cells[100:]), run(restored, cells[100:]), strict=True):
        assert np.array_equal(p, q)


def _rows(cells: Cells, order: npt.NDArray[np.int64]) -> Cells:
    return Cells._make(a[order] for a in cells)


def _columns(cells: Cells, order: npt.NDArray[np.int64]) -> Cells:
    return Cells._make(a[:, order] for a in cells)
