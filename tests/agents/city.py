"""Messages of market.cells for tests, as normalize would send them."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from agents.stage import Incoming
from streams.columns import CELLS_SCHEMA, RAW_PARTITION, SOURCES, WATERMARK, to_bytes
from streams.topics import CELLS

CITY = "3306"


class Cell(NamedTuple):
    """One row; quantity in thousandths of the base unit."""

    offset: int
    county: str
    code: str
    tick: int
    lines: int = 1
    quantity: int = 500
    relative: float = 0.0
    held: float = 0.0
    """log relative of each line, where they are held: then they carry no other"""
    new: int = 0
    stock: int = 0
    skus: int = 0
    zero: int = 0
    chains: int = 0
    """mask of the enterprise"""


def cells(
    rows: Iterable[Cell],
    watermark: int,
    *,
    partition: int = 0,
    sources: str = "0",
    offset: int = 0,
    city: str = CITY,
) -> Incoming:
    """A message of one raw partition."""
    row = list(rows)
    n = len(row)

    def ints(values: Iterable[int], dtype: pa.DataType | None = None) -> pa.Array:
        return pa.array(list(values), dtype or pa.int64())

    def tag(values: Iterable[str]) -> pa.Array:
        return pa.array(list(values), pa.string()).dictionary_encode()

    columns = {
        "raw_partition": ints([partition] * n, pa.int32()),
        "raw_offset": ints(r.offset for r in row),
        "county": tag(r.county for r in row),
        "code": tag(r.code for r in row),
        "tick": ints(r.tick for r in row),
        "lines": ints(r.lines for r in row),
        "terminals": ints(1 for _ in row),
        "base_qty": ints(r.quantity for r in row),
        "relatives": ints(0 if r.held else r.lines for r in row),
        "log_relative": pa.array(np.array([r.relative * r.lines for r in row], np.float64)),
        "log_relative_sq": pa.array(np.zeros(n)),
        "held": ints(r.lines if r.held else 0 for r in row),
        "log_held": pa.array(np.array([r.held * r.lines for r in row], np.float64)),
        "held_new": ints(r.new for r in row),
        "stock": ints(r.stock for r in row),
        "stock_skus": ints(r.skus for r in row),
        "zero_skus": ints(r.zero for r in row),
        "chains": ints((r.chains for r in row), pa.uint64()),
    }
    none = ints([0] * n)
    batch = pa.RecordBatch.from_arrays([columns.get(f.name, none) for f in CELLS_SCHEMA], schema=CELLS_SCHEMA)
    said = {WATERMARK: str(watermark), SOURCES: sources, RAW_PARTITION: str(partition)}
    value = to_bytes(batch.replace_schema_metadata(said))
    return Incoming(CELLS, 0, offset, 0, city.encode(), value, {})
