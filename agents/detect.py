"""Detect: cells of a city become ticks, closed ticks are judged, and what is not usual is said as signals."""

from collections.abc import Collection
from typing import Final, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import structlog
from prometheus_client import Counter

from agents.cells_message import CellsMessage, read_cells
from agents.signals_message import to_messages
from agents.stage import Incoming, Outgoing
from detectors import bars, late
from detectors.bars import Bar
from detectors.block import Block
from detectors.contributors import contributors
from detectors.held import release
from detectors.pace import Pace
from detectors.pending import STOCK, Rows
from detectors.rulebook import Rulebook
from detectors.state import Ints, Mask
from detectors.watch import silent, skip, watch
from detectors.watermark import watermark
from streams.columns import TOLD
from streams.records import Kind, Signal
from streams.taxonomy import OTHER, UNCLASSIFIED
from streams.ticks import tick_of
from streams.topics import CELLS

log = structlog.get_logger(__name__)

_UNWATCHED: Final = frozenset({OTHER, UNCLASSIFIED})
"""No one commodity stands behind these; a code below them is a provisional group, and is watched."""
_bad = Counter("infopump_detect_bad_messages", "Messages of market.cells that could not be read")
_repeated = Counter("infopump_detect_repeated_rows", "Rows dropped because they were applied before")
_late = Counter("infopump_detect_late_rows", "Rows left out because their bar was closed")
_corrections = Counter("infopump_detect_corrections", "Rows that came after their tick was closed, and corrected it")
_bars = Counter("infopump_detect_bars", "Bars of a city closed")
_ticks = Counter("infopump_detect_ticks", "Ticks of a city closed")
_signals = Counter("infopump_detect_signals", "Signals sent, by kind", ["kind"])


class Judge(Protocol):
    """Looks at the closed bars of all cities."""

    kinds: Collection[Kind]
    """what it looks for"""

    def judge(self, block: Block, bar: Bar) -> list[Signal]:
        """Take in a bar."""

    def pack(self, block: Block) -> None:
        """Put everything that is known of a city into its block, as ``panel``."""

    def reset(self) -> None:
        """Forget everything: blocks may come back as they were earlier, or elsewhere."""

    def restore(self, block: Block) -> None:
        """Take back what stands in a block."""


class DetectStage:
    """See agents.stage.Stage. One worker's share of ``market.cells``; state by city.

    ``tick_ms`` is the length of a tick; a source silent for ``idle_ms`` of event time holds no tick open. A bar is held
    open for late rows for ``lateness_ms`` of event time, and then given to ``judge``.
    """

    source = CELLS

    def __init__(
        self,
        tick_ms: int,
        idle_ms: int,
        rulebook: Rulebook,
        lateness_ms: int = 600_000,
        judge: Judge | None = None,
    ) -> None:
        self._pace = Pace.of(tick_ms)
        self._bar_ms = bars.bar_ms(self._pace)
        self._idle_ms = idle_ms
        self._lateness_ms = lateness_ms
        self._numbers = rulebook.numbers
        self._judged_by = judge
        # Where a tick is as long as a bar, a kind is not said twice of the same city, commodity and time.
        self._of_bars = frozenset(judge.kinds) if judge is not None and self._bar_ms == tick_ms else frozenset[Kind]()
        self.reset()

    def reset(self) -> None:
        """See Stage."""
        self._blocks: dict[str, Block] = {}
        self._dirty: set[str] = set()
        self._out: list[Outgoing] = []
        if self._judged_by is not None:
            self._judged_by.reset()

    def apply(self, record: Incoming) -> None:
        """See Stage."""
        try:
            city = _city(record.key)
            message = read_cells(record.value)
        except (pa.ArrowException, ValueError, KeyError, OSError) as error:
            log.warning("bad cells", partition=record.partition, offset=record.offset, error=str(error)[:200])
            _bad.inc()
            return
        block = self._blocks.get(city)
        if block is None:
            block = self._blocks[city] = Block.new(city, self._pace)
        self._take(block, message)
        block.sources = message.sources
        block.said[message.partition] = max(block.said.get(message.partition, 0), message.watermark)
        self._close(block)
        self._dirty.add(city)

    def drain(self) -> list[Outgoing]:
        """See Stage."""
        out, self._out = self._out, []
        return out

    def dirty(self) -> dict[bytes, bytes]:
        """See Stage."""
        if self._judged_by is not None:
            for city in self._dirty:
                self._judged_by.pack(self._blocks[city])
        blocks = {city.encode(): self._blocks[city].to_bytes() for city in sorted(self._dirty)}
        self._dirty.clear()
        return blocks

    def restore(self, key: bytes, block: bytes) -> None:
        """See Stage. Raises detectors.block.BlockError where the block is not of this version or tick."""
        known = self._blocks[key.decode()] = Block.from_bytes(block, self._pace)
        if self._judged_by is not None:
            self._judged_by.restore(known)

    def _take(self, block: Block, message: CellsMessage) -> None:
        """Put the rows that were not applied before among the pending ones; what is late for that corrects its tick."""
        if not len(message.offset):
            return
        new = message.offset > block.applied.get(message.partition, -1)
        _repeated.inc(len(new) - int(np.count_nonzero(new)))
        if not new.any():
            return
        block.applied[message.partition] = int(message.offset.max())
        tick = tick_of(message.tick, self._pace.tick_ms)
        told = np.zeros(len(new), np.bool_)
        for i, name in enumerate(message.codes):
            if name in _UNWATCHED:
                new &= message.code != i
            elif name == TOLD:
                told = new & (message.code == i)
                new &= ~told
        if block.cursor is not None:
            passed = new & (tick < block.cursor)
            if passed.any():
                self._correct(block, message, tick, passed)
                new &= ~passed
        if new.any():
            rows = _rows(block, message, tick, np.flatnonzero(new))
            first = int(rows.tick.min())
            block.first = first if block.first is None else min(block.first, first)
            block.pending.add(rows)
        if told.any():
            self._tell(block, message, np.flatnonzero(told))

    def _tell(self, block: Block, message: CellsMessage, which: Ints) -> None:
        """Count the terminals that have sent all their sales of a bar. Counties that never had a line do not matter."""
        unit = _units(block, message)[message.county[which]]
        known = unit >= 0
        starts = tick_of(message.tick[which], self._bar_ms)
        _late.inc(bars.tell(block.bars, starts[known], unit[known]))

    def _correct(self, block: Block, message: CellsMessage, tick: Ints, passed: Mask) -> None:
        """Take in rows whose ticks are closed, where their bar is open."""
        there = passed & (tick_of(tick, self._bar_ms) >= block.bars.until)
        corrections = int(np.count_nonzero(there))
        _late.inc(int(np.count_nonzero(passed)) - corrections)
        if corrections:
            late.correct(block, _rows(block, message, tick, np.flatnonzero(there)))
            _corrections.inc(corrections)

    def _close(self, block: Block) -> None:
        """Judge every tick that the watermark has passed, empty ones too."""
        if block.first is None:
            return
        word = watermark(block.said, block.sources, block.first, self._idle_ms)
        if word is None:
            return
        end = tick_of(word, self._pace.tick_ms)
        for tick, rows in block.pending.take(before=end):
            self._pass_empty(block, tick if block.cursor is None else block.cursor, tick)
            self._judge(block, tick, rows)
            block.heard = tick
        if block.cursor is not None:
            self._pass_empty(block, block.cursor, end)
            self._close_bars(block, word)

    def _pass_empty(self, block: Block, tick: int, before: int) -> None:
        """Ticks without rows are ticks without sales, unless the whole city has been silent for more than a day."""
        while tick < before:
            if silent(block, tick):
                self._close_bars(block, tick)
                self._send(skip(block, tick, before - self._pace.tick_ms, self._numbers))
                block.cursor, block.waiting = before, Rows.empty()
                return
            self._judge(block, tick, Rows.empty())
            tick += self._pace.tick_ms

    def _judge(self, block: Block, tick: int, rows: Rows) -> None:
        # In the order of event time, however many ticks one message closes: first the bars that could have been closed
        # before the end of this tick.
        self._close_bars(block, tick + self._pace.tick_ms - 1)
        rows, block.waiting = release(block.held, block.waiting, rows, tick, self._pace)
        cells = rows.dense(len(block.units), len(block.codes))
        signals = [s for s in watch(block, tick, cells, self._numbers) if s.kind not in self._of_bars]
        bars.add(block.bars, rows, tick, self._pace)
        self._send([_counted(block, s) for s in signals])
        block.cursor = tick + self._pace.tick_ms
        _ticks.inc()

    def _close_bars(self, block: Block, word: int) -> None:
        """Judge every bar that a watermark has passed by the allowed lateness."""
        if block.cursor is None:
            return
        before = min(word - self._lateness_ms, block.cursor)
        for bar in bars.close(block.bars, before, block.units, block.codes, self._pace):
            if self._judged_by is not None:
                self._send(self._judged_by.judge(block, bar))
            _bars.inc()

    def _send(self, signals: list[Signal]) -> None:
        """Signals of one city and tick."""
        self._out += to_messages(signals)
        for signal in signals:
            _signals.labels(signal.kind).inc()


def _city(key: bytes | None) -> str:
    if key is None or len(key) != 4 or not key.isdigit():
        raise ValueError(f"key: expected a city of 4 digits, got {key!r}")
    return key.decode("ascii")


def _rows(block: Block, message: CellsMessage, tick: Ints, which: Ints) -> Rows:
    """Some of a message's rows, with room made for them in the block."""
    county, code = message.county[which], message.code[which]
    block.make_room(_used(message.counties, county), _used(message.codes, code))
    sums = message.sums[:, which]
    # A report of stock is no evidence that the shop sells.
    speaks = sums[:STOCK].any(axis=0)
    return Rows(
        tick=tick[which],
        unit=_units(block, message)[county],
        code=np.array([block.code_at.get(name, -1) for name in message.codes], np.int64)[code],
        sums=sums,
        partition=np.where(speaks, np.uint64(1) << np.uint64(message.partition % 64), np.uint64(0)),
        chains=np.where(speaks, message.chains[which], np.uint64(0)),
    )


def _units(block: Block, message: CellsMessage) -> Ints:
    """Unit of each county of the message, -1: none."""
    return np.array([block.unit_at.get(name, -1) for name in message.counties], np.int64)


def _counted(block: Block, signal: Signal) -> Signal:
    """With the enterprises that lines came from since the first sign of each reading."""
    if not signal.readings:
        return signal
    readings = []
    for r in signal.readings:
        behind = contributors(block, r.region, signal.code, r.since)
        shops = max(r.terminals, behind.shops)
        readings.append(msgspec.structs.replace(r, terminals=shops, evidence=behind.beside(r.evidence)))
    return msgspec.structs.replace(signal, readings=readings)


def _used(names: list[str], index: Ints) -> list[str]:
    return [names[i] for i in np.flatnonzero(np.bincount(index)).tolist()]
