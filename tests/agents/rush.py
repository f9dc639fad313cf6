"""Two counties that trade quietly for four days, and then a salt rush in one: as messages of market.cells."""

from collections.abc import Collection, Iterable, Iterator
from itertools import count

import msgspec
import numpy as np
from prometheus_client import REGISTRY

from agents.detect import DetectStage
from agents.stage import Incoming, Outgoing
from detectors.bars import Bar
from detectors.block import Block
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.rulebook import load_rulebook
from streams.records import Kind, Signal
from tests.agents.city import CITY, Cell, cells

TICK = 300_000
IDLE = 30 * 60_000
START = 1_760_000_000_000 // DAY_MS * DAY_MS
COUNTIES = ("330602", "330603")
CODES = ("1001", "0101", "9903")
RUSH_AT = START + 4 * DAY_MS


class Noting:
    """Keeps the bars, and says nothing of them."""

    kinds: Collection[Kind] = ()

    def __init__(self, seen: list[Bar]) -> None:
        self._seen = seen

    def judge(self, _: Block, bar: Bar) -> list[Signal]:
        self._seen.append(bar)
        return []

    def pack(self, _: Block) -> None:
        pass

    def reset(self) -> None:
        pass

    def restore(self, _: Block) -> None:
        pass


def stage(seen: list[Bar] | None = None, lateness: int = 10 * 60_000) -> DetectStage:
    """A stage that notes the bars which it closes in ``seen``."""
    return DetectStage(TICK, IDLE, load_rulebook(), lateness, None if seen is None else Noting(seen))


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(f"infopump_detect_{name}_total") or 0.0


def signals(sent: Iterable[Outgoing]) -> list[Signal]:
    return [msgspec.json.decode(o.value, type=Signal) for o in sent]


def block_of(detect: DetectStage) -> Block:
    return Block.from_bytes(detect.dirty()[CITY.encode()], Pace.of(TICK))


def trade(ticks: Iterable[int], partition: int, lift: float = 8.0, seed: int = 1) -> Iterator[list[Cell]]:
    """Three lines an hour of each commodity in each county, from one raw partition; a salt rush at the end in one."""
    offsets = count()
    for tick in ticks:
        rng = np.random.default_rng([seed, partition, tick // TICK])
        rows = []
        for county in COUNTIES:
            for code in CODES:
                rush = lift if tick >= RUSH_AT and (county, code) == ("330602", "1001") else 1.0
                lines = int(rng.poisson(0.25 * rush))
                if lines:
                    quantity = int(500 * np.exp(rng.normal(-0.02, 0.2)) * lines)
                    rows.append(Cell(next(offsets), county, code, tick, lines, quantity, float(rng.normal(0, 0.02))))
        yield rows


def messages(until: int = RUSH_AT + 4 * HOUR_MS, late: float = 0.0, lift: float = 8.0) -> list[Incoming]:
    """Two raw partitions that take turns, half an hour in a message; a share of the rows comes 1 to 3 messages late."""
    ticks = range(START, until, TICK)
    streams = [list(trade(ticks, partition, lift)) for partition in (0, 1)]
    if late:
        streams = [delayed(stream, late) for stream in streams]
    numbers = count()
    out = []
    for i in range(0, len(ticks), 6):
        for partition, stream in enumerate(streams):
            rows = [r for tick in stream[i : i + 6] for r in tick]
            word = ticks[min(i + 6, len(ticks)) - 1] + TICK
            out.append(cells(rows, word, partition=partition, sources="0,1", offset=next(numbers)))
    return out


def delayed(stream: list[list[Cell]], share: float) -> list[list[Cell]]:
    """The rows in another order of arrival; offsets rise with it."""
    rng = np.random.default_rng(5)
    out: list[list[Cell]] = [[] for _ in stream]
    for i, rows in enumerate(stream):
        for row in rows:
            after = 6 * int(rng.integers(1, 4)) if rng.random() < share else 0
            out[min(i + after, len(out) - 1)].append(row)
    offsets = count()
    return [[row._replace(offset=next(offsets)) for row in rows] for rows in out]
