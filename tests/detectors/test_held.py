"""What one shop cannot explain passes where the market says the same, and only there."""

from typing import Any

import numpy as np
import pytest

from detectors.held import Held, add_late, release
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.pending import HELD, LINES, LOG_RELATIVE, RELATIVES, Rows

TICK = 300_000
PACE = Pace.of(TICK)
START = 1_760_000_000_000 // DAY_MS * DAY_MS
TWO = float(np.log(2.0))


class City:
    """A city of three units and two commodities whose ticks are closed one after the other."""

    def __init__(self, pace: Pace = PACE) -> None:
        self.state, self.waiting, self.pace = Held.empty(codes=2), Rows.empty(), pace

    def rows(self, tick: int, *rows: tuple[int, float, int]) -> Rows:
        """Rows of (unit, log relative held, newly held), a line each of commodity 1.

        A log relative of 0 is that of a line that is not held.
        """
        n = len(rows)
        unit, held, new = (np.array(c) for c in zip(*rows, strict=True)) if n else (np.zeros(0, np.int64),) * 3
        on = (held != 0.0).astype(np.float64)
        none = np.zeros(n)
        sums = np.array([np.ones(n), np.full(n, 500.0), 1.0 - on, none, on, held, new, none, none, none], np.float64)
        at, ones = np.full(n, tick), np.ones(n, np.int64)
        return Rows(at, unit.astype(np.int64), ones, sums, *np.ones((2, n), np.uint64))

    def close(self, tick: int, *rows: tuple[int, float, int]) -> Rows:
        """Close a tick with such rows; what it gives."""
        out, self.waiting = release(self.state, self.waiting, self.rows(tick, *rows), tick, self.pace)
        return out

    def late(self, tick: int, *rows: tuple[int, float, int]) -> None:
        """Such rows come after their tick was closed."""
        self.waiting = add_late(self.state, self.waiting, self.rows(tick, *rows), tick, self.pace)

    def relatives(self, tick: int, *rows: tuple[int, float, int]) -> Any:
        """Count and sum of the city's relatives of a tick."""
        cells = self.close(tick, *rows).dense(3, 2)
        return float(cells.relatives[0, 1]), float(cells.log_relative[0, 1])


@pytest.fixture
def city() -> City:
    return City()


def test_a_tick_without_held_lines_is_left_as_it_is(city: City) -> None:
    out = city.close(START, (1, 0.0, 0), (2, 0.0, 0))
    assert (out.sums[RELATIVES].sum(), out.sums[HELD].sum()) == (2.0, 0.0)
    assert not city.state.hour.any()


def test_three_articles_newly_held_within_a_tick_pass_at_once(city: City) -> None:
    assert city.relatives(START, (1, TWO, 1), (1, TWO, 1), (2, TWO, 1)) == (3.0, pytest.approx(3 * TWO))
    assert len(city.waiting) == 0


def test_the_third_article_lets_pass_what_waited_for_no_more_than_two_hours(city: City) -> None:
    assert city.relatives(START, (1, TWO, 1)) == (0.0, 0.0)
    assert city.relatives(START + HOUR_MS, (2, TWO, 1)) == (0.0, 0.0)
    assert city.relatives(START + 2 * HOUR_MS + TICK, (2, TWO, 1)) == (2.0, pytest.approx(2 * TWO))
    assert city.relatives(START + 2 * HOUR_MS + 2 * TICK, (2, TWO, 0)) == (1.0, pytest.approx(TWO))


def test_what_waited_counts_as_a_relative_and_as_nothing_else(city: City) -> None:
    city.close(START, (1, TWO, 1), (1, TWO, 1))
    out = city.close(START + TICK, (2, TWO, 1))
    assert (out.sums[LINES].sum(), out.sums[RELATIVES].sum()) == (1.0, 3.0)
    assert out.chains.tolist() == [1, 0, 0]
    cells = out.dense(3, 2)
    assert cells.quantity[0, 1] == 500.0
    assert cells.partitions[1, 1] == 0


def test_one_article_never_passes_however_many_lines_it_has(city: City) -> None:
    for i in range(400):
        assert city.relatives(START + i * TICK, (1, TWO, int(i == 0)), (1, TWO, 0), (1, TWO, 0)) == (0.0, 0.0)


def test_what_waits_is_forgotten_after_two_hours(city: City) -> None:
    city.close(START, (1, TWO, 1))
    city.close(START + 2 * HOUR_MS)
    assert len(city.waiting) == 1
    city.close(START + 2 * HOUR_MS + TICK)
    assert len(city.waiting) == 0


def test_up_and_down_are_not_the_same_news(city: City) -> None:
    assert city.relatives(START, (1, TWO, 1), (1, -TWO, 1), (2, TWO, 1), (2, -0.3, 1)) == (0.0, 0.0)
    assert city.relatives(START + TICK, (2, -0.2, 1)) == (3.0, pytest.approx(-TWO - 0.5))


def test_articles_held_more_than_a_day_apart_are_no_movement(city: City) -> None:
    for i in range(4):
        assert city.relatives(START + i * 13 * HOUR_MS, (1, TWO, 1)) == (0.0, 0.0)


def test_a_market_that_moved_goes_on_to_pass_after_the_day_in_which_it_began(city: City) -> None:
    city.close(START, (1, TWO, 1), (1, TWO, 1), (2, TWO, 1))
    for hours in range(12, 96, 12):
        assert city.relatives(START + hours * HOUR_MS, (1, TWO, 0)) == (1.0, pytest.approx(TWO))
    assert city.relatives(START + 140 * HOUR_MS, (1, TWO, 0)) == (0.0, 0.0)


def test_other_commodities_are_not_moved_by_it(city: City) -> None:
    city.close(START, (1, TWO, 1), (1, TWO, 1), (2, TWO, 1))
    assert city.state.moved.tolist() == [[0, START], [0, 0]]


def test_daily_ticks_need_their_articles_within_one_day() -> None:
    day = City(Pace.of(DAY_MS))
    assert day.relatives(START, (1, TWO, 1), (2, TWO, 1)) == (0.0, 0.0)
    assert day.relatives(START + DAY_MS, (2, TWO, 1)) == (0.0, 0.0)
    assert day.relatives(START + 2 * DAY_MS, (1, TWO, 1), (1, TWO, 1), (2, TWO, 1)) == (4.0, pytest.approx(4 * TWO))


def test_relatives_of_other_lines_stay(city: City) -> None:
    out = city.close(START, (1, 0.0, 0), (1, TWO, 1), (1, TWO, 1), (2, TWO, 1))
    assert out.sums[LOG_RELATIVE].tolist() == [0.0, TWO, TWO, TWO]


def test_what_comes_late_is_one_of_the_three_that_move_the_market(city: City) -> None:
    city.close(START, (1, TWO, 1))
    city.close(START + TICK)
    city.late(START, (2, TWO, 1))
    assert city.relatives(START + 2 * TICK, (2, TWO, 1)) == (3.0, pytest.approx(3 * TWO))


def test_what_comes_late_and_is_not_held_is_not_looked_at(city: City) -> None:
    city.close(START)
    city.late(START, (2, 0.0, 0))
    assert (len(city.waiting), city.state.new.sum()) == (0, 0)


def test_what_comes_a_day_late_does_not_wipe_out_the_hour_that_has_its_place(city: City) -> None:
    city.close(START + DAY_MS, (1, TWO, 1), (1, TWO, 1))
    city.late(START, (2, TWO, 1), (2, TWO, 1))
    assert city.state.new.sum() == 2
