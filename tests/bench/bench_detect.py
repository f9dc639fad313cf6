"""CPU time of the detect stage a closed tick of a city, decoding included, and of its state block.

Run: python -m tests.bench.bench_detect
"""

import time
from collections.abc import Iterator

import numpy as np

from agents.detect import DetectStage
from agents.stage import Incoming
from detectors.block import Block
from detectors.pace import DAY_MS, Pace
from detectors.rulebook import load_rulebook
from tests.agents.city import Cell, cells
from tests.detectors.market import Market

UNITS, CODES, PARTITIONS = 4, 45, 4
TICK_MS = 300_000
DAY_TICKS = DAY_MS // TICK_MS
WARM_DAYS, DAYS = 3, 3
CITY_TICKS = 12 * 28 * DAY_TICKS
"""Four weeks of twelve cities."""


def feed(market: Market, days: int, span: int) -> Iterator[Incoming]:
    """Messages of ``span`` ticks from each raw partition, a row a county and commodity that sold something."""
    sources = ",".join(map(str, range(PARTITIONS)))
    ticks = list(market.ticks(days))
    offset = 0
    for first in range(0, len(ticks), span):
        rows: list[list[Cell]] = [[] for _ in range(PARTITIONS)]
        for tick in ticks[first : first + span]:
            sold = market.cells(tick)
            for unit, code in np.argwhere(sold.lines[1:] > 0).tolist():
                offset += 1
                at = unit + 1, code
                lines, relative = int(sold.lines[at]), float(sold.log_relative[at] / sold.lines[at])
                row = Cell(offset, f"3306{unit:02d}", f"{code:04d}", tick, lines, int(sold.quantity[at]), relative)
                rows[offset % PARTITIONS].append(row)
        for partition, part in enumerate(rows):
            yield cells(part, ticks[first] + span * TICK_MS, partition=partition, sources=sources)


def measure(span: int) -> bytes:
    """Print the time of a city-tick with messages of so many ticks; the city's state block."""
    stage = DetectStage(TICK_MS, 1_800_000, load_rulebook())
    messages = list(feed(Market(UNITS, CODES), WARM_DAYS + DAYS, span))
    warm = len(messages) * WARM_DAYS // (WARM_DAYS + DAYS)
    for message in messages[:warm]:
        stage.apply(message)
    spent = []
    six_hours = DAY_TICKS // 4 // span * PARTITIONS
    for at in range(warm, len(messages), six_hours):
        before = time.process_time()
        for message in messages[at : at + six_hours]:
            stage.apply(message)
        spent.append(time.process_time() - before)
    mean, best = sum(spent) / (DAYS * DAY_TICKS), min(spent) / (DAY_TICKS // 4)
    print(f"{span:>15} {mean * 1e6:>9.0f} us {best * 1e6:>9.0f} us {CITY_TICKS * mean:>12.1f} s")
    return stage.dirty()[b"3306"]


def main() -> None:
    """Print the table."""
    print(f"{UNITS + 1} units x {CODES} commodities, ticks of {TICK_MS // 1000} s, {PARTITIONS} raw partitions")
    print(f"{'ticks a message':>15} {'mean':>12} {'best 6 h':>12} {'12 cities, 4 weeks':>14}")
    for span in (1, 6, 72):
        block = measure(span)
    before = time.process_time()
    restored = Block.from_bytes(block, Pace.of(TICK_MS))
    read, before = time.process_time() - before, time.process_time()
    restored.to_bytes()
    wrote = time.process_time() - before
    print(f"state of a city: {len(block) / 1024:.0f} KiB, read in {read * 1e3:.1f} ms, written in {wrote * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
