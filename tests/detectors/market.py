"""A simulated city: Poisson lines, log-normal quantities, opening hours, weekends; each tick from its own seed."""

from collections.abc import Iterator, Mapping

import numpy as np

from detectors.block import Block
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.rulebook import Numbers, load_rulebook
from detectors.state import Cells, Floats
from detectors.watch import watch
from streams.records import Signal
from streams.ticks import CHINA_MS

START = 1_760_000_000_000 // DAY_MS * DAY_MS - CHINA_MS
"""A local midnight."""
FIVE_MINUTES = 300_000
NUMBERS: Numbers = load_rulebook().numbers
PER_LINE = 500.0


class Market:
    """``units`` counties x ``codes`` commodities; ``lines`` an open hour of the average series."""

    def __init__(
        self, units: int, codes: int, tick_ms: int = FIVE_MINUTES, *, lines: float = 3.0, seed: int = 0, shops: int = 4
    ) -> None:
        rng = np.random.default_rng(seed)
        popularity = np.exp(rng.normal(0.0, 0.6, codes))
        size = np.exp(rng.normal(0.0, 0.3, units))
        self.tick_ms, self.seed, self.shops = tick_ms, seed, shops
        self.rate: Floats = lines * np.outer(size / size.mean(), popularity / popularity.mean()) * tick_ms / HOUR_MS

    def block(self) -> Block:
        """A city that has learned nothing."""
        units, codes = self.rate.shape
        block = Block.new("3306", Pace.of(self.tick_ms))
        block.make_room([f"3306{i + 2:02d}" for i in range(units)], [f"{i:04d}" for i in range(codes)])
        return block

    def cells(self, tick: int, lift: Mapping[tuple[int, int], float] | None = None, dearer: float = 0.0) -> Cells:
        """One tick; ``lift`` multiplies the rate of (county, commodity); ``dearer`` is added to all log relatives."""
        rng = np.random.default_rng([self.seed, tick // self.tick_ms])
        mean = self.rate * open_hours(tick)
        for at, factor in (lift or {}).items():
            mean[at] *= factor
        lines = rng.poisson(mean)
        line = np.repeat(np.arange(lines.size), lines.ravel())
        quantity = np.rint(PER_LINE * np.exp(rng.normal(-0.125, 0.5, len(line))))
        relative = rng.normal(dearer, 0.05, len(line))
        bits = np.zeros(lines.size, np.uint64)
        np.bitwise_or.at(bits, line, np.uint64(1) << rng.integers(0, self.shops, len(line)).astype(np.uint64))

        def sums(values: Floats) -> Floats:
            summed = np.bincount(line, weights=values, minlength=lines.size).astype(np.float64)
            return with_city(summed.reshape(self.rate.shape))

        count = with_city(lines.astype(np.float64))
        partitions = bits.reshape(lines.shape)
        partitions = np.vstack([np.bitwise_or.reduce(partitions, axis=0), partitions])
        return Cells(count, sums(quantity), count, sums(relative), partitions)

    def ticks(self, days: float, start: int = START) -> Iterator[int]:
        """The ticks of so many days."""
        return iter(range(start, start + int(days * DAY_MS), self.tick_ms))

    def trained(self, days: float) -> bytes:
        """The state of a city after so many quiet days from START."""
        block = self.block()
        for tick in self.ticks(days):
            watch(block, tick, self.cells(tick), NUMBERS)
        return block.to_bytes()


def open_hours(tick: int) -> float:
    """Relative trade: shops open from 8 to 21, peaks at 10 and 18, a third more at weekends."""
    local = tick + CHINA_MS
    hour, day = local // HOUR_MS % 24, (local // DAY_MS + 3) % 7
    if not 8 <= hour < 21:
        return 0.0
    busy = 0.75 + 0.5 * np.exp(-((hour - 10) ** 2) / 4.0) + 0.6 * np.exp(-((hour - 18) ** 2) / 3.0)
    return float(busy * (1.33 if day >= 5 else 1.0))


def with_city(counties: Floats) -> Floats:
    """The city's sums before those of its counties."""
    return np.vstack([counties.sum(axis=0), counties])


def no_cells(units: int, codes: int) -> Cells:
    """A tick in which nothing was sold; ``units`` without the city."""
    shape = units + 1, codes
    none = np.zeros(shape)
    return Cells(none, none, none, none, np.zeros(shape, np.uint64))


def told(signals: list[Signal], kind: str, code: str, region: str) -> bool:
    """Whether one of the signals has a reading of that kind, commodity and region."""
    return any(s.kind == kind and s.code == code and any(r.region == region for r in s.readings) for s in signals)
