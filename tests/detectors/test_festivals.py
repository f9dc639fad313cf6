"""The calendar of a day: where a festival lifts the expectation, and where nothing may explain a rush."""

import math
from datetime import date, timedelta
from itertools import pairwise

import pytest

from detectors.almanac import FESTIVALS, PLAIN
from detectors.festivals import (
    DAY_OFF,
    MAKE_UP_DAY,
    MONTH_SLOTS,
    SLOTS,
    beside,
    festival_slots,
    lift_of,
    lift_over,
    month_slot,
    occasions,
    peak,
)


def number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def ratios(day: date) -> tuple[float, float]:
    lift = lift_of(number(day))
    return math.exp(lift.surge), math.exp(lift.drop)


@pytest.mark.parametrize("eve", [date(2021, 2, 11), date(2022, 1, 31), date(2023, 1, 21)])
def test_before_the_spring_festival_the_lift_rises_to_its_eve_and_then_shops_may_be_shut(eve: date) -> None:
    before = [ratios(eve - timedelta(days))[0] for days in range(13, -1, -1)]
    assert all(one <= two for one, two in pairwise(before))
    assert before[-1] >= 4.0
    assert ratios(eve + timedelta(2))[1] < 0.1
    assert ratios(eve + timedelta(30))[0] < 1.1


@pytest.mark.parametrize("day", [date(2022, 11, 19), date(2022, 11, 21), date(2020, 3, 12), date(2020, 3, 13)])
def test_days_of_known_panics_are_no_festivals(day: date) -> None:
    assert ratios(day)[0] <= 1.11


def test_a_fall_of_trade_at_the_end_of_november_is_explained_by_nothing() -> None:
    assert all(ratios(date(2022, 11, 28) + timedelta(days))[1] == 1.0 for days in range(6))


def test_of_festivals_on_one_day_the_widest_counts_and_never_their_sum() -> None:
    both = date(2020, 10, 1)
    found = occasions(number(both))
    assert len(found) == 2
    assert lift_of(number(both)).surge == max(occasion.lift.surge for occasion in found)


def test_exchanged_working_days_are_known_where_they_are_published() -> None:
    assert occasions(number(date(2024, 10, 12))) == (MAKE_UP_DAY,)
    assert occasions(number(date(2024, 10, 19))) == ()
    assert occasions(number(date(2020, 10, 9))) == ()
    assert occasions(number(date(2040, 10, 13))) == ()


def test_pay_days_are_the_fifteenth_and_the_last_and_what_follows_them() -> None:
    lifted = [day for day in range(1, 32) if ratios(date(2023, 8, day))[0] > 1.0]
    assert lifted == [1, 2, 15, 16, 31]


def test_each_occasion_has_a_slot_of_its_own_whose_neighbours_are_of_the_same_festival() -> None:
    seen = {
        occasion.slot
        for day in range(number(date(2000, 1, 1)), number(date(2030, 1, 1)))
        for occasion in occasions(day)
    }
    assert seen <= set(range(SLOTS))
    assert len(seen) >= SLOTS - 1
    for slot in range(SLOTS):
        assert slot in beside(slot)
        assert set(beside(slot)) <= set(festival_slots(slot))
        assert peak(slot).drop <= 0.0 <= peak(slot).surge
    assert list(beside(DAY_OFF.slot)) == [DAY_OFF.slot]


def test_a_festival_is_the_same_slot_every_year() -> None:
    slots = [
        {occasion.slot for occasion in occasions(number(festival))}
        for festival in (date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22))
    ]
    assert slots[0] & slots[1] & slots[2]


def test_the_last_days_of_a_month_have_their_own_slots_however_long_it_is() -> None:
    assert [month_slot(number(date(2023, 2, day))) for day in (1, 25, 26, 28)] == [0, 24, 28, 30]
    assert [month_slot(number(date(2024, 2, day))) for day in (26, 27, 29)] == [25, 28, 30]
    assert [month_slot(number(date(2023, 1, day))) for day in (28, 29, 30, 31)] == [27, 28, 29, 30]
    assert MONTH_SLOTS == 31


def test_a_longer_period_has_the_mean_of_its_days() -> None:
    start = number(date(2021, 2, 8))
    week = lift_over(start, 7)
    assert math.exp(week.surge) == pytest.approx(sum(math.exp(lift_of(start + i).surge) for i in range(7)) / 7)
    assert lift_over(start, 1) == lift_of(start)
    with pytest.raises(ValueError, match="expected at least 1"):
        lift_over(start, 0)


def test_most_days_of_a_year_are_plain_enough() -> None:
    lifts = [lift_of(day) for day in range(number(date(2021, 1, 1)), number(date(2022, 1, 1)))]
    assert sum(lift.surge > math.log(1.2) for lift in lifts) < 80
    assert sum(lift == PLAIN for lift in lifts) > 200
    assert len(FESTIVALS) == len({festival.name for festival in FESTIVALS})
