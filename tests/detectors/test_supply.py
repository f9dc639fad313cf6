"""Silence told apart: the line broke, the feed broke, or the shop is closed."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from detectors import supply
from detectors.moment import moment_of
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.state import Floats
from detectors.supply import Reason, Seen, Supply, Verdict, Verdicts
from streams.ticks import start_of

GOODS = 8
DAY = Pace.of(DAY_MS)
HOUR = Pace.of(HOUR_MS)
USUAL = np.linspace(20.0, 160.0, GOODS)
NONE = np.full(GOODS, np.nan)
ZERO = np.zeros(GOODS)
OPEN = np.array([0] * 7 + [0.3, 1, 1, 0.8, 1, 1.2, 0.8, 0.6, 0.6, 0.8, 1, 1.4, 1.2, 0.8, 0.4] + [0] * 2)
"""A shop's day by the hour, of about one a working hour"""


class Shop:
    """One region stepped through periods."""

    def __init__(self, pace: Pace = DAY) -> None:
        self.pace, self.at = pace, 0
        self.state = Supply.empty(units=1, codes=GOODS, slots=pace.slots)
        self.first = 18_000 * pace.ticks_per_day
        self.draw = np.random.default_rng(1)

    def say(
        self,
        sold: Floats,
        expected: Floats = USUAL,
        drop_p: Floats = NONE,
        stock: Floats = NONE,
        heard: float = math.nan,
        drop_lift: float = 0.0,
    ) -> tuple[Verdict, Reason, float]:
        seen = Seen(
            sold[None], expected[None], drop_p[None], np.full(1, math.nan), stock[None], np.array([heard]), drop_lift
        )
        number = int(self.first) + self.at
        at = moment_of(self.at, start_of(number, self.pace.tick_ms), self.pace)
        self.at += 1
        found = supply.step(self.state, seen, at, self.pace)
        return Verdict(found.verdict[0]), Reason(found.reason[0]), float(found.p[0])

    def usual(self, periods: int) -> set[Verdict]:
        return {self.say(USUAL * self.draw.uniform(0.7, 1.3, GOODS))[0] for _ in range(periods)}

    def hours(self, days: int, profile: Callable[[int], float]) -> list[tuple[int, Verdict, Reason]]:
        """Hours that sell what ``profile`` (of the hour since the first) says; below 0: no row. Usual is OPEN."""
        found = []
        for i in range(24 * days):
            expected = USUAL * OPEN[self.at % 24]
            share = profile(i)
            sold = USUAL * share * self.draw.uniform(0.8, 1.2, GOODS) if share >= 0 else NONE
            verdict, reason, _ = self.say(sold, expected)
            found.append((i, verdict, reason))
        return found


def faults(found: list[tuple[int, Verdict, Reason]]) -> list[tuple[int, Reason]]:
    return [(i, reason) for i, verdict, reason in found if verdict in (Verdict.FEED_FAULT, Verdict.SUPPLY_INTERRUPTION)]


def test_a_plain_month_is_normal() -> None:
    assert Shop().usual(30) == {Verdict.NORMAL}


def test_a_broad_fall_and_the_silence_after_it_are_an_interruption_until_trade_comes_back() -> None:
    shop = Shop()
    shop.usual(20)
    assert shop.say(USUAL * 0.12)[:2] == (Verdict.SUPPLY_INTERRUPTION, Reason.BROAD_FALL)
    for _ in range(4):
        assert shop.say(NONE)[:2] == (Verdict.SUPPLY_INTERRUPTION, Reason.CONTINUES)
    assert shop.say(USUAL)[0] == Verdict.NORMAL
    assert shop.say(NONE)[:2] == (Verdict.FEED_FAULT, Reason.NO_WORD)


def test_silence_at_once_and_without_a_sign_of_life_is_a_fault_of_the_feed() -> None:
    shop = Shop()
    shop.usual(20)
    assert shop.say(NONE)[:2] == (Verdict.FEED_FAULT, Reason.NO_WORD)
    for heard in (0.0, 0.4):
        assert shop.say(NONE, heard=heard)[:2] == (Verdict.FEED_FAULT, Reason.NO_WORD)


def test_what_a_feed_held_back_is_no_rush_when_it_comes() -> None:
    shop = Shop()
    shop.usual(20)
    shop.say(NONE)
    assert shop.say(USUAL * 2.1)[:2] == (Verdict.FEED_FAULT, Reason.CAUGHT_UP)
    assert shop.say(USUAL * 2.1)[0] == Verdict.NORMAL


def test_terminals_that_are_heard_and_sell_nothing_mean_a_closed_shop() -> None:
    shop = Shop()
    shop.usual(20)
    assert shop.say(NONE, heard=1.0)[:2] == (Verdict.CLOSED, Reason.HEARD_WITHOUT_SALE)
    assert shop.say(ZERO)[:2] == (Verdict.CLOSED, Reason.HEARD_WITHOUT_SALE)


def test_terminals_that_are_heard_sell_nothing_and_report_empty_shelves_mean_an_interruption() -> None:
    shop = Shop()
    shop.usual(20)
    assert shop.say(NONE, stock=USUAL, heard=1.0)[0] == Verdict.CLOSED
    assert shop.say(NONE, stock=ZERO, heard=1.0)[:2] == (Verdict.SUPPLY_INTERRUPTION, Reason.EMPTY_SHELVES)


def test_a_day_of_the_week_without_rows_is_closing_time_from_its_second_week_on() -> None:
    shop = Shop()
    verdicts = [shop.say(NONE if day % 7 == 6 else USUAL)[:2] for day in range(35)]
    assert verdicts[13] == verdicts[34] == (Verdict.CLOSED, Reason.USUALLY_CLOSED)
    assert {verdict for day, (verdict, _) in enumerate(verdicts) if day % 7 != 6} == {Verdict.NORMAL}


def test_one_outage_does_not_make_a_day_of_the_week_a_closed_one() -> None:
    shop = Shop()
    shop.usual(28)
    for _ in range(7):
        assert shop.say(NONE)[0] == Verdict.FEED_FAULT
    assert shop.usual(7) == {Verdict.NORMAL}
    assert shop.say(NONE)[0] == Verdict.FEED_FAULT


def test_shops_shut_for_a_festival_are_closed_and_that_is_not_learned() -> None:
    shop = Shop()
    shop.usual(28)
    for rows in (NONE, ZERO):
        assert shop.say(rows, drop_lift=math.log(0.03))[:2] == (Verdict.CLOSED, Reason.FESTIVAL)
    assert shop.say(USUAL * 0.12, drop_lift=math.log(0.05))[0] == Verdict.NORMAL
    assert (shop.state.sold >= supply.OPEN * shop.state.visits).all()


def test_a_shop_that_closed_for_good_is_no_fault_after_three_weeks() -> None:
    shop = Shop()
    shop.usual(28)
    reasons = [shop.say(NONE)[1] for _ in range(24)]
    assert reasons[0] == Reason.NO_WORD
    assert reasons[-1] in (Reason.GONE, Reason.USUALLY_CLOSED)


def test_empty_shelves_are_an_interruption_and_full_ones_a_fall_of_demand() -> None:
    low = USUAL * 0.2
    shop = Shop()
    shop.usual(20)
    assert shop.say(low, stock=ZERO)[:2] == (Verdict.SUPPLY_INTERRUPTION, Reason.EMPTY_SHELVES)
    assert shop.say(low, stock=USUAL * 5.0)[0] == Verdict.NORMAL


def test_one_commodity_that_fails_is_no_interruption_of_all() -> None:
    shop = Shop()
    shop.usual(20)
    one = USUAL.copy()
    one[-1] = 0.0
    assert shop.say(one)[0] == Verdict.NORMAL


def test_as_much_missing_as_terminals_are_unheard_is_a_fault_of_their_feed() -> None:
    shop = Shop()
    shop.usual(20)
    assert shop.say(USUAL * 0.24, heard=0.25)[:2] == (Verdict.FEED_FAULT, Reason.PART_UNHEARD)
    assert shop.say(USUAL * 0.05, heard=0.9)[0] == Verdict.SUPPLY_INTERRUPTION


def test_a_fall_half_as_deep_as_terminals_are_missing_is_a_fault_of_their_feed_and_no_other_is() -> None:
    shop = Shop()
    shop.usual(20)
    assert shop.say(USUAL * 0.5, heard=0.5)[:2] == (Verdict.FEED_FAULT, Reason.PART_UNHEARD)
    assert shop.say(USUAL * 0.7, heard=0.5)[:2] == (Verdict.FEED_FAULT, Reason.PART_UNHEARD)
    for share, heard in ((0.8, 0.5), (1.5, 0.5), (0.7, 0.9), (0.7, 1.0), (0.7, math.nan)):
        assert shop.say(USUAL * share, heard=heard)[0] == Verdict.NORMAL


def test_a_fall_that_the_detector_finds_ordinary_is_no_interruption() -> None:
    shop = Shop()
    shop.usual(20)
    assert shop.say(USUAL * 0.2, drop_p=np.full(GOODS, 0.3))[0] == Verdict.NORMAL
    verdict, _, p = shop.say(USUAL * 0.2, drop_p=np.full(GOODS, 1e-4))
    assert verdict == Verdict.SUPPLY_INTERRUPTION
    assert p == pytest.approx(1e-4 * 8 / 5)
    assert shop.say(NONE)[2] == p


def test_an_interruption_is_as_rare_as_those_that_began_before() -> None:
    shop = Shop()
    shop.usual(99)
    assert shop.say(USUAL * 0.1)[2] == pytest.approx(1 / 100)
    shop.usual(99)
    assert shop.say(USUAL * 0.1)[2] == pytest.approx(2 / 199, rel=0.02)


def test_the_combined_p_is_small_only_where_many_goods_fell_and_right_under_dependence() -> None:
    usual = np.ones((1, GOODS), bool)
    nothing = np.array([math.nan])
    one = np.full((1, GOODS), 0.5)
    one[0, 0] = 1e-12
    assert supply.combined(one, nothing, usual)[0] > 0.5
    draw = np.random.default_rng(3)
    same = np.repeat(draw.uniform(size=(20_000, 1)), GOODS, axis=1)
    apart = draw.uniform(size=(20_000, GOODS))
    for p in (same, apart):
        combined = supply.combined(p, draw.uniform(size=20_000), np.ones(p.shape, bool))
        for level in (0.01, 0.1):
            assert (combined <= level).mean() <= 1.2 * level
    assert np.isnan(supply.combined(np.full((1, 0), np.nan), nothing, np.ones((1, 0), bool))).all()
    assert supply.combined(np.full((1, 0), np.nan), np.array([0.2]), np.ones((1, 0), bool))[0] == 0.2


@pytest.mark.parametrize("hours", [-1, 1])
def test_daylight_saving_moves_an_hour_of_trade_and_raises_nothing(hours: int) -> None:
    shop = Shop(HOUR)
    shop.hours(21, lambda i: OPEN[i % 24])
    assert faults(shop.hours(14, lambda i: OPEN[(i - hours) % 24])) == []


@pytest.mark.parametrize("hours", [-8, -5, 5, 8])
def test_a_zone_that_slipped_never_looks_like_a_broken_supply(hours: int) -> None:
    shop = Shop(HOUR)
    shop.hours(21, lambda i: OPEN[i % 24])
    found = shop.hours(7, lambda i: OPEN[(i - hours) % 24])
    assert Verdict.SUPPLY_INTERRUPTION not in {verdict for _, verdict, _ in found}


def test_nights_without_rows_and_a_gap_by_day_are_told_apart_by_the_hour() -> None:
    shop = Shop(HOUR)

    def rows(i: int) -> float:
        return OPEN[i % 24] or -1.0

    assert faults(shop.hours(21, rows)) == []
    gap = faults(shop.hours(1, lambda i: -1.0 if 10 <= i < 14 else rows(i)))
    assert gap == [(hour, Reason.NO_WORD) for hour in (10, 11, 12, 13)]
    later = faults(shop.hours(1, lambda i: 5.0 if i == 8 else -1.0 if i == 7 else rows(i)))
    assert later == [(7, Reason.NO_WORD), (8, Reason.CAUGHT_UP)]


def test_a_supply_that_breaks_by_day_is_known_within_four_hours() -> None:
    shop = Shop(HOUR)
    shop.hours(21, lambda i: OPEN[i % 24])
    found = shop.hours(1, lambda i: OPEN[i] * (0.08 if i >= 10 else 1.0))
    first = next(i for i, verdict, _ in found if verdict == Verdict.SUPPLY_INTERRUPTION)
    assert 10 <= first <= 18


def test_before_anything_is_usual_nothing_is_said() -> None:
    shop = Shop()
    assert shop.say(NONE, expected=NONE)[0] == Verdict.NORMAL
    assert shop.say(ZERO, expected=NONE)[0] == Verdict.NORMAL


def test_periods_below_an_hour_are_refused() -> None:
    with pytest.raises(ValueError, match="expected an hour or more"):
        Shop(Pace.of(60_000)).say(USUAL)


def test_regions_do_not_see_each_other() -> None:
    state = Supply.empty(units=3, codes=GOODS, slots=7)
    nan = np.full((3, GOODS), np.nan)

    def step(number: int, sold: Floats) -> Verdicts:
        seen = Seen(sold, np.tile(USUAL, (3, 1)), nan, nan[:, 0], nan, nan[:, 0], 0.0)
        return supply.step(state, seen, moment_of(number, start_of(18_000 + number, DAY_MS), DAY), DAY)

    for number in range(20):
        step(number, np.tile(USUAL, (3, 1)))
    found = step(20, np.stack([USUAL, NONE, USUAL * 0.1]))
    assert found.verdict.tolist() == [Verdict.NORMAL, Verdict.FEED_FAULT, Verdict.SUPPLY_INTERRUPTION]
