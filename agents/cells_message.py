"""A message of market.cells as numpy columns: everything is read and checked before anything is done with it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detectors.state import Floats, Ints
from streams.columns import CELLS_SCHEMA, RAW_PARTITION, SOURCES, WATERMARK, from_bytes

_READ = ("raw_offset", "tick", "lines", "base_qty", "relatives", "log_relative", "held", "log_held", "held_new")


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
    """(7, n): lines, base quantity, relatives, log relative, lines held, their log relatives, articles newly held"""


def read_cells(data: bytes) -> CellsMessage:
    """Read the value of a message.

    Raises pa.ArrowInvalid where the bytes are no Arrow stream of CELLS_SCHEMA, KeyError or ValueError where the
    metadata lacks something or a column holds nulls or tags beyond its dictionary. A relative that is not finite counts
    as none.
    """
    table = from_bytes(data, CELLS_SCHEMA)
    said = table.schema.metadata or {}
    numbers = {name: _numbers(table, name) for name in _READ}
    counties, county = _tags(table, "county")
    codes, code = _tags(table, "code")
    relative, held = numbers["log_relative"], numbers["log_held"]
    sound, sound_held = np.isfinite(relative), np.isfinite(held)
    return CellsMessage(
        partition=int(said[RAW_PARTITION]),
        sources=[int(source) for source in said[SOURCES].split(b",") if source],
        watermark=int(said[WATERMARK]),
        offset=numbers["raw_offset"],
        tick=numbers["tick"],
        counties=counties,
        county=county,
        codes=codes,
        code=code,
        sums=np.array(
            [
                numbers["lines"],
                numbers["base_qty"],
                np.where(sound, numbers["relatives"], 0),
                np.where(sound, relative, 0.0),
                np.where(sound_held, numbers["held"], 0),
                np.where(sound_held, held, 0.0),
                np.where(sound_held, numbers["held_new"], 0),
            ],
            np.float64,
        ),
    )


def _one_chunk(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    chunk = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if chunk.null_count:
        raise ValueError(f"{name}: expected no nulls, got {chunk.null_count}")
    return chunk


def _numbers(table: pa.Table, name: str) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = _one_chunk(table, name).to_numpy(zero_copy_only=False)
    return values


def _tags(table: pa.Table, name: str) -> tuple[list[str], Ints]:
    """The dictionary of a column, and the index of each row in it."""
    column = _one_chunk(table, name)
    names = column.dictionary.to_pylist()
    index: Ints = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    if len(index) and not (index.min() >= 0 and index.max() < len(names)):
        raise ValueError(f"{name}: expected tags within a dictionary of {len(names)}, got others")
    return names, index
