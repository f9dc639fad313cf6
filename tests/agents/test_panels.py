"""Bars to signals: a slow rush is said, its end too, and a panel taken from its block goes on the same."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from agents.panels import Panels
from detectors.bars import Bar
from detectors.block import Block
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.rulebook import load_rulebook
from streams.records import Signal
from tests.agents.city import CITY
from tests.detectors.market import START, open_hours

NUMBERS = load_rulebook().numbers
PACE = Pace.of(300_000)
REGIONS, CODES = ["330602", "330603"], ["0101", "1001", "0301"]
RUSH = range(35 * 24 + 10, 35 * 24 + 20)


QUIET_DAYS = 33


def bars(first: int, days: int) -> Iterator[Bar]:
    for hour in range(first * 24, days * 24):
        start = START + hour * HOUR_MS
        rng = np.random.default_rng(hour)
        mean = np.full((2, 3), 40.0 * open_hours(start))
        if hour in RUSH:
            mean[0, 1] *= 4.0
        lines = rng.poisson(mean).astype(np.float64)
        price = np.exp(rng.normal(0.0, 0.01, lines.shape))
        nothing = np.full(lines.shape, np.nan)
        yield Bar(start, HOUR_MS, REGIONS, CODES, lines, 500.0 * lines, price, nothing, nothing, np.zeros(2))


class Run(NamedTuple):
    """Signals after the quiet days, and the city's block after them and at the end."""

    signals: list[Signal]
    quiet: bytes
    end: Block


@pytest.fixture(scope="module")
def undisturbed() -> Run:
    panels, block = Panels(NUMBERS), Block.new(CITY, PACE)
    block.make_room(REGIONS, CODES)
    for bar in bars(0, QUIET_DAYS):
        panels.judge(block, bar)
    panels.pack(block)
    quiet = block.to_bytes()
    signals = [signal for bar in bars(QUIET_DAYS, 39) for signal in panels.judge(block, bar)]
    panels.pack(block)
    return Run(signals, quiet, block)


def test_a_rush_is_said_where_it_is_and_its_end_is_said_without_readings(undisturbed: Run) -> None:
    surges = [
        s for s in undisturbed.signals if (s.kind, s.code) == ("demand_surge", "1001") and s.tick >= START + 35 * DAY_MS
    ]
    told = [s for s in surges if s.readings]
    assert told
    assert START + RUSH[0] * HOUR_MS <= told[0].tick <= START + RUSH[6] * HOUR_MS
    assert "330602" in {reading.region for s in told for reading in s.readings}
    assert {reading.region for s in told for reading in s.readings} <= {"330602", CITY}
    assert all(0.0 < reading.p < 1e-3 for s in told for reading in s.readings)
    last = told[-1].tick
    echo = [s.tick for s in surges if s.tick > last]
    hours = int(NUMBERS.hysteresis_hours + NUMBERS.expiry_hours) + 2
    assert echo == [last + (i + 1) * HOUR_MS for i in range(hours)]


def test_a_panel_taken_from_its_block_at_every_bar_says_the_same(undisturbed: Run) -> None:
    panels, block, signals = Panels(NUMBERS), Block.from_bytes(undisturbed.quiet, PACE), []
    for bar in bars(QUIET_DAYS, 39):
        panels.reset()
        panels.restore(block)
        signals += panels.judge(block, bar)
        panels.pack(block)
    assert signals == undisturbed.signals
    assert block.panel == undisturbed.end.panel


def test_a_rush_on_all_goods_is_said_of_all_goods_together_too(undisturbed: Run) -> None:
    panels, block, signals = Panels(NUMBERS), Block.from_bytes(undisturbed.quiet, PACE), []
    panels.restore(block)
    for bar in bars(QUIET_DAYS, 36):
        lift = 3.0 if bar.start >= START + RUSH[0] * HOUR_MS else 1.0
        bar = bar._replace(lines=bar.lines * lift, quantity=bar.quantity * lift)
        signals += panels.judge(block, bar)
    told = {s.code for s in signals if s.kind == "demand_surge" and s.readings and s.tick >= START + 35 * DAY_MS}
    assert "*" in told
