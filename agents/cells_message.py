"""A message of market.cells as numpy columns: everything is read and checked before anything is done with it."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.pending import HELD, HELD_NEW, LOG_HELD, LOG_RELATIVE, RELATIVES
from detectors.state import Bits, Floats, Ints
from streams.columns import CELLS_BEFORE, CELLS_SCHEMA, RAW_PARTITION, SOURCES, WATERMARK, from_bytes

_SUMS: Final = (
    *("lines", "base_qty", "relatives", "log_relative", "held", "log_held", "held_new"),
    *("stock", "stock_skus", "zero_skus"),
)
"""In the order of detectors.pending."""
_AT: Final = {
    name: CELLS_SCHEMA.get_field_index(name) for name in ("raw_offset", "tick", "county", "code", *_SUMS, "chains")
}


@dataclass(frozen=True, slots=True)
class CellsMessage:
    """Rows as arrays of shape (n,) where nothing else is said, and what stands once a message."""

    partition: int
    """the raw partition that it speaks for"""
    sources: list[int]
    watermark: int
    offset: Ints
    tick: Ints
    counties: list[str]
    county: Ints
    """index into ``counties``"""
    codes: list[str]
    code: Ints
    """index into ``codes``; of these some may be in no row"""
    sums: Floats
    """(10, n): lines, base quantity, relatives, log relative, lines held, their log relatives, articles newly held,
    stock on hand, reports of it, reports of zero"""
    chains: Bits
    """the bit of the enterprise; 0: not known"""


def read_cells(data: bytes) -> CellsMessage:
    """Read the value of a message.

    Raises pa.ArrowInvalid where the bytes are no Arrow stream of CELLS_SCHEMA or CELLS_BEFORE, KeyError or ValueError
    where the metadata lacks something or a column holds nulls or tags beyond its dictionary. A relative that is not
    finite counts as none.
    """
    table = from_bytes(data, CELLS_SCHEMA, CELLS_BEFORE)
    said = table.schema.metadata or {}
    values = _NOTHING
    if table.num_rows:
        batches = table.to_batches()
        values = _read(batches[0] if len(batches) == 1 else table.combine_chunks().to_batches()[0])
    return CellsMessage(
        int(said[RAW_PARTITION]),
        [int(source) for source in said[SOURCES].split(b",") if source],
        int(said[WATERMARK]),
        *values,
    )


class _Values(NamedTuple):
    """The arrays of CellsMessage, in its order."""

    offset: Ints
    tick: Ints
    counties: list[str]
    county: Ints
    codes: list[str]
    code: Ints
    sums: Floats
    chains: Bits


def _read(rows: pa.RecordBatch) -> _Values:
    sums = np.array([_numbers(rows, name) for name in _SUMS], np.float64)
    sums[RELATIVES : LOG_RELATIVE + 1, ~np.isfinite(sums[LOG_RELATIVE])] = 0.0
    sums[HELD : HELD_NEW + 1, ~np.isfinite(sums[LOG_HELD])] = 0.0
    known = "chains" in rows.schema.names
    return _Values(
        _numbers(rows, "raw_offset"),
        _numbers(rows, "tick"),
        *_tags(rows, "county"),
        *_tags(rows, "code"),
        sums,
        _numbers(rows, "chains") if known else np.zeros(rows.num_rows, np.uint64),
    )


def _column(rows: pa.RecordBatch, name: str) -> pa.Array:
    column = rows.column(_AT[name])
    if column.null_count:
        raise ValueError(f"{name}: expected no nulls, got {column.null_count}")
    return column


def _numbers(rows: pa.RecordBatch, name: str) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = _column(rows, name).to_numpy(zero_copy_only=False)
    return values


def _tags(rows: pa.RecordBatch, name: str) -> tuple[list[str], Ints]:
    """The dictionary of a column, and the index of each row in it."""
    column = _column(rows, name)
    names = column.dictionary.to_pylist()
    index: Ints = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    if len(index) and not (index.min() >= 0 and index.max() < len(names)):
        raise ValueError(f"{name}: expected tags within a dictionary of {len(names)}, got others")
    return names, index


_NOTHING: Final = _read(pa.RecordBatch.from_pylist([], CELLS_SCHEMA))
"""Of a message that only moves the watermark: every other one in quiet hours."""
