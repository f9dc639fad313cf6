"""Detect: cells of a city become ticks, closed ticks are judged, and what is not usual is said as signals."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import structlog
from prometheus_client import Counter

from agents.stage import Incoming, Outgoing
from detectors.block import Block
from detectors.pace import Pace
from detectors.pending import Rows
from detectors.rulebook import Rulebook
from detectors.watch import silent, skip, watch
from detectors.watermark import watermark
from streams.columns import CELLS_SCHEMA, RAW_PARTITION, SOURCES, WATERMARK, from_bytes
from streams.records import Signal, encode
from streams.taxonomy import OTHER, UNCLASSIFIED
from streams.topics import CELLS, SIGNALS

log = structlog.get_logger(__name__)

_UNWATCHED: Final = frozenset({OTHER, UNCLASSIFIED})
"""No one commodity stands behind these; a code below them is a provisional group, and is watched."""
_bad = Counter("infopump_detect_bad_messages", "Messages of market.cells that could not be read")
_repeated = Counter("infopump_detect_repeated_rows", "Rows dropped because they were applied before")
_late = Counter("infopump_detect_late_rows", "Rows left out because their tick was closed")
_ticks = Counter("infopump_detect_ticks", "Ticks of a city closed")
_signals = Counter("infopump_detect_signals", "Signals sent, by kind", ["kind"])


class DetectStage:
    """See agents.stage.Stage. One worker's share of ``market.cells``; state by city.

    ``tick_ms`` is the length of a tick; a source silent for ``idle_ms`` of event time holds no tick open.
    """

    source = CELLS

    def __init__(self, tick_ms: int, idle_ms: int, rulebook: Rulebook) -> None:
        self._pace = Pace.of(tick_ms)
        self._idle_ms = idle_ms
        self._numbers = rulebook.numbers
        self.reset()

    def reset(self) -> None:
        """See Stage."""
        self._blocks: dict[str, Block] = {}
        self._dirty: set[str] = set()
        self._out: list[Outgoing] = []

    def apply(self, record: Incoming) -> None:
        """See Stage."""
        try:
            city = (record.key or b"").decode("ascii")
            table = from_bytes(record.value, CELLS_SCHEMA)
            partition, sources, word = _metadata(table.schema.metadata or {})
        except (pa.ArrowException, ValueError, KeyError, OSError) as error:
            log.warning("bad cells", partition=record.partition, offset=record.offset, error=str(error)[:200])
            _bad.inc()
            return
        block = self._blocks.get(city)
        if block is None:
            block = self._blocks[city] = Block.new(city, self._pace)
        self._take(block, partition, table.combine_chunks().to_batches()[0])
        block.sources = sources
        block.said[partition] = max(block.said.get(partition, 0), word)
        self._close(block)
        self._dirty.add(city)

    def drain(self) -> list[Outgoing]:
        """See Stage."""
        out, self._out = self._out, []
        return out

    def dirty(self) -> dict[bytes, bytes]:
        """See Stage."""
        blocks = {city.encode(): self._blocks[city].to_bytes() for city in sorted(self._dirty)}
        self._dirty.clear()
        return blocks

    def restore(self, key: bytes, block: bytes) -> None:
        """See Stage. Raises detectors.block.BlockError where the block is not of this version or tick."""
        self._blocks[key.decode()] = Block.from_bytes(block, self._pace)

    def _take(self, block: Block, partition: int, batch: pa.RecordBatch) -> None:
        """Put the rows that were not applied before among the pending ones."""
        offset = _numpy(batch, "raw_offset")
        new = offset > block.applied.get(partition, -1)
        _repeated.inc(int(len(new) - np.count_nonzero(new)))
        if not new.any():
            return
        block.applied[partition] = int(offset.max())
        tick = _numpy(batch, "tick") // self._pace.tick_ms * self._pace.tick_ms
        if block.cursor is not None:
            late = new & (tick < block.cursor)
            _late.inc(int(np.count_nonzero(late)))
            new &= ~late
        codes, code = _tags(batch, "code")
        new &= np.array([name not in _UNWATCHED for name in codes], np.bool_)[code]
        if not new.any():
            return
        counties, county = _tags(batch, "county")
        block.make_room(_used(counties, county[new]), _used(codes, code[new]))
        unit_of, code_of = block.unit_index(), block.code_index()
        relative = _numpy(batch, "log_relative")[new]
        sound = np.isfinite(relative)
        tick = tick[new]
        block.first = min(int(tick.min()), block.first if block.first is not None else int(tick.min()))
        block.pending.add(
            Rows(
                tick=tick,
                unit=np.array([unit_of.get(name, -1) for name in counties], np.int64)[county[new]],
                code=np.array([code_of.get(name, -1) for name in codes], np.int64)[code[new]],
                lines=_floats(batch, "lines")[new],
                quantity=_floats(batch, "base_qty")[new],
                relatives=np.where(sound, _floats(batch, "relatives")[new], 0.0),
                log_relative=np.where(sound, relative, 0.0),
                partition=np.full(len(tick), 1 << partition % 64, np.uint64),
            )
        )

    def _close(self, block: Block) -> None:
        """Judge every tick that the watermark has passed, empty ones too."""
        if block.first is None:
            return
        word = watermark(block.said, block.sources, block.first, self._idle_ms)
        if word is None:
            return
        end = word // self._pace.tick_ms * self._pace.tick_ms
        for tick, rows in block.pending.take(before=end):
            self._pass_empty(block, tick if block.cursor is None else block.cursor, tick)
            self._judge(block, tick, rows)
            block.heard = tick
        if block.cursor is not None:
            self._pass_empty(block, block.cursor, end)

    def _pass_empty(self, block: Block, tick: int, before: int) -> None:
        """Ticks without rows are ticks without sales, unless the whole city has been silent for more than a day."""
        while tick < before:
            if silent(block, tick):
                self._send(skip(block, tick, before - self._pace.tick_ms, self._numbers))
                block.cursor = before
                return
            self._judge(block, tick, Rows.empty())
            tick += self._pace.tick_ms

    def _judge(self, block: Block, tick: int, rows: Rows) -> None:
        cells = rows.dense(len(block.units), len(block.codes))
        self._send(watch(block, tick, cells, self._numbers))
        block.cursor = tick + self._pace.tick_ms
        _ticks.inc()

    def _send(self, signals: list[Signal]) -> None:
        for signal in signals:
            self._out.append(Outgoing(SIGNALS, signal.code.encode(), encode(signal)))
            _signals.labels(signal.kind).inc()


def _metadata(metadata: Mapping[bytes, bytes]) -> tuple[int, list[int], int]:
    """Raw partition, sources and watermark of a message. Raises KeyError or ValueError where one is not there."""
    sources = [int(source) for source in metadata[SOURCES].split(b",") if source]
    return int(metadata[RAW_PARTITION]), sources, int(metadata[WATERMARK])


def _numpy(batch: pa.RecordBatch, name: str) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = batch.column(name).to_numpy(zero_copy_only=False)
    return values


def _floats(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.float64]:
    return _numpy(batch, name).astype(np.float64)


def _tags(batch: pa.RecordBatch, name: str) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The dictionary of a column, and the index of each row in it."""
    column = batch.column(name)
    return column.dictionary.to_pylist(), column.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _used(names: list[str], index: npt.NDArray[np.int64]) -> list[str]:
    return [names[i] for i in np.unique(index).tolist()]
