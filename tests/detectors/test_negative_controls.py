"""What must not be raised: New-Year rushes, 1 May, promotions, a shop's closing, a feed's gap, clocks that slip.

One simulated city runs through all of them, and through one true rush. Raised is what is at most the p that plain days
reach once a month, over all series together. Shape of the New-Year rushes: stock-up over ten days to 3 to 5 times on
the eves, single goods more, shut for two days, trade above the usual when people are back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pytest

from detectors import demand, festivals, panel, supply
from detectors.moment import moment_of
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.panel import Frame, Panel
from detectors.state import Floats
from detectors.supply import Reason, Seen, Supply, Verdict
from detectors.tree import Tree
from streams.ticks import start_of

SHOPS = ("330102", "330105", "330106")
GOODS = ("leaf", "root", "fruit", "egg", "rice", "oil")
CITY = len(SHOPS)
"""The node of 3301, the sum of the shops"""
SPRING = (date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22))
RUN_UP = {
    -10: 1.1,
    -9: 1.1,
    -8: 1.3,
    -7: 1.3,
    -6: 1.3,
    -5: 1.5,
    -4: 2.4,
    -3: 3.2,
    -2: 4.2,
    3: 1.6,
    4: 1.6,
    5: 1.4,
    6: 1.3,
}
FIRST, LAST = date(2020, 10, 20), date(2023, 2, 10)
SCORED = date(2020, 12, 1)
PROMOTION = (date(2021, 8, 9), date(2021, 8, 14))
CLOSING = date(2022, 5, 20)
GAP = (date(2022, 3, 8), date(2022, 3, 10))
RUSH = (date(2022, 10, 12), date(2022, 10, 14))


def test_the_city_is_the_first_node_after_its_shops() -> None:
    assert Tree.of(SHOPS, GOODS).regions[CITY] == "3301"


def number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(i) for i in range((last - first).days))


@dataclass
class Run:
    """The detectors over one city, and what they said."""

    pace: Pace
    panel: Panel
    supply: Supply
    surge: dict[int, Floats] = field(default_factory=dict)
    drop: dict[int, Floats] = field(default_factory=dict)
    verdicts: dict[int, list[tuple[Verdict, Reason]]] = field(default_factory=dict)

    @classmethod
    def new(cls, pace: Pace) -> "Run":
        return cls(
            pace,
            Panel.new(Tree.of(SHOPS, GOODS), pace),
            Supply.empty(units=len(SHOPS), codes=len(GOODS), slots=pace.slots),
        )

    def step(self, at: int, sold: Floats) -> None:
        """One period: its number since 1970, and what each shop sold of each good; NaN: no row."""
        start = start_of(at, self.pace.tick_ms)
        now = moment_of(self.panel.periods, start, self.pace)
        said = panel.step(self.panel, Frame(qty=sold), start)
        self.surge[at], self.drop[at] = said.p["demand_surge"], said.p["demand_drop"]
        leaves = (slice(len(SHOPS)), slice(len(GOODS)))
        nothing = np.full(sold.shape, np.nan)
        seen = Seen(
            sold,
            demand.expected(self.panel.demand, now, self.pace)[leaves],
            self.drop[at][leaves],
            self.drop[at][: len(SHOPS), -1],
            nothing,
            nothing[:, 0],
            festivals.lift_of(now.day).drop,
        )
        found = supply.step(self.supply, seen, now, self.pace)
        self.verdicts[at] = [(Verdict(v), Reason(r)) for v, r in zip(found.verdict, found.reason, strict=True)]

    def least(self, said: dict[int, Floats], first: date, last: date) -> float:
        """The smallest p of any series from the first day up to before the last."""
        known = [said[number(day)] for day in days(first, last)]
        return float(np.nanmin([1.0, *(np.nanmin(p) for p in known if np.isfinite(p).any())]))


def _usual() -> Floats:
    return np.outer([1.0, 0.7, 1.6], [120.0, 60.0, 90.0, 40.0, 50.0, 25.0])


def _ratio(day: date, draw: np.random.Generator) -> Floats:
    """How many times the usual each good of each shop sells on a day."""
    week = 1.25 if day.weekday() >= 5 else 0.9
    ratio = np.full((len(SHOPS), len(GOODS)), week)
    for eve in SPRING:
        rush = RUN_UP.get((day - eve).days, 1.0)
        ratio *= rush ** np.array([0.7, 1.3, 1.0, 1.2, 0.9, 1.1])
        if -1 <= (day - eve).days <= 0:
            ratio[:] = np.nan
    if (day.month, day.day) in ((5, 1), (5, 2), (10, 1), (12, 31)):
        ratio *= 1.3
    if (day.month, day.day) in ((6, 18), (11, 11)):
        ratio *= 1.1
    if PROMOTION[0] <= day < PROMOTION[1]:
        ratio[0, 2] *= 2.5
    if day >= CLOSING:
        ratio[1] = np.nan
    if GAP[0] <= day < GAP[1]:
        ratio[2] = np.nan
    if day == GAP[1]:
        ratio[2] *= 3.0
    if RUSH[0] <= day < RUSH[1]:
        ratio *= 3.0
    return ratio * np.exp(draw.normal(0.0, 0.08, ratio.shape) + draw.normal(0.0, 0.05))


@pytest.fixture(scope="module")
def city() -> Run:
    """Two and a half years of days."""
    draw = np.random.default_rng(7)
    run = Run.new(Pace.of(DAY_MS))
    for day in days(FIRST, LAST):
        mean = _usual() * _ratio(day, draw)
        shut = np.isnan(mean)
        run.step(number(day), np.where(shut, np.nan, draw.negative_binomial(30, 30 / (30 + np.where(shut, 1.0, mean)))))
    return run


@pytest.fixture(scope="module")
def monthly(city: Run) -> float:
    """The p that plain days reach once a month: no control, no rush."""
    controls = [(eve - timedelta(12), eve + timedelta(12)) for eve in SPRING]
    controls += [PROMOTION, (GAP[0], GAP[1] + timedelta(3)), (RUSH[0], RUSH[1] + timedelta(25))]
    controls += [
        (date(year, month, 1) - timedelta(2), date(year, month, 8)) for year in (2021, 2022) for month in (5, 10)
    ]
    plain = [day for day in days(SCORED, LAST) if not any(first <= day < last for first, last in controls)]
    least = sorted(city.least(city.surge, day, day + timedelta(1)) for day in plain)
    return least[len(plain) // 30]


@pytest.mark.parametrize("eve", SPRING, ids=lambda eve: str(eve.year))
def test_no_new_year_rush_is_raised(city: Run, monthly: float, eve: date) -> None:
    assert city.least(city.surge, eve - timedelta(12), eve + timedelta(10)) > monthly


@pytest.mark.parametrize("day", [date(2021, 5, 1), date(2022, 5, 1), date(2021, 10, 1), date(2022, 10, 1)], ids=str)
def test_no_first_of_may_or_october_is_raised(city: Run, monthly: float, day: date) -> None:
    assert city.least(city.surge, day, day + timedelta(2)) > monthly


@pytest.mark.parametrize("day", [date(2021, 6, 18), date(2022, 6, 18), date(2021, 11, 11), date(2022, 11, 11)], ids=str)
def test_no_sale_of_the_net_is_raised(city: Run, monthly: float, day: date) -> None:
    assert city.least(city.surge, day, day + timedelta(2)) > monthly


def test_the_true_rush_is_raised_at_once_and_in_most_goods(city: Run, monthly: float) -> None:
    p = city.surge[number(RUSH[0])]
    assert p[CITY, -1] <= monthly
    assert (p[CITY, :-1] <= 10 * monthly).mean() > 0.5


def test_a_promotion_of_one_good_in_one_shop_is_raised_there_alone(city: Run, monthly: float) -> None:
    raised = np.zeros((len(SHOPS) + 1, len(GOODS) + 1), bool)
    for day in days(*PROMOTION):
        p = city.surge[number(day)]
        raised |= p[: CITY + 1] <= monthly
    assert raised[0, 2]
    raised[0, [2, -1]] = False
    raised[CITY, 2] = False
    assert not raised.any()


def test_shops_shut_over_the_new_year_are_closed_and_nothing_else(city: Run) -> None:
    for eve in SPRING:
        for day in (eve - timedelta(1), eve):
            assert {verdict for verdict, _ in city.verdicts[number(day)]} == {Verdict.CLOSED}


def test_a_shop_that_closes_is_a_silent_feed_then_gone_and_never_a_broken_supply(city: Run) -> None:
    after = [city.verdicts[number(day)][1] for day in days(CLOSING, CLOSING + timedelta(60))]
    assert after[0] == (Verdict.FEED_FAULT, Reason.NO_WORD)
    assert after[-1][0] in (Verdict.CLOSED, Verdict.NORMAL)
    assert Verdict.SUPPLY_INTERRUPTION not in {verdict for verdict, _ in after}


def test_a_gap_and_what_it_held_back_are_faults_of_the_feed(city: Run) -> None:
    gap = [city.verdicts[number(day)][2] for day in days(GAP[0], GAP[1] + timedelta(2))]
    assert gap[:2] == [(Verdict.FEED_FAULT, Reason.NO_WORD)] * 2
    assert gap[2] == (Verdict.FEED_FAULT, Reason.CAUGHT_UP)
    assert gap[3][0] == Verdict.NORMAL


def test_the_city_does_not_fall_when_a_shop_closes_or_a_feed_breaks(city: Run, monthly: float) -> None:
    for first, last in ((CLOSING, CLOSING + timedelta(10)), GAP):
        for day in days(first, last):
            assert city.drop[number(day)][CITY, -1] > min(monthly, 1e-3)


def test_no_supply_is_interrupted_in_all_these_years(city: Run) -> None:
    found = [at for at, said in city.verdicts.items() for verdict, _ in said if verdict == Verdict.SUPPLY_INTERRUPTION]
    assert found == []


OPEN = np.array([0] * 7 + [0.3, 1, 1, 0.8, 1, 1.2, 0.8, 0.6, 0.6, 0.8, 1, 1.4, 1.2, 0.8, 0.4] + [0] * 2) / 15.0


def hours(slip: int, dark: range = range(0)) -> tuple[Run, int]:
    """Two weeks of hours, then three days with the clock ``slip`` hours late, or without rows in ``dark`` hours."""
    draw = np.random.default_rng(5)
    run = Run.new(Pace.of(HOUR_MS))
    first = number(date(2023, 8, 16)) * 24
    for i in range(17 * 24):
        hour = (i - slip) % 24 if i >= 14 * 24 else i % 24
        sold = draw.poisson(4.0 * _usual() * OPEN[hour] * np.exp(draw.normal(0.0, 0.05, _usual().shape))).astype(float)
        if i >= 14 * 24 and i - 14 * 24 in dark:
            sold[:] = np.nan
        run.step(first + i, sold)
    return run, first + 14 * 24


@pytest.mark.parametrize("slip", [-1, 1, 8])
def test_a_clock_that_slips_never_looks_like_a_broken_supply(slip: int) -> None:
    run, begin = hours(slip)
    after = {verdict for at, said in run.verdicts.items() if at >= begin for verdict, _ in said}
    assert Verdict.SUPPLY_INTERRUPTION not in after


def test_an_afternoon_without_rows_is_a_fault_of_the_feed() -> None:
    run, begin = hours(0, dark=range(12, 17))
    dark = [run.verdicts[begin + hour] for hour in range(12, 17)]
    assert all(said == [(Verdict.FEED_FAULT, Reason.NO_WORD)] * len(SHOPS) for said in dark)
    rest = {verdict for hour in range(17, 72) for verdict, _ in run.verdicts[begin + hour]}
    assert Verdict.SUPPLY_INTERRUPTION not in rest
