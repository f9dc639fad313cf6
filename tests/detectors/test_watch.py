"""Timelines: push a market at t, want a signal between a and b."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from detectors.block import Block
from detectors.pace import DAY_MS, EXIT_MS, HOUR_MS, Pace
from detectors.rarity import recurrence_days
from detectors.state import Cells
from detectors.watch import silent, skip, watch
from streams.records import Signal, UnitReading
from tests.detectors.market import FIVE_MINUTES, NUMBERS, START, Market, no_cells, told, with_city

MINUTE = 60_000
DAYS = 14
ONSET = START + DAYS * DAY_MS + 10 * HOUR_MS
AREA = 12.0
"""The city is one of twelve: its p-values must be rarer by so much."""
RUSH = {(2, 7): 8.0}
COUNTY, CODE = "330604", "0007"


@pytest.fixture(scope="module")
def market() -> Market:
    quiet = Market(5, 12)
    quiet.rate[2, 7] = 3.0 * FIVE_MINUTES / HOUR_MS
    return quiet


@pytest.fixture(scope="module")
def trained(market: Market) -> bytes:
    return market.trained(DAYS)


@dataclass
class Timeline:
    """Pushes a market into a city and keeps what was said."""

    market: Market
    block: Block
    at: int
    signals: list[Signal] = field(default_factory=list)

    def push(self, until: int, lift: Mapping[tuple[int, int], float] | None = None, dearer: float = 0.0) -> None:
        for tick in range(self.at, until, FIVE_MINUTES):
            self.signals += watch(self.block, tick, self.market.cells(tick, lift, dearer), NUMBERS)
        self.at = until

    def readings(self, kind: str = "panic_buying") -> list[tuple[int, UnitReading]]:
        """(end of tick, reading) of the county and commodity in question, if rare and large enough to count."""
        least = NUMBERS.panic_ratio if kind == "panic_buying" else 1.0 + NUMBERS.price_rise
        return [
            (s.tick + s.tick_ms, r)
            for s in self.signals
            if s.kind == kind and s.code == CODE
            for r in s.readings
            if r.region == COUNTY
            and recurrence_days(r.p, s.tests_per_day * AREA) >= NUMBERS.recurrence_days
            and r.observed >= least * r.expected
        ]


@pytest.fixture
def timeline(market: Market, trained: bytes) -> Timeline:
    return Timeline(market, Block.from_bytes(trained, Pace.of(FIVE_MINUTES)), START + DAYS * DAY_MS)


def test_a_rush_of_eight_times_at_three_lines_an_hour_is_found_within_ninety_minutes(timeline: Timeline) -> None:
    timeline.push(ONSET)
    assert not timeline.readings()
    timeline.push(ONSET + 3 * HOUR_MS, RUSH)
    at, reading = timeline.readings()[0]
    assert ONSET < at <= ONSET + 90 * MINUTE
    assert abs(reading.since - ONSET) <= 30 * MINUTE
    assert reading.observed / reading.expected > 4.0
    assert reading.terminals >= 2


def test_quantities_are_told_in_base_units_a_day(timeline: Timeline, market: Market) -> None:
    timeline.push(ONSET)
    timeline.push(ONSET + 6 * HOUR_MS, RUSH)
    _, reading = timeline.readings()[-1]
    usual = market.rate[2, 7] * 288 * 0.5
    assert 0.5 * usual < reading.expected < 2.0 * usual


def test_signals_come_every_tick_while_it_lasts_then_stop_and_are_followed_by_empty_ones(timeline: Timeline) -> None:
    timeline.push(ONSET)
    timeline.push(ONSET + 5 * HOUR_MS, RUSH)
    at = [s.tick for s in timeline.signals if s.kind == "panic_buying" and s.code == CODE and s.readings]
    first = timeline.readings()[0][0]
    assert set(range(first, ONSET + 5 * HOUR_MS, FIVE_MINUTES)) <= set(at)
    timeline.push(ONSET + 5 * HOUR_MS + 2 * DAY_MS)
    later = [s for s in timeline.signals if s.code == CODE and s.tick >= ONSET + 8 * HOUR_MS]
    assert later
    assert not any(s.readings for s in later)
    hours = {s.tick for s in later}
    assert len(hours) <= 34
    assert max(hours) - ONSET >= (NUMBERS.hysteresis_hours + NUMBERS.expiry_hours) * HOUR_MS


def test_a_rush_still_stands_overnight_when_shops_are_closed(timeline: Timeline) -> None:
    timeline.push(ONSET)
    timeline.push(ONSET + 11 * HOUR_MS, RUSH)
    timeline.push(ONSET + 21 * HOUR_MS)
    assert timeline.readings()[-1][0] == ONSET + 21 * HOUR_MS


def test_what_was_flagged_is_not_learned(timeline: Timeline) -> None:
    timeline.push(ONSET)
    before = _level(timeline.block)
    timeline.push(ONSET + 3 * DAY_MS, RUSH)
    assert _level(timeline.block) < 1.25 * before


def test_what_lasts_for_three_weeks_is_the_new_normal(timeline: Timeline, market: Market) -> None:
    timeline.push(ONSET)
    before = _level(timeline.block)
    timeline.push(ONSET + EXIT_MS + 5 * DAY_MS, RUSH)
    assert _level(timeline.block) > 5.0 * before
    late = [at for at, _ in timeline.readings() if at > ONSET + EXIT_MS + DAY_MS]
    assert not late


def test_a_doubled_price_in_a_third_of_the_lines_is_a_spike(timeline: Timeline) -> None:
    timeline.push(ONSET)
    timeline.push(ONSET + 6 * HOUR_MS, dearer=float(np.log(2.0) / 3.0))
    at, reading = timeline.readings("price_spike")[0]
    assert ONSET < at <= ONSET + 4 * HOUR_MS
    assert 1.05 < reading.observed < 1.4
    assert 0.97 < reading.expected < 1.03


def test_a_silent_city_is_not_learned_from_and_ends_what_was_going_on(timeline: Timeline) -> None:
    timeline.push(ONSET)
    timeline.push(ONSET + 5 * HOUR_MS, RUSH)
    block, heard = timeline.block, timeline.at - FIVE_MINUTES
    block.heard = heard
    assert not silent(block, heard + DAY_MS - FIVE_MINUTES)
    assert silent(block, heard + DAY_MS)
    before = block.baseline.exposure.copy()
    over = skip(block, heard + FIVE_MINUTES, heard + 4 * DAY_MS, NUMBERS)
    assert [(s.code, s.readings) for s in over if s.kind == "panic_buying"] == [(CODE, [])]
    assert np.array_equal(block.baseline.exposure, before)
    assert not told(watch(block, heard + 4 * DAY_MS, no_cells(5, 12), NUMBERS), "panic_buying", CODE, COUNTY)


def test_a_quiet_month_raises_next_to_nothing() -> None:
    """10 counties x 40 commodities, 8,064 ticks: chance alone may raise one in 30 days, were this the whole area."""
    market = Market(10, 40, seed=4)
    block, raised, flagged = market.block(), set(), set()
    for tick in market.ticks(28):
        for signal in watch(block, tick, market.cells(tick), NUMBERS):
            for r in signal.readings:
                flagged.add((signal.kind, signal.code, tick // DAY_MS))
                rare = recurrence_days(r.p, signal.tests_per_day) >= NUMBERS.recurrence_days
                if rare and r.observed >= NUMBERS.panic_ratio * r.expected:
                    raised.add((signal.kind, signal.code, tick // DAY_MS))
    assert len(raised) <= 2, raised
    # The p of 1e-4 at which a series is watched must not be a flood either: the tests of 28 days would allow 60.
    assert len(flagged) <= 60


def _level(block: Block) -> float:
    return float(block.baseline.quantity[3, 7] / block.baseline.exposure[3, 7])


def test_a_day_of_four_times_is_found_that_very_day_in_one_shops_daily_figures() -> None:
    rng = np.random.default_rng(11)
    block = Block.new("9999", Pace.of(DAY_MS))
    block.make_room(["999901"], [f"08{i:02d}" for i in range(6)])
    base = np.array([[20_000.0, 50_000.0, 120_000.0, 8_000.0, 30_000.0, 60_000.0]])
    before: list[Signal] = []
    for day in range(60):
        week = 1.4 if (day % 7) >= 5 else 1.0
        noise = np.exp(rng.normal(-0.044, 0.3, base.shape))
        quantity = base * week * noise * (4.0 if day == 59 else 1.0)
        one = with_city(np.full(base.shape, 8.0))
        cells = Cells(one, with_city(quantity.round()), one * 0, one * 0, np.ones(one.shape, np.uint64))
        signals = watch(block, START // DAY_MS * DAY_MS + day * DAY_MS, cells, NUMBERS)
        rare = [
            s
            for s in signals
            for r in s.readings
            if recurrence_days(r.p, s.tests_per_day) >= NUMBERS.recurrence_days
            and r.observed >= NUMBERS.panic_ratio * r.expected
        ]
        if day < 59:
            before += rare
    assert not before
    assert len({s.code for s in rare}) >= 5
