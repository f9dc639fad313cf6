"""Rows wait for their tick, and come out tick by tick in the order in which they came."""

import numpy as np

from detectors.pending import QUANTITY, Pending, Rows


def rows(*at: tuple[int, int, int, float], partition: int = 0) -> Rows:
    """Each of (tick, unit, code, quantity), one line with a log relative of 0.1."""
    columns = list(zip(*at, strict=True))
    one = np.ones(len(at))
    return Rows(
        tick=np.array(columns[0], np.int64),
        unit=np.array(columns[1], np.int64),
        code=np.array(columns[2], np.int64),
        sums=np.array([one, columns[3], one, one * 0.1, *[0 * one] * 6], np.float64),
        partition=np.full(len(at), 1 << partition, np.uint64),
        chains=np.ones(len(at), np.uint64),
    )


def test_rows_come_out_by_rising_tick_whatever_the_order_they_came_in() -> None:
    pending = Pending()
    pending.add(rows((3, 1, 0, 1.0), (1, 1, 0, 2.0)))
    pending.add(rows((2, 1, 0, 3.0), (1, 1, 0, 4.0)))
    taken = [(tick, r.sums[QUANTITY].tolist()) for tick, r in pending.take(before=3)]
    assert taken == [(1, [2.0, 4.0]), (2, [3.0])]


def test_what_is_not_due_stays() -> None:
    pending = Pending()
    pending.add(rows((3, 1, 0, 1.0), (1, 1, 0, 2.0)))
    assert pending.first == 1
    assert len(list(pending.take(before=2))) == 1
    assert pending.first == 3
    assert list(pending.take(before=3)) == []
    assert len(pending.rows()) == 1


def test_the_city_is_the_sum_of_its_counties() -> None:
    first, second = rows((1, 1, 0, 5.0), partition=0), rows((1, 2, 0, 7.0), (1, 2, 1, 9.0), partition=3)
    cells = Rows.joined([first, second]).dense(units=3, codes=2)
    assert cells.quantity.tolist() == [[12.0, 9.0], [5.0, 0.0], [7.0, 9.0]]
    assert cells.lines.tolist() == [[2.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    assert cells.partitions.tolist() == [[9, 8], [1, 0], [8, 8]]


def test_a_tick_without_rows_is_a_tick_without_sales() -> None:
    cells = Rows.empty().dense(units=2, codes=3)
    assert not cells.quantity.any()
    assert cells.quantity.shape == (2, 3)
