"""Moments of simulated time that tests speak of, ms UTC, and how to look at a table of lines."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.topics import DAY_MS, HOUR_MS

MONDAY = 19_800 * DAY_MS - 8 * HOUR_MS
"""2024-03-18 00:00 in China"""
MINUTE = 60_000


def at(days: float = 0, hour: float = 0, minute: float = 0) -> int:
    """So many days after that Monday, at that local time."""
    return int(MONDAY + days * DAY_MS + hour * HOUR_MS + minute * MINUTE)


def array(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """One column; times as ms UTC."""
    column = table.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: npt.NDArray[Any] = np.asarray(column.to_numpy())
    return values
