"""What normalize sends: clean batches, cells and refusals, gathered between checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from agents.normalize.cells import Cells
from agents.stage import Outgoing
from streams.columns import (
    CELLS_SCHEMA,
    CLEAN_SCHEMA,
    CONTENT,
    RAW_PARTITION,
    SOURCES,
    WATERMARK,
    to_bytes,
)
from streams.envelope import CONTENT_TYPE
from streams.records import TerminalRecord
from streams.topics import CELLS, CLEAN

ROWS_PER_MESSAGE: Final = 20_000
"""A message is closed once it has so many rows; an envelope never straddles two."""
_HEADERS: Final = {CONTENT_TYPE: CONTENT.encode()}
_WIRE_TEXTS: Final = ("sku", "name", "unit", "brand", "origin", "lot")


@dataclass(frozen=True, slots=True)
class CleanEnvelope:
    """One envelope normalised: its wire columns and what was computed beside them (arrays of shape (n,))."""

    terminal: TerminalRecord
    seq: int
    sent_at: int
    partition: int
    offset: int
    lines: pa.RecordBatch
    kind: npt.NDArray[np.int8]
    code: npt.NDArray[np.int32]
    method: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float32]
    qty: npt.NDArray[np.int64]
    amount: npt.NDArray[np.int64]
    base_qty: npt.NDArray[np.int64]
    unit_price: npt.NDArray[np.int64]
    quality: npt.NDArray[np.uint16]


def filled(column: pa.Array, value: object) -> pa.Array:
    """The column with ``value`` for nulls."""
    return column.fill_null(value) if column.null_count else column


def _batches(sizes: Sequence[int]) -> list[slice]:
    """Slices of consecutive envelopes whose rows reach ``ROWS_PER_MESSAGE``."""
    slices, start, rows = [], 0, 0
    for i, size in enumerate(sizes):
        rows += size
        if rows >= ROWS_PER_MESSAGE:
            slices.append(slice(start, i + 1))
            start, rows = i + 1, 0
    if start < len(sizes):
        slices.append(slice(start, len(sizes)))
    return slices


def clean_messages(envelopes: list[CleanEnvelope], texts: list[str]) -> list[Outgoing]:
    """Messages of ``pos.clean`` for envelopes of one raw partition; ``texts`` is the stage's dictionary of codes."""
    full = [e for e in envelopes if e.lines.num_rows]
    return [
        Outgoing(
            CLEAN,
            full[part.start].terminal.terminal_id.encode(),
            to_bytes(_clean_batch(full[part], texts)),
            # The same partition as in pos.raw: offsets of the two can be told from each other.
            full[part.start].partition,
            _HEADERS,
        )
        for part in _batches([e.lines.num_rows for e in full])
    ]


def _clean_batch(envelopes: list[CleanEnvelope], texts: list[str]) -> pa.RecordBatch:
    sizes = np.array([e.lines.num_rows for e in envelopes])
    of_line = np.repeat(np.arange(len(envelopes), dtype=np.int32), sizes)
    lines = pa.concat_batches([e.lines for e in envelopes])

    def tag(values: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(of_line, pa.array(values, pa.string()))

    def per_line(values: list[int], dtype: pa.DataType) -> pa.Array:
        return pa.array(np.array(values)[of_line]).cast(dtype)

    def joined(name: str) -> npt.NDArray[np.generic]:
        return np.concatenate([getattr(e, name) for e in envelopes])

    columns: dict[str, pa.Array] = {
        "terminal_id": tag([e.terminal.terminal_id for e in envelopes]),
        "seq": per_line([e.seq for e in envelopes], pa.int64()),
        "line": lines.column("line"),
        "raw_partition": per_line([e.partition for e in envelopes], pa.int32()),
        "raw_offset": per_line([e.offset for e in envelopes], pa.int64()),
        "ts": lines.column("ts"),
        "sent_at": per_line([e.sent_at for e in envelopes], pa.timestamp("ms", "UTC")),
        "kind": lines.column("kind").dictionary_encode(),
        "enterprise": tag([e.terminal.enterprise for e in envelopes]),
        "county": tag([e.terminal.county for e in envelopes]),
        "channel": _channel(lines, tag([e.terminal.channel for e in envelopes])),
        "code": pa.DictionaryArray.from_arrays(joined("code"), pa.array(texts)),
        "method": pa.DictionaryArray.from_arrays(joined("method"), pa.array(texts)),
        "promo": filled(lines.column("promo"), False),
    }
    for name in _WIRE_TEXTS:
        columns[name] = filled(lines.column(name), "").dictionary_encode()
    for name in ("confidence", "qty", "amount", "base_qty", "unit_price", "quality"):
        columns[name] = pa.array(joined(name))
    return pa.RecordBatch.from_arrays([columns[f.name] for f in CLEAN_SCHEMA], schema=CLEAN_SCHEMA)


def _channel(lines: pa.RecordBatch, usual: pa.Array) -> pa.Array:
    said = lines.column("channel")
    if said.null_count == len(said):
        return usual
    return pa.compute.coalesce(said, usual.cast(pa.string())).dictionary_encode()


@dataclass(slots=True)
class CityCells:
    """Cells of one city from one raw partition since the last checkpoint."""

    parts: list[tuple[int, str, Cells]] = field(default_factory=list)
    """(raw offset, county, cells) of each envelope"""

    def messages(self, city: str, partition: int, watermark: int, sources: str, texts: list[str]) -> list[Outgoing]:
        """Messages of ``market.cells``, the last one with the newest watermark; one without rows if there are none."""
        full = [part for part in self.parts if len(part[2])]
        slices = _batches([len(cells) for _, _, cells in full]) or [slice(0, 0)]
        out = []
        for s in slices:
            said = watermark if s is slices[-1] else 0
            metadata = {WATERMARK: str(said), SOURCES: sources, RAW_PARTITION: str(partition)}
            batch = _cells_batch(full[s], partition, texts).replace_schema_metadata(metadata)
            out.append(Outgoing(CELLS, city.encode(), to_bytes(batch), None, _HEADERS))
        return out


def _cells_batch(parts: list[tuple[int, str, Cells]], partition: int, texts: list[str]) -> pa.RecordBatch:
    sizes = np.array([len(cells) for _, _, cells in parts], dtype=np.int64)
    of_row = np.repeat(np.arange(len(parts), dtype=np.int32), sizes)
    n = len(of_row)
    counties = pa.array([county for _, county, _ in parts], pa.string())
    columns: dict[str, pa.Array] = {
        "raw_partition": pa.array(np.full(n, partition, np.int32)),
        "raw_offset": pa.array(np.array([offset for offset, _, _ in parts], np.int64)[of_row]),
        "county": pa.DictionaryArray.from_arrays(of_row, counties),
        "terminals": pa.array(np.ones(n, np.int64)),
    }
    for f in CELLS_SCHEMA:
        if f.name not in columns:
            values = [getattr(cells, f.name) for _, _, cells in parts] or [np.zeros(0, np.int64)]
            joined = np.concatenate(values)
            if f.name == "code":
                columns["code"] = pa.DictionaryArray.from_arrays(joined.astype(np.int32), pa.array(texts, pa.string()))
            else:
                columns[f.name] = pa.array(joined, f.type)
    return pa.RecordBatch.from_arrays([columns[f.name] for f in CELLS_SCHEMA], schema=CELLS_SCHEMA)
