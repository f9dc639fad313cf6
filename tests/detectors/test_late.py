"""Late rows: what comes after its tick was closed makes the state what it would have been, or says less."""

import numpy as np
import pytest

from detectors import bars
from detectors.block import Block
from detectors.late import correct
from detectors.pace import HOUR_MS, Pace
from detectors.pending import Rows
from detectors.state import Cells, Floats
from detectors.watch import watch
from tests.detectors.market import FIVE_MINUTES, NUMBERS, START, Market

PACE = Pace.of(FIVE_MINUTES)
OPEN = START + 3 * 24 * HOUR_MS + 10 * HOUR_MS + 10 * FIVE_MINUTES
"""A morning, with two ticks left of the hour."""
UNIT, CODE = 2, 1


@pytest.fixture(scope="module")
def trained() -> bytes:
    return Market(3, 4, lines=20.0).trained((OPEN - START) / (24 * HOUR_MS))


def played(trained: bytes, lines: float, after: int, *, late: bool, lift: float = 1.0) -> Block:
    """A city where rows of so many lines come for the tick at OPEN, in time or when ``after`` ticks were closed.

    ``lift`` is how much more is sold of the same from then on.
    """
    market, block = Market(3, 4, lines=20.0), Block.from_bytes(trained, PACE)
    sums = np.zeros((10, 1))
    per_line = 500.0
    sums[:4, 0] = lines, lines * per_line, lines, lines * 0.01
    rows = Rows(np.array([OPEN]), np.array([UNIT]), np.array([CODE]), sums, *np.full((2, 1), 4, np.uint64))
    extra = rows.dense(4, 4)
    for i in range(after):
        tick = OPEN + i * FIVE_MINUTES
        cells = market.cells(tick, {(UNIT - 1, CODE): lift})
        if i == 0 and not late:
            cells = Cells(
                cells.lines + extra.lines,
                cells.quantity + extra.quantity,
                cells.relatives + extra.relatives,
                cells.log_relative + extra.log_relative,
                cells.partitions | extra.partitions,
            )
        watch(block, tick, cells, NUMBERS)
        bars.add(block.bars, Rows.empty(), tick, PACE)
        block.cursor = tick + FIVE_MINUTES
    if late:
        correct(block, rows)
    else:
        bars.add(block.bars, rows, OPEN, PACE)
    return block


def both(trained: bytes, lines: float, after: int, lift: float = 1.0) -> tuple[Block, Block]:
    return (
        played(trained, lines, after, late=False, lift=lift),
        played(trained, lines, after, late=True, lift=lift),
    )


@pytest.mark.parametrize("after", [1, 2, 7, 14])
def test_level_profile_and_bar_are_what_they_would_have_been(trained: bytes, after: int) -> None:
    in_time, late = both(trained, 1.0, after)
    for name in ("quantity", "lines", "exposure", "age", "shops", "block_quantity"):
        expected: Floats = getattr(in_time.baseline, name)
        # The profile of the next hour knew a little less.
        assert getattr(late.baseline, name) == pytest.approx(expected, rel=1e-12 if after < 3 else 1e-5), name
    assert late.profile.visit == pytest.approx(in_time.profile.visit, rel=1e-3)
    assert late.profile.sold == pytest.approx(in_time.profile.sold, rel=1e-4)
    assert late.bars.sums.keys() == in_time.bars.sums.keys()
    for start, sums in in_time.bars.sums.items():
        assert np.array_equal(late.bars.sums[start], sums)


@pytest.mark.parametrize("after", [1, 2])
def test_the_cusum_of_a_rush_that_was_under_way_is_what_it_would_have_been(trained: bytes, after: int) -> None:
    in_time, late = both(trained, 2.0, after, lift=5.0)
    at = slice(None), UNIT, CODE
    alike = (late.surge.window[3] == in_time.surge.window[3])[at]
    assert alike.any()
    assert late.surge.score[at][alike] == pytest.approx(in_time.surge.score[at][alike], rel=5e-3)
    assert late.surge.window[:, :, UNIT, CODE][:, alike] == pytest.approx(
        in_time.surge.window[:, :, UNIT, CODE][:, alike], rel=5e-3
    )


@pytest.mark.parametrize("lines", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("after", [1, 2, 7, 14])
def test_no_cusum_is_higher_for_what_came_late(trained: bytes, lines: float, after: int) -> None:
    in_time, late = both(trained, lines, after)
    # In e-folds of p: the ticks in between were judged by a level and a profile that did not know of it.
    assert (late.surge.score <= in_time.surge.score + 0.05).all()


def test_a_burst_that_comes_late_raises_a_cusum_that_was_zero(trained: bytes) -> None:
    without, late = played(trained, 0.0, 2, late=True), played(trained, 40.0, 2, late=True)
    assert late.surge.score[1, UNIT, CODE] > without.surge.score[1, UNIT, CODE] + 5.0
    assert late.surge.window[2, 1, UNIT, CODE] >= 40.0
    assert late.surge.window[3, 1, UNIT, CODE] == 2.0


def test_late_returns_lower_what_is_going_on(trained: bytes) -> None:
    block = played(trained, 0.0, 3, late=True, lift=5.0)
    lower = played(trained, -3.0, 3, late=True, lift=5.0)
    assert (lower.surge.score <= block.surge.score).all()
    assert (lower.surge.score[:, UNIT, CODE] < block.surge.score[:, UNIT, CODE]).any()
    assert (lower.surge.score >= 0.0).all()


def test_one_late_row_does_not_raise_the_level_beyond_what_a_tick_may(trained: bytes) -> None:
    late = played(trained, 4000.0, 1, late=True)
    without = played(trained, 0.0, 1, late=True)
    rise = late.baseline.quantity[UNIT, CODE] / without.baseline.quantity[UNIT, CODE]
    assert 1.0 < rise < 1.05


def test_late_prices_count_for_the_mean_as_prices_in_time(trained: bytes) -> None:
    in_time, late = both(trained, 3.0, 5)
    at = UNIT, CODE
    assert late.price.total[at] == pytest.approx(in_time.price.total[at], rel=1e-9)
    assert late.price.weight[at] == pytest.approx(in_time.price.weight[at], rel=1e-9)
    assert late.price.silence[at] == in_time.price.silence[at]


def test_a_commodity_that_is_flagged_learns_nothing_from_late_rows_either(trained: bytes) -> None:
    block = Block.from_bytes(trained, PACE)
    block.cursor = OPEN
    block.episodes.last[0, CODE] = OPEN - FIVE_MINUTES
    before = block.baseline.quantity.copy()
    bars.add(block.bars, Rows.empty(), OPEN - HOUR_MS, PACE)
    sums = np.ones((10, 1)) * np.array([[5.0, 2500.0, 0, 0, 0, 0, 0, 0, 0, 0]]).T
    correct(
        block, Rows(np.array([OPEN - FIVE_MINUTES]), np.array([1]), np.array([CODE]), sums, *np.ones((2, 1), np.uint64))
    )
    assert np.array_equal(block.baseline.quantity, before)
