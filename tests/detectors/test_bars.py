"""Bars: closed ticks become hours, relatives become a price, and what is closed stays closed."""

from typing import Any

import numpy as np
import pytest

from detectors import chains
from detectors.bars import Bar, Bars, add, close, tell
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.pending import Rows
from tests.detectors.market import FIVE_MINUTES, START

PACE = Pace.of(FIVE_MINUTES)
UNITS = ["3306", "330602", "330603"]
CODES = ["1001", "0101"]
TEN_DAYS = 10 * DAY_MS


def row(unit: int = 1, code: int = 0, tick: int = START, **sums: float) -> Rows:
    """One row, with its sums by name."""
    names = ("lines", "quantity", "relatives", "log", "held", "log_held", "new", "stock", "reports", "zeros")
    values = np.array([[float(sums.get(name, 0.0))] for name in names])
    return Rows(np.array([tick]), np.array([unit]), np.array([code]), values, *np.ones((2, 1), np.uint64))


def opened() -> Bars:
    return Bars.empty(units=3, codes=2)


def closed(bars: Bars, before: int, pace: Pace = PACE) -> list[Bar]:
    return list(close(bars, before, UNITS, CODES, pace))


def prices(relatives: list[float], held: float = 0.0) -> list[Any]:
    """The index of a series, hour by hour, whose mean relatives are these."""
    bars = opened()
    for hour, relative in enumerate(relatives):
        sums = row(relatives=2, log=2 * relative, held=held, log_held=held * relative)
        add(bars, sums, START + hour * HOUR_MS, PACE)
    return [bar.price[0, 0] for bar in closed(bars, START + len(relatives) * HOUR_MS)]


def test_a_bar_is_the_sum_of_its_ticks() -> None:
    bars = opened()
    for i in range(13):
        tick = START + i * FIVE_MINUTES
        add(bars, Rows.joined([row(lines=2, quantity=300), row(2, 1, lines=1, quantity=40)]), tick, PACE)
    [bar] = closed(bars, START + HOUR_MS)
    assert (bar.start, bar.bar_ms, bar.regions, bar.codes) == (START, HOUR_MS, UNITS[1:], CODES)
    assert bar.lines.tolist() == [[24.0, 0.0], [0.0, 12.0]]
    assert np.nan_to_num(bar.quantity).tolist() == [[3600.0, 0.0], [0.0, 480.0]]


def test_an_hour_without_rows_is_an_hour_without_sales_and_without_a_price() -> None:
    bars = opened()
    add(bars, row(lines=1, quantity=50), START, PACE)
    add(bars, Rows.empty(), START + HOUR_MS, PACE)
    _, bar = closed(bars, START + 2 * HOUR_MS)
    assert bar.quantity[0, 0] == 0.0
    assert np.isnan(bar.quantity.ravel()[1:]).all()
    assert all(np.isnan(a).all() for a in (bar.price, bar.stock, bar.zero_share))


def test_rows_for_an_open_bar_may_come_in_any_order() -> None:
    ticks = [START, START + HOUR_MS, START + FIVE_MINUTES, START + 2 * HOUR_MS]
    out = []
    for order in (ticks, ticks[1:2] + ticks[:1] + ticks[2:]):
        bars = opened()
        bars.until = START
        for tick in order:
            add(bars, row(lines=1, quantity=tick % 1000), tick, PACE)
        out.append([(bar.start, bar.lines.tolist()) for bar in closed(bars, START + 3 * HOUR_MS)])
    assert out[0] == out[1]
    assert [start for start, _ in out[0]] == [START, START + HOUR_MS, START + 2 * HOUR_MS]


def test_a_bar_closes_at_its_end_and_only_once() -> None:
    bars = opened()
    add(bars, row(lines=1), START, PACE)
    assert closed(bars, START + HOUR_MS - 1) == []
    assert len(closed(bars, START + HOUR_MS)) == 1
    assert closed(bars, START + HOUR_MS) == []
    with pytest.raises(ValueError, match="expected one that is not closed"):
        add(bars, row(lines=1), START, PACE)


def test_what_is_older_than_the_first_tick_has_no_bar() -> None:
    bars = opened()
    add(bars, row(lines=1), START, PACE)
    with pytest.raises(ValueError, match="expected one that is not closed"):
        add(bars, row(lines=1), START - FIVE_MINUTES, PACE)


def test_where_a_tick_is_a_day_a_bar_is_a_day() -> None:
    bars, day = opened(), Pace.of(DAY_MS)
    for i in range(2):
        add(bars, row(lines=1), START + i * DAY_MS, day)
    assert [(bar.start, bar.bar_ms) for bar in closed(bars, START + 2 * DAY_MS, day)] == [
        (START, DAY_MS),
        (START + DAY_MS, DAY_MS),
    ]


def test_a_price_that_rises_and_stays_is_a_step_of_the_index_though_relatives_fade() -> None:
    usual, relatives = 0.0, []
    for hour in range(40 * 24):
        price = np.log(1.3) if hour >= 24 else 0.0
        relatives.append(price - usual)
        usual += (1.0 - 0.5 ** (HOUR_MS / TEN_DAYS)) * (price - usual)
    assert relatives[-1] < 0.02
    index = prices(relatives)
    assert index[:24] == pytest.approx([1.0] * 24)
    assert index[24:] == pytest.approx([1.3] * (39 * 24), rel=1e-9)


def test_hours_without_prices_are_made_up_for_by_the_next() -> None:
    bars, usual, index = opened(), 0.0, []
    for hour in range(0, 30 * 24, 7):
        start = START + hour * HOUR_MS
        add(bars, row(relatives=1, log=0.2 - usual), start, PACE)
        index += [bar.price[0, 0] for bar in closed(bars, start + HOUR_MS)]
        usual += (1.0 - 0.5 ** ((7 if hour else 1) * HOUR_MS / TEN_DAYS)) * (0.2 - usual)
    assert index == pytest.approx([np.exp(0.2)] * len(index), rel=1e-9)


def test_what_is_held_counts_as_a_price_but_moves_no_usual_price() -> None:
    assert prices([0.7] * 200, held=2.0) == pytest.approx([np.exp(0.7)] * 200)


def test_an_article_that_returns_after_a_month_does_not_carry_its_relative_along() -> None:
    bars = opened()
    for start in (START, START + 40 * DAY_MS, START + 40 * DAY_MS + HOUR_MS):
        add(bars, row(relatives=1, log=0.2), start, PACE)
    first = 0.2 * (1.0 - 0.5 ** (HOUR_MS / TEN_DAYS))
    index = [bar.price[0, 0] for bar in closed(bars, START + 41 * DAY_MS)]
    assert np.log(index) == pytest.approx([0.2, 0.2 + first, 0.2 + first])


def test_stock_on_hand_and_the_share_of_articles_that_are_out() -> None:
    bars = opened()
    add(bars, row(stock=5000, reports=3, zeros=1), START, PACE)
    add(bars, row(stock=0, reports=1, zeros=1), START + FIVE_MINUTES, PACE)
    [bar] = closed(bars, START + HOUR_MS)
    assert (bar.stock[0, 0], bar.zero_share[0, 0]) == (5000.0, 0.5)
    assert np.isnan(bar.stock[1, 0])
    assert bar.lines[0, 0] == 0.0


def told_of(bars: Bars, *hours_and_units: tuple[int, int]) -> int:
    hours, units = np.array(hours_and_units).T
    return tell(bars, START + hours * HOUR_MS, units)


def test_a_bar_says_how_many_terminals_told_of_it_before_it_was_closed() -> None:
    bars = opened()
    for hour in range(3):
        add(bars, row(lines=1), START + hour * HOUR_MS, PACE)
    assert told_of(bars, (1, 2), (0, 1), (0, 1), (0, 2)) == 0
    assert [bar.told.tolist() for bar in closed(bars, START + HOUR_MS)] == [[2.0, 1.0]]
    assert told_of(bars, (0, 1), (1, 1), (2, 2)) == 1
    bars.grow(units=4, codes=2)
    assert told_of(bars, (2, 3)) == 0
    assert [bar.told.tolist() for bar in closed(bars, START + 3 * HOUR_MS)] == [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    assert bars.told == {}


def test_what_was_told_of_bars_that_never_were_is_forgotten() -> None:
    bars = opened()
    told_of(bars, *((hour, 1) for hour in range(500)))
    assert min(bars.told) == START + 300 * HOUR_MS
    closed(bars, START + 450 * HOUR_MS)
    assert min(bars.told) == START + 450 * HOUR_MS


def test_the_chains_of_all_rows_are_known_late_ones_too() -> None:
    bars = opened()
    for tick, mask in ((START, 1), (START + HOUR_MS, 2), (START + FIVE_MINUTES, 4)):
        late = row(lines=1)
        late.chains[:] = mask
        add(bars, late, tick, PACE)
    assert int(chains.since(bars.chains, START, HOUR_MS, 1, 0)) == 7
    assert int(chains.since(bars.chains, START + HOUR_MS, HOUR_MS, 1, 0)) == 2


def test_bars_come_back_as_they_were_written() -> None:
    bars = opened()
    for start in (START, START + HOUR_MS):
        add(bars, row(relatives=3, log=0.1, lines=2), start, PACE)
    told_of(bars, (0, 1), (2, 2), (1, 1))
    closed(bars, START + HOUR_MS)
    again = Bars.of(**bars.arrays())
    assert again.until == bars.until == START + HOUR_MS
    assert {name: a.tobytes() for name, a in again.arrays().items()} == {
        name: a.tobytes() for name, a in bars.arrays().items()
    }
