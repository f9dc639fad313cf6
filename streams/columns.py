"""The Arrow batches between the stages, ``pos.clean`` and ``market.cells``, and how one stands in a Kafka message."""

from enum import IntFlag
from typing import Final

import pyarrow as pa

CONTENT: Final = "application/vnd.apache.arrow.stream"

_TAG: Final = pa.dictionary(pa.int32(), pa.string())

CLEAN_SCHEMA: Final = pa.schema(
    [
        pa.field("terminal_id", _TAG, nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("line", pa.uint16(), nullable=False),
        pa.field("raw_partition", pa.int32(), nullable=False),
        pa.field("raw_offset", pa.int64(), nullable=False),
        pa.field("ts", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("sent_at", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("kind", _TAG, nullable=False),
        pa.field("enterprise", _TAG, nullable=False),
        pa.field("county", _TAG, nullable=False),
        pa.field("channel", _TAG, nullable=False),
        pa.field("sku", _TAG, nullable=False),
        pa.field("name", _TAG, nullable=False),
        pa.field("unit", _TAG, nullable=False),
        pa.field("brand", _TAG, nullable=False),
        pa.field("origin", _TAG, nullable=False),
        pa.field("lot", _TAG, nullable=False),
        pa.field("code", _TAG, nullable=False),
        pa.field("method", _TAG, nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),
        pa.field("qty", pa.int64(), nullable=False),
        pa.field("amount", pa.int64(), nullable=False),
        pa.field("base_qty", pa.int64(), nullable=False),
        pa.field("unit_price", pa.int64(), nullable=False),
        pa.field("promo", pa.bool_(), nullable=False),
        pa.field("quality", pa.uint16(), nullable=False),
    ]
)
"""A normalised line. ``base_qty`` in g, ml or thousandths of a piece (0: not known), ``unit_price`` in 1e-4 yuan per
kg, L or piece (0: not known); a return has negative ``qty``, ``amount`` and ``base_qty``, so that sums net out. City
and province are the first 4 and 2 digits of ``county``. Texts that were not sent are empty."""

CELLS_SCHEMA: Final = pa.schema(
    [
        pa.field("raw_partition", pa.int32(), nullable=False),
        pa.field("raw_offset", pa.int64(), nullable=False),
        pa.field("county", _TAG, nullable=False),
        pa.field("code", _TAG, nullable=False),
        pa.field("tick", pa.int64(), nullable=False),
        pa.field("lines", pa.int64(), nullable=False),
        pa.field("terminals", pa.int64(), nullable=False),
        pa.field("base_qty", pa.int64(), nullable=False),
        pa.field("amount", pa.int64(), nullable=False),
        pa.field("relatives", pa.int64(), nullable=False),
        pa.field("log_relative", pa.float64(), nullable=False),
        pa.field("log_relative_sq", pa.float64(), nullable=False),
        pa.field("held", pa.int64(), nullable=False),
        pa.field("log_held", pa.float64(), nullable=False),
        pa.field("held_new", pa.int64(), nullable=False),
        pa.field("stock", pa.int64(), nullable=False),
        pa.field("stock_skus", pa.int64(), nullable=False),
        pa.field("zero_skus", pa.int64(), nullable=False),
        pa.field("chains", pa.uint64(), nullable=False),
    ]
)
"""Partial sums of one envelope by county x code x tick. ``tick`` is the start, ms UTC. ``lines``, ``base_qty`` and
``amount`` count sales less returns; ``relatives`` says how many lines carry a log price relative, the next two are its
sum and sum of squares; ``held`` how many have one that may be a mistake or a promotion, ``log_held`` is its sum, and
with ``held_new`` lines an article of the shop became held; ``stock`` is the stock on hand in base units, over
``stock_skus`` reports, ``zero_skus`` of them at zero. Lines held upwards, those held downwards and all others are in
rows of their own, of which the first has ``terminals`` 1, the others 0. ``chains`` is the enterprise's bit
(``chains.py``). Rows of one message are of one city and one raw partition, by rising ``raw_offset``.

A row of the code TOLD is of no commodity: one terminal (``terminals`` 1) has sent all its sales of the bar (an hour, or
a tick where that is longer) that begins at ``tick``; all other sums are 0."""

CELLS_BEFORE: Final = CELLS_SCHEMA.remove(CELLS_SCHEMA.get_field_index("chains"))
"""Before there were ``chains``, and rows of TOLD."""

TOLD: Final = "@told"
"""In place of a commodity's code, which begins with a digit."""

WATERMARK: Final = b"watermark"
"""Metadata of a cells message: ms UTC; the terminals of this city in this raw partition have sent all before it."""
SOURCES: Final = b"sources"
"""Metadata of a cells message: the raw partitions in which this city has terminals, as ``0,2,3``."""
RAW_PARTITION: Final = b"raw_partition"
"""Metadata of a cells message: the raw partition that it speaks for (there may be no rows)."""


# Arrow's own threads cost 280 us of CPU a small message against 50 without.
_COMPRESSED: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_PLAIN: Final = pa.ipc.IpcWriteOptions(use_threads=False)
_ONE_THREAD: Final = pa.ipc.IpcReadOptions(use_threads=False)


class Quality(IntFlag):
    """Marks on a clean line: flagged, never deleted."""

    LATE = 1
    """sent more than an hour after it happened"""
    UNIT_UNKNOWN = 2
    """the unit could not be brought to the base unit of its commodity: no base quantity, no unit price"""
    UNIT_GUESSED = 4
    """the unit was missing and the SKU's own was taken"""
    UNCLASSIFIED = 8
    """no commodity is known for the SKU"""
    NO_AMOUNT = 16
    """amount or quantity is zero: no unit price"""
    OUTLIER = 32
    """the unit price is more than 8 times, or less than an eighth of, the SKU's usual one in this shop"""
    UNIT_MISTAKE = 64
    """the unit price is a step of 2, 10, 500 or 1000 away: a price per 斤, grams as kilograms, a pack as a piece"""
    NEW_SKU = 128
    """the first line of this article in this shop"""
    RETURNING = 256
    """the article was not sold in this shop for longer than it is usual for it"""
    PROMO_INFERRED = 512
    """no promotion was said, but the price fell at once by 15 % or more: held until the market says otherwise"""
    REVERSAL = 1024
    """a correction: takes back an earlier entry of the same line, with its quantities and amount negated"""
    RECODED = 2048
    """a correction: the line again, as it is known since; its ``sent_at`` is when it was corrected"""


def to_bytes(batch: pa.RecordBatch | pa.Table, *, compressed: bool = True) -> bytes:
    """One Arrow IPC stream, its buffers compressed where it leaves this process."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_COMPRESSED if compressed else _PLAIN) as writer:
        writer.write(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def from_bytes(data: bytes, schema: pa.Schema, *older: pa.Schema) -> pa.Table:
    """Read what ``to_bytes`` wrote. Raises pa.ArrowInvalid where it is none of ``schema`` or an older one."""
    # Arrow's own threads cost 170 us a message against 26 without: there is nothing here for them to share.
    table = pa.ipc.open_stream(pa.py_buffer(data), options=_ONE_THREAD).read_all()
    if not any(table.schema.equals(known) for known in (schema, *older)):
        raise pa.ArrowInvalid(f"expected the columns {schema.names}, got {table.schema.names}")
    return table
