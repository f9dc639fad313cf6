"""From tills to signals: the whole market's prices pass, single mistakes and untold promotions do not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest

from agents.detect import DetectStage
from agents.stage import Incoming, Outgoing, Stage
from detectors.block import Block
from detectors.rulebook import Numbers, load_rulebook
from detectors.state import Cells
from detectors.watch import watch
from streams.columns import Quality
from streams.records import Signal
from streams.ticks import tick_of
from streams.topics import CELLS
from tests.agents.till import NOW, TICK, clean, record, registry, stage

START = tick_of(NOW, TICK)
SHOPS = [f"T-{i}" for i in range(6)]
WARM = 400
TWO = float(np.log(2.0))
Blocks = tuple[dict[bytes, bytes], ...]
PriceOf = Callable[[int, int], list[int]]
"""From shop and tick, counted from 0, to the amounts of its lines"""


class City:
    """Six shops that sell salt in every tick, normalised and judged; ``seen[tick]`` is what the detectors were given,
    ``marks[tick]`` what the lines were marked with. ``tick`` counts from 0."""

    def __init__(self, tick: int = 0) -> None:
        self.normalize = stage(registry(SHOPS))
        self.detect = DetectStage(TICK, 1_800_000, load_rulebook())
        self.seen: dict[int, Cells] = {}
        self.marks: dict[int, set[Quality]] = {}
        self.signals: list[Signal] = []
        self._saved: Blocks = ({}, {})
        self._offsets, self._messages, self._ticks = count(tick * len(SHOPS)), count(tick * len(SHOPS)), count(tick)

    def trade(self, ticks: int, price: PriceOf, *, restart: bool = False) -> None:
        """So many further ticks; with ``restart`` both workers start again from their blocks before each."""
        for _, tick in zip(range(ticks), self._ticks, strict=False):
            sent = self._sold(tick, price)
            self.marks[tick] = {Quality(q) for q in clean(sent)["quality"].to_pylist()}
            with self._watched():
                for o in sent:
                    if o.topic == CELLS:
                        self.detect.apply(Incoming(CELLS, 0, next(self._messages), 0, o.key, o.value, {}))
            self.signals += [msgspec.json.decode(o.value, type=Signal) for o in self.detect.drain()]
            if restart:
                self.restore(self.blocks())

    def _sold(self, tick: int, price: PriceOf) -> list[Outgoing]:
        at = START + tick * TICK
        for shop, name in enumerate(SHOPS):
            rows = [{"amount": amount, "ts": at + 1000} for amount in price(shop, tick)]
            self.normalize.apply(
                record(next(self._offsets), tick + 1, *rows, terminal=name, sent_at=at + TICK, timestamp=at + TICK)
            )
        return self.normalize.drain()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        def noting(block: Block, tick: int, cells: Cells, numbers: Numbers) -> list[Signal]:
            self.seen[(tick - START) // TICK] = cells
            return watch(block, tick, cells, numbers)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("agents.detect.watch", noting)
            yield

    def blocks(self) -> Blocks:
        """The state of both workers."""
        self._saved = tuple(old | one.dirty() for old, one in zip(self._saved, self._stages(), strict=True))
        return self._saved

    def restore(self, blocks: Blocks) -> None:
        """Start both workers again from their state."""
        self._saved = blocks
        for one, its in zip(self._stages(), blocks, strict=True):
            one.reset()
            for key, block in its.items():
                one.restore(key, block)

    def _stages(self) -> tuple[Stage, ...]:
        return self.normalize, self.detect

    def relatives(self, tick: int) -> Any:
        """Count and mean of the relatives that the detectors were given of a tick, in the whole city."""
        cells = self.seen[tick]
        n = float(cells.relatives[0].sum())
        return n, float(cells.log_relative[0].sum()) / max(n, 1.0)

    def spikes(self) -> list[int]:
        """Ticks, from 0, with a price spike."""
        return [(s.tick - START) // TICK for s in self.signals if s.kind == "price_spike" and s.readings]


def usual(shop: int, tick: int) -> list[int]:
    """A price that wavers by one in a hundred."""
    return [250 + int(np.random.default_rng([shop, tick]).integers(-2, 3))]


def dearer(factor: float, shops: int, lines: int = 1) -> PriceOf:
    """The usual price times a factor in so many shops."""

    def price(shop: int, tick: int) -> list[int]:
        amounts = usual(shop, tick)
        return [round(a * factor) for a in amounts] * lines if shop < shops else amounts

    return price


@pytest.fixture(scope="module")
def known() -> Blocks:
    """The state of the workers after WARM usual ticks."""
    city = City()
    city.trade(WARM, usual)
    return city.blocks()


@pytest.fixture
def city(known: Blocks) -> City:
    city = City(WARM)
    city.restore(known)
    return city


@pytest.mark.parametrize("shops", [6, 3])
def test_prices_that_double_in_the_market_or_a_chain_pass_within_the_second_tick(city: City, shops: int) -> None:
    city.trade(24, dearer(2.0, shops))
    for tick in (WARM + 1, WARM + 2, WARM + 23):
        n, mean = city.relatives(tick)
        assert n == 6
        assert mean == pytest.approx(TWO * shops / 6, abs=0.02)
    assert WARM <= min(city.spikes()) <= WARM + 12
    assert max(city.spikes()) == WARM + 23


def test_shops_that_double_one_after_the_other_pass_from_the_third_on(city: City) -> None:
    city.trade(12, lambda shop, tick: dearer(2.0, (tick - WARM) // 4 + 1)(shop, tick))
    third = WARM + 8
    assert all(city.relatives(tick)[1] < 0.02 for tick in range(WARM, third))
    # What was held in the eight ticks before, twelve lines, comes with the six lines of this one.
    n, mean = city.relatives(third)
    assert (n, mean) == (18, pytest.approx(TWO * 15 / 18, abs=0.02))


@pytest.mark.parametrize("factor", [0.5, 2.0, 10.0, 500.0, 1000.0, 0.1])
@pytest.mark.parametrize("lines", [1, 8])
def test_a_single_mistake_of_unit_never_passes(city: City, factor: float, lines: int) -> None:
    city.trade(40, dearer(factor, 1, lines))
    for tick in range(WARM, WARM + 39):
        n, mean = city.relatives(tick)
        assert n == 5
        assert abs(mean) < 0.02
        assert any(q & Quality.UNIT_MISTAKE for q in city.marks[tick])
    assert city.spikes() == []


def test_one_article_at_two_prices_in_turn_never_passes(city: City) -> None:
    city.trade(60, lambda shop, tick: dearer(2.0, tick % 2)(shop, tick))
    assert all(abs(city.relatives(tick)[1]) < 0.02 for tick in range(WARM, WARM + 59))


def test_promotions_that_nobody_told_end_without_a_rise(city: City) -> None:
    city.trade(60, dearer(0.75, 6))
    assert any(q & Quality.PROMO_INFERRED for q in city.marks[WARM])
    city.trade(60, usual)
    assert all(city.relatives(tick)[1] < 0.02 for tick in range(WARM, WARM + 119))
    assert city.spikes() == []


def test_prices_that_double_in_a_promotion_pass(city: City) -> None:
    city.trade(300, dearer(0.8, 2))
    city.trade(3, dearer(2.0, 6))
    assert city.relatives(WARM + 301) == (6, pytest.approx(TWO, abs=0.02))


def test_a_restart_of_the_workers_at_any_tick_changes_no_signal(city: City, known: Blocks) -> None:
    other = City(WARM)
    other.restore(known)
    for one, restart in ((city, False), (other, True)):
        one.trade(4, dearer(2.0, 2), restart=restart)
        one.trade(20, dearer(2.0, 4), restart=restart)
    assert other.signals == city.signals
    assert city.spikes()
    assert [city.relatives(i) for i in range(WARM, WARM + 23)] == [other.relatives(i) for i in range(WARM, WARM + 23)]
